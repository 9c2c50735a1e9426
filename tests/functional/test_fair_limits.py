"""One user with as many calls and streams as they get: everybody else goes on working."""

import asyncio
import urllib.request

import grpc
import pytest
from expectations import SLEEP, refused, until
from google.protobuf import message_factory
from raw_calls import SERVICES, RawCalls

PASSWORD = "correct horse battery"
CALLS_PER_USER = 128
STREAMS_PER_USER = 256


@pytest.fixture
async def eva(system, client):
    """A viewer, over TCP."""
    admin = RawCalls(system.address, client.token)
    await admin.auth("CreateUser", user={"name": "eva", "roles": ["viewer"]}, password=PASSWORD)
    await admin.close()
    eva = RawCalls(f"127.0.0.1:{system.port}")
    await eva.log_in("eva", PASSWORD)
    yield eva
    await eva.close()


async def lines_of(system, raw, count):
    """More connections of the same user: each takes 128 calls at once."""
    lines = [RawCalls(f"127.0.0.1:{system.port}", raw.token) for _ in range(count)]
    for line in lines:
        await line.auth("WhoAmI")
    return lines


def begin(raw, service, method, **fields):
    descriptor = SERVICES[service].methods_by_name[method]
    return raw.begin(descriptor, message_factory.GetMessageClass(descriptor.input_type)(**fields), timeout=60)


async def codes(calls):
    """Of those that have ended."""
    return [await call.code() for call in calls if call.done()]


async def test_a_viewer_with_600_waiting_calls_keeps_nobody_out(system, client, eva):
    await client.create_process("web", SLEEP)
    lines = await lines_of(system, eva, 5)
    waits = [
        begin(lines[number % 5], "ProcessService", "WaitProcess", name="web", condition="CONDITION_EXITED")
        for number in range(600)
    ]

    async def the_others_are_refused():
        return len(await codes(waits)) == 600 - CALLS_PER_USER

    await until(the_others_are_refused, "a user has so many calls at most")
    assert set(await codes(waits)) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    with refused("LIMIT_REACHED") as refusal:
        await begin(eva, "ProcessService", "ListProcesses")
    assert refusal.metadata["limit"] == "calls_per_user" and refusal.metadata["user"] == "eva"

    # Everybody else, and the way out for her.
    admin = await system.client()
    assert [process.name async for process in admin.list_processes()] == ["web"]
    other = RawCalls(f"127.0.0.1:{system.port}")
    await other.log_in("eva", PASSWORD)
    await other.auth("Logout")
    await other.close()

    # What was cancelled gives its place back.
    waiting = [call for call in waits if not call.done()]
    for call in waiting[1:]:
        call.cancel()

    async def there_is_room():
        try:
            await begin(eva, "ProcessService", "ListProcesses")
        except grpc.RpcError:
            return False
        return True

    await until(there_is_room, "cancelled calls are gone")
    await admin.stop_process("web")
    assert not (await waiting[0]).process.status.pid
    for line in lines:
        await line.close()


