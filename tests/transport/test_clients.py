"""Clients in four languages, each with gRPC's own library for it: log-in, unary calls, a watch, a cancel, a deadline, an
upload, an error with details, and 1,000 calls on 100 streams at once."""

import json
import os
import pathlib
import subprocess

import pytest
from conftest import GO_BIN
from running_system import bin_dir

ROOT = pathlib.Path(__file__).parents[2]
CLIENTS = pathlib.Path(__file__).with_name("clients")
DONE = ["logged in", "unary", "watch", "cancel", "deadline", "upload", "details", "1000 calls"]
COMMANDS = {
    "python": ([ROOT / "build/venv/bin/python", CLIENTS / "client.py"], "PYTHONPATH"),
    "python-debian": (["/usr/bin/python3", CLIENTS / "client.py"], "PYTHONPATH"),
    "go": ([GO_BIN / "transport-client"], None),
    "node": (["node", CLIENTS / "client.js"], "NODE_PATH"),
}


def password(system):
    return (system.data / "secrets/admin.password").read_text().strip()


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Where the languages look for what a client imports: of Python, the generated messages alone."""
    home = tmp_path_factory.mktemp("python")
    (home / "grpc_os").mkdir()
    (home / "grpc_os/v1").symlink_to(ROOT / "python/grpc_os/v1")
    return {"PYTHONPATH": str(home), "NODE_PATH": str(ROOT / "build/node/node_modules")}


def address_of(system, over):
    if over == "unix":
        return system.address
    return f"localhost:{(system.data / 'run/grpc.tls.port').read_text().strip()}" if over == "tls" else f"127.0.0.1:{system.port}"


@pytest.mark.parametrize("over", ("tcp", "tls", "unix"))
@pytest.mark.parametrize("language", COMMANDS)
def test_client(system, certificates, paths, language, over):
    command, path = COMMANDS[language]
    environment = {path: paths[path]} if path else {}
    if over == "tls":
        environment["TLS_CA"] = str(certificates.ca)
    done = subprocess.run(
        [*command, address_of(system, over), *([ROOT / "protos"] if language == "node" else [])],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, **environment, "ADMIN_PASSWORD": password(system)},
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, DONE), done.stderr[-3000:]


def test_the_pythons_are_two():
    """The newest of PyPI and Debian's."""

    def version(language):
        return subprocess.run([COMMANDS[language][0][0], "-c", "import grpc; print(grpc.__version__)"], capture_output=True, text=True).stdout

    assert version("python-debian").startswith("1.51.") and version("python") > version("python-debian")


@pytest.mark.parametrize("streams", (1, 100))
def test_grpc_cpp(system, streams):
    """Debian's grpc++, which the shell is made with: its log-ins, watches, uploads and errors are the shell's tests."""
    done = subprocess.run(
        [
            *(bin_dir() / "bench-load", "--address", f"127.0.0.1:{system.port}", "--method", "/grpc.health.v1.Health/Check"),
            *("--in-flight", str(streams), "--seconds", "3"),
        ],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["failed"] == 0 and result["calls"] > 1000, result
