"""Fifty processes on which users start, stop, restart, update and write logs all the time, and what must be so then.

What was acknowledged is known; what was not may have happened or not. The world is judged by /proc and the files that the
processes write themselves; the API only by whether it agrees with that.
"""

import asyncio
import contextlib
import dataclasses

import grpc
from beaters import check_numbers, log_files, segments
from running_system import PATIENCE_S, poll, start_time

# What a call may end with while the control plane dies under it.
_UNANSWERED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)

# name: how many, arguments, options of the process.
_KINDS = {
    "steady": (13, ["--every-ms", 60], {}),
    # Enough for several log files, and not so much that any is removed.
    "chatty": (3, ["--every-ms", 4, "--lines", 1200], {"log_max_bytes": 160 << 10}),
    "plain": (12, ["--every-ms", 60], {}),
    "stubborn": (8, ["--every-ms", 60, "--ignore-term", "--child"], {"stop_timeout": 0.2}),
    "crasher": (8, ["--every-ms", 30, "--life-ms", 100, 2500, "--end", "crash"], {}),
    "quick": (6, ["--every-ms", 5, "--life-ms", 10, 300, "--end", "clean"], {"restart": "never"}),
}


async def until(condition, what, patience_s=PATIENCE_S):
    return await asyncio.to_thread(poll, condition, what, patience_s)


@dataclasses.dataclass
class Subject:
    """A process and what is known about it."""

    kind: str
    id: str
    name: str
    running: set = dataclasses.field(default_factory=lambda: {True})  # what the wish may be
    versions: set = dataclasses.field(default_factory=lambda: {0})  # what its environment may say
    may_have_started: int = 1  # starts and restarts that were asked for
    surely_started: int = 1  # restarts, and starts of what did not run, that were acknowledged
    losses: int = 0  # of its supervisor
    under_way: bool = False  # a start or restart that was not answered may just be carried out
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    lines: list = dataclasses.field(default_factory=list, repr=False)  # as followed through the API

    @property
    def lives_on(self):
        """Whether it runs until it is stopped."""
        return self.kind not in ("crasher", "quick")


