"""Another grpc-osd, another init, with the same processes."""

import asyncio
import os
import shutil
import signal

import grpc
import pytest
from beaters import check_numbers, log_files
from load import until
from outcomes import create_all
from programs import init_listens, supervisors
from running_system import is_alive, poll

NAMES = [f"web-{i}" for i in range(10)]


@pytest.fixture
def programs(system, tmp_path):
    """The programs where they can be replaced."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("grpc-os-init", "grpc-osd", "grpc-os-supervise"):
        shutil.copy2(system.bin / name, directory / name)
    system.bin = directory
    return directory


def replace(program):
    """As a package does: the new file takes the name of the old one."""
    shutil.copy2(program, f"{program}.new")
    os.replace(f"{program}.new", program)


def runs_file(pid, program):
    """Whether the process executes what this name stands for now."""
    there, wanted = os.stat(f"/proc/{pid}/exe"), os.stat(program)
    return (there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino)


def ended_in_good_order(ends):
    """Whoever ends in good order says so. A stream that reaches a server when it has begun to end is cancelled by gRPC itself."""
    return grpc.StatusCode.UNAVAILABLE in ends and set(ends) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


class Follower:
    """Reads a log, and notes how its streams ended."""

    def __init__(self, client, name):
        self._client = client
        self._name = name
        self.lines = []
        self.ends = []

    async def run(self):
        cursor, lines = "", 1_000_000
        while True:
            try:
                async for message in self._client.tail_log_messages(self._name, lines, follow=True, cursor=cursor):
                    assert not message.gap
                    self.lines += [line.raw or line.text.encode() for line in message.lines if line.stream != 3]
                    cursor = message.cursor
            except grpc.RpcError as error:
                self.ends.append(error.code())
            await asyncio.sleep(0.01)


class World:
    """What must not change, and the streams that must go on."""

    def __init__(self, system, beaters, client):
        self._system = system
        self._beaters = beaters
        self._client = client
        self.followers = [Follower(client, name) for name in NAMES[:3]]
        self._events, self._event_ends = [], []
        self._tasks = [asyncio.create_task(follower.run()) for follower in self.followers]
        self._tasks.append(asyncio.create_task(self._watch()))
        self.mains = beaters.mains(NAMES)
        self.supervisors = supervisors(system)

    async def _watch(self):
        revision = 1
        while True:
            try:
                async for message in self._client.watch_messages(revision):
                    self._events += message.events
                    revision = message.revision
            except grpc.RpcError as error:
                self._event_ends.append(error.code())
            await asyncio.sleep(0.01)

    async def flows(self):
        """Returns when each follower has got new lines."""
        have = [len(follower.lines) for follower in self.followers]
        await until(
            lambda: all(len(follower.lines) > n for follower, n in zip(self.followers, have, strict=True)), "logs flow"
        )

    def check(self):
        assert self._beaters.mains(NAMES) == self.mains
        assert supervisors(self._system) == self.supervisors

    async def end(self, streams_broke):
        """Stops all and checks that no line and no event was lost or doubled."""
        await self.flows()
        self.check()
        processes = [await self._client.stop_process(name) for name in NAMES]
        for process, follower in zip(processes, self.followers, strict=False):
            written = [line[4] for line in log_files(self._system, process.id) if line[2] != "system"]
            await until(lambda f=follower, n=len(written): len(f.lines) >= n, "all lines came")
            assert follower.lines == written
            check_numbers(self._beaters, written, process.name)
            assert ended_in_good_order(follower.ends) if streams_broke else follower.ends == []
        happened = []
        async for message in self._client.watch_messages(1):
            happened += message.events
            if message.synced:
                break
        await until(lambda: len(self._events) >= len(happened), "all events came")
        assert self._events == happened
        assert ended_in_good_order(self._event_ends) if streams_broke else self._event_ends == []
        for task in self._tasks:
            assert not task.done(), task
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def begin(system, beaters):
    system.start(environment=system.environment)
    client = await system.client()
    await create_all(client, beaters, NAMES, "--every-ms", 10)
    world = World(system, beaters, client)
    await world.flows()
    return client, world


async def test_another_daemon(system, programs, beaters):
    client, world = await begin(system, beaters)
    for _ in range(3):
        old = system.daemon_pid()
        replace(programs / "grpc-osd")
        os.kill(old, signal.SIGTERM)
        await until(lambda old=old: not is_alive(old), "the old one ends")
        new = (await until(lambda: system.programs("grpc-osd"), "there is another one"))[0]
        await until(lambda new=new: runs_file(new, programs / "grpc-osd"), "it is the new one")
        await asyncio.to_thread(system.await_api)
        await world.flows()
        world.check()
        assert (await client.restart_process(NAMES[-1])).status == "running"
        await until(lambda: beaters.main(NAMES[-1]), "it runs")
        world.mains[NAMES[-1]] = beaters.main(NAMES[-1])
    await world.end(streams_broke=True)


async def test_another_init_with_another_daemon(system, programs, beaters):
    client, world = await begin(system, beaters)
    assert await asyncio.to_thread(system.stop) == 0
    world.check()
    elsewhere = programs / "grpc-osd-2"
    shutil.copy2(programs / "grpc-osd", elsewhere)
    replace(programs / "grpc-os-init")
    system.start("--osd", str(elsewhere), environment=system.environment)
    assert runs_file(system.daemon_pid(), elsewhere)
    assert (await client.get_process(NAMES[0])).details.pid == world.mains[NAMES[0]][0]
    await world.end(streams_broke=True)


async def test_another_init_with_the_same_daemon(system, programs, beaters):
    """init alone is replaced: nobody notices."""
    _, world = await begin(system, beaters)
    daemon = system.daemon_pid()
    replace(programs / "grpc-os-init")
    system.init.kill()
    system.init.wait()
    system.start(environment=system.environment)
    poll(lambda: init_listens(system), "init listens")
    assert runs_file(system.init.pid, programs / "grpc-os-init")
    assert system.daemon_pid() == daemon
    await world.end(streams_broke=False)


async def test_another_supervisor_comes_with_the_next_start(system, programs, beaters):
    client, world = await begin(system, beaters)
    replace(programs / "grpc-os-supervise")
    old = supervisors(system)
    await client.stop_process(NAMES[0])
    process = await client.start_process(NAMES[0])
    new = supervisors(system)[process.id]
    assert new not in old.values() and runs_file(new, programs / "grpc-os-supervise")
    await until(lambda: beaters.main(NAMES[0]), "it runs")
    world.mains[NAMES[0]], world.supervisors[process.id] = beaters.main(NAMES[0]), new
    await world.end(streams_broke=False)
