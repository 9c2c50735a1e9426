"""The Python client at scale: a thousand streams at once, a hundred reconnect storms, a night of heartbeats."""

import asyncio

import pytest
from grpc_os import GrpcOSClient
from running_system import RunningSystem

STREAMS = 1000
STREAMS_EACH = 100  # of a client, which is a connection
STORMS = 100
WATCHES = 20
HEARTBEATS = 1440  # of 20 s: eight hours


async def collect(client, names):
    """Puts the names of the users that there are, then of those that are created, as a watch tells of them."""
    async for event in client.watch(kinds=["user"]):
        if event.action in ("snapshot", "created"):
            names.put_nowait(event.name)


async def until_synced(stream):
    async for message in stream:
        if message.synced:
            return
    raise AssertionError("the watch ended before it was synced")


async def test_a_thousand_streams_hear_the_same_change(system):
    clients = [await system.client() for _ in range(STREAMS // STREAMS_EACH)]
    streams = [client.watch_messages(kinds=["user"]) for client in clients for _ in range(STREAMS_EACH)]
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*map(until_synced, streams))
            await clients[0].create_user("everyone")

            async def hears(stream):
                async for message in stream:
                    if any(event.name == "everyone" and event.action == "created" for event in message.events):
                        return True

            assert await asyncio.gather(*map(hears, streams)) == [True] * STREAMS
    finally:
        for stream in streams:
            await stream.aclose()
        await system.close_clients()


@pytest.mark.timeout(600)
async def test_a_hundred_storms_lose_and_repeat_nothing():
    """Under open watches grpc-osd is killed a hundred times; each watch hears of each change once, in order."""
    with RunningSystem() as system:
        system.start()
        writer = await system.client()
        watchers = [await system.client() for _ in range(WATCHES)]
        heard = [asyncio.Queue() for _ in watchers]
        tasks = [asyncio.create_task(collect(client, names)) for client, names in zip(watchers, heard, strict=True)]
        try:
            async def hear(name):
                async with asyncio.timeout(60):
                    assert [await names.get() for names in heard] == [name] * WATCHES

            await hear("admin")
            for storm in range(STORMS):
                await asyncio.to_thread(system.kill_daemon)
                await writer.create_user(f"storm-{storm}")
                await hear(f"storm-{storm}")
            assert all(names.empty() for names in heard) and not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await system.close_clients()


async def test_a_night_of_heartbeats(interop):
    """One in 10 ms, where grpc-osd sends one in 15 s."""
    client = GrpcOSClient(f"127.0.0.1:{interop.tcp}", token="any")
    try:
        stream = client.watch_messages()
        async with asyncio.timeout(60):
            await until_synced(stream)
            beats = [(await anext(stream)).revision for _ in range(HEARTBEATS)]
        assert beats == list(range(1, HEARTBEATS + 1))
        await stream.aclose()
    finally:
        await client.close()
