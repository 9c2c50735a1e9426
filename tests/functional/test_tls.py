"""The API by TLS: who may log in there, whom a client believes, what is refused."""

import os
import socket
import ssl
import subprocess

import grpc
import pytest
from expectations import refused
from running_system import DidNotStart, RunningSystem, poll

PASSWORD = "correct horse battery"


@pytest.fixture
def certificate(tmp_path):
    """Of localhost, signed by itself: the files of the certificate and the key."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-out", files[0], "-keyout", files[1]],
        check=True,
        capture_output=True,
    )
    return files


@pytest.fixture
def settings(certificate, monkeypatch):
    for name, value in {
        "GRPC_TLS_CERTIFICATE": certificate[0],
        "GRPC_TLS_KEY": certificate[1],
        "GRPC_TLS_ADDRESS": "127.0.0.1",
        "GRPC_TLS_PORT": "0",
        "GRPC_OS_CA": certificate[0],
    }.items():
        monkeypatch.setenv(name, str(value))


@pytest.fixture
def secure(settings):
    with RunningSystem() as system:
        system.start()
        yield system


def port_of(system):
    path = system.data / "run/grpc.tls.port"
    poll(path.exists, f"{path} is there")
    return int(path.read_text())


def address_of(system):
    return f"https://localhost:{port_of(system)}"


def over(system, address, *arguments, input=""):
    """The shell, by this address."""
    return subprocess.run(
        [system.bin / "grpc-os", "--address", address, *arguments],
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(system.home), "XDG_CONFIG_HOME": "", "NO_COLOR": "1"},
    )


async def test_the_shell_and_python_work_over_it(secure):
    admin = await secure.client()
    await admin.create_user("eva", password=PASSWORD, roles=["operator"])
    address = address_of(secure)
    eva = secure.anonymous(address)
    await eva.login("eva", PASSWORD)
    assert (await eva.whoami()).user == "eva"
    await eva.create_process("web", "sleep 600")
    done = over(secure, address, "login", "eva", "--password-stdin", input=PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    listed = over(secure, address, "ps", "-o", "name")
    assert listed.stdout == "web\n", listed.stderr
    await secure.close_clients()


async def test_nobody_logs_in_there_without_a_password(secure):
    with refused("PERMISSION_MISSING"):
        await secure.anonymous(address_of(secure)).login_peer()
    done = over(secure, address_of(secure), "ps")
    assert done.returncode == 4
    await secure.close_clients()


async def test_a_certificate_of_nobody_trusted_is_refused(secure, monkeypatch):
    assert "The API is served by TLS at 127.0.0.1:" in secure.said
    monkeypatch.setenv("GRPC_OS_CA", "")
    done = over(secure, address_of(secure), "login", "eva", "--password-stdin", input=PASSWORD)
    assert done.returncode == 6 and "GRPC_OS_CA" in done.stderr, done.stderr
    monkeypatch.setenv("GRPC_OS_CA", "/nonexistent")
    done = over(secure, address_of(secure), "status")
    assert done.returncode == 2 and "GRPC_OS_CA names /nonexistent" in done.stderr


async def test_only_http_2_is_spoken(secure, certificate):
    for protocols, minimum in ((["http/1.1"], None), ([], None), (["h2"], ssl.TLSVersion.TLSv1_1)):
        context = ssl.create_default_context(cafile=certificate[0])
        if protocols:
            context.set_alpn_protocols(protocols)
        if minimum is not None:
            context.minimum_version = context.maximum_version = minimum
            context.set_ciphers("DEFAULT@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", port_of(secure))) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                    assert wrapped.recv(1) == b"", f"{protocols} is served"
            except (ssl.SSLError, ConnectionResetError):
                pass
    with grpc.insecure_channel(f"127.0.0.1:{port_of(secure)}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10)
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert (await (await secure.client()).whoami()).user == "admin", "the others are served"
    await secure.close_clients()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("GRPC_TLS_KEY", "", "belong together"),
        ("GRPC_TLS_CERTIFICATE", "relative", "expected an absolute path"),
        ("GRPC_TLS_ADDRESS", "localhost", "expected an address"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)
    with RunningSystem() as system:
        with pytest.raises(DidNotStart) as refused:
            system.start()
        assert says in refused.value.said


def another_key(path):
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path],
        check=True,
        capture_output=True,
    )
    path.chmod(0o600)


def an_old_certificate(certificate, key):
    """Of one day, long ago."""
    home = certificate.parent
    request = home / "request.pem"
    (home / "index").touch()
    (home / "ca.conf").write_text(
        f"[ca]\ndefault_ca=one\n[one]\ndatabase={home}/index\nnew_certs_dir={home}\nserial={home}/serial\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
    )
    for command in (
        ["req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", request],
        ["ca", "-batch", "-config", home / "ca.conf", "-selfsign", "-keyfile", key, "-in", request, "-out", certificate]
        + ["-create_serial", "-notext", "-startdate", "20200101000000Z", "-enddate", "20200102000000Z"],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda files: files[0].unlink(), "cannot open"),
        (lambda files: files[0].write_text("nothing"), "there is no certificate (PEM) in"),
        (lambda files: another_key(files[1]), "there is no key"),
        (lambda files: files[1].chmod(0o644), "every account of this machine may read the key"),
        (lambda files: an_old_certificate(*files), "has ended"),
    ],
    ids=["no file", "no certificate", "another key", "a key for all", "an old certificate"],
)
async def test_without_a_good_certificate_only_this_machine_is_served(settings, certificate, spoil, says):
    spoil(certificate)
    with RunningSystem() as system:
        system.start()
        assert (await (await system.client()).whoami()).user == "admin"
        assert "The API is not served by TLS: " in system.said and says in system.said
        assert not (system.data / "run/grpc.tls.port").exists()
        await system.close_clients()
