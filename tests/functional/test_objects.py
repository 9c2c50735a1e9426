"""Objects: names, contents, versions, preconditions, transactions, folders, lists, and what is refused."""

import asyncio
import hashlib
import time

import grpc
import pytest
from expectations import refused, until
from objects_api import (
    Change,
    compared,
    crc32c,
    creating,
    deleting,
    getting,
    objects_of,
    putting,
    when,
)

KIB = 1024


@pytest.fixture
async def objects(system):
    async with objects_of(system) as objects:
        yield objects


# What an object is.


async def test_an_object_is_made_and_read_back(objects):
    made = await objects.create("/config/app.json", b'{"port": 8080}', content_type="application/json", metadata={"type": "config"})
    assert made.id.startswith("obj_") and len(made.id) == 17
    assert made.name == "/config/app.json"
    assert made.size_bytes == 14
    assert made.sha256 == hashlib.sha256(b'{"port": 8080}').hexdigest()
    assert made.crc32c == crc32c(b'{"port": 8080}')
    assert made.content_type == "application/json"
    assert dict(made.metadata) == {"type": "config"}
    assert made.owner == "admin"
    assert made.generation == made.revision == made.create_revision > 0
    assert made.metageneration == 1
    assert made.data == b""
    assert not made.HasField("expire_time") and not made.HasField("retire_time") and not made.folder
    assert made.create_time == made.update_time
    assert abs(made.create_time.seconds - time.time()) < 60
    for reference in ("/config/app.json", "config/app.json", made.id):
        assert await objects.get(reference) == made
        assert await objects.data(reference) == b'{"port": 8080}'


async def test_every_byte_and_the_empty_content(objects):
    everything = bytes(range(256)) * 256  # 64 KiB: the most that lies in the row
    await objects.create("/all", everything)
    assert await objects.data("/all") == everything
    assert (await objects.read("/all"))[2] == everything
    empty = await objects.create("/none")
    assert (empty.size_bytes, empty.crc32c) == (0, 0)
    assert empty.sha256 == hashlib.sha256(b"").hexdigest()
    described, begin, data = await objects.read("/none")
    assert (described.id, begin, data) == (empty.id, 0, b"")


async def test_a_content_beyond_what_one_call_takes_is_refused(objects):
    with refused("FIELD_INVALID", fields=["data"]) as refusal:
        await objects.create("/large", b"x" * (64 * KIB + 1))
    assert "StartUpload" in refusal.message
    with refused("FIELD_INVALID", fields=["data"]):
        await objects.put("/large", b"x" * (64 * KIB + 1))


async def test_config_is_there_from_the_first_start(system, objects):
    found = await objects.page("/")
    assert "/config/" in [one.name for one in found.objects]
    assert (await objects.get("/config")).folder
    # Who deletes it meant it.
    await objects.delete("/config", recursive=True)
    await objects.create("/other")
    system.kill_daemon()
    await until(lambda: answers(objects), "the daemon is back")
    assert "/config/" not in await objects.list("/")


async def answers(objects):
    try:
        await objects.get("/")
    except grpc.aio.AioRpcError:
        return False
    return True


async def test_an_id_can_be_wished(objects):
    made = await objects.create("config.json", b"1", object_id="obj_123")
    assert made.id == "obj_123" and made.name == "/config.json"
    assert await objects.data("obj_123") == b"1"
    with refused("ID_TAKEN"):
        await objects.create("/other", object_id="obj_123")
    await objects.delete("obj_123")
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("obj_123")


@pytest.mark.parametrize("wished", ["123", "obj_", "obj_A", "obj_" + "0" * 13, "obj_" + "a" * 33, "obj_a/b", "obj_ä", "proc_1"])
async def test_what_is_no_id(objects, wished):
    with refused("FIELD_INVALID", fields=["object_id"]):
        await objects.create("/x", object_id=wished)


async def test_ids_ascend_in_the_order_of_creation(objects):
    ids = [(await objects.create(f"/o{i}")).id for i in range(20)]
    assert ids == sorted(ids)
    batch = await objects.transact(success=[creating(f"/t{i}") for i in range(20)])
    later = [one.id for one in batch.objects]
    assert ids[-1] < later[0] and later == sorted(later) and len(set(later)) == 20


