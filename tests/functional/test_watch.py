"""Events: a snapshot, then every change, in order, each once."""

import asyncio
import contextlib

import pytest
from expectations import SLEEP, refused, shell
from running_system import PATIENCE_S


async def until_synced(stream):
    """Reads a watch up to its SYNCED; gives the events and the revision."""
    events = []
    async with asyncio.timeout(PATIENCE_S):
        async for message in stream:
            events += message.events
            if message.synced:
                return events, message.revision
    raise AssertionError("the watch ended before it was synced")


class Watcher:
    """Collects a watch in the background."""

    def __init__(self, client, from_revision=0, kinds=()):
        self.events = []
        self.messages = []
        self._changed = asyncio.Condition()
        self._task = asyncio.create_task(self._read(client.watch_messages(from_revision, kinds)))

    async def _read(self, stream):
        async for message in stream:
            async with self._changed:
                self.messages.append(message)
                self.events += message.events
                self._changed.notify_all()

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: self._task.done() or condition(self))
        if self._task.done():
            await self._task
        return self

    async def until_action(self, action, name=None):
        return await self.until(
            lambda w: any(e.action == action and name in (None, e.name) for e in w.events)
        )

    async def close(self):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def __aenter__(self):
        return await self.until(lambda w: any(message.synced for message in w.messages))

    async def __aexit__(self, *_):
        await self.close()


def assert_ordered(messages):
    """Revisions never fall, a message's revision is that of its last whole event, and only one message says SYNCED."""
    last, delivered = 0, 0
    for message in messages:
        for event in message.events:
            assert event.revision >= last, "revisions fall"
            assert event.revision > delivered or event.action == "snapshot", "an event came twice"
            last = event.revision
        if not message.more_of_revision:
            assert message.revision >= last
            delivered = message.revision
    assert [message.synced for message in messages].count(True) == 1


async def test_a_watch_begins_with_what_there_is(client):
    created = {name: await client.create_process(name, SLEEP) for name in ("a", "b", "c")}
    stream = client.watch_messages(kinds=["process"])
    events, revision = await until_synced(stream)
    await stream.aclose()
    assert {event.resource_id for event in events} == {process.id for process in created.values()}
    assert {event.name for event in events} == {"a", "b", "c"}
    assert {(event.action, event.kind) for event in events} == {("snapshot", "process")}
    assert revision >= max(process.revision for process in created.values())


async def test_a_snapshot_of_several_messages_gives_a_place_to_go_on_from_only_at_its_end(client):
    names = {f"p-{number}" for number in range(300)}
    await asyncio.gather(*(client.create_process(name, "true", restart="never") for name in names))
    stream = client.watch_messages(kinds=["process"])
    messages = []
    async for message in stream:
        messages.append(message)
        if message.synced:
            break
    await stream.aclose()
    parts = [message for message in messages if any(event.action == "snapshot" for event in message.events)]
    assert len(parts) > 1
    assert {event.name for part in parts for event in part.events if event.action == "snapshot"} == names
    assert all(part.revision == 0 for part in parts[:-1])
    assert parts[-1].revision > 0


async def test_users_are_among_what_there_is_and_told_once(client):
    stream = client.watch_messages()
    events, revision = await until_synced(stream)
    await stream.aclose()
    assert [(event.kind, event.name, event.action) for event in events] == [("user", "admin", "snapshot")]
    assert revision > 0


async def test_a_watch_of_nothing_is_synced_too(client):
    stream = client.watch_messages(kinds=["process"])
    assert (await until_synced(stream))[0] == []
    await stream.aclose()


async def test_the_life_of_a_process_is_told_in_order(client):
    async with Watcher(client) as watcher:
        created = await client.create_process("web", SLEEP)
        await client.wait_process("web", "ready")
        await client.update_process("web", command="sleep 4000")
        await client.restart_process("web")
        await client.stop_process("web")
        await client.delete_process("web")
        await watcher.until_action("deleted")
    actions = [event.action for event in watcher.events]
    expected = ["created", "started", "ready", "updated", "restart_requested", "started", "stop_requested", "stopped", "deleted"]
    position = -1
    for action in expected:
        assert action in actions[position + 1 :], f"{action} after {actions[: position + 1]} in {actions}"
        position = actions.index(action, position + 1)
    assert {event.resource_id for event in watcher.events if event.kind == "process"} == {created.id}
    assert {event.name for event in watcher.events} == {"web", "admin"}
    assert all(event.time.seconds > 0 for event in watcher.events)
    assert_ordered(watcher.messages)
    started = next(event for event in watcher.events if event.action == "started")
    assert started.attributes["pid"] == str(created.details.pid)


