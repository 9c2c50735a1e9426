"""The Python of the documentation that this project began with, word for word."""

import ast
import inspect
import types

import grpc
import pytest

CONNECT = """
import grpc
from grpc_os import client

# Utworzenie klienta
channel = grpc.insecure_channel('localhost:50051')
client = GrpcOSClient(channel)

# Autoryzacja
token = await client.login("username", "password")
metadata = [('authorization', f'Bearer {token}')]
"""

PROCESSES = """
# Tworzenie procesu
process = await client.create_process(
    name="web-server",
    command="python server.py",
    environment={"PORT": "8080"}
)

# Zatrzymanie procesu
await client.kill_process(process.id)

# Status procesu
status = await client.get_process_status(process.id)
"""

USE = """
# Zarządzanie procesami
process = await client.create_process(
    name="myapp",
    command="python app.py",
    environment={"PORT": "8080"}
)

# Zarządzanie obiektami
obj = await client.create_object(
    name="config.json",
    data=b'{"key": "value"}',
    metadata={"type": "config"}
)
"""

DOMAINS = """
# Zarządzanie domenami
await client.assign_process_to_domain(
    domain="myapp.example.com",
    process_id=process.id,
    port=8080
)
"""

ERRORS = """
try:
    response = await client.some_operation()
except grpc.RpcError as e:
    if e.code() == grpc.StatusCode.UNAUTHENTICATED:
        print("Unauthorized")
    elif e.code() == grpc.StatusCode.NOT_FOUND:
        print("Not found")
    else:
        print(f"Error: {e.details()}")
"""


async def run(source, names):
    code = compile(source, "seed", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = types.FunctionType(code, names)()
    if inspect.isawaitable(result):
        await result


@pytest.fixture
async def names(daemon, monkeypatch):
    """The variables of someone who has run CONNECT, against the fake daemon instead of port 50051."""
    daemon.passwords["username"] = "password"
    insecure_channel = grpc.insecure_channel
    channels = []

    def connect(target):
        assert target == "localhost:50051"
        channels.append(insecure_channel(daemon.address))
        return channels[-1]

    monkeypatch.setattr(grpc, "insecure_channel", connect)
    names = {}
    await run(CONNECT, names)
    yield names
    for channel in channels:
        channel.close()


async def test_connecting(names):
    assert names["metadata"] == [("authorization", "Bearer access-1")]
    assert (await names["client"].whoami()).name == "admin"


async def test_processes(names):
    await run(PROCESSES, names)
    process = names["process"]
    assert (process.id, process.name, process.command) == ("proc_0", "web-server", "python server.py")
    assert process.environment == {"PORT": "8080"} and process.status == "running"
    assert f"{names['status']}" == "running"


async def test_objects(names, daemon):
    await run(USE, names)
    assert names["process"].name == "myapp"
    obj = names["obj"]
    assert (obj.name, obj.metadata, daemon.contents["/config.json"]) == (
        "/config.json",
        {"type": "config"},
        b'{"key": "value"}',
    )


async def test_domains(names, daemon):
    await run(USE, names)
    await run(DOMAINS, names)
    request = daemon.requests[-1]
    assert (request.name, request.process, request.port) == ("myapp.example.com", names["process"].id, 8080)


async def test_errors(names, capsys):
    await run(ERRORS, names)
    assert capsys.readouterr().out.startswith("Error: ") and not hasattr(names["client"], "some_operation")
    await run(ERRORS.replace("some_operation()", "get_process('nobody')"), names)
    assert capsys.readouterr().out == "Not found\n"
    names["client"].token = "altered"
    await run(ERRORS.replace("some_operation()", "whoami()"), names)
    assert capsys.readouterr().out == "Unauthorized\n"