# Names.


BAD_NAMES = [
    "",
    "/",
    "//",
    "/a//b",
    "a//b",
    "/.",
    "/..",
    "/a/../b",
    "/a/./b",
    "../a",
    "/a/..",
    "/a\nb",
    "/a\0b",
    "/a\x1bb",
    "/a\x7fb",
    "/a\u0085b",
    "/" + "a" * 256,
    "/" + "/".join(["a" * 200] * 5) + "/" + "b" * 20,
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=[repr(name)[:20] for name in BAD_NAMES])
async def test_bad_names_are_refused_by_each_call(objects, name):
    with refused("FIELD_INVALID", fields=["object.name"]):
        await objects.create(name)
    with refused("FIELD_INVALID", fields=["object.name"]):
        await objects.put(name)
    with refused("FIELD_INVALID", fields=["object.name"]):
        await objects.update(name)
    with refused("FIELD_INVALID", fields=["name"]):
        await objects.delete(name)
    with refused("FIELD_INVALID", fields=["name"]):
        await objects.undelete(name)
    with refused("FIELD_INVALID", fields=["name"]):
        await objects.mkdir(name)
    if name not in ("", "/"):  # the root is a folder
        with refused("FIELD_INVALID", fields=["name"]):
            await objects.get(name)
        with refused("FIELD_INVALID", fields=["name"]):
            await objects.read(name)
        with refused("FIELD_INVALID", fields=["destination"]):
            await objects.move("/x", name)
        with refused("FIELD_INVALID", fields=["destination"]):
            await objects.copy("/x", name)


@pytest.mark.parametrize(
    "raw",
    [b"/\xc0\xaf", b"/\xe0\x80\xaf", b"/\xc1\x81", b"/\xed\xa0\x80", b"/\xf5\x80\x80\x80", b"/\xff", b"/a\x80"],
    ids=["overlong-slash", "overlong-3", "overlong-A", "surrogate", "beyond", "ff", "alone"],
)
async def test_names_that_are_no_utf8_are_refused(system, client, raw):
    # By hand, since no protobuf library would send it.
    inner = b"\x12" + bytes([len(raw)]) + raw
    request = b"\x0a" + bytes([len(inner)]) + inner
    async with grpc.aio.insecure_channel(system.address) as channel:
        call = channel.unary_unary("/grpc_os.v1.FilesystemService/CreateObject")
        with refused("FIELD_INVALID", fields=["request"]):
            await call(request, metadata=client.metadata, timeout=30)
    async with objects_of(system) as objects:
        assert await objects.list("/", recursive=True) == ["/config/"]


async def test_names_of_the_longest_kind(objects):
    longest = "/" + "/".join(["a" * 204] * 5)
    assert len(longest) == 1025
    with refused("FIELD_INVALID", fields=["object.name"]) as refusal:
        await objects.create(longest)
    assert "1024" in refusal.message
    name = longest[:-1]
    assert (await objects.create(name, b"x")).name == name
    assert await objects.data(name) == b"x"


async def test_names_hold_whatever_else(objects):
    names = ["/ leading", "/ä/ö", "/日本", "/a b/c'd\"e", "/%2e%2e", "/...", "/-rf", "/*", "/a@7", "/🦊", "/a\u202eb"]
    for name in names:
        await objects.create(name, name.encode())
    for name in names:
        assert await objects.data(name) == name.encode()
    listed = await objects.list("/", recursive=True)
    assert listed == sorted([*names, "/config/"], key=str.encode)


async def test_what_looks_like_an_id_in_the_root_is_a_name_with_its_slash(objects):
    with refused("FIELD_INVALID", fields=["object.name"]):
        await objects.create("obj_x")
    made = await objects.create("/obj_x", b"name")
    await objects.create("/other", b"id", object_id="obj_x")
    assert await objects.data("obj_x") == b"id"
    assert await objects.data("/obj_x") == b"name"
    assert made.name == "/obj_x"


async def test_a_name_is_taken_once(objects):
    await objects.create("/a", b"1")
    with refused("NAME_TAKEN"):
        await objects.create("/a", b"2")
    assert await objects.data("/a") == b"1"