async def test_an_end_is_told_with_its_report(client):
    async with Watcher(client) as watcher:
        await client.create_process("web", shell("exit 7"), restart="never")
        await watcher.until_action("completed")
    exited = next(event for event in watcher.events if event.action in ("exited", "completed") and "exit_code" in event.attributes)
    assert exited.attributes["exit_code"] == "7"


async def test_values_of_the_environment_are_never_told(client):
    async with Watcher(client) as watcher:
        await client.create_process("web", SLEEP, {"PASSWORD": "hunter2-hunter2"})
        await client.update_process("web", environment={"PASSWORD": "hunter3-hunter3"})
        await client.delete_process("web", force=True)
        await watcher.until_action("deleted")
    assert "hunter" not in str(watcher.messages)


async def test_a_watch_resumes_after_a_revision_without_gap_or_repetition(client):
    # Revision 0 would ask for a snapshot.
    await client.create_process("first", SLEEP)
    async with Watcher(client) as whole:
        start = whole.messages[-1].revision
        for number in range(10):
            await client.create_process(f"p{number}", SLEEP)
        await client.stop_process("p3")
        await whole.until_action("stopped", "p3")
        seen = [(event.revision, event.name, event.action) for event in whole.events if event.revision > start]
        for resume in sorted({revision for revision, _, _ in seen})[::5] + [start]:
            stream = client.watch_messages(resume)
            events, _ = await until_synced(stream)
            await stream.aclose()
            again = [(event.revision, event.name, event.action) for event in events]
            assert again[: len([entry for entry in seen if entry[0] > resume])] == [
                entry for entry in seen if entry[0] > resume
            ]


async def test_a_watch_resumes_over_a_killed_daemon(system, client):
    async with Watcher(client) as watcher:
        await client.create_process("before", SLEEP)
        await watcher.until_action("started", "before")
        revision = watcher.messages[-1].revision
    system.kill_daemon()
    await client.create_process("after", SLEEP)
    stream = client.watch_messages(revision)
    events, _ = await until_synced(stream)
    await stream.aclose()
    assert all(event.revision > revision for event in events)
    created = [event.name for event in events if event.action == "created"]
    assert created == ["after"]


async def test_watching_from_the_newest_revision_waits(system, client):
    await client.create_process("web", SLEEP)
    await client.wait_process("web", "ready")
    revision = (await client.get_system()).revision
    stream = client.watch_messages(revision)
    events, synced = await until_synced(stream)
    await stream.aclose()
    assert events == [] and synced == revision


async def test_a_revision_that_was_never_is_out_of_range(client):
    with refused("REVISION_UNAVAILABLE") as refusal:
        await anext(client.watch_messages(10**15))
    assert refusal.metadata["revision"] == str(10**15)
    assert int(refusal.metadata["newest"]) < 10**15


async def test_a_negative_revision_is_refused(client):
    with refused("FIELD_INVALID", fields={"from_revision"}):
        await anext(client.watch_messages(-1))


@pytest.mark.parametrize("kinds", [["nonsense"], ["process", "nonsense"], [""], ["process\n"]])
async def test_kinds_that_are_none(client, kinds):
    with refused("FIELD_INVALID", fields={"kinds"}):
        await anext(client.watch_messages(0, kinds))


async def test_a_kind_can_be_chosen(client):
    async with Watcher(client, kinds=["process"]) as watcher:
        await client.create_process("web", SLEEP)
        await watcher.until_action("started")


async def test_every_change_is_seen_by_every_watcher_alike(client):
    watchers = [Watcher(client) for _ in range(20)]
    for watcher in watchers:
        await watcher.__aenter__()
    await asyncio.gather(*(client.create_process(f"p{number}", SLEEP) for number in range(20)))
    await asyncio.gather(*(client.delete_process(f"p{number}", force=True) for number in range(20)))
    for watcher in watchers:
        await watcher.until(lambda w: sum(event.action == "deleted" for event in w.events) == 20)
    seen = [[(e.revision, e.name, e.action) for e in watcher.events if e.action != "snapshot"] for watcher in watchers]
    for watcher in watchers:
        await watcher.close()
        assert_ordered(watcher.messages)
    assert all(one == seen[0] for one in seen)


async def test_an_open_watch_does_not_keep_the_daemon_from_stopping(system, client):
    watcher = Watcher(client)
    await watcher.__aenter__()
    assert await asyncio.to_thread(system.stop) == 0
    with refused("SHUTTING_DOWN"):
        await watcher.until(lambda _: False)
