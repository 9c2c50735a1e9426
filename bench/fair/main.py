"""bench/fair: what the calls of one user take while another floods gRPC OS with long ones. See docs/PERFORMANCE.md; started by
`run`."""

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time

import grpc
import grpc.aio
from grpc_os.v1 import event_services_pb2, filesystem_services_pb2
from raw_calls import SERVICES, RawCalls
from running_system import RunningSystem

PASSWORD = "correct horse battery"
OPERATIONS = 128  # of a transaction
CONNECTIONS = 8
FLOODS = ("watch", "measure", "cancelled")
CALLS = {
    "ps": ("ProcessService", "ListProcesses", {}),
    "ls": ("FilesystemService", "ListObjects", {"prefix": "/few/"}),
    "get": ("FilesystemService", "GetObject", {"name": "/few/0"}),
    "du": ("FilesystemService", "MeasureObjects", {"prefix": "/few/"}),
    "watch": ("EventService", "Watch", {"kinds": ["object"], "prefix": "/few/", "from_revision": 1}),
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="in the log, and as many objects")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flood")
    parser.add_argument("--only", choices=FLOODS, action="append")
    parser.add_argument("--flood", choices=FLOODS, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    return parser.parse_args()


async def flood(kind, address, token):
    """500 watches, or 400 measures, at a time, until this process is killed. The answers are read and not looked at."""
    options = [*RawCalls.OPTIONS, ("grpc.max_receive_message_length", -1)]
    channels = [grpc.aio.insecure_channel(address, options=options) for _ in range(CONNECTIONS)]
    metadata = [("authorization", f"Bearer {token}")]
    watch_request = event_services_pb2.WatchRequest(kinds=["object"], from_revision=1).SerializeToString()
    measure_request = filesystem_services_pb2.MeasureObjectsRequest(prefix="/").SerializeToString()

    async def watch(channel):
        call = channel.unary_stream("/grpc_os.v1.EventService/Watch")(watch_request, metadata=metadata)
        while await call.read() is not grpc.aio.EOF:
            pass

    async def measure(channel):
        while True:
            call = channel.unary_unary("/grpc_os.v1.FilesystemService/MeasureObjects")(measure_request, metadata=metadata)
            if kind == "cancelled":
                await asyncio.sleep(0.2)
                call.cancel()
                continue
            await call

    count = 500 if kind == "watch" else 400
    one = watch if kind == "watch" else measure
    await asyncio.gather(*(one(channels[number % CONNECTIONS]) for number in range(count)))


async def fill(admin, events):
    for first in range(0, events, OPERATIONS):
        request = RawCalls.request("FilesystemService", "TransactObjects")
        for number in range(first, min(first + OPERATIONS, events)):
            create = request.success.add().create
            create.object.name = f"/many/{number % 100}/{number:07d}"
            create.data = b"v"
        await admin.call("FilesystemService", "TransactObjects", success=request.success)
    for number in range(100):
        await admin.call("FilesystemService", "CreateObject", object={"name": f"/few/{number}"}, data=b"v")


async def measure(call, seconds):
    """How long each call took, one after the other, in milliseconds."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        await call()
        took.append((time.monotonic() - begin) * 1000)
    return took


async def answer_of(raw, service, method, fields):
    """The first message, of a stream. Whoever gets none has waited for 30 s."""
    try:
        await raw.first(SERVICES[service].methods_by_name[method], raw.request(service, method, **fields))
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            raise


def cpu_ms(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


async def report(kind, raw, daemon, seconds):
    begin, cpu = time.monotonic(), cpu_ms(daemon)
    rows = await asyncio.gather(*(measure(lambda call=call: answer_of(raw, *call), seconds) for call in CALLS.values()))
    load = (cpu_ms(daemon) - cpu) / (time.monotonic() - begin) / 10
    for name, took in zip(CALLS, rows):
        print(
            f"{kind:10}{name:6}{len(took):>7} calls{statistics.median(took):>9.1f} ms median"
            f"{max(took):>9.1f} ms worst   daemon {load:.0f} % of a processor",
            flush=True,
        )


@contextlib.contextmanager
def flooding(kind, address, token):
    if kind is None:
        yield
        return
    command = [sys.executable, __file__, "--flood", kind, "--address", address]
    process = subprocess.Popen(command, env={**os.environ, "FLOOD_TOKEN": token})
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def bench(arguments):
    with RunningSystem() as system:
        system.start()
        client = await system.client()
        admin = RawCalls(system.address, client.token)
        await admin.auth("CreateUser", user={"name": "bob", "roles": ["viewer"]}, password=PASSWORD)
        await fill(admin, arguments.events)
        bob = RawCalls(f"127.0.0.1:{system.port}")
        await bob.log_in("bob", PASSWORD)
        for kind in (None, *(arguments.only or FLOODS)):
            with flooding(kind, f"127.0.0.1:{system.port}", client.token):
                await asyncio.sleep(3 if kind else 0)  # it begins
                await report(kind or "quiet", bob, system.daemon_pid(), arguments.seconds)
        await bob.close()
        await admin.close()
        await system.close_clients()


def main():
    arguments = parse_arguments()
    if arguments.flood:
        asyncio.run(flood(arguments.flood, arguments.address, os.environ["FLOOD_TOKEN"]))
    else:
        asyncio.run(bench(arguments))


main()