async def test_of_many_creators_of_one_name_one_wins(objects):
    async def attempt(i):
        try:
            return (await objects.create("/race", str(i).encode())).generation
        except grpc.aio.AioRpcError as error:
            assert error.code() == grpc.StatusCode.ALREADY_EXISTS
            return None

    won = [one for one in await asyncio.gather(*(attempt(i) for i in range(50))) if one]
    assert len(won) == 1


# Folders.


async def test_a_folder_is_implied_by_what_lies_in_it(objects):
    await objects.create("/a/b/c", b"x")
    assert await objects.list("/") == ["/a/", "/config/", "/domains/", "/proc/", "/sys/"]
    assert await objects.list("/a") == ["/a/b/"]
    assert await objects.list("a/b/") == ["/a/b/c"]
    folder = await objects.get("/a/b")
    assert folder.folder and folder.name == "/a/b/" and folder.generation == 0 and folder.id == ""
    await objects.delete("/a/b/c")
    assert "/a/" not in await objects.list("/")
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/a")


async def test_a_folder_that_was_made_stays_until_it_is_deleted(objects):
    made = await objects.mkdir("/made")
    assert made.folder and made.name == "/made/" and made.generation > 0
    assert (await objects.mkdir("/made/")).id == made.id
    await objects.create("/made/x")
    with refused("FOLDER_NOT_EMPTY"):
        await objects.delete("/made")
    await objects.delete("/made/x")
    assert "/made/" in await objects.list("/")
    assert (await objects.delete("/made")).deleted_count == 1
    assert "/made/" not in await objects.list("/")


async def test_nothing_lies_below_an_object_nor_is_a_folder_an_object(objects):
    await objects.create("/file", b"x")
    for attempt in (
        objects.create("/file/below"),
        objects.put("/file/below"),
        objects.mkdir("/file/below"),
        objects.copy("/file", "/file/below"),
    ):
        with refused("NOT_A_FOLDER"):
            await attempt
    with refused("NAME_TAKEN"):
        await objects.mkdir("/file")
    await objects.create("/folder/x")
    for attempt in (objects.create("/folder"), objects.put("/folder"), objects.put("/folder/")):
        with refused("IS_A_FOLDER"):
            await attempt
    with refused("IS_A_FOLDER"):
        await objects.read("/folder")


async def test_folders_are_listed_by_page_in_the_order_of_bytes(objects):
    names = [f"/p/{name}" for name in ("B", "a!b", "a/1", "a/2", "a/3", "a0", "b/1", "z", "ä", "日")]
    await objects.transact(success=[creating(name) for name in names])
    expected = ["/p/B", "/p/a!b", "/p/a/", "/p/a0", "/p/b/", "/p/z", "/p/ä", "/p/日"]
    taken = await objects.list("/p")
    assert taken == expected
    for size in (1, 2, 3, 7, 1000):
        assert await objects.list("/p", page_size=size) == taken
        assert await objects.list("/p/", page_size=size, recursive=True) == sorted(
            set(await objects.list("/p/", recursive=True)), key=str.encode
        )


async def test_a_recursive_list_takes_any_beginning_of_names(objects):
    await objects.transact(success=[creating(name) for name in ("/log-1", "/log/2", "/logs/3", "/lo")])
    assert await objects.list("/log", recursive=True) == ["/log-1", "/log/2", "/logs/3"]
    assert await objects.list("/log/", recursive=True) == ["/log/2"]
    assert await objects.list("log", recursive=True) == ["/log-1", "/log/2", "/logs/3"]


async def test_a_page_token_is_of_its_list(objects):
    await objects.transact(success=[creating(f"/p/{i}") for i in range(5)])
    page = await objects.page("/p", page_size=2)
    with refused("PAGE_TOKEN_INVALID"):
        await objects.page("/", page_size=2, page_token=page.next_page_token)
    with refused("PAGE_TOKEN_INVALID"):
        await objects.page("/p", page_token="nonsense")
    with refused("FIELD_INVALID", fields=["page_size"]):
        await objects.page("/p", page_size=-1)
    assert page.revision == (await objects.get("/p/0")).revision