class Load:
    def __init__(self, system, beaters, rng):
        self._system = system
        self._beaters = beaters
        self._rng = rng
        self._tasks = []
        self._ending = False
        self.subjects = []
        self.counts = {"acknowledged": 0, "unanswered": 0}
        self._next_version = 0
        self._next_mayfly = 0
        self._mayflies = {}  # name -> whether it may exist
        self._events = []  # as watched

    async def create(self):
        self._client = await self._system.client(retry=False)

        async def one(kind, index, arguments, options):
            name = f"{kind}-{index}"
            process = await self._beaters.create(self._client, name, *arguments, environment={"VERSION": "0"}, **options)
            self.subjects.append(Subject(kind, process.id, name))

        await asyncio.gather(
            *(one(kind, i, arguments, options) for kind, (n, arguments, options) in _KINDS.items() for i in range(n))
        )
        self._first_revision = (await self._client.get_system()).revision
        self.untouched = [s.name for s in self.subjects if s.kind in ("steady", "chatty")]
        # Created is executed; its own first words come a moment later.
        self.mains = await until(
            lambda: len(mains := self._beaters.mains(self.untouched)) == len(self.untouched) and mains, "all have begun"
        )

    def begin(self, users=8):
        operated = [s for s in self.subjects if s.name not in self.untouched]
        self._tasks = [asyncio.create_task(self._follow(s)) for s in self.subjects]
        self._tasks.append(asyncio.create_task(self._watch()))
        self._users = [asyncio.create_task(self._use(operated)) for _ in range(users)]
        self._users.append(asyncio.create_task(self._use_mayflies()))

    # ---- What users do -------------------------------------------------------------------------------------------------

    async def _use(self, subjects):
        while not self._ending:
            subject = self._rng.choice(subjects)
            if subject.lock.locked():
                await asyncio.sleep(0.005)
                continue
            async with subject.lock:
                await self.check(subject)
                await self._rng.choice([self._start, self._stop, self._restart, self._update])(subject)
            await asyncio.sleep(self._rng.uniform(0, 0.05))

    async def _attempt(self, call):
        """Whether it was acknowledged; any refusal fails the test."""
        try:
            await call
        except grpc.RpcError as error:
            if error.code() not in _UNANSWERED:
                raise
            self.counts["unanswered"] += 1
            await asyncio.sleep(0.02)
            return False
        self.counts["acknowledged"] += 1
        return True

    async def _start(self, s):
        at_rest = s.lives_on and s.running == {False}
        s.may_have_started += 1
        if await self._attempt(self._client.start_process(s.name)):
            s.running, s.under_way = {True}, False
            s.surely_started += at_rest
        else:
            s.running |= {True}
            s.under_way = True

    async def _stop(self, s):
        if await self._attempt(self._client.stop_process(s.name)):
            s.running, s.under_way = {False}, False
            # Nothing of it is left when this is answered: not a moment later.
            assert s.name not in self._beaters.living(), f"{s.name} was stopped and lives"
        else:
            s.running |= {False}

    async def _restart(self, s):
        before = self._beaters.main(s.name)
        s.may_have_started += 1
        if await self._attempt(self._client.restart_process(s.name)):
            s.running, s.under_way = {True}, False
            s.surely_started += 1
            assert before is None or start_time(before[0]) != str(before[1]), f"{s.name} was restarted and is the same"
        else:
            s.running |= {True}
            s.under_way = True

    async def _update(self, s):
        self._next_version += 1
        version = self._next_version
        environment = self._beaters.environment(VERSION=str(version))
        if await self._attempt(self._client.update_process(s.name, environment=environment)):
            s.versions = {version}
        else:
            s.versions |= {version}

    async def _use_mayflies(self):
        while not self._ending:
            name = f"mayfly-{self._next_mayfly}"
            self._next_mayfly += 1
            self._mayflies[name] = {True, False}
            if await self._attempt(self._beaters.create(self._client, name, "--ignore-term", stop_timeout=0.2)):
                self._mayflies[name] = {True}
                await until(lambda name=name: self._beaters.main(name), f"{name} runs")
                if await self._attempt(self._client.delete_process(name, force=True)):
                    self._mayflies[name] = {False}
                    assert name not in self._beaters.living(), f"{name} was deleted and lives"
                else:
                    self._mayflies[name] = {True, False}
            await asyncio.sleep(self._rng.uniform(0, 0.2))

    # ---- What must be so -----------------------------------------------------------------------------------------------

    async def check(self, s):
        """The daemon knows what it acknowledged, and the world is so. Nobody may be changing `s`."""
        process = await self._read(self._client.get_process, s.id)
        wanted = process.desired_state != "stopped"
        assert wanted in s.running, f"{s.name} is wanted {process.desired_state}, acknowledged was {s.running}"
        version = int(process.environment["VERSION"])
        assert version in s.versions, f"{s.name} has version {version}, acknowledged was one of {s.versions}"
        definite = len(s.running) == 1
        s.running, s.versions = {wanted}, {version}
        if not definite:
            # Not answered, and on its way.
            if not wanted:
                await until(lambda: s.name not in self._beaters.living(), f"{s.name} is gone")
            elif s.lives_on:
                await until(lambda: s.name in self._beaters.living(), f"{s.name} is started")
        elif not wanted:
            assert s.name not in self._beaters.living(), f"{s.name} is stopped and lives"
        elif s.lives_on and (s.losses > 0 or s.under_way):
            await until(lambda: s.name in self._beaters.living(), f"{s.name} was started again")
        elif s.lives_on:
            # Its execution is answered a moment before /proc has its new name.
            await until(lambda: s.name in self._beaters.living(), f"{s.name} is started and lives")

    async def _read(self, method, *arguments):
        while True:
            try:
                return await method(*arguments)
            except grpc.RpcError as error:
                if error.code() not in _UNANSWERED:
                    raise
                await asyncio.sleep(0.02)

    def expect_loss(self, s):
        """Its supervisor is about to die, and it with it."""
        s.losses += 1
        s.may_have_started += 1

    def check_untouched(self):
        assert self._beaters.mains(self.untouched) == self.mains

    def raise_failures(self):
        for task in [*self._users, *self._tasks]:
            if task.done() and task.exception():
                raise task.exception()

    async def end(self):
        """Ends the users and checks all that can be checked while it runs."""
        self._ending = True
        await asyncio.gather(*self._users)
        self.raise_failures()
        self.check_untouched()
        for s in self.subjects:
            await self.check(s)
        for s in self.subjects:
            starts = len(self._beaters.starts(s.name))
            if s.name in self.untouched:
                assert starts == 1, f"{s.name} was started {starts} times"
            elif s.kind != "crasher":
                # What dies with its supervisor may not have come to speak.
                least = s.surely_started if s.losses == 0 else 1
                assert least <= starts <= s.may_have_started, (
                    f"{s.name}: {starts} executions, at least {least} and at most {s.may_have_started} were asked for"
                )
        there = {process.name for process in await self._read(self._list)}
        for name, may_exist in self._mayflies.items():
            assert (name in there) in may_exist, f"{name} is there: {name in there}, acknowledged was {may_exist}"
        assert there - set(self._mayflies) == {s.name for s in self.subjects}

    async def _list(self):
        return [process async for process in self._client.list_processes(page_size=20)]

    # ---- Events --------------------------------------------------------------------------------------------------------

    async def _watch(self):
        """Goes on at the last revision when the daemon died."""
        client = self._system.anonymous()
        client.token = self._client.token
        revision = self._first_revision
        while True:
            part = []  # of a revision that goes on in the next message
            try:
                async for message in client.watch_messages(revision):
                    part += message.events
                    whole = [event for event in part if event.revision <= message.revision]
                    part = part[len(whole) :]
                    self._events += whole
                    revision = message.revision
            except grpc.RpcError as error:
                if error.code() not in _UNANSWERED:
                    raise
            await asyncio.sleep(0.02)

    async def check_events(self):
        """What was watched across all deaths is what happened, each once and in order."""
        happened = []
        async for message in self._client.watch_messages(self._first_revision):
            happened += message.events
            if message.synced:
                break
        assert [event.revision for event in happened] == sorted(event.revision for event in happened)
        await until(lambda: len(self._events) >= len(happened), "all events came")
        assert self._events[: len(happened)] == happened

    # ---- Logs ----------------------------------------------------------------------------------------------------------

    async def _follow(self, s):
        """Reads the log as long as the test lasts, going on at the last cursor when the daemon died."""
        client = self._system.anonymous()
        client.token = self._client.token
        cursor, first = "", 1_000_000
        while True:
            try:
                async for message in client.tail_log_messages(s.name, first, follow=True, cursor=cursor):
                    assert not message.gap, f"the log of {s.name} has a gap before {message.cursor}"
                    s.lines += message.lines
                    cursor = message.cursor
            except grpc.RpcError as error:
                if error.code() not in _UNANSWERED:
                    raise
            await asyncio.sleep(0.02)

    async def check_logs(self):
        """Stops all; then the log of each, as files and as followed, has every line once."""
        chatty = [s for s in self.subjects if s.kind == "chatty"]
        await until(lambda: all(len(segments(self._system, s.id)) > 1 for s in chatty), "logs are rotated")
        await asyncio.gather(*map(self._stop, self.subjects))
        assert all(s.running == {False} for s in self.subjects)
        await self.check_events()
        try:
            for s in self.subjects:
                files = log_files(self._system, s.id)
                await until(lambda s=s, n=len(files): len(s.lines) >= n, f"all {len(files)} lines of {s.name} came")
                assert [_as_in_file(line) for line in s.lines] == files, f"what was followed of {s.name} is not its log"
                joined, parts = [], []
                for _, _, stream, partial, text in files:
                    if stream != "system":
                        parts.append(text)
                        if not partial:
                            joined.append(b"".join(parts))
                            parts = []
                assert parts == []
                check_numbers(self._beaters, joined, s.name, any_pipe_may_be_lost=s.losses > 0)
            self.raise_failures()
        finally:
            for task in self._tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task


_STREAMS = {1: "stdout", 2: "stderr", 3: "system"}


def _as_in_file(line):
    seconds = line.time.ToDatetime().replace(microsecond=0).isoformat()
    return (seconds, line.time.nanos, _STREAMS[line.stream], line.partial, line.raw or line.text.encode())
