"""What is in the packages, and what `make install` lays."""

import io
import os
import re
import subprocess
import tarfile

import pytest
from debian import HIGHER, ROOT

PROGRAMS = {"grpc-os-init", "grpc-osd", "grpc-os-supervise", "grpc-os"}


def output(*arguments, **environment):
    return subprocess.run(arguments, check=True, capture_output=True, text=True, env={**os.environ, **environment}).stdout


@pytest.fixture(scope="module")
def debs(packages):
    return {path.name.split("_")[0]: path for path in (packages / "packages").glob("*.deb")}


def files(deb):
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, capture_output=True).stdout
    return tarfile.open(fileobj=io.BytesIO(archive))


def field(deb, name):
    return output("dpkg-deb", "--field", deb, name).strip()


def test_lintian_finds_no_error(packages, tmp_path):
    debs = (packages / "packages").glob("*.deb")
    found = output("lintian", "--allow-root", "--fail-on", "none", *debs, TMPDIR=str(tmp_path))
    assert not re.search("^E:", found, re.MULTILINE), found


def test_each_package_has_what_it_is_for_and_belongs_to_root(debs):
    assert set(debs) == {"grpc-os", "grpc-os-cli", "python3-grpc-os"}
    names = {}
    for package, deb in debs.items():
        members = files(deb).getmembers()
        names[package] = {member.name.removeprefix(".") for member in members if member.isfile()}
        assert all((member.uid, member.gid, member.mode & 0o022) == (0, 0, 0) for member in members)
        assert f"/usr/share/doc/{package}/copyright" in names[package]
        assert not [name for name in names[package] if "__pycache__" in name]
    assert names["grpc-os"] >= {
        "/lib/systemd/system/grpc-os.service",
        "/usr/lib/sysusers.d/grpc-os.conf",
        "/usr/lib/tmpfiles.d/grpc-os.conf",
    }
    assert "/usr/share/bash-completion/completions/grpc-os" in names["grpc-os-cli"]
    assert names["python3-grpc-os"] >= {
        f"/usr/lib/python3/dist-packages/grpc_os/{name}" for name in ("client.py", "py.typed", "v1/auth_services_pb2.py")
    }
    everything = set.union(*names.values())
    assert {name.removeprefix("/usr/bin/") for name in everything if "/bin/" in name} == PROGRAMS
    settings = {name for name in everything if name.startswith("/etc/")}
    assert settings >= {"/etc/grpc-os/accounts", "/etc/grpc-os/system-accounts"}
    assert settings == {f"/etc/grpc-os/{path.name}" for path in (ROOT / "config/default").glob("*.yml")} | {
        "/etc/grpc-os/accounts",
        "/etc/grpc-os/system-accounts",
    }
    control = subprocess.run(["dpkg-deb", "--ctrl-tarfile", debs["grpc-os"]], check=True, capture_output=True).stdout
    conffiles = tarfile.open(fileobj=io.BytesIO(control)).extractfile("./conffiles").read().decode()
    assert set(conffiles.split()) == settings


def test_one_version_everywhere(packages, debs, tmp_path):
    built = output(ROOT / "build/release/bin/grpc-os", "--version").split()[1]
    assert f'version = "{built}"' in (ROOT / "python/pyproject.toml").read_text()
    for deb in debs.values():
        assert field(deb, "Version") == f"{built}-1"
    for package in ("grpc-os", "grpc-os-cli"):
        [higher] = (packages / f"packages-{HIGHER}").glob(f"{package}_*.deb")
        files(higher).extractall(tmp_path)
    for program in PROGRAMS - {"grpc-os-supervise"}:
        assert output(tmp_path / "usr/bin" / program, "--version") == f"{program} {HIGHER}\n"


def test_what_it_needs_is_required_and_what_only_domains_need_recommended(debs):
    needed, recommended = (field(debs["grpc-os"], name) for name in ("Depends", "Recommends"))
    for package in ("libsqlite3-0", "libssl3", "libc6", "debconf", "systemd-sysusers"):
        assert package in needed
    assert "-dev" not in needed and "nginx" not in needed
    assert {"nginx", "libnginx-mod-http-lua", "grpc-os-cli"} == set(recommended.split(", "))


def test_the_programs_carry_no_debug_information(debs, tmp_path):
    for package in ("grpc-os", "grpc-os-cli"):
        files(debs[package]).extractall(tmp_path)
    for program in PROGRAMS:
        assert ".debug_info" not in output("readelf", "--sections", "--wide", tmp_path / "usr/bin" / program)


def test_make_install_takes_a_prefix_and_keeps_what_was_edited(tmp_path):
    def install():
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        done = subprocess.run(
            ["make", "-C", ROOT, "install", "PREFIX=/opt/grpc", f"DESTDIR={tmp_path}"],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    install()
    assert {path.name for path in (tmp_path / "opt/grpc/bin").iterdir()} == PROGRAMS
    unit = (tmp_path / "opt/grpc/lib/systemd/system/grpc-os.service").read_text()
    assert "ExecStart=/opt/grpc/bin/grpc-os-init --data-dir /var/lib/grpc-os" in unit and "/usr/" not in unit
    accounts = tmp_path / "etc/grpc-os/accounts"
    assert accounts.read_text() == (ROOT / "deploy/systemd/accounts").read_text()
    accounts.write_text("mine\n")
    install()
    assert accounts.read_text() == "mine\n"
    # init finds grpc-osd beside itself.
    data = tmp_path / "data"
    arguments = [tmp_path / "opt/grpc/bin/grpc-os-init", "--data-dir", data]
    with subprocess.Popen([*arguments, "--grpc-port", "0", "--http-port", "0"], stdout=subprocess.PIPE, text=True) as init:
        assert "The first admin" in init.stdout.readline()
        assert "gRPC OS runs in" in init.stdout.readline()
        subprocess.run([*arguments, "--stop-all"], check=True)