async def test_a_hundred_thousand_names_are_listed_by_page(objects):
    async def batch(k):
        await objects.transact(success=[creating(f"/many/{k:04}/{i:03}") for i in range(125)])

    for first in range(0, 800, 50):
        await asyncio.gather(*(batch(k) for k in range(first, first + 50)))
    listed = await objects.list("/many/", recursive=True, page_size=1000)
    assert listed == [f"/many/{k:04}/{i:03}" for k in range(800) for i in range(125)]
    assert await objects.list("/many", page_size=1000) == [f"/many/{k:04}/" for k in range(800)]
    assert await objects.measure("/many/") == (100_000, 0, 0, 0)
    with refused("LIMIT_REACHED"):
        await objects.delete("/many", recursive=True)
    with refused("LIMIT_REACHED"):
        await objects.move("/many", "/much")


async def test_a_folder_of_ten_thousand_is_renamed_in_one_revision(objects):
    async def batch(k):
        await objects.transact(success=[creating(f"/big/{k:03}/{i:03}", b"x") for i in range(125)])

    await asyncio.gather(*(batch(k) for k in range(80)))
    before = (await objects.page("/big/000")).objects[7]
    moved = await objects.move("/big", "/renamed/deep")
    assert moved.name == "/renamed/deep/" and moved.folder
    assert await objects.list("/big/", recursive=True) == []
    assert len(await objects.list("/renamed/deep/", recursive=True, page_size=1000)) == 10_000
    after = await objects.get("/renamed/deep/000/007")
    assert (after.id, after.generation, after.create_revision) == (before.id, before.generation, before.create_revision)
    assert after.revision == (await objects.get("/renamed/deep/079/124")).revision > before.revision
    assert (await objects.get(before.id)).name == "/renamed/deep/000/007"
    gone = await objects.delete("/renamed", recursive=True)
    assert gone.deleted_count == 10_000
    assert await objects.list("/renamed/", recursive=True) == []


# Moves and copies.


async def test_an_object_moves_with_its_id_and_versions(objects):
    first = await objects.create("/a", b"1")
    second = await objects.put("/a", b"2")
    moved = await objects.move("/a", "/dir/b")
    assert (moved.id, moved.generation, moved.name) == (first.id, second.generation, "/dir/b")
    for name in ("/dir/b", "/a", first.id):
        assert await objects.data(name, generation=first.generation) == b"1"
    assert [one.generation for one in await objects.versions("/dir/b")] == [second.generation, first.generation]
    assert [one.generation for one in await objects.versions("/a")] == [first.generation]
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/a")
    # Into a folder: with its own last name.
    assert (await objects.move("/dir/b", "/config/")).name == "/config/b"
    assert (await objects.move("/config/b", "/")).name == "/b"


async def test_moves_that_cannot_be(objects):
    await objects.create("/a/x", b"1")
    await objects.create("/b/y", b"2")
    with refused("NAME_TAKEN"):
        await objects.move("/a/x", "/b/y")
    with refused("OBJECT_NOT_FOUND"):
        await objects.move("/nothing", "/n")
    with refused("NOT_A_FOLDER"):
        await objects.move("/a/x", "/b/y/z")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await objects.move("/a", "/a/b/c")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert await objects.list("/", recursive=True) == ["/a/x", "/b/y", "/config/"]


async def test_a_copy_is_an_object_of_its_own(objects):
    made = await objects.create("/a", b"one", content_type="text/plain", metadata={"k": "v"})
    await objects.put("/a", b"two")
    copied = await objects.copy("/a", "/b")
    assert copied.id != made.id and copied.content_type == "text/plain" and dict(copied.metadata) == {"k": "v"}
    assert await objects.data("/b") == b"two"
    old = await objects.copy("/a", "/c", generation=made.generation)
    assert await objects.data(old.id) == b"one"
    with refused("NAME_TAKEN"):
        await objects.copy("/a", "/b")
    with refused("OBJECT_NOT_FOUND"):
        await objects.copy("/a", "/d", generation=9_999_999)
    over = await objects.copy("/c", "/b", preconditions=when(generation_match=copied.generation))
    assert over.id == copied.id and await objects.data("/b") == b"one"


# Versions.


