"""The document's Python, block for block as it stands, against a daemon on its localhost:50051."""

import json
import os
import pathlib
import subprocess
import sys

import document
import pytest
from apps import APP, answer, must
from running_system import poll

SESSION = pathlib.Path(__file__).with_name("session.py")
CONNECT = ("## API gRPC", 0)
USE = ("## API gRPC", 1)
ERRORS = ("## API gRPC", 2)
STRUCTURE = ("## Zarządzanie procesami", 0)
PROCESSES = ("## Zarządzanie procesami", 1)


@pytest.fixture
def daemon(system):
    """With the user "username", whose password "password" is shorter than passwords are by default."""
    system.start(grpc_port=50051, environment={"GRPC_OS_PASSWORD_BYTES_MIN": "8"})
    must(system.cli("user", "add", "username", "--role", "operator", "--password-stdin", input="password"))
    return system


@pytest.fixture
def session(daemon, tmp_path):
    """session(part, …): blocks of the document and lines of the test, as one program; gives what it printed."""

    def run(*parts, python=sys.executable):
        for number, part in enumerate(parts):
            text = part if isinstance(part, str) else document.block(*part).text
            (tmp_path / f"{number}.py").write_text(text)
        files = [tmp_path / f"{number}.py" for number in range(len(parts))]
        environment = {**os.environ, "PYTHONPATH": str(document.ROOT / "python"), "HOME": str(daemon.home)}
        environment.pop("GRPC_OS_TOKEN", None)
        return must(
            subprocess.run([python, SESSION, *files], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        )

    return run


def place(daemon, name, program):
    """A program where a process of this name runs."""
    directory = daemon.data / "processes" / name
    directory.mkdir(parents=True)
    (directory / program).write_text(APP)


def test_connecting(session):
    after = """
from grpc_os.v1 import auth_services_pb2, auth_services_pb2_grpc
stub = auth_services_pb2_grpc.AuthServiceStub(channel)
print((await client.whoami()).name, stub.WhoAmI(auth_services_pb2.WhoAmIRequest(), metadata=metadata).identity.user)
"""
    assert session(CONNECT, after) == "username username\n"


def test_the_structure_of_a_process(session):
    after = """
made = await client.create_process("one", "sleep 1000", {"A": "b"})
for name, kind in Process.__annotations__.items():
    value = getattr(made, name)
    assert isinstance(value, dict if kind is Dict else kind), (name, value)
    print(name, value)
"""
    lines = dict(line.split(" ", 1) for line in session(CONNECT, "from typing import Dict\n", STRUCTURE, after).splitlines())
    assert lines.pop("id").startswith("proc_")
    assert lines == {"name": "one", "command": "sleep 1000", "environment": "{'A': 'b'}", "status": "running"}


def test_processes(daemon, session):
    place(daemon, "web-server", "server.py")
    process, status = session(CONNECT, PROCESSES, "print(process.id)\nprint(status)\n").splitlines()
    assert status == "stopped"
    [shown] = json.loads(must(daemon.cli("ps", "-o", "json")))["processes"]
    spec = shown["spec"]
    assert (shown["id"], shown["name"], spec["command"], spec["environment"]) == (process, "web-server", "python server.py", {"PORT": "8080"})
    assert (shown["desiredState"], shown["status"]["state"]) == ("DESIRED_STATE_STOPPED", "STATE_STOPPED")
    must(daemon.cli("start", process))
    must(daemon.cli("wait", process, "--for", "ready"))
    assert answer(8080) == (200, "8080 DEBUG=None")


def test_processes_objects_and_domains(daemon, session):
    place(daemon, "myapp", "app.py")
    process, object = session(CONNECT, USE, "print(process.id)\nprint(obj.id)\n").splitlines()
    poll(lambda: answer(daemon.edge_port(), "myapp.example.com") == (200, "8080 DEBUG=None"), "it is served by its domain")
    [shown] = json.loads(must(daemon.cli("ps", "-o", "json")))["processes"]
    assert (shown["id"], shown["name"], shown["status"]["state"]) == (process, "myapp", "STATE_RUNNING")
    [target] = json.loads(must(daemon.cli("domain-status", "myapp.example.com", "-o", "json")))["status"]["targets"]
    assert (target["process"], target["processId"], target["port"]) == ("myapp", process, 8080)
    assert must(daemon.cli("cat", object)) == '{"key": "value"}'
    stored = json.loads(must(daemon.cli("stat", "/config.json", "-o", "json")))
    assert (stored["id"], stored["metadata"]) == (object, {"type": "config"})


def test_all_of_it_with_the_grpc_of_debian(daemon, session):
    place(daemon, "myapp", "app.py")
    versions = "import grpc, google.protobuf\nprint(grpc.__version__, google.protobuf.__version__)\n"
    supplied = "client.some_operation = lambda: client.get_process('nobody')\n"
    said = session(versions, CONNECT, PROCESSES, "print(status)\n", USE, supplied, ERRORS, python="/usr/bin/python3").splitlines()
    assert said[0].startswith("1.51.") and said[1:] == ["stopped", "Not found"]
    assert answer(daemon.edge_port(), "myapp.example.com") == (200, "8080 DEBUG=None")


@pytest.mark.parametrize(
    "supplied, printed",
    [
        ("GrpcOSClient(channel, token='').whoami", "Unauthorized\n"),
        ("lambda: client.get_process('nobody')", "Not found\n"),
        ("lambda: client.create_process('web', '')", "Error: "),
        (None, "Error: GrpcOSClient has no operation 'some_operation'"),
    ],
    ids=["not logged in", "not there", "refused", "no such operation"],
)
def test_errors(session, supplied, printed):
    before = f"client.some_operation = {supplied}" if supplied else "assert not hasattr(client, 'some_operation')"
    said = session(CONNECT, before, ERRORS)
    assert said.startswith(printed) and said.count("\n") == 1 and len(said) > len("Error: \n")
