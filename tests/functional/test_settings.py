"""The .env file and the environment, as the programs take them."""

import pathlib
import socket

import pytest
from expectations import SLEEP, one_sentence
from running_system import DidNotStart

EXAMPLE = pathlib.Path(__file__).parents[2] / ".env.example"


def written(system, text):
    path = system.home / "settings.env"
    path.write_text(text)
    path.chmod(0o600)
    return path


async def test_the_example_unedited_starts_with_one_warning(idle_system):
    idle_system.start("--env-file", EXAMPLE)
    client = await idle_system.client()
    await client.create_process("web", SLEEP)
    logged = "".join(path.read_text() for path in (idle_system.data / "logs/system").iterdir()) + idle_system.said
    warnings = [line for line in idle_system.said.splitlines() if "JWT_SECRET" in line]
    assert len(warnings) == 1 and "DB_PASSWORD" in warnings[0]
    assert "your_secret_key" not in logged and "secure_password" not in logged
    await idle_system.close_clients()


async def test_the_command_line_goes_before_the_file(idle_system):
    # The example says 50051; the command line says 0.
    idle_system.start("--env-file", EXAMPLE)
    assert idle_system.port != 50051


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("DB_HOST=db.example.com\nDB_PASSWORD=hunter2-hunter2\n", "MariaDB"),
        ("JWT_SECRET=too-short\n", "openssl rand -base64 48"),
        ("GRPC_PORT=65536\n", "GRPC_PORT"),
        ("DEBUG=maybe\n", "DEBUG"),
        ("GRPC_OSD_MEMORY=100M\n", "256M"),
        ("A=1\nB='2\n", ":2:3:"),
        ("A=\0\n", "NUL"),
    ],
)
async def test_a_bad_file_stops_the_start_with_the_cure(idle_system, text, named):
    with pytest.raises(DidNotStart) as caught:
        idle_system.start("--env-file", written(idle_system, text))
    assert caught.value.code == 1
    said = one_sentence(caught.value.said)
    assert named in said
    assert "hunter2" not in said and "too-short" not in said


async def test_a_file_that_is_not_there_stops_the_start(idle_system):
    with pytest.raises(DidNotStart) as caught:
        idle_system.start("--env-file", idle_system.home / "missing.env")
    assert caught.value.code == 1
    assert "missing.env" in one_sentence(caught.value.said)


async def test_a_secret_of_ones_own_signs_tokens_and_makes_no_key(idle_system):
    path = written(idle_system, "JWT_SECRET=0123456789abcdef0123456789abcdef\n")
    idle_system.start("--env-file", path)
    client = await idle_system.client()
    assert (await client.whoami()).name == "admin"
    assert not (idle_system.data / "secrets/jwt.key").exists()
    idle_system.stop()
    idle_system.start("--env-file", written(idle_system, "JWT_SECRET=another-0123456789abcdef0123456789\n"))
    with pytest.raises(Exception, match="UNAUTHENTICATED"):
        await client.whoami()
    await idle_system.close_clients()


async def test_the_port_of_the_file_is_taken(idle_system):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = written(idle_system, f"GRPC_PORT={port}\n")
    idle_system.start("--env-file", path, grpc_port=None)
    assert idle_system.port == port


@pytest.mark.parametrize(
    "arguments",
    [["--nonsense"], ["--data-dir"], ["--grpc-port", "x"], ["--grpc-port", "65536"], ["--user", "root", "extra"]],
)
async def test_a_bad_command_line_is_a_usage_error(idle_system, arguments):
    with pytest.raises(DidNotStart) as caught:
        idle_system.start(*arguments)
    assert caught.value.code == 2
    assert caught.value.said
