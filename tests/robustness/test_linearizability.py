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
from running_system import PATIENCE_S

CHECKER = pathlib.Path(__file__).parents[2] / "build/go/bin/linearizability-checker"
CLIENTS = 8
LONG = os.environ.get("GRPC_OS_LONG") == "1"
ROUNDS = 40 if LONG else 5
CALLS = 300 if LONG else 170  # of each client in a round

DEATHS_AT_MOST = 12  # in a round
PLACES_TO_DIE = ["store.before_commit", "store.after_commit", "osd.object.committed", "osd.stream.written", None]


def check(history, path):
    """True: it is linearizable."""
    assert CHECKER.exists(), "there is no linearizability-checker; run scripts/go_tools.sh"
    history.write(path)
    checked = subprocess.run([CHECKER, path], capture_output=True, text=True, timeout=600)
    assert checked.returncode in (0, 1), checked.stdout + checked.stderr
    return checked.returncode == 0


async def until(condition, what):
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"still not: {what}") from None


class Watcher:
    """All events of a folder after a revision, over as many streams as it takes."""

    def __init__(self, system, token, folder, after):
        self._system = system
        self._metadata = [("authorization", f"Bearer {token}")]
        self._folder = folder
        self.events = []
        self.reached = after
        self.streams = 0
        self.task = asyncio.create_task(self._run())

    async def _run(self):
        while True:
            try:
                await self._read()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    raise
            await asyncio.sleep(0.01)

    async def _read(self):
        async with grpc.aio.insecure_channel(self._system.address, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
            request = event_pb.WatchRequest(prefix=self._folder, from_revision=self.reached)
            self.streams += 1
            held = []
            async for message in event_stubs.EventServiceStub(channel).Watch(request, metadata=self._metadata):
                held += message.events
                if not message.more_of_revision:
                    self.events += held
                    held, self.reached = [], message.revision

    async def until(self, revision):
        await until(lambda: self.task.done() or self.reached >= revision, f"the watch reaches {revision}")
        if self.task.done():
            self.task.result()

    async def close(self):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    def told(self):
        return [(e.revision, e.name, e.action, dict(e.attributes)) for e in self.events]


async def log_of(system, token, folder, after):
    """Read in one piece, when nothing happens any more."""
    client = system.anonymous()
    client.token = token
    newest = (await client.get_system()).revision
    log = Watcher(system, token, folder, after)
    await log.until(newest)
    await log.close()
    assert log.streams == 1
    return log


async def kill_now_and_then(system, failpoints, rng, deaths, places):
    """Until it is cancelled, between two deaths."""
    while True:
        # However slow the machine is, the clients come to an end.
        if len(deaths) >= DEATHS_AT_MOST:
            await asyncio.Event().wait()
        await asyncio.sleep(rng.uniform(0.02, 0.2))
        daemon, point = system.daemon_pid(), rng.choice(places)
        if point is None:
            os.kill(daemon, signal.SIGKILL)
        else:
            failpoints.arm(point)
        await until(lambda: daemon not in system.programs("grpc-osd") and system.programs("grpc-osd"), "another grpc-osd")
        if point is not None:
            assert failpoints.clear(point), f"{point} was not reached"
        deaths.append(point)
        await until(system.answers, "the API answers")


async def record(system, failpoints, rng, token, folder, calls, kill, places=PLACES_TO_DIE):
    history, deaths = History(), []
    clients = [
        Client(number, system, token, random.Random(rng.randrange(1 << 32)), history, folder, patient=number % 2 == 0)
        for number in range(CLIENTS)
    ]
    running = asyncio.gather(*(one.run(calls) for one in clients))
    if not kill:
        await running
        return history, deaths
    killing = asyncio.create_task(kill_now_and_then(system, failpoints, rng, deaths, places))
    done, _ = await asyncio.wait((running, killing), return_when=asyncio.FIRST_COMPLETED)
    if killing in done and not running.done():
        running.cancel()
        await killing
    killing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await killing
    await running
    for point in PLACES_TO_DIE:
        if point is not None:
            failpoints.clear(point)
    await until(system.answers, "the API answers")
    return history, deaths


def check_events(history, told, folder):
    """Ordered, and what was acknowledged is among them, each once, and nothing that nobody asked for."""
    revisions = [revision for revision, _, _, _ in told]
    assert revisions == sorted(revisions)
    names = [(revision, name) for revision, name, _, _ in told]
    assert len(names) == len(set(names)), "a change was told twice"
    values = {write.get("value") for call in history.calls for write in [call, *call.get("writes", ())]}
    for _, _, action, attributes in told:
        assert action in ("created", "updated", "deleted")
        assert attributes["content_type"].removeprefix("text/") in values, "nobody wrote that"
    for call in history.calls:
        if call["outcome"] != "done" or call["kind"] not in ("create", "put", "delete", "transaction"):
            continue
        revision = max(call["generation"], call["revision"])
        keys = [write["key"] for write in call["writes"]] if call["kind"] == "transaction" else [call["key"]]
        for key in keys:
            assert (revision, f"{folder}{key}") in set(names), f"{call} is not told of"


@pytest.mark.timeout(120 + 60 * ROUNDS)
async def test_objects_are_linearizable_while_the_daemon_is_killed(running, failpoints, rng, tmp_path):
    """And their watch, however often it was torn, tells what the log has: no gap, no double, in order."""
    client = await running.client()
    counts = {"calls": 0, "done": 0, "refused": 0, "never": 0, "": 0, "repeated": 0, "unanswered": 0, "deaths": 0}
    for round in range(ROUNDS):
        folder = f"/lin/{round}/"
        first = (await client.get_system()).revision
        watcher = Watcher(running, client.token, folder, first)
        history, deaths = await record(running, failpoints, rng, client.token, folder, CALLS, kill=True)
        log = await log_of(running, client.token, folder, first)
        history.resolve(log.events, lambda key, folder=folder: f"{folder}{key}")
        path = tmp_path / f"history-{round}"
        assert check(history, path), f"{path} is not linearizable; the daemon died at {deaths}"
        await watcher.until(log.events[-1].revision)
        await watcher.close()
        assert watcher.streams > 1
        assert watcher.told() == log.told()
        check_events(history, log.told(), folder)
        for call in history.calls:
            counts["calls"] += 1
            counts[call["outcome"]] += 1
            counts["repeated"] += call["attempts"] > 1
            counts["unanswered"] += call["end"] == 0 and call["kind"] not in ("get", "snapshot")
        counts["deaths"] += len(deaths)
    print(counts, failpoints.hits)
    assert counts["deaths"] >= ROUNDS, "the daemon hardly died"
    assert counts["repeated"] and counts["unanswered"], "no call was under way when the daemon died: nothing was proved"


async def test_calls_without_deaths_are_linearizable(running, failpoints, rng, tmp_path):
    client = await running.client()
    history, _ = await record(running, failpoints, rng, client.token, "/lin/", 60, kill=False)
    assert check(history, tmp_path / "history")


async def test_a_daemon_that_forgets_preconditions_is_found_out(running, failpoints, rng, tmp_path):
    failpoints.arm("defect.put_without_preconditions")
    client = await running.client()
    history, _ = await record(running, failpoints, rng, client.token, "/lin/", 60, kill=False)
    assert not check(history, tmp_path / "history")


@pytest.mark.timeout(420)
async def test_a_daemon_that_answers_before_it_has_committed_is_found_out(running, failpoints, rng, tmp_path):
    failpoints.arm("defect.acknowledged_early")
    client = await running.client()
    nobody_watches = [place for place in PLACES_TO_DIE if place != "osd.stream.written"]
    for round in range(20):
        folder = f"/lin/{round}/"
        first = (await client.get_system()).revision
        history, _ = await record(running, failpoints, rng, client.token, folder, 60, True, nobody_watches)
        log = await log_of(running, client.token, folder, first)
        history.resolve(log.events, lambda key, folder=folder: f"{folder}{key}")
        if not check(history, tmp_path / "history"):
            return
    raise AssertionError("every history was linearizable")
