"""Watches over a compaction: who keeps a picture of what there is learns of a gap, and what is gone."""

import asyncio
import contextlib
import json
import os
import signal

from expectations import SLEEP, refused
from grpc_os import Gap, Synced
from running_system import PATIENCE_S


class Picture:
    """What there is, kept as the documentation says a program should."""

    def __init__(self):
        self.names, self.gaps, self._doubtful = set(), 0, set()

    def gap(self):
        self.gaps += 1
        self._doubtful = set(self.names)

    def synced(self):
        self.names -= self._doubtful
        self._doubtful = set()

    def event(self, action, name):
        self._doubtful.discard(name)
        (self.names.discard if action == "deleted" else self.names.add)(name)


class Following:
    """A `grpc-os … -o jsonl` that runs, and what it printed."""

    def __init__(self, system, *arguments):
        self._words = [system.bin / "grpc-os", "--address", system.address, *arguments, "-o", "jsonl"]
        self._environment = {**os.environ, "HOME": str(system.home)}
        self.picture, self.lines = Picture(), []

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *self._words, env=self._environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            await self.until_synced()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def until_synced(self):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                text = await self.process.stdout.readline()
                assert text, (await self.process.stderr.read()).decode()
                line = json.loads(text)
                self.lines.append(line)
                if "gap" in line:
                    self.picture.gap()
                elif "synced" in line:
                    return self.picture.synced()
                else:
                    self.picture.event(line["action"], line["name"])


async def put_often(client, name, count):
    for begin in range(0, count, 100):
        await asyncio.gather(*(client.put_object(name, str(number).encode()) for number in range(begin, begin + 100)))


async def test_who_follows_over_a_compaction_drops_what_is_gone(idle_system):
    idle_system.start(environment={"EVENTS_KEPT": "1000"})
    client = await idle_system.client()
    for name in ("gone", "kept"):
        await client.put_object(f"/w/{name}", b"x")
        await client.create_process(name, SLEEP)
    async with (
        Following(idle_system, "watch", "/w/") as objects,
        Following(idle_system, "events", "-f", "--kind", "process") as processes,
        Following(idle_system, "events", "-f", "--kind", "object") as events,
    ):
        assert objects.picture.names == {"/w/gone", "/w/kept"} and objects.picture.gaps == 0
        assert [*objects.lines[-1]] == ["synced"] and int(objects.lines[-1]["synced"]["revision"]) > 0
        assert processes.picture.names == {"gone", "kept"}
        before = (await client.get_system()).revision
        everybody = (objects, processes, events)
        for each in everybody:
            os.kill(each.process.pid, signal.SIGSTOP)
        idle_system.kill_daemon()
        await client.delete_object("/w/gone")
        await client.delete_process("gone", force=True)
        await put_often(client, "/w/new", 2200)
        for each in everybody:
            os.kill(each.process.pid, signal.SIGCONT)
        await objects.until_synced()
        assert objects.picture.names == {"/w/kept", "/w/new"} and objects.picture.gaps == 1
        [gap] = [line["gap"] for line in objects.lines if "gap" in line]
        assert 0 < int(gap["reached"]) < int(gap["oldest"]) < int(gap["newest"])
        await processes.until_synced()
        assert processes.picture.names == {"kept"} and processes.picture.gaps == 1
        # No watch lists objects: it says so, and does not pretend.
        assert await asyncio.wait_for(events.process.wait(), PATIENCE_S) != 0
        assert b"cannot be told" in await events.process.stderr.read()
    for follow, left in (
        (client.follow(before, ["process"]), {"kept"}),
        (client.follow_objects("/w/", before), {"/w/kept", "/w/new"}),
    ):
        picture = Picture()
        picture.names = {"gone", "/w/gone"}
        async with contextlib.aclosing(follow):
            async for each in follow:
                if isinstance(each, Gap):
                    assert each.reached == before < each.oldest < each.newest
                    picture.gap()
                elif isinstance(each, Synced):
                    picture.synced()
                    break
                else:
                    picture.event(each.action, each.name)
        assert picture.names == left and picture.gaps == 1
    with refused("REVISION_UNAVAILABLE"):
        await anext(client.watch(before))
    await idle_system.close_clients()
