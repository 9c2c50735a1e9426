"""What the tests say again and again."""

import asyncio
import contextlib
import pathlib
import shlex
import sys
import time

import grpc
import pytest
from grpc_os import error_info, field_violations
from grpc_os.v1 import errors_pb2
from grpc_os.v1.error_reasons import CODE_OF_REASON
from running_system import PATIENCE_S, poll


class Refusal:
    """Filled in when the block has ended."""

    code = message = info = metadata = fields = None


@contextlib.contextmanager
def refused(reason, *, fields=None):
    """The block must fail with this reason, its code, an ErrorInfo and a sentence; `fields` are those that BadRequest
    must name, all of them and no others."""
    refusal = Refusal()
    with pytest.raises(grpc.RpcError) as caught:
        yield refusal
    error = caught.value
    refusal.code, refusal.message = error.code(), error.details()
    refusal.info = error_info(error)
    assert refusal.info is not None, f"no ErrorInfo came with {refusal.code}: {refusal.message}"
    said = f"{refusal.info}: {refusal.message}"
    assert refusal.info.reason == reason, said
    assert refusal.info.domain == "grpc-os", said
    assert f"ERROR_REASON_{reason}" in errors_pb2.ErrorReason.keys()
    assert refusal.code == CODE_OF_REASON[reason], said
    assert len(refusal.message) > 10 and "\n" not in refusal.message, said
    refusal.metadata = refusal.info.metadata
    violations = field_violations(error)
    refusal.fields = {violation.field for violation in violations}
    assert all(violation.description for violation in violations), said
    if reason == "FIELD_INVALID":
        assert violations, f"no field is named: {said}"
    if fields is not None:
        assert refusal.fields == set(fields), f"{refusal.fields}: {said}"


def shell(script):
    """A command that runs a shell script."""
    return shlex.join(["/bin/sh", "-c", script])


def python(script, *arguments):
    """A command that runs a Python script."""
    return shlex.join([sys.executable, "-u", "-c", script, *arguments])


SLEEP = "sleep 3600"


async def texts(client, name, lines=1_000_000, streams=("stdout", "stderr")):
    """The log of a process as a list of joined lines, without what gRPC OS wrote itself."""
    return [line.text async for line in client.tail_logs(name, lines, join=True) if line.stream in streams]


async def await_line(client, name, beginning):
    """Waits until the process has said a line that begins so, and gives it."""
    async with asyncio.timeout(PATIENCE_S):
        async for line in client.tail_logs(name, 1_000_000, follow=True, join=True):
            if line.text.startswith(beginning) and line.stream != "system":
                return line.text
    raise AssertionError(f"the log of {name} ended without {beginning!r}")


async def until(condition, what, patience_s=PATIENCE_S):
    """Waits until `await condition()` gives something true, and gives it."""
    end = time.monotonic() + patience_s
    while not (result := await condition()):
        assert time.monotonic() < end, f"still not after {patience_s:g} s: {what}"
        await asyncio.sleep(0.02)
    return result


async def wait_for_restarts(client, name, count):
    """Waits until the process was restarted so often and runs."""

    async def restarted():
        process = await client.get_process(name)
        return process.details.restart_count >= count and process.status == "running" and process

    return await until(restarted, f"{name} was restarted {count} times")


async def wait_for_state(client, name, *states):
    async def in_state():
        process = await client.get_process(name)
        return process.status in states and process

    return await until(in_state, f"{name} is {' or '.join(states)}")


async def names(client):
    return [process.name async for process in client.list_processes()]


def assert_no_trace(system, process_id, name):
    """Nothing of this process is in the data directory; init and the supervisor may still be clearing it away."""

    def gone():
        launches = pathlib.Path(system.data / "run/i").glob("*/launch")
        with contextlib.suppress(FileNotFoundError):
            return not (
                (system.data / "logs" / process_id).exists()
                or (system.data / "processes" / name).exists()
                or any(process_id.encode() in launch.read_bytes() for launch in launches)
            )

    poll(gone, f"nothing is left of {name}")


def one_sentence(said):
    """What a program that could not start says: one line, and no more."""
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    return lines[0]
