"""Lists of large things: each page is a message that clients take, and all pages together have everything."""

import pytest
from expectations import refused
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import Change, creating, getting, objects_of
from test_roles import Roles, allow, calls_of

MESSAGE = 4 << 20
LONG = "/".join(["x" * 250] * 3)  # of a path


async def pages(ask, items):
    """All of them by the largest pages there are; that one page is not enough for them is a part of the test."""
    found, token, count = [], "", 0
    while count == 0 or token:
        page = await ask(token)
        assert 0 < page.ByteSize() < MESSAGE
        found += getattr(page, items)
        token, count = page.next_page_token, count + 1
    assert count > 1 and sum(one.ByteSize() for one in found) > MESSAGE
    return found


def described(name, metadata):
    return Change(create=messages.CreateObjectRequest(object=messages.Object(name=name, metadata=metadata)))


@pytest.fixture
async def objects(system):
    async with objects_of(system) as objects:
        yield objects


async def test_roles(system):
    async with calls_of(system) as raw:
        names = [f"r{i:02}" for i in range(60)]
        for name in names:
            await Roles(raw).create(name, [allow("object.read", f"/{LONG}/{name}-{j}") for j in range(100)])
        found = await pages(lambda token: raw.auth("ListRoles", page_size=1000, page_token=token), "roles")
        assert [role.name for role in found if not role.built_in] == names
        shown = system.cli("role", "ls", "-o", "name")
        assert shown.returncode == 0 and set(names) <= set(shown.stdout.split())


async def test_objects(objects):
    metadata = {f"{i:03}": "v" * 4000 for i in range(2)}
    names = [f"/{LONG}/{i:04}" for i in range(600)]
    for first in range(0, 600, 100):
        await objects.transact(success=[described(name, metadata) for name in names[first : first + 100]])

    async def listed(token):
        return await objects.page(f"/{LONG}", page_size=1000, page_token=token)

    assert [one.name for one in await pages(listed, "objects")] == names


async def test_processes(system):
    client = await system.client()
    environment = {f"V{i}": "e" * 100_000 for i in range(9)}
    for i in range(6):
        await client.create_process(f"large-{i}", "sleep 1000", environment)
    found = await pages(lambda token: client.list_processes_page(1000, token), "processes")
    assert [one.name for one in found] == [f"large-{i}" for i in range(6)]


async def test_a_transaction_whose_answer_no_message_holds_changes_nothing(objects):
    metadata = {f"{i:04x}": "" for i in range(2048)}
    for i in range(128):
        await objects.create(f"/t/{i}", b"x" * (64 << 10), metadata=metadata)
    reads = [getting(f"/t/{i}", include_data=i < 32) for i in range(127)]
    with refused("LIMIT_REACHED") as refusal:
        await objects.transact(success=[creating("/new"), *reads])
    assert refusal.metadata["limit"] == "answer_bytes"
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/new")
    answer = await objects.transact(success=[creating("/new"), *reads[:40]])
    assert len(answer.objects) == 41 and 2 << 20 < answer.ByteSize() < MESSAGE
    everything = messages.MeasureObjectsRequest(prefix="/")
    assert (await objects.call("MeasureObjects", everything)).objects == 129
