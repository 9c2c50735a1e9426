"""The examples of the client do what they say, with the newest packages and with Debian's."""

import pytest
from conftest import ROOT
from grpc_os import GrpcOSClientSync

EXAMPLES = ROOT / "python/examples"


@pytest.fixture(params=["newest", "debian"])
def environment(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def client(system):
    with GrpcOSClientSync(system.address) as client:
        client.login_peer()
        yield client


def test_versions(newest, debian):
    ask = "import grpc, google.protobuf, grpc_os; print(grpc.__version__, google.protobuf.__version__, grpc_os.__file__)"
    grpc, protobuf, path = debian.python("-W", "error", "-c", ask).split()
    assert grpc.startswith("1.51.") and protobuf.startswith("4.21.") and path.startswith(str(debian.bin.parent))
    grpc, protobuf, path = newest.python("-W", "error", "-c", ask).split()
    assert tuple(map(int, grpc.split(".")[:2])) >= (1, 80) and path.startswith(str(newest.bin.parent))


def test_basic_operations(environment, system):
    said = environment.python(EXAMPLES / "basic_operations.py", system.address)
    lines = said.splitlines()
    assert lines[0].startswith("created example-web (proc_") and lines[1].startswith("it is running, with pid ")
    assert any(line.startswith("  system: started pid ") for line in lines)
    *_, stopped, stored, content, listed, gone = lines
    assert stopped == "stopped: it is stopped" and stored.startswith("stored /example/config.json (obj_")
    assert content == 'it says {"port": 8080}' and listed == "in /example: /example/config.json {'type': 'config'}"
    assert gone.startswith("gone: PROCESS_NOT_FOUND: ") and "config.json" not in system.cli("ls", "/example").stdout


def test_advanced_usage(environment, system):
    said = environment.python(EXAMPLES / "advanced_usage.py", system.address)
    assert said.splitlines() == [
        "3 processes are ready",
        "event: example-a stop_requested",
        "event: example-a exited",
        "event: example-a stopped",
        "the task says hello",
        "the task ended with 3",
        "refused: ETAG_MISMATCH",
        "the counter is 2",
        "3 MiB are stored",
        "the same came back: True",
    ]
    assert "example" not in system.cli("ps").stdout


def test_monitoring_writes_a_plain_table_into_a_pipe(environment, system, client):
    client.create_process("piped", "sleep 1000")
    client.wait_process("piped", "ready")
    try:
        said = environment.python(EXAMPLES / "monitoring.py", system.address)
    finally:
        client.delete_process("piped", force=True)
    head, line = said.splitlines()
    assert head.split() == ["NAME", "STATE", "READY", "PID", "PORT", "RESTARTS", "STARTED", "MESSAGE"]
    assert line.split()[:3] == ["piped", "running", "yes"] and "\x1b" not in said


def test_monitoring_is_live(environment, system, client, on_terminal):
    terminal = on_terminal(environment.bin / "python", EXAMPLES / "monitoring.py", system.address)
    terminal.expect("0 processes; Ctrl-C ends")
    client.create_process("live", "sleep 1000")
    terminal.expect("live  running ")
    client.stop_process("live")
    terminal.expect("live  stopped ")
    client.delete_process("live")
    terminal.expect("0 processes; Ctrl-C ends")
    terminal.type("\x03")
    assert terminal.wait() == 0 and "Traceback" not in terminal.raw
