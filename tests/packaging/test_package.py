"""The client as a package: from a clean clone, as an sdist and as a wheel, with a network and without."""

import os
import re
import shutil
import sys
import tarfile
import zipfile

import pytest
from conftest import NOWHERE, ROOT, done, pip, run

STUBS = {"process_services_pb2.py", "process_services_pb2.pyi", "process_services_pb2_grpc.py", "rpc_status_pb2.py"}
WRITTEN = {"__init__.py", "error_reasons.py", "methods.py", "resources.py", "sync_client.py"}


def contents(path):
    """Names and bytes of a wheel, but for its own table of them."""
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("RECORD")}


def the_wheel(folder):
    (wheel,) = folder.glob("*.whl")
    return wheel


def without(command, folder):
    """A PATH with all that this one has but for that."""
    folder.mkdir()
    for directory in os.get_exec_path():
        for name in os.listdir(directory) if os.path.isdir(directory) else []:
            if name != command and not os.path.lexists(folder / name):
                os.symlink(os.path.join(directory, name), folder / name)
    return {"PATH": str(folder)}


def test_a_clean_clone_is_installed_and_stays_clean(newest, clone):
    said = newest.python("-W", "error", "-c", "import grpc_os; print(grpc_os.GrpcOSClient, grpc_os.GrpcOSClientSync)")
    assert "GrpcOSClientSync" in said and clone.left("--ignored") == ""


def test_without_a_protoc_pip_brings_one_that_makes_the_same(clone, distributions, tmp_path):
    built = pip("wheel", "--no-deps", "-w", tmp_path, clone.python, environment=without("protoc", tmp_path / "path"))
    assert built.returncode == 0, built.stdout
    assert contents(the_wheel(tmp_path)) == contents(the_wheel(distributions)) and clone.left("--ignored") == ""


def test_a_newer_protoc_is_not_taken(clone, tmp_path):
    path = without("protoc", tmp_path / "path")
    (tmp_path / "path/protoc").write_text("#!/bin/sh\necho libprotoc 36.2\n")
    (tmp_path / "path/protoc").chmod(0o755)
    refused = run(sys.executable, clone.path / "python/codegen/generate.py", tmp_path, environment=path)
    assert refused.returncode == 1 and refused.stdout.startswith("generate.py: protoc 3.21 is missing"), refused.stdout
    assert refused.stdout.count("\n") == 1


def test_the_sdist_needs_no_protoc(distributions, tmp_path):
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"grpc_os/v1/{name}" for name in STUBS | WRITTEN} | {"LICENSE", "README.md", "grpc_os/py.typed", "setup.py"} <= names
    assert not [name for name in names if name.startswith(("codegen", "tests", "examples")) or name.endswith(".pyc")]
    offline = ("--no-index", "--no-build-isolation", "--no-deps")
    built = pip("wheel", *offline, "-w", tmp_path, sdist, environment=without("protoc", tmp_path / "path"))
    assert built.returncode == 0, built.stdout
    assert contents(the_wheel(tmp_path)) == contents(the_wheel(distributions))


def test_the_wheel_is_pure_and_says_what_it_needs(distributions):
    wheel = the_wheel(distributions)
    version = re.search(r"project\(grpc-os VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert wheel.name == f"grpc_os-{version}-py3-none-any.whl"
    files = contents(wheel)
    assert {f"grpc_os/v1/{name}" for name in STUBS | WRITTEN} | {"grpc_os/py.typed"} <= set(files)
    assert {name.partition("/")[0] for name in files} == {"grpc_os", f"grpc_os-{version}.dist-info"}
    head, _, text = files[f"grpc_os-{version}.dist-info/METADATA"].decode().partition("\n\n")
    for line in ("Requires-Python: >=3.11", "Requires-Dist: grpcio>=1.51", "Requires-Dist: protobuf>=4.21", "License: Apache-2.0"):
        assert line in head.splitlines(), head
    assert text == (ROOT / "python/README.md").read_text()


def test_without_a_network_pip_says_so_and_leaves_nothing(clone, tmp_path):
    refused = pip("install", "--target", tmp_path / "to", clone.python, environment=NOWHERE | {"TMPDIR": str(tmp_path)})
    assert refused.returncode == 1 and "No matching distribution found for setuptools" in refused.stdout, refused.stdout
    assert "Traceback" not in refused.stdout and clone.left("--ignored") == "" and not list(tmp_path.iterdir())


def test_without_a_network_debians_packages_do(debian, clone, distributions):
    path = debian.python("-c", "import grpc_os; print(grpc_os.__path__[0])").strip()
    for name, data in contents(the_wheel(distributions)).items():
        if name.startswith("grpc_os/"):
            assert open(os.path.join(path, "..", name), "rb").read() == data, name
    assert clone.left("--ignored") == ""


@pytest.mark.parametrize("missing", ["protoc", "protobuf"])
def test_what_is_missing_without_isolation_is_one_sentence(missing, clone, tmp_path):
    if missing == "protoc":
        environment, sentence = without("protoc", tmp_path / "path"), "protoc 3.21 is missing, which"
    else:
        environment, sentence = {"PYTHONPATH": str(tmp_path)}, "has no protobuf, which"
        (tmp_path / "google").mkdir()
        (tmp_path / "google/__init__.py").touch()
    refused = pip("wheel", "--no-build-isolation", "--no-deps", "-w", tmp_path, clone.python, environment=environment)
    assert refused.returncode == 1 and "Traceback" not in refused.stdout
    assert refused.stdout.count(sentence) == 1 and "apt-get install " in refused.stdout, refused.stdout
    assert clone.left("--ignored") == ""


def test_an_editable_installation_generates_in_place(clone, tmp_path):
    shutil.copytree(clone.path, tmp_path / "clone")
    package = tmp_path / "clone/python"
    installed = pip("install", "--no-build-isolation", "--no-deps", "--prefix", tmp_path / "to", "-e", package)
    assert installed.returncode == 0, installed.stdout
    assert run("git", "-C", package, "status", "--porcelain").stdout == "" and (package / "grpc_os/v1/sync_client.py").exists()
    (finder,) = tmp_path.glob("to/**/__editable__*_finder.py")
    assert str(package) in finder.read_text()


def test_pip_refuses_a_python_that_is_too_old(distributions, tmp_path):
    for_old = ("--python-version", "3.10", "--only-binary", ":all:", "--no-deps", "--no-index", "-d", tmp_path)
    refused = pip("download", *for_old, the_wheel(distributions))
    assert refused.returncode == 1 and "requires a different Python: 3.10" in refused.stdout, refused.stdout


def old_pythons():
    """Those of this machine that run."""
    for name in ("python2", "python2.7", *(f"python3.{minor}" for minor in range(4, 11))):
        if shutil.which(name) and run(name, "-c", "").returncode == 0:
            yield name


def test_setup_says_of_an_old_python_that_it_is_too_old():
    setup = str(ROOT / "python/setup.py")
    pretend = f"import sys, runpy; sys.version_info = (3, 9, 2, 'final', 0); sys.argv = ['setup.py']; runpy.run_path({setup!r})"
    for words in ([sys.executable, "-c", pretend], *([name, setup] for name in old_pythons())):
        refused = run(*words)
        assert refused.returncode == 1
        assert re.fullmatch(r"grpc-os needs Python 3\.11 or newer, and this is Python \d\.\d+\.\n", refused.stdout), refused.stdout
