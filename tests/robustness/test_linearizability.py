"""What several clients see of objects at the same time, while the daemon is killed, could have happened one call at a time."""

import asyncio
import contextlib
import os
import pathlib
import random
import signal
import subprocess

import grpc
import pytest
from grpc_os.v1 import event_services_pb2 as event_pb
from grpc_os.v1 import event_services_pb2_grpc as event_stubs
from histories import Client, History

CHECKER = pathlib.Path(__file__).parents[2] / "build/go/bin/linearizability-checker"
CLIENTS = 8


def check(path):
    assert CHECKER.exists(), "there is no linearizability-checker; run scripts/go_tools.sh"
    return subprocess.run([CHECKER, path], capture_output=True, text=True, timeout=600)


class Watcher:
    """All events of /lin/, over as many streams as it takes."""

    def __init__(self, system, token):
        self._system = system
        self._metadata = [("authorization", f"Bearer {token}")]
        self.events = []
        self.reached = 0
        self.streams = 0

    async def run(self):
        while True:
            with contextlib.suppress(grpc.RpcError):
                await self._read()
            await asyncio.sleep(0.01)

    async def _read(self):
        async with grpc.aio.insecure_channel(self._system.address, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
            request = event_pb.WatchRequest(kinds=["object"], prefix="/lin/", from_revision=self.reached)
            self.streams += 1
            open_revision = []
            async for message in event_stubs.EventServiceStub(channel).Watch(request, metadata=self._metadata):
                open_revision += message.events
                if message.revision and not message.more_of_revision:
                    self.events += open_revision
                    open_revision = []
                    self.reached = message.revision


async def kill_now_and_then(system, failpoints, rng, deaths):
    while True:
        await asyncio.sleep(rng.uniform(0.1, 0.6))
        daemon = system.daemon_pid()
        point = rng.choice(["store.before_commit", "store.after_commit", None])
        if point is None:
            os.kill(daemon, signal.SIGKILL)
        else:
            failpoints.arm(point)
        while system.daemon_pid() == daemon:
            await asyncio.sleep(0.01)
        if point is not None:
            failpoints.clear(point)
        deaths.append(point)
        while not system.answers():
            await asyncio.sleep(0.01)


async def record(system, failpoints, rng, calls, kill=True):
    client = await system.client()
    history, deaths = History(), []
    watcher = Watcher(system, client.token)
    first = system_revision = (await client.get_system()).revision if hasattr(client, "get_system") else 1
    watcher.reached = first or system_revision
    watching = asyncio.create_task(watcher.run())
    clients = [
        Client(number, system, client.token, random.Random(rng.randrange(1 << 32)), history) for number in range(CLIENTS)
    ]
    killing = asyncio.create_task(kill_now_and_then(system, failpoints, rng, deaths)) if kill else None
    await asyncio.gather(*(one.run(calls) for one in clients))
    if killing is not None:
        killing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await killing
    return history, deaths, watcher, watching, first


async def whole_log(system, token, first, last):
    """The events of /lin/ from the log, by a stream that nothing disturbs."""
    watcher = Watcher(system, token)
    watcher.reached = first
    reading = asyncio.create_task(watcher.run())
    while watcher.reached < last:
        await asyncio.sleep(0.01)
    reading.cancel()
    assert watcher.streams == 1
    return watcher.events


async def test_objects_are_linearizable_while_the_daemon_is_killed(running, failpoints, rng, tmp_path, long):
    history, deaths, watcher, watching, first = await record(running, failpoints, rng, calls=600 if long else 150)
    while not running.answers():
        await asyncio.sleep(0.01)
    path = tmp_path / "history"
    history.write(path)
    checked = check(path)
    assert checked.returncode == 0, f"{checked.stdout}{checked.stderr} of {path}; died at {deaths}"
    assert len(deaths) >= 3, "the daemon hardly died"
    assert any(call["attempts"] > 1 for call in history.calls if call.get("attempts")), "no call had to be repeated"

    # The watch, however often it was torn, told what the log has: no gap, no double, in order.
    client = await running.client()
    generations = [call["generation"] for call in history.calls if call["outcome"] == "done" and call["kind"] in ("put", "create")]
    last = max(generations)
    while watcher.reached < last:
        await asyncio.sleep(0.01)
    watching.cancel()
    log = await whole_log(running, client.token, first, watcher.reached)
    told = [(event.revision, event.name, event.action) for event in watcher.events]
    assert told == [(event.revision, event.name, event.action) for event in log if event.revision <= watcher.reached]
    assert [revision for revision, _, _ in told] == sorted(revision for revision, _, _ in told)
    written = {revision for revision, _, _ in told}
    assert not [generation for generation in generations if generation > 0 and generation not in written]


@pytest.mark.parametrize("broken", ["a stale read", "a write that was lost", "two writers of one generation"])
async def test_the_checker_sees_what_is_wrong(running, failpoints, rng, tmp_path, broken):
    history, _, _, watching, _ = await record(running, failpoints, rng, calls=40, kill=False)
    watching.cancel()
    path = tmp_path / "history"
    history.write(path)
    assert check(path).returncode == 0
    reads = [call for call in history.calls if call["kind"] == "get" and call["outcome"] == "done"]
    last = max(call["end"] for call in history.calls)
    wrong = dict(reads[-1], begin=last + 1, end=last + 2)
    if broken == "a stale read":
        older = next(call for call in reads if call["key"] == wrong["key"] and call["generation"] < wrong["generation"])
        history.calls.append(wrong | {"found": older["found"], "generation": older["generation"]})
    elif broken == "a write that was lost":
        put = dict(wrong, kind="put", value="x", generation=10**9)
        history.calls += [put, wrong | {"begin": last + 3, "end": last + 4}]
    else:
        put = dict(wrong, kind="put", value="x", if_generation=wrong["generation"], generation=10**9)
        history.calls += [put, put | {"value": "y", "client": 99, "begin": last + 3, "end": last + 4, "generation": 10**9 + 1}]
    history.write(path)
    assert check(path).returncode == 1
