"""Signals to the main process; waiting for it."""

import asyncio
import signal

import grpc
import grpc.aio
import pytest
from expectations import SLEEP, await_line, python, refused, shell, texts
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc

TELLS_SIGNALS = python(
    "import signal, time\n"
    "for number in (1, 2, 10, 12, 28): signal.signal(number, lambda n, _: print('got', n))\n"
    "print('ready')\n"
    "while True: time.sleep(3600)"
)


@pytest.mark.parametrize(("name", "number"), [("HUP", 1), ("SIGHUP", 1), ("1", 1), ("sigusr1", 10), (12, 12), ("WINCH", 28)])
async def test_a_signal_arrives(client, name, number):
    created = await client.create_process("web", TELLS_SIGNALS)
    await await_line(client, "web", "ready")
    assert await client.signal_process("web", name) == created.details.pid
    await await_line(client, "web", f"got {number}")


async def test_only_the_main_process_gets_it(client):
    await client.create_process("web", shell("sh -c 'trap \"echo child got it\" USR1; echo child; while :; do sleep 0.1; done' & "
                                             "trap 'echo got it' USR1; while :; do sleep 0.1; done"))
    await await_line(client, "web", "child")
    await client.signal_process("web", "USR1")
    await await_line(client, "web", "got it")
    await client.signal_process("web", "USR1")
    await client.stop_process("web")
    assert "child got it" not in await texts(client, "web")


@pytest.mark.parametrize("name", ["", "NONSENSE", "0", "-1", "65", "99999999999", "HUP\n", "SIG"])
async def test_a_signal_that_is_none(client, name):
    await client.create_process("web", SLEEP)
    with refused("FIELD_INVALID", fields={"signal"}):
        await client.signal_process("web", name)


async def test_a_stopped_process_gets_no_signal(client):
    await client.create_process("web", SLEEP)
    await client.stop_process("web")
    with refused("PROCESS_NOT_RUNNING") as refusal:
        await client.signal_process("web", signal.SIGHUP.value)
    assert refusal.metadata["state"].lower() == "stopped"


async def test_waiting_for_what_is_so_answers_at_once(client):
    await client.create_process("web", SLEEP)
    assert (await client.wait_process("web", "running")).status == "running"
    await client.wait_process("web", "ready")
    assert (await client.wait_process("web", "ready")).details.ready
    await client.stop_process("web")
    assert (await client.wait_process("web", "exited")).status == "stopped"


async def test_waiting_ends_when_it_happens(client):
    await client.create_process("web", SLEEP)
    waiting = asyncio.create_task(client.wait_process("web", "exited", timeout=60))
    await asyncio.sleep(0)
    await client.stop_process("web")
    assert (await waiting).status == "stopped"


async def test_many_wait_for_one(client):
    await client.create_process("web", SLEEP)
    waiting = [asyncio.create_task(client.wait_process("web", "exited", timeout=60)) for _ in range(100)]
    await asyncio.sleep(0)
    await client.stop_process("web")
    assert [process.status for process in await asyncio.gather(*waiting)] == ["stopped"] * 100


async def wait_raw(system, client, **fields):
    async with grpc.aio.insecure_channel(system.address) as channel:
        stub = process_services_pb2_grpc.ProcessServiceStub(channel)
        request = process_services_pb2.WaitProcessRequest(**fields)
        return await stub.WaitProcess(request, metadata=client.metadata, timeout=60)


async def test_a_wait_that_is_over_tells_how_it_stands(system, client):
    await client.create_process("web", SLEEP)
    response = await wait_raw(system, client, name="web", condition="CONDITION_EXITED", timeout={"nanos": 50_000_000})
    assert not response.satisfied
    assert response.process.name == "web"
    assert response.process.status.state == process_services_pb2.Process.STATE_RUNNING


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"condition": 0}, "condition"),
        ({"condition": 99}, "condition"),
        ({"condition": 1, "timeout": {"seconds": -1}}, "timeout"),
    ],
)
async def test_bad_waits(system, client, fields, field):
    await client.create_process("web", SLEEP)
    with refused("FIELD_INVALID", fields={field}):
        await wait_raw(system, client, name="web", **fields)


@pytest.mark.parametrize("condition", ["running", "ready"])
async def test_what_ended_for_good_will_not_run(client, condition):
    await client.create_process("web", "true", restart="never")
    await client.wait_process("web", "exited")
    with refused("PROCESS_NOT_RUNNING"):
        await client.wait_process("web", condition)


async def test_what_ends_for_good_while_it_is_waited_for(client):
    await client.create_process("web", shell("sleep 0.2"), restart="never")
    with refused("PROCESS_NOT_RUNNING"):
        await client.wait_process("web", "ready")


async def test_what_is_deleted_while_it_is_waited_for(client):
    await client.create_process("web", SLEEP)
    waiting = asyncio.create_task(client.wait_process("web", "exited", timeout=60))
    gone = asyncio.create_task(client.delete_process("web", force=True))
    await gone
    try:
        assert (await waiting).status == "stopped"  # the stop came before the deletion
    except grpc.RpcError as error:
        with refused("PROCESS_NOT_FOUND"):
            raise error
