"""What takes more than one call: python advanced_usage.py [ADDRESS]"""

import asyncio
import contextlib
import os
import pathlib
import sys
import tempfile

from grpc_os import Condition, ErrorReason, GrpcOSClient, GrpcOSError, TaskExit

SERVERS = ["example-a", "example-b", "example-c"]


async def many_at_once(client: GrpcOSClient) -> None:
    """Calls run beside each other on one connection; a group of tasks ends them all if one fails."""
    async with asyncio.TaskGroup() as group:
        for name in SERVERS:
            group.create_task(client.create_process(name, "sleep 1000", labels={"example": "advanced"}))
    async with asyncio.TaskGroup() as group:
        for name in SERVERS:
            group.create_task(client.wait_process(name, "ready"))
    print(f"{len(SERVERS)} processes are ready")


async def watching(client: GrpcOSClient) -> None:
    """Events come in order and each once, also over a restart of the daemon. Leaving the iterator ends the stream."""
    begin = (await client.get_system()).revision
    stopping = asyncio.create_task(client.kill_process("example-a"))
    async with contextlib.aclosing(client.watch(begin, ["process"], names=["example-a"])) as events:
        async for event in events:
            print(f"event: {event.name} {event.action}")
            if event.action == "stopped":
                break
    await stopping


async def a_task(client: GrpcOSClient) -> None:
    """A command beside a process, in its surroundings."""
    task = client.run_task("example-b", "sh -c 'echo $GREETING; exit 3'", {"GREETING": "hello"})
    async with contextlib.aclosing(task) as output:
        async for each in output:
            if isinstance(each, TaskExit):
                print(f"the task ended with {each.status}")
            else:
                print(f"the task says {each.data.decode().strip()}")


async def changing_what_others_change(client: GrpcOSClient) -> None:
    """With the etag or generation that was read, a change is refused if somebody else was faster."""
    read = await client.get_process("example-b")
    await client.update_process("example-b", labels={"example": "faster"})
    try:
        await client.update_process("example-b", labels={"example": "late"}, etag=read.etag)
    except GrpcOSError as error:
        if error.reason != ErrorReason.ETAG_MISMATCH:
            raise
        print(f"refused: {error.reason}")

    counter = await client.put_object("/example/counter", b"1", condition=Condition(generation=0))
    await client.put_object("/example/counter", b"2", condition=Condition(generation=counter.generation))
    print(f"the counter is {(await client.read_object('/example/counter')).decode()}")


async def large_files(client: GrpcOSClient) -> None:
    """Contents of any size go on where they were cut short, and are compared by their checksums."""
    with tempfile.TemporaryDirectory() as folder:
        source, copy = pathlib.Path(folder, "source"), pathlib.Path(folder, "copy")
        source.write_bytes(os.urandom(3 << 20))

        def report(stored_bytes: int) -> None:
            print(f"{stored_bytes >> 20} MiB are stored")

        stored = await client.upload_object("/example/large", source, progress=report)
        await client.download_object(stored.name, copy)
        print(f"the same came back: {source.read_bytes() == copy.read_bytes()}")


async def tidy_up(client: GrpcOSClient) -> None:
    for name in SERVERS:
        with contextlib.suppress(GrpcOSError):
            await client.delete_process(name, force=True)
    for name in ("/example/counter", "/example/large"):
        with contextlib.suppress(GrpcOSError):
            await client.delete_object(name, purge=True)


async def main(address: str) -> None:
    async with GrpcOSClient(address, timeout=60) as client:
        if client.token is None:
            await client.login_peer()
        try:
            await many_at_once(client)
            await watching(client)
            await a_task(client)
            await changing_what_others_change(client)
            await large_files(client)
        finally:
            await tidy_up(client)


if __name__ == "__main__":
    default = os.environ.get("GRPC_OS_ADDRESS", "unix:/var/lib/grpc-os/run/api.sock")
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else default))
