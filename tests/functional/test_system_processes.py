"""System processes: what users may not do about them."""

import pytest
from deploys_api import deploys_of
from expectations import SLEEP, refused


@pytest.fixture
async def deploys(system):
    async with deploys_of(system) as made:
        yield made


async def test_their_names_are_reserved(client, deploys):
    for name in ("grpc-os-nginx", "grpc-os-x", "grpc-os-"):
        with refused("FIELD_INVALID", fields=["process.name"]):
            await client.create_process(name, SLEEP)
        with refused("FIELD_INVALID", fields=["process"]):
            await deploys.call("DeployProcess", process=name, spec={"command": SLEEP})
    assert [process.name async for process in client.list_processes()] == []
    process = await client.create_process("grpc-os", SLEEP)
    assert not process.proto.system


async def test_there_is_none_without_need(client):
    await client.create_process("web", SLEEP)
    assert [process.name async for process in client.list_processes(system=True)] == []
    assert [process.name async for process in client.list_processes()] == ["web"]