async def test_an_operator_with_every_place_taken_kills_and_stops_with_the_shell(system, client, eva, monkeypatch):
    for name in ("web", "api"):
        await client.create_process(name, SLEEP, restart="never")
    await client.create_process("other", SLEEP)
    admin = RawCalls(system.address, client.token)
    await admin.auth("GrantRole", user="eva", role="operator")
    await admin.close()
    lines = await lines_of(system, eva, 2)
    waits = [
        begin(lines[number % 2], "ProcessService", "WaitProcess", name="other", condition="CONDITION_EXITED")
        for number in range(200)
    ]

    async def the_others_are_refused():
        return len(await codes(waits)) == 200 - CALLS_PER_USER

    await until(the_others_are_refused, "a user has so many calls at most")
    monkeypatch.setenv("GRPC_OS_TOKEN", eva.token)
    assert "128 calls in flight" in system.cli("ps").stderr, "her places are taken"
    for words in (["stop", "web"], ["kill", "api"]):
        done = system.cli(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert grpc.StatusCode.OK not in await codes(waits), "they wait on"
    for name in ("web", "api"):
        await client.wait_process(name, "exited")
    for line in lines:
        await line.close()


async def test_a_viewer_with_300_streams_keeps_nobody_out(system, client, eva):
    lines = await lines_of(system, eva, 3)
    streams = [begin(lines[number % 3], "EventService", "Watch", kinds=["process"]) for number in range(300)]

    async def the_others_are_refused():
        return len(await codes(streams)) == 300 - STREAMS_PER_USER

    await until(the_others_are_refused, "a user has so many streams at most")
    assert set(await codes(streams)) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    watching = client.watch_messages()
    await anext(watching)
    await watching.aclose()
    for line in lines:
        await line.close()


def metric(system, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{system.http_port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


async def fill(client, system, count):
    """So many small objects: measuring them takes the reader some milliseconds."""
    admin = RawCalls(system.address, client.token)
    for first in range(0, count, 128):
        changes = [
            {"create": {"object": {"name": f"/many/{number}"}, "data": b"v"}} for number in range(first, min(first + 128, count))
        ]
        await admin.call("FilesystemService", "TransactObjects", success=changes)
    await admin.close()


async def test_others_read_much_too_while_one_user_always_has_128_such_reads_waiting(system, client, eva):
    await fill(client, system, 4_000)
    finished = 0

    async def measure_again_and_again():
        nonlocal finished
        while True:
            await begin(eva, "FilesystemService", "MeasureObjects", prefix="/")
            finished += 1

    flood = [asyncio.create_task(measure_again_and_again()) for _ in range(CALLS_PER_USER)]

    async def all_have_had_one():
        return finished >= CALLS_PER_USER

    await until(all_have_had_one, "eva's calls go round")
    admin = RawCalls(f"127.0.0.1:{system.port}", client.token)
    before = finished
    for _ in range(10):
        assert (await admin.call("FilesystemService", "MeasureObjects", prefix="/many/")).objects == 4_000
    # In one queue for all, each would have waited for 128 of hers.
    assert finished - before < 10 * CALLS_PER_USER / 2
    for task in flood:
        task.cancel()
    done = await asyncio.gather(*flood, return_exceptions=True)
    assert {type(one) for one in done} == {asyncio.CancelledError}, "none of hers failed"
    await admin.close()


async def test_what_a_cancelled_call_was_to_read_is_not_read(system, client, eva):
    await fill(client, system, 4_000)
    calls = [begin(eva, "FilesystemService", "MeasureObjects", prefix="/") for _ in range(CALLS_PER_USER)]
    await calls[0]
    for call in calls[1:]:
        call.cancel()

    async def some_are_dropped():
        return metric(system, "grpcos_store_reads_dropped_total") > 0

    await until(some_are_dropped, "their turns have come")


async def test_a_flood_of_refusals_leaves_the_changes_in_the_audit_and_a_sum(system, client, eva):
    ends = [begin(eva, "AuthService", "EndSession", id=f"{number:032x}") for number in range(100)]
    for call in ends:
        with refused("SESSION_NOT_FOUND"):
            await call
    system.stop()  # what waits is written at its end
    system.start()
    admin = await system.client()

    async def records():
        return [record async for record in admin.list_audit_records(user="eva") if "EndSession" in record.method]

    async def all_are_counted():
        return sum(record.count for record in await records()) == 100

    await until(all_are_counted, "none is left out")
    found = await records()
    assert len(found) <= 22 and max(found, key=lambda record: record.count).resource == ""
    assert {record.id < 0 for record in found} == {True}
    changes = [record.method.split("/")[-1] async for record in admin.list_audit_records() if record.id > 0]
    assert {"CreateUser", "Login", "first start"} <= set(changes)
