"""What init does for grpc-osd: asks whether it serves, bounds its memory; processes notice nothing of either."""

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import re
import resource
import signal
import socket
import sys
import time

import grpc
import pytest
from expectations import SLEEP, until
from running_system import is_alive, poll, start_time

MIB = 1 << 20


def init_log(system):
    return [json.loads(line)["message"] for line in (system.data / "logs/system/init.log").read_text().splitlines()]


def await_another_daemon(system, pid):
    poll(lambda: not is_alive(pid) and system.programs("grpc-osd"), "another grpc-osd")
    system.await_api()


async def untouched_process(client):
    """A process, and a function that says whether it is the same as ever."""
    process = await client.create_process("web", SLEEP)
    pid = process.details.pid
    since = start_time(pid)

    async def is_untouched(after):
        details = (await after.get_process("web")).details
        return (details.pid, start_time(pid), details.restart_count) == (pid, since, 0)

    return is_untouched


async def freeze_and_await_another(system):
    client = await system.client()
    is_untouched = await untouched_process(client)
    pid = system.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    await_another_daemon(system, pid)
    assert await is_untouched(await system.client())
    await system.close_clients()


async def test_a_daemon_that_hangs_is_started_again(idle_system):
    idle_system.start("--health-interval", "1")
    await freeze_and_await_another(idle_system)
    said = init_log(idle_system)
    told = "grpc-osd gives no answer to health checks for 1000 ms: it accepts calls and does not answer"
    assert any(line.startswith(told) for line in said[:-2])
    assert told in idle_system.said, "and on standard error"
    assert said[-2:] == [
        "grpc-osd gave no answer to 3 health checks in 3000 ms: it accepts calls and does not answer; killed it",
        "grpc-osd was ended by signal 9; starts it again",
    ]


async def test_one_that_was_stopped_for_a_moment_goes_on(idle_system):
    idle_system.start("--health-interval", "1")
    pid = idle_system.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    poll(lambda: any("is killed if that lasts" in line for line in init_log(idle_system)), "it is told")
    os.kill(pid, signal.SIGCONT)
    poll(lambda: "grpc-osd answers health checks again" in init_log(idle_system), "it is better")
    assert idle_system.daemon_pid() == pid


async def test_one_that_hangs_when_init_finds_it_is_started_again(idle_system):
    idle_system.start("--health-interval", "0")
    client = await idle_system.client()
    is_untouched = await untouched_process(client)
    pid = idle_system.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    idle_system.init.kill()
    idle_system.init.wait()
    idle_system.launch("--health-interval", "1")
    await_another_daemon(idle_system, pid)
    assert await is_untouched(await idle_system.client())
    await idle_system.close_clients()


async def test_one_that_hangs_before_it_serves_is_told(idle_system):
    idle_system.launch("--health-interval", "1")
    pid = poll(lambda: idle_system.programs("grpc-osd"), "grpc-osd")[0]
    os.kill(pid, signal.SIGSTOP)
    if (idle_system.data / "run/api.sock").exists():
        pytest.skip("it was too quick: it listened before it was stopped")
    poll(lambda: any("health checks for 3000 ms" in line for line in init_log(idle_system)), "it is told")
    os.kill(pid, signal.SIGCONT)
    idle_system.await_api()
    assert idle_system.daemon_pid() == pid


async def test_so_is_one_that_a_new_init_adopted(idle_system):
    idle_system.start("--health-interval", "0")
    idle_system.init.kill()
    idle_system.init.wait()
    idle_system.start("--health-interval", "1")
    # Its first launch: grpc-osd has connected, and said that it serves.
    await freeze_and_await_another(idle_system)
    assert any("health checks" in line and line.endswith("killed it") for line in init_log(idle_system))


@contextlib.asynccontextmanager
async def relay(system):
    """Stands before the API; gives the times at which init connected, of those connections that have ended."""
    front = system.data / "run/api.sock"
    back = front.rename(system.data / "run/api.back")
    times = []

    async def pump(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader, writer):
        since = time.monotonic()
        pid = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4)
        behind, to_daemon = await asyncio.open_unix_connection(back)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(pump(reader, to_daemon), pump(behind, writer))
        if int.from_bytes(pid, sys.byteorder) == system.init.pid:
            times.append(since)

    server = await asyncio.start_unix_server(serve, front)
    yield times
    server.close()
    back.rename(front)


async def test_one_that_serves_is_left_alone(idle_system):
    idle_system.start("--health-interval", "1")
    pid = idle_system.daemon_pid()
    async with relay(idle_system) as times:

        async def enough():
            return len(times) > 2

        await until(enough, "probes")
    # Whoever gave no answer would be asked again after a tenth of the interval, and killed after the third.
    assert all(later - sooner > 0.5 for sooner, later in itertools.pairwise(times))
    assert idle_system.daemon_pid() == pid
    assert not any("health checks" in line for line in init_log(idle_system))


def skip_without_bound(system):
    if "/libasan.so" in pathlib.Path(f"/proc/{system.daemon_pid()}/maps").read_text():
        pytest.skip("AddressSanitizer maps terabytes: there is no bound")


def data_limit(pid):
    """Soft and hard, as the kernel says them."""
    found = re.search(r"^Max data size\s+(\S+)\s+(\S+)", pathlib.Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
    return found.groups()


@pytest.mark.parametrize(
    ("setting", "expected"), [("", str(512 * MIB)), ("GRPC_OSD_MEMORY=1.5G\n", str(1536 * MIB)), ("GRPC_OSD_MEMORY=0\n", None)]
)
async def test_the_daemons_memory_has_a_bound_and_that_of_processes_has_none(idle_system, setting, expected):
    path = idle_system.home / "settings.env"
    path.write_text(setting)
    idle_system.start("--env-file", path)
    skip_without_bound(idle_system)
    client = await idle_system.client()
    process = await client.create_process("web", SLEEP)
    ours = resource.getrlimit(resource.RLIMIT_DATA)
    none = tuple("unlimited" if one == resource.RLIM_INFINITY else str(one) for one in ours)
    assert data_limit(idle_system.daemon_pid()) == ((expected, expected) if expected else none)
    assert data_limit(process.details.pid) == none
    path.write_text("GRPC_OSD_MEMORY=300M\n")
    idle_system.kill_daemon()
    assert data_limit(idle_system.daemon_pid()) == (str(300 * MIB),) * 2
    await idle_system.close_clients()


async def test_a_daemon_without_memory_is_started_again_with_all_that_it_answered(system, client):
    skip_without_bound(system)
    is_untouched = await untouched_process(client)
    pid = system.daemon_pid()
    in_use = int(re.search(r"^VmData:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]) << 10
    hard = resource.prlimit(pid, resource.RLIMIT_DATA)[1]
    resource.prlimit(pid, resource.RLIMIT_DATA, (in_use + 16 * MIB, hard))
    answered = {"web"}
    while is_alive(pid) and len(answered) <= 64:
        with contextlib.suppress(grpc.RpcError):
            name = f"large-{len(answered)}"
            await client.create_process(name, SLEEP, {f"V{i}": "x" * 100_000 for i in range(10)})
            answered.add(name)
    await_another_daemon(system, pid)
    after = await system.client()
    assert await is_untouched(after)
    assert answered <= {process.name async for process in after.list_processes()}
    assert data_limit(system.daemon_pid()) == (str(512 * MIB),) * 2
    assert any(line.startswith("grpc-osd exited with 71: it had no memory left") for line in init_log(system))
