import pathlib
import subprocess
import sys
import types

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "functional"))

from running_system import RunningSystem, bin_dir  # noqa: E402

GO_BIN = pathlib.Path(__file__).parents[2] / "build/go/bin"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """`ca`, and `certificate` and `key` of localhost by it."""
    home = tmp_path_factory.mktemp("tls")
    paths = types.SimpleNamespace(ca=home / "ca.pem", certificate=home / "certificate.pem", key=home / "key.pem")
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    authority = (*new, "-subj", "/CN=tests", "-keyout", home / "ca.key", "-out", paths.ca)
    leaf = (
        *(*new, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-CA", paths.ca, "-CAkey", home / "ca.key"),
        *("-keyout", paths.key, "-out", paths.certificate),
    )
    for command in (authority, leaf):
        subprocess.run(command, check=True, capture_output=True)
    return paths


@pytest.fixture(scope="module")
def system(certificates):
    """A gRPC OS that runs, for all tests of a file; it serves TLS too."""
    tls = {"GRPC_TLS_CERTIFICATE": str(certificates.certificate), "GRPC_TLS_KEY": str(certificates.key)}
    with RunningSystem() as system:
        yield system.start(environment={**tls, "GRPC_TLS_ADDRESS": "127.0.0.1", "GRPC_TLS_PORT": "0"})


@pytest.fixture(scope="module")
def interop(certificates):
    """The server of gRPC's interoperability tests: its `tcp` and `tls` ports. Ends in order, or the test fails."""
    server = subprocess.Popen(
        [bin_dir() / "transport-interop", certificates.certificate, certificates.key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    tcp, tls = (int(server.stdout.readline()) for _ in range(2))
    yield types.SimpleNamespace(tcp=tcp, tls=tls)
    server.stdin.close()
    assert server.wait(30) == 0
