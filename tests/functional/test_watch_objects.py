"""Watching objects: ordered, unique, reliable, atomic, resumable, bookmarked; by prefix, from any kept revision."""

import asyncio
import pathlib
import random

import grpc.aio
import pytest
from expectations import refused
from object_watch import Watch, check_order, in_short, log_of, read_log, request_of, stream_of, told
from objects_api import Objects, compared, creating, deleting, objects_of, putting

# Connections of their own: one that another test's daemon has left is no concern of ours.
OWN = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 100), ("grpc.initial_reconnect_backoff_ms", 20))
# Takes little that is not asked for.
NARROW = (*OWN, ("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536))


class Place:
    """A system as one logged-in client has it: its objects, and watches of them."""

    def __init__(self, system, client, channel):
        self.system, self.client, self.channel = system, client, channel
        self.objects = Objects(channel, client.metadata)

    def watch(self, prefix="", from_revision=0, kinds=None, channel=None):
        return Watch(channel or self.channel, self.client.metadata, request_of(prefix, from_revision, kinds))

    async def log(self, prefix="", from_revision=0):
        return await log_of(self.channel, self.client.metadata, request_of(prefix, from_revision))

    async def revision(self):
        return (await self.client.get_system()).revision

    async def fill(self, folder, count, data=b""):
        """`count` objects in a folder, 100 in a transaction."""
        names = [f"{folder}{number:05}" for number in range(count)]
        for begin in range(0, count, 100):
            await self.objects.transact(success=[creating(name, data) for name in names[begin : begin + 100]])
        return names

    async def put_often(self, names, count):
        """Each a revision of its own."""
        for begin in range(0, count, 100):
            puts = (self.objects.put(names[number % len(names)], str(number).encode()) for number in range(begin, begin + 100))
            await asyncio.gather(*puts)


@pytest.fixture
async def place(system):
    client = await system.client()
    async with grpc.aio.insecure_channel(system.address, options=OWN) as channel:
        yield Place(system, client, channel)


async def start_with(idle_system, **environment):
    idle_system.start(environment=environment)
    return await idle_system.client()


# What is told.


async def test_each_kind_of_change_is_told_with_what_it_is_about(place):
    objects = place.objects
    async with place.watch("/w/") as watch:
        made = await objects.create("/w/a", b"one", content_type="text/plain")
        put = await objects.put("/w/a", b"hunter2")
        changed = await objects.update("/w/a", mask=["metadata"], metadata={"k": "v"})
        moved = await objects.move("/w/a", "/w/b")
        copied = await objects.copy("/w/b", "/w/c")
        folder = await objects.mkdir("/w/sub")
        deleted = await objects.delete("/w/b")
        back = await objects.undelete("/w/b")
        await objects.delete("/w/c", purge=True)
        await watch.until_told("/w/c", "deleted")
    assert in_short(watch.events) == [
        ("created", "/w/a"),
        ("updated", "/w/a"),
        ("changed", "/w/a"),
        ("renamed", "/w/b"),
        ("created", "/w/c"),
        ("created", "/w/sub/"),
        ("deleted", "/w/b"),
        ("undeleted", "/w/b"),
        ("deleted", "/w/c"),
    ]
    answers = [made, put, changed, moved, copied, folder, deleted, back]
    assert [event.revision for event in watch.events[:-1]] == [answer.revision for answer in answers]
    assert [event.resource_id for event in watch.events] == [made.id] * 4 + [copied.id, folder.id, made.id, made.id, copied.id]
    assert {event.kind for event in watch.events} == {"object"}
    first, fourth = watch.events[0].attributes, watch.events[3].attributes
    assert dict(first) == {
        "generation": str(made.generation),
        "metageneration": "1",
        "size_bytes": "3",
        "content_type": "text/plain",
    }
    assert fourth["from"] == "/w/a" and fourth["generation"] == str(put.generation)
    # What was written is not told to whoever watches: contents are read by who may read them.
    assert "hunter2" not in str(watch.messages)


async def test_what_expires_is_told_as_expired(place):
    async with place.watch("/w/") as watch:
        made = await place.objects.create("/w/a", b"x")
        made.create_time.seconds += 2
        await place.objects.update("/w/a", mask=["expire_time"], expire_time=made.create_time)
        await watch.until_told("/w/a", "expired")
    assert in_short(watch.events) == [("created", "/w/a"), ("changed", "/w/a"), ("expired", "/w/a")]


async def test_what_changes_nothing_is_not_told(place):
    await place.objects.create("/w/a")
    async with place.watch("/w/") as watch:
        with refused("NAME_TAKEN"):
            await place.objects.create("/w/a")
        with refused("PRECONDITION_FAILED"):
            await place.objects.put("/w/a", preconditions={"if_generation_match": 0})
        await place.objects.transact(compare=[compared("/w/a", generation_match=0)], success=[putting("/w/a")])
        await place.objects.create("/w/last", request_id="once")
        await place.objects.create("/w/last", request_id="once")
        await place.objects.create("/w/very-last")
        await watch.until_told("/w/very-last")
    assert in_short(watch.events) == [("created", "/w/last"), ("created", "/w/very-last")]


# Prefixes.


async def test_a_prefix_ends_at_any_byte(place):
    names = ["/app", "/app.json", "/app/x", "/app/sub/y", "/apple", "/ap", "/b/app"]
    # /app is an object, so the folder of that name is in another place.
    names = [name.replace("/app/", "/app-dir/") for name in names]
    wanted = {
        "/app": ["/app", "/app.json", "/app-dir/x", "/app-dir/sub/y", "/apple"],
        "app": ["/app", "/app.json", "/app-dir/x", "/app-dir/sub/y", "/apple"],
        "/app-dir": ["/app-dir/x", "/app-dir/sub/y"],
        "/app-dir/": ["/app-dir/x", "/app-dir/sub/y"],
        "/app-dir/s": ["/app-dir/sub/y"],
        "/": names,
        "/app.": ["/app.json"],
        "/none": [],
    }
    watches = {prefix: place.watch(prefix) for prefix in wanted}
    for watch in watches.values():
        await watch.__aenter__()
    for name in names:
        last = await place.objects.create(name)
    await watches["/"].until_revision(last.revision)
    for prefix, expected in wanted.items():
        # Those who wait are told what they know by a heartbeat; the log has it at once.
        assert [event.name for event in await place.log(prefix, 1)] == expected, prefix
        if expected:
            await watches[prefix].until_told(expected[-1])
        assert [event.name for event in watches[prefix].events] == expected, prefix
    for watch in watches.values():
        await watch.__aexit__(None)


async def test_what_is_renamed_into_and_out_of_a_prefix_is_told_to_both(place):
    objects = place.objects
    await objects.create("/in/a", b"x")
    async with place.watch("/in/") as inside, place.watch("/out/") as outside, place.watch("/else/") as other:
        await objects.move("/in/a", "/out/b")
        await objects.move("/out/b", "/in/c")
        await objects.move("/in/c", "/in/d")
        await objects.move("/in/d", "/else/e")
        await other.until_told("/else/e")
        await inside.until_told("/else/e")
        await outside.until_told("/in/c")
    both = [("/out/b", "/in/a"), ("/in/c", "/out/b"), ("/in/d", "/in/c"), ("/else/e", "/in/d")]
    assert [(event.name, event.attributes["from"]) for event in inside.events] == both
    assert [(event.name, event.attributes["from"]) for event in outside.events] == both[:2]
    assert [(event.name, event.attributes["from"]) for event in other.events] == both[3:]
    assert {event.action for event in inside.events} == {"renamed"}


async def test_a_prefix_belongs_to_objects_alone(place):
    for kinds in (["process"], ["user", "object"], ["role"], ["process", "object"]):
        with refused("FIELD_INVALID", fields={"prefix"}):
            await anext(aiter(stream_of(place.channel, place.client.metadata, request_of("/a/", 0, kinds))))
    for prefix in ("/a//b", "/../x", "/a/\x01", "/" + "x" * 1100, "/proc/", "/sys/version"):
        with refused("FIELD_INVALID", fields={"prefix"}):
            await anext(aiter(stream_of(place.channel, place.client.metadata, request_of(prefix, 0))))


async def test_a_role_is_a_kind_and_seen_in_the_snapshot(place):
    async with place.watch(kinds=["role"]) as watch:
        pass
    names = {event.name for event in watch.events}
    assert "admin" in names and {event.action for event in watch.events} == {"snapshot"}
    assert names == {role.name for role in await place.client.list_roles()}


# Atomic, ordered, unique, reliable.


async def test_the_changes_of_a_transaction_come_in_one_message_whatever_is_around_them(place):
    revisions = []
    async with place.watch("/w/") as watch:
        for number in range(12):
            changes = [creating(f"/w/{number}/{index}") for index in range(100)]
            revisions.append((await place.objects.transact(success=changes)).revision)
            await place.objects.put("/w/single", b"x")
        await watch.until_revision(revisions[-1] + 1)
    messages = await read_log(place.channel, place.client.metadata, request_of("/w/", 1))
    for stream in (watch.messages, messages):
        assert not any(message.more_of_revision for message in stream)
        for revision in revisions:
            holders = [message for message in stream if any(event.revision == revision for event in message.events)]
            assert len(holders) == 1, f"revision {revision} is in {len(holders)} messages"
            assert sum(event.revision == revision for event in holders[0].events) == 100
    check_order(messages, 1)


async def test_a_renamed_folder_of_ten_thousand_is_one_revision(place):
    await place.objects.mkdir("/big/")
    names = ["/big/", *await place.fill("/big/", 9_999)]
    async with place.watch("/big/") as old, place.watch("/new/") as new, place.watch("/big/00017") as one:
        moved = await place.objects.move("/big/", "/new")
        await place.objects.create("/new/after")
        await new.until_told("/new/after")
        await old.until_revision(moved.revision)
        await one.until_told("/new/00017")
    renamed = [name.replace("/big/", "/new/") for name in names]
    assert [event.name for event in new.events] == [*renamed, "/new/after"]
    assert [event.name for event in old.events] == renamed
    assert [event.attributes["from"] for event in old.events] == names
    assert {event.revision for event in old.events} == {moved.revision}
    assert in_short(one.events) == [("renamed", "/new/00017")]
    split = [message for message in old.messages if message.events]
    assert all(message.more_of_revision for message in split[:-1]) and not split[-1].more_of_revision
    # Whoever is cut in the middle of it goes on before it, never in it.
    assert {message.revision for message in split[:-1]} == {moved.revision - 1}
    again = await place.log("/big/0999", moved.revision - 1)
    assert [event.name for event in again] == renamed[9991:]


async def write_at_random(objects, number, rng, count):
    """One of several writers over few names."""
    for _ in range(count):
        name = f"/w/{rng.randrange(6)}"
        try:
            match rng.randrange(5):
                case 0:
                    await objects.create(name, b"x")
                case 1:
                    await objects.delete(name)
                case 2:
                    await objects.move(name, f"/w/{rng.randrange(6)}")
                case 3:
                    await objects.transact(success=[putting(f"/w/t{number}/{index}", b"t") for index in range(rng.randrange(1, 40))])
                case _:
                    await objects.put(name, str(number).encode())
        except grpc.RpcError as error:
            assert error.code() in (
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.ALREADY_EXISTS,
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.FAILED_PRECONDITION,
            ), error


async def test_what_many_write_is_told_to_all_alike_and_from_every_revision(place):
    rng = random.Random(7)
    before = await place.revision()
    watches = [place.watch("/w/", before) for _ in range(5)]
    for watch in watches:
        await watch.__aenter__()
    await asyncio.gather(*(write_at_random(place.objects, number, random.Random(number), 40) for number in range(8)))
    await place.objects.create("/w/end")
    for watch in watches:
        await watch.until_told("/w/end")
        await watch.__aexit__(None)
    log = [told(event) for event in watches[0].events]
    assert len(log) > 200
    assert all([told(event) for event in watch.events] == log for watch in watches)
    events = watches[0].events
    # From each revision there is, those between two events included.
    newest = await place.revision()
    for after in [before, *rng.sample(range(before, newest + 1), 40), newest - 1, newest]:
        rest = [told(event) for event in events if event.revision > after]
        assert [told(event) for event in await place.log("/w/", after)] == rest, f"from {after}"
    one = [told(event) for event in events if event.name.startswith("/w/3") or event.attributes["from"].startswith("/w/3")]
    assert [told(event) for event in await place.log("/w/3", before)] == one


async def test_list_then_watch_misses_nothing(place):
    """As the docs say to begin: with a writer that never pauses, the list and the watch make the store as it is."""
    stop = asyncio.Event()

    async def write():
        number = 0
        while not stop.is_set():
            number += 1
            await place.objects.put(f"/w/{number % 50}", str(number).encode())
            if number % 7 == 0:
                await place.objects.delete(f"/w/{number % 50}")

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    for _ in range(5):
        state, token, first = {}, "", 0
        while True:
            page = await place.objects.page("/w/", page_size=10, page_token=token)
            first = first or page.revision
            state |= {one.name: one.revision for one in page.objects}
            token = page.next_page_token
            if not token:
                break
        async with place.watch("/w/", first) as watch:
            await watch.until(lambda watch: len(watch.events) > 20, "changes came")
            upto = watch.revision
            for event in watch.events:
                if event.action == "deleted":
                    state.pop(event.name, None)
                else:
                    state[event.name] = event.revision
        stop.set()
        await writing
        # What came after the watch is known from the log.
        for event in await place.log("/w/", upto):
            if event.action == "deleted":
                state.pop(event.name, None)
            else:
                state[event.name] = event.revision
        names = {one.name: one.revision for one in (await place.objects.page("/w/", page_size=1000)).objects}
        assert state == names
        stop.clear()
        writing = asyncio.create_task(write())
    stop.set()
    await writing


# Where it begins and ends.


async def test_a_watch_from_now_is_synced_and_then_live(place):
    await place.objects.create("/w/before")
    async with place.watch("/w/") as watch:
        assert watch.events == [] and watch.messages[0].synced
        assert watch.revision == await place.revision()
        made = await place.objects.create("/w/after")
        await watch.until_told("/w/after")
    assert in_short(watch.events) == [("created", "/w/after")] and watch.events[0].revision == made.revision


async def test_what_was_kept_comes_before_synced_and_what_comes_after_it(place):
    first = await place.objects.create("/w/1")
    await place.objects.create("/w/2")
    async with place.watch("/w/", first.revision - 1) as watch:
        await place.objects.create("/w/3")
        await watch.until_told("/w/3")
    synced = next(index for index, message in enumerate(watch.messages) if message.synced)
    before = [event.name for message in watch.messages[: synced + 1] for event in message.events]
    after = [event.name for message in watch.messages[synced + 1 :] for event in message.events]
    assert (before, after) == (["/w/1", "/w/2"], ["/w/3"])


async def test_a_heartbeat_moves_the_bookmark_of_who_hears_nothing(place):
    async with place.watch("/quiet/") as watch:
        first = watch.revision
        last = (await place.objects.create("/loud")).revision
        await watch.until_revision(last)
    assert watch.events == [] and first < last
    assert not watch.messages[-1].synced
    async with place.watch("/", watch.revision) as again:
        assert again.events == []


async def test_what_is_no_longer_kept_is_refused_with_the_oldest(idle_system):
    client = await start_with(idle_system, EVENTS_KEPT="1000")
    async with grpc.aio.insecure_channel(idle_system.address, options=OWN) as channel:
        place = Place(idle_system, client, channel)
        await place.put_often(["/w/a"], 2200)
        with refused("REVISION_UNAVAILABLE") as refusal:
            await anext(aiter(stream_of(channel, client.metadata, request_of("/w/", 1))))
        oldest, newest = int(refusal.metadata["oldest"]), int(refusal.metadata["newest"])
        assert refusal.metadata["revision"] == "1" and newest - oldest >= 1000 and oldest > 1
        assert newest == await place.revision()
        kept = await place.log("/w/", oldest)
        assert [event.revision for event in kept] == list(range(oldest + 1, newest + 1))
        with refused("REVISION_UNAVAILABLE"):
            await place.log("/w/", oldest - 1)
        with refused("REVISION_UNAVAILABLE"):
            await place.log("/w/", newest + 1)
    await idle_system.close_clients()


# Many, and slow ones.


def resident_kib(pid):
    return next(int(line.split()[1]) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


async def test_a_thousand_idle_watchers_cost_little_and_all_hear_of_a_write(place, record_property):
    count, channels = 1000, [grpc.aio.insecure_channel(place.system.address, options=OWN) for _ in range(20)]
    daemon = place.system.daemon_pid()
    warm = place.watch("/w/")
    await warm.__aenter__()
    before = resident_kib(daemon)
    watches = [place.watch("/w/" if number % 2 else f"/w/{number}", 0, channel=channels[number % 20]) for number in range(count)]
    for watch in watches:
        await watch.until(lambda watch: watch.synced, "the watch is synced")
    each = (resident_kib(daemon) - before) / count
    record_property("kib_per_idle_watcher", round(each, 1))
    print(f"{each:.1f} KiB for each idle watcher")
    assert each < 64, f"{each:.1f} KiB for each idle watcher"
    await place.objects.transact(success=[creating(f"/w/{number}") for number in range(0, 100, 2)])
    hearing = [watch for number, watch in enumerate(watches) if number % 2 or number < 100]
    for watch in hearing:
        await watch.until(lambda watch: watch.events, "the write is heard of")
    assert all(len(watch.events) == 50 for number, watch in enumerate(watches) if number % 2)
    assert all(watches[number].events[0].name.startswith(f"/w/{number}") for number in range(0, 100, 2))
    assert not any(watch.events for number, watch in enumerate(watches) if number % 2 == 0 and number >= 100)
    for watch in watches:
        await watch.close()
    await warm.close()
    for channel in channels:
        await channel.close()


LONG = "/w/" + "/".join(["n" * 250] * 3) + "/"


async def test_a_slow_watcher_delays_nobody_and_loses_nothing(place):
    """It is given the log at its own pace."""
    before = await place.revision()
    async with grpc.aio.insecure_channel(place.system.address, options=NARROW) as channel:
        slow = stream_of(channel, place.client.metadata, request_of("/w/", before))
        first = await slow.read()
        assert first.synced
        async with place.watch("/w/", before) as quick:
            for _ in range(40):
                await place.fill(LONG, 100)
                last = await place.objects.delete(LONG, recursive=True)
            await quick.until_revision(last.revision)
        messages, reached = [first], 0
        while reached < last.revision:
            message = await asyncio.wait_for(slow.read(), 30)
            messages.append(message)
            reached = message.revision
        slow.cancel()
    check_order(messages, before)
    events = [told(event) for message in messages for event in message.events]
    assert len(events) == 40 * 200 and events == [told(event) for event in quick.events]


async def test_a_watcher_too_slow_for_what_is_kept_is_cut_with_its_revision(idle_system):
    client = await start_with(idle_system, EVENTS_KEPT="1000")
    async with (
        grpc.aio.insecure_channel(idle_system.address, options=OWN) as channel,
        grpc.aio.insecure_channel(idle_system.address, options=NARROW) as other,
    ):
        place = Place(idle_system, client, channel)
        before = await place.revision()
        slow = stream_of(other, client.metadata, request_of("/w/", before))
        first = await slow.read()
        assert first.synced
        names = [f"{LONG}{number}" for number in range(8)]
        async with place.watch("/w/", before) as quick:
            await place.put_often(names, 4500)
            await quick.until(lambda watch: len(watch.events) == 4500, "the quick one has it all")
        messages = [first]
        with refused("REVISION_UNAVAILABLE") as refusal:
            while True:
                message = await asyncio.wait_for(slow.read(), 30)
                assert message is not grpc.aio.EOF, await slow.code()
                messages.append(message)
                assert message.revision < quick.revision, "it was not slow enough"
        check_order(messages, before)
        got = [told(event) for message in messages for event in message.events]
        assert got == [told(event) for event in quick.events[: len(got)]] and len(got) < 4500
        # It is told how far it came, and where it can go on.
        assert int(refusal.metadata["revision"]) == messages[-1].revision
        oldest = int(refusal.metadata["oldest"])
        assert oldest > messages[-1].revision
        rest = [event for event in quick.events if event.revision > oldest]
        assert [told(event) for event in await place.log("/w/", oldest)] == [told(event) for event in rest]
    await idle_system.close_clients()


# Over the daemon's death.


async def test_a_watch_goes_on_over_killed_daemons_without_gap_or_double(place):
    before = await place.revision()
    stop, events, streams = asyncio.Event(), [], 0
    reached = before

    async def watch():
        nonlocal reached, streams
        while True:
            streams += 1
            held = []
            async with grpc.aio.insecure_channel(place.system.address, options=OWN) as channel:
                try:
                    async for message in stream_of(channel, place.client.metadata, request_of("/w/", reached)):
                        held += message.events
                        if not message.more_of_revision:
                            events.extend(held)
                            held, reached = [], message.revision
                except grpc.RpcError as error:
                    assert error.code() == grpc.StatusCode.UNAVAILABLE, error
            await asyncio.sleep(0.01)

    async def write(number):
        count = 0
        while not stop.is_set():
            count += 1
            try:
                changes = [putting(f"/w/{number}/{index}", str(count).encode()) for index in range(1 + count % 30)]
                await place.objects.transact(success=changes)
            except grpc.RpcError as error:
                assert error.code() == grpc.StatusCode.UNAVAILABLE, error
                await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    writing = [asyncio.create_task(write(number)) for number in range(4)]
    for _ in range(4):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(place.system.kill_daemon)
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.gather(*writing)
    async with asyncio.timeout(30):
        while reached < await place.revision():
            await place.objects.put("/w/end", b"")
            await asyncio.sleep(0.05)
    watching.cancel()
    log = [told(event) for event in await place.log("/w/", before)]
    assert streams >= 5 and len(log) > 100
    assert [told(event) for event in events] == log[: len(events)]
    assert len(events) >= sum('"/w/end"' not in one for one in log)