async def test_versions_are_kept_and_read(objects):
    generations = [(await objects.put("/v", f"content {i}".encode())).generation for i in range(5)]
    found = await objects.versions("/v")
    assert [one.generation for one in found] == generations[::-1]
    assert [one.HasField("retire_time") for one in found] == [False, True, True, True, True]
    for i, generation in enumerate(generations):
        assert await objects.data("/v", generation=generation) == f"content {i}".encode()
        assert (await objects.read("/v", generation=generation))[2] == f"content {i}".encode()
    assert [one.generation for one in await objects.versions("/v", page_size=2)] == generations[::-1]
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/v", generation=generations[-1] + 1000)


async def test_a_hundred_versions_are_kept(objects):
    for i in range(105):
        await objects.put("/v", str(i).encode())
    found = await objects.versions("/v")
    assert len(found) == 101
    assert await objects.data("/v", generation=found[-1].generation) == b"4"


async def test_what_was_deleted_comes_back(objects):
    made = await objects.create("/d", b"kept", metadata={"k": "v"})
    deleted = await objects.delete("/d")
    assert deleted.deleted_count == 1 and deleted.revision > made.revision
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/d")
    [version] = await objects.versions("/d")
    assert version.deleted and version.generation == made.generation and version.HasField("retire_time")
    back = await objects.undelete("/d")
    assert back.id == made.id and back.generation > deleted.revision and dict(back.metadata) == {"k": "v"}
    assert await objects.data("/d") == b"kept"
    with refused("OBJECT_NOT_FOUND"):
        await objects.undelete("/never")
    await objects.delete("/d")
    await objects.create("/d", b"new")
    with refused("NAME_TAKEN"):
        await objects.undelete("/d")


async def test_a_purge_leaves_no_version(objects):
    made = await objects.create("/secret", b"1")
    await objects.put("/secret", b"2")
    await objects.delete("/secret", purge=True)
    assert await objects.versions("/secret") == []
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/secret", generation=made.generation)
    with refused("OBJECT_NOT_FOUND"):
        await objects.undelete("/secret")
    # What was deleted before, too.
    await objects.create("/late", b"1")
    await objects.delete("/late")
    await objects.delete("/late", purge=True)
    assert await objects.versions("/late") == []


async def test_metadata_changes_without_a_new_content(objects):
    made = await objects.create("/m", b"x", content_type="text/plain", metadata={"a": "1"})
    changed = await objects.update("/m", ["metadata"], metadata={"b": "2"})
    assert changed.generation == made.generation and changed.metageneration == 2
    assert dict(changed.metadata) == {"b": "2"} and changed.content_type == "text/plain"
    cleared = await objects.update("/m", ["content_type", "metadata"])
    assert cleared.content_type == "application/octet-stream" and not cleared.metadata
    assert cleared.metageneration == 3
    assert (await objects.put("/m", b"y")).metageneration == 1
    with refused("FIELD_INVALID", fields=["update_mask"]):
        await objects.update("/m", ["data"])
    with refused("OBJECT_NOT_FOUND"):
        await objects.update("/nothing")


async def test_a_put_leaves_what_it_does_not_give(objects):
    await objects.create("/p", b"1", content_type="text/plain", metadata={"a": "1"})
    changed = await objects.put("/p", b"2")
    assert changed.content_type == "text/plain" and dict(changed.metadata) == {"a": "1"}
    changed = await objects.put("/p", b"3", content_type="text/css", metadata={"b": "2"})
    assert changed.content_type == "text/css" and dict(changed.metadata) == {"b": "2"}


@pytest.mark.parametrize(
    "fields",
    [
        {"content_type": "no type"},
        {"content_type": "text/plain\r\nX: y"},
        {"metadata": {"": "x"}},
        {"metadata": {"k" * 1025: "x"}},
        {"metadata": {"k": "v" * 4097}},
        {"metadata": {f"k{i}": "v" * 4000 for i in range(3)}},
    ],
    ids=["type", "header", "no-key", "long-key", "long-value", "too-much"],
)
async def test_bad_metadata(objects, fields):
    with refused("FIELD_INVALID", fields=["object." + next(iter(fields))]):
        await objects.create("/m", **fields)


# Checksums.


