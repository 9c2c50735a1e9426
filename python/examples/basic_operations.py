"""A process and an object, from their creation to their end: python basic_operations.py [ADDRESS]"""

import asyncio
import os
import sys

import grpc
from grpc_os import GrpcOSClient, GrpcOSError

WEB_SERVER = "exec python3 -m http.server --bind 127.0.0.1 $PORT"


async def processes(client: GrpcOSClient) -> None:
    process = await client.create_process("example-web", f"sh -c '{WEB_SERVER}'", port="auto", ready="http:/")
    print(f"created {process.name} ({process.id})")
    try:
        await client.wait_process(process.id, "ready")
        status = await client.get_process_status(process.id)
        print(f"it is {status}, with pid {status.pid}, and listens on port {status.port}")

        await client.restart_process(process.id)
        print("restarted; the last lines of its log:")
        async for line in client.tail_logs(process.id, lines=3):
            print(f"  {line.stream}: {line.text}")

        await client.kill_process(process.id)
        print(f"stopped: it is {await client.get_process_status(process.id)}")
    finally:
        await client.delete_process(process.id, force=True)


async def objects(client: GrpcOSClient) -> None:
    stored = await client.create_object("/example/config.json", b'{"port": 8080}', {"type": "config"})
    print(f"stored {stored.name} ({stored.id}), {stored.size} bytes")
    print(f"it says {(await client.read_object(stored.name)).decode()}")
    async for each in client.list_objects("/example/"):
        print(f"in /example: {each.name} {each.metadata}")
    await client.delete_object(stored.name)


async def errors(client: GrpcOSClient) -> None:
    try:
        await client.get_process("example-web")
    except GrpcOSError as error:
        if error.code() != grpc.StatusCode.NOT_FOUND:
            raise
        print(f"gone: {error.reason}: {error.details()}")


async def main(address: str) -> None:
    async with GrpcOSClient(address) as client:
        # With GRPC_OS_TOKEN it is logged in already. Else as the account that runs this, which the Unix socket tells the
        # daemon; over TCP: await client.login("name", "password").
        if client.token is None:
            await client.login_peer()
        await processes(client)
        await objects(client)
        await errors(client)


if __name__ == "__main__":
    default = os.environ.get("GRPC_OS_ADDRESS", "unix:/var/lib/grpc-os/run/api.sock")
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else default))
