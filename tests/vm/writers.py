"""Writers that change processes all the time, and what of it must be there after the power was cut.

Each name has one writer, which waits for each answer before its next call. So after a cut a name is as its last
acknowledged call left it, or as the one call that was under way would have.
"""

import asyncio
import contextlib
import dataclasses
import itertools

import grpc

# Enough neighbours for group commit.
WRITERS = 8
# What one writer changes, so that updates and deletions have something to work on.
OWNED_MAX = 3


@dataclasses.dataclass(frozen=True)
class Known:
    """What a name is known to be: its environment and how often its spec was written. None stands for its absence."""

    id: str
    value: str
    generation: int


class Writers:
    def __init__(self, rng):
        self._rng = rng
        self._numbers = itertools.count()
        self._tasks = []
        self.acknowledged = {}  # name: Known or None
        self.under_way = {}  # name: what else it may be
        self.counts = {"create": 0, "update": 0, "delete": 0}
        self.revision = 0  # the newest that was acknowledged

    def start(self, client):
        self._tasks = [asyncio.create_task(self._write(client, writer)) for writer in range(WRITERS)]

    def acknowledgements(self):
        return sum(self.counts.values())

    def present(self):
        """[(name, Known)] of what there is."""
        return [(name, known) for name, known in self.acknowledged.items() if known]

    async def end(self):
        """After the cut: the calls that were under way stay unanswered. A refusal fails the test."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _write(self, client, writer):
        with contextlib.suppress(PowerCut):
            while True:
                owned = [name for name, known in self.acknowledged.items() if name.startswith(f"w{writer}-") and known]
                if not owned:
                    call = "create"
                elif len(owned) >= OWNED_MAX:
                    call = self._rng.choices(["update", "delete"], [6, 1])[0]
                else:
                    call = self._rng.choices(["create", "update", "delete"], [2, 6, 1])[0]
                name = f"w{writer}-{next(self._numbers)}" if call == "create" else self._rng.choice(owned)
                await getattr(self, f"_{call}")(client, name)
                self.counts[call] += 1

    async def _create(self, client, name):
        value = str(next(self._numbers))
        # Its id is not known before the answer.
        self.under_way[name] = Known("", value, 1)
        self.acknowledged.setdefault(name, None)
        process = await answer(client.create_process(name, "sleep 1000000", {"VALUE": value}))
        self._acknowledge(name, Known(process.id, value, process.generation), process.revision)

    async def _update(self, client, name):
        before, value = self.acknowledged[name], str(next(self._numbers))
        after = Known(before.id, value, before.generation + 1)
        self.under_way[name] = after
        process = await answer(client.update_process(name, environment={"VALUE": value}))
        self._acknowledge(name, after, process.revision)

    async def _delete(self, client, name):
        self.under_way[name] = None
        self._acknowledge(name, None, await answer(client.delete_process(name, force=True)))

    def _acknowledge(self, name, known, revision):
        self.acknowledged[name] = known
        del self.under_way[name]
        self.revision = max(self.revision, revision)

    async def check(self, client):
        """Fails with every name that is not as it must be; what is so is what is known from here on, and
        all of it is wanted."""
        found = {}
        async for process in client.list_processes(page_size=1000):
            found[process.name] = Known(process.id, process.environment.get("VALUE", ""), process.generation)
        wrong = []
        for name in sorted(set(self.acknowledged) | set(found)):
            allowed = [self.acknowledged.get(name)] if name in self.acknowledged else []
            so = found.get(name)
            if name in self.under_way:
                other = self.under_way[name]
                created = other is not None and other.id == "" and so is not None
                allowed.append(dataclasses.replace(other, id=so.id) if created else other)
            if so not in allowed:
                wrong.append(f"{name} is {so}, and must be one of {allowed}")
        assert not wrong, "; ".join(wrong)
        # What was never acknowledged may come about until now, as a deletion that was committed and not yet carried out.
        revision = (await client.get_system()).revision
        assert revision >= self.revision, f"revision {self.revision} was acknowledged, the newest is {revision}"
        deletions = [name for name, other in self.under_way.items() if other is None and name in found]
        self.acknowledged = found
        self.under_way = {}
        # A deletion by force stops first; cut short there, it leaves a stopped process, to be deleted again.
        for name in deletions:
            if (await client.get_process(name)).desired_state == "stopped":
                await self._delete(client, name)


class PowerCut(Exception):
    """The call will never be answered."""


async def answer(call):
    try:
        return await call
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise PowerCut from error
        raise