async def test_a_wrong_checksum_stores_nothing(objects):
    with refused("CHECKSUM_MISMATCH"):
        await objects.create("/c", b"abc", crc=crc32c(b"abd"))
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/c")
    await objects.create("/c", b"abc", crc=crc32c(b"abc"))
    with refused("CHECKSUM_MISMATCH"):
        await objects.put("/c", b"abc", crc=0)
    assert await objects.data("/c") == b"abc"


# Ranges.


async def test_parts_are_read(objects):
    await objects.create("/r", b"0123456789")
    for offset, limit, expected in (
        (0, 0, b"0123456789"),
        (3, 0, b"3456789"),
        (3, 2, b"34"),
        (10, 0, b""),
        (9, 100, b"9"),
        (-3, 0, b"789"),
        (-3, 1, b"7"),
        (-100, 2, b"01"),
        (0, 2**62, b"0123456789"),
    ):
        described, begin, data = await objects.read("/r", offset=offset, limit_bytes=limit)
        assert data == expected, (offset, limit)
        assert described.size_bytes == 10
        assert begin == (max(10 + offset, 0) if offset < 0 else offset)
    with refused("OFFSET_OUT_OF_RANGE"):
        await objects.read("/r", offset=11)
    with refused("FIELD_INVALID", fields=["limit_bytes"]):
        await objects.read("/r", limit_bytes=-1)


# Preconditions.


async def test_preconditions_on_each_call(objects):
    made = await objects.create("/p", b"1")
    wrong, right = when(generation_match=made.generation + 1), when(generation_match=made.generation)
    for attempt in (
        lambda: objects.put("/p", b"2", preconditions=wrong),
        lambda: objects.get("/p", preconditions=wrong),
        lambda: objects.read("/p", preconditions=wrong),
        lambda: objects.update("/p", ["metadata"], preconditions=wrong),
        lambda: objects.delete("/p", preconditions=wrong),
        lambda: objects.move("/p", "/q", preconditions=wrong),
    ):
        with refused("PRECONDITION_FAILED") as refusal:
            await attempt()
        assert refusal.metadata["name"] == "/p"
        assert refusal.metadata["generation"] == str(made.generation)
    assert await objects.get("/p", preconditions=right) == made
    assert (await objects.read("/p", preconditions=right))[2] == b"1"
    assert (await objects.update("/p", ["metadata"], preconditions=right)).metageneration == 2
    with refused("PRECONDITION_FAILED"):
        await objects.put("/p", b"2", preconditions=when(metageneration_match=1))
    second = await objects.put("/p", b"2", preconditions=when(generation_match=made.generation, metageneration_match=2))
    with refused("PRECONDITION_FAILED"):
        await objects.put("/p", b"3", preconditions=when(generation_not_match=second.generation))
    with refused("PRECONDITION_FAILED"):
        await objects.put("/p", b"3", preconditions=when(metageneration_not_match=1))
    assert await objects.data("/p") == b"2"
    await objects.delete("/p", preconditions=when(generation_match=second.generation))


async def test_zero_means_there_is_none(objects):
    none, some = when(generation_match=0), when(generation_not_match=0)
    with refused("PRECONDITION_FAILED"):
        await objects.put("/z", b"1", preconditions=some)
    await objects.put("/z", b"1", preconditions=none)
    with refused("PRECONDITION_FAILED"):
        await objects.put("/z", b"2", preconditions=none)
    await objects.put("/z", b"2", preconditions=some)
    assert await objects.data("/z") == b"2"
    with refused("FIELD_INVALID", fields=["preconditions.if_generation_match"]):
        await objects.put("/z", b"3", preconditions=when(generation_match=-1))


async def test_of_two_writers_with_one_generation_one_wins(objects):
    made = await objects.create("/counter", b"0")

    async def attempt(i):
        try:
            return await objects.put("/counter", str(i).encode(), preconditions=when(generation_match=made.generation))
        except grpc.aio.AioRpcError as error:
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
            return None

    won = [one for one in await asyncio.gather(*(attempt(i) for i in range(50))) if one]
    assert len(won) == 1
    assert (await objects.get("/counter")).generation == won[0].generation


async def test_a_counter_by_compare_and_set_loses_nothing(objects):
    await objects.create("/counter", b"0")

    async def count():
        for _ in range(10):
            while True:
                now = await objects.get("/counter", include_data=True)
                try:
                    await objects.put(
                        "/counter", str(int(now.data) + 1).encode(), preconditions=when(generation_match=now.generation)
                    )
                    break
                except grpc.aio.AioRpcError as error:
                    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION

    await asyncio.gather(*(count() for _ in range(8)))
    assert await objects.data("/counter") == b"80"


# Transactions.


async def test_a_transaction_compares_and_changes_in_one_revision(objects):
    a = await objects.create("/a", b"1")
    done = await objects.transact(
        compare=[compared("/a", generation_match=a.generation), compared("/b", generation_match=0)],
        success=[putting("/a", b"2"), creating("/b", b"new"), getting("/a")],
        failure=[getting("/a")],
    )
    assert done.succeeded and [one.name for one in done.objects] == ["/a", "/b", "/a"]
    assert {one.revision for one in done.objects[:2]} == {done.revision}
    again = await objects.transact(
        compare=[compared("/a", generation_match=a.generation)],
        success=[deleting("/a")],
        failure=[getting("/a", include_data=True)],
    )
    assert not again.succeeded and again.objects[0].data == b"2"
    by_content = await objects.transact(
        compare=[compared("/a", sha256=hashlib.sha256(b"2").hexdigest())], success=[deleting("/a"), deleting("/b")]
    )
    assert by_content.succeeded and by_content.objects[1].name == "/b"
    assert await objects.list("/", recursive=True) == ["/config/"]


async def test_a_refused_change_takes_the_whole_transaction_back(objects):
    await objects.create("/there", b"1")
    with refused("NAME_TAKEN") as refusal:
        await objects.transact(success=[creating("/x"), putting("/there", b"2"), creating("/there")])
    assert refusal.metadata["index"] == "2" or refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert await objects.data("/there") == b"1"
    with refused("OBJECT_NOT_FOUND") as refusal:
        await objects.transact(success=[creating("/x"), deleting("/nothing")])
    assert refusal.metadata["index"] == "1"
    with refused("PRECONDITION_FAILED"):
        await objects.transact(success=[creating("/x"), putting("/there", b"2", preconditions=when(generation_match=0))])
    assert await objects.list("/", recursive=True) == ["/config/", "/there"]


async def test_transactions_that_are_no_good(objects):
    with refused("FIELD_INVALID", fields=["success"]):
        await objects.transact()
    with refused("FIELD_INVALID", fields=["success"]):
        await objects.transact(success=[creating(f"/{i}") for i in range(129)])
    with refused("FIELD_INVALID", fields=["compare"]):
        await objects.transact(compare=[compared(f"/{i}") for i in range(129)])
    with refused("FIELD_INVALID", fields=["success[1].change"]):
        await objects.transact(success=[creating("/a"), Change()])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await objects.transact(success=[putting("/a", b"1"), putting("/a", b"2")])
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with refused("FIELD_INVALID", fields=["success[0].create.object.name", "failure[0].delete.name"]):
        await objects.transact(success=[creating("/../x")], failure=[deleting("//")])
    assert await objects.list("/", recursive=True) == ["/config/"]
    full = await objects.transact(success=[creating(f"/{i}") for i in range(128)])
    assert len(full.objects) == 128


async def test_transactions_move_money_without_losing_any(objects):
    for name in ("/a", "/b", "/c"):
        await objects.create(name, b"100")

    async def transfer(source, target):
        for _ in range(5):
            while True:
                one = await objects.get(source, include_data=True)
                other = await objects.get(target, include_data=True)
                done = await objects.transact(
                    compare=[compared(o.name, generation_match=o.generation) for o in (one, other)],
                    success=[
                        putting(source, str(int(one.data) - 1).encode()),
                        putting(target, str(int(other.data) + 1).encode()),
                    ],
                )
                if done.succeeded:
                    break

    pairs = [("/a", "/b"), ("/b", "/c"), ("/c", "/a"), ("/b", "/a")]
    await asyncio.gather(*(transfer(*pair) for pair in pairs))
    held = [int(await objects.data(name)) for name in ("/a", "/b", "/c")]
    assert held == [105, 95, 100]


# Repeats.


async def test_each_change_is_carried_out_once(objects):
    made = await objects.create("/a", b"1", request_id="r1")
    assert await objects.create("/a", b"1", request_id="r1") == made
    put = await objects.put("/a", b"2", request_id="r2")
    assert (await objects.put("/a", b"2", request_id="r2")).generation == put.generation
    assert (await objects.put("/a", b"2", request_id="r3")).generation > put.generation
    with refused("REQUEST_ID_REUSED"):
        await objects.put("/a", b"3", request_id="r3")
    updated = await objects.update("/a", ["metadata"], metadata={"k": "v"}, request_id="r4")
    assert (await objects.update("/a", ["metadata"], metadata={"k": "v"}, request_id="r4")).metageneration == updated.metageneration
    moved = await objects.move("/a", "/b", request_id="r5")
    assert (await objects.move("/a", "/b", request_id="r5")).revision == moved.revision
    copied = await objects.copy("/b", "/c", request_id="r6")
    assert (await objects.copy("/b", "/c", request_id="r6")).id == copied.id
    folder = await objects.mkdir("/f", request_id="r7")
    assert (await objects.mkdir("/f", request_id="r7")).id == folder.id
    done = await objects.transact(success=[creating("/t1"), deleting("/c")], request_id="r8")
    again = await objects.transact(success=[creating("/t1"), deleting("/c")], request_id="r8")
    assert again.succeeded and again.revision == done.revision and again.objects[0].id == done.objects[0].id
    gone = await objects.delete("/b", request_id="r9")
    assert await objects.delete("/b", request_id="r9") == gone
    back = await objects.undelete("/b", request_id="r10")
    assert (await objects.undelete("/b", request_id="r10")).generation == back.generation


async def test_repeats_over_the_death_of_the_daemon(system, objects):
    made = await objects.create("/a", b"1", request_id="r1")
    gone = await objects.delete("/a", request_id="r2")
    system.kill_daemon()
    await until(lambda: answers(objects), "the daemon is back")
    assert await objects.delete("/a", request_id="r2") == gone
    with refused("OBJECT_NOT_FOUND"):
        await objects.create("/a", b"1", request_id="r1")  # as it is now: deleted
    [version] = await objects.versions("/a")
    assert version.generation == made.generation


async def test_what_was_answered_is_there_after_kill_9(system, objects):
    made = {}
    for round_number in range(3):
        for i in range(30):
            one = await objects.put(f"/k/{i}", f"{round_number}-{i}".encode())
            made[one.name] = one
        system.kill_daemon()
        await until(lambda: answers(objects), "the daemon is back")
        for name, one in made.items():
            assert await objects.get(name) == one
            assert await objects.data(name) == f"{round_number}-{name[3:]}".encode()


# Expiry.


async def test_an_object_expires(objects):
    soon = time.time() + 1.5
    made = await objects.create("/e", b"x", expire_time=stamp(soon))
    assert made.expire_time.seconds == int(soon)
    stays = await objects.create("/stays", b"x", expire_time=stamp(soon + 3600))

    async def gone():
        try:
            await objects.get("/e")
            return False
        except grpc.aio.AioRpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND
            return True

    await until(gone, "/e has expired")
    assert "/e" not in await objects.list("/")

    async def swept():
        return [one.deleted for one in await objects.versions("/e")] == [True]

    await until(swept, "it is among the versions")
    assert await objects.get("/stays") == stays
    back = await objects.undelete("/e")
    assert not back.HasField("expire_time")
    with refused("FIELD_INVALID", fields=["object.expire_time"]):
        await objects.create("/past", expire_time=stamp(time.time() - 10))
    kept = await objects.update("/stays", ["expire_time"])
    assert not kept.HasField("expire_time")


def stamp(seconds):
    from google.protobuf.timestamp_pb2 import Timestamp

    return Timestamp(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


# Usage.


async def test_usage_is_measured(objects):
    await objects.create("/u/a", b"x" * 100)
    await objects.put("/u/a", b"x" * 10)
    await objects.create("/u/b/c", b"x" * 5)
    assert await objects.measure("/u/") == (2, 15, 1, 100)
    await objects.delete("/u/a")
    assert await objects.measure("/u/") == (1, 5, 2, 110)
    assert await objects.measure("/nothing/") == (0, 0, 0, 0)
