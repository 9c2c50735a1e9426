"""Objects: what is sent, and what happens to contents that are cut short or damaged on the way."""

import asyncio
import datetime
import io
import os
import stat

import grpc
import pytest
from grpc_os import Condition, GrpcOSClient, GrpcOSError
from grpc_os.v1 import event_services_pb2
from grpc_os.v1 import filesystem_services_pb2 as pb

CONTENT = bytes(range(256)) * 20
LARGE = os.urandom(3_500_000)


async def test_an_object_is_created_and_read(client, daemon):
    made = await client.create_object("config.json", b"{}", {"type": "config"}, content_type="application/json", object_id="obj_1")
    assert (made.name, made.size, made.metadata, made.content_type) == ("/config.json", 2, {"type": "config"}, "application/json")
    assert made.generation > 0 and made.expire_time is None and not made.folder and not made.deleted
    assert daemon.last.object_id == "obj_1"
    assert (await client.get_object("config.json", include_data=True)).data == b"{}"
    content = await client.read_object(made.id)
    assert content == b"{}" and isinstance(content, bytes) and content.object.name == "/config.json"


async def test_expiries(client, daemon):
    at = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
    assert (await client.create_object("a", expires=at)).expire_time == at
    await client.put_object("b", b"", expires=datetime.timedelta(hours=1))
    assert daemon.last.object.ttl.ToTimedelta() == datetime.timedelta(hours=1)
    assert not daemon.last.object.HasField("expire_time"), "the daemon's clock counts"
    with pytest.raises(ValueError, match="time zone"):
        await client.put_object("c", b"", expires=datetime.datetime(2030, 1, 1))


async def test_conditions_are_sent_as_given(client, daemon):
    await client.put_object("a", b"x", condition=Condition(generation=0, metageneration=3))
    sent = daemon.last.preconditions
    assert sent.HasField("if_generation_match") and sent.if_generation_match == 0 and sent.if_metageneration_match == 3
    assert not sent.HasField("if_generation_not_match")
    await client.put_object("a", b"x")
    assert not daemon.last.HasField("preconditions")


async def test_an_update_names_what_is_given(client, daemon):
    await client.update_object("a", metadata={}, expires="never")
    assert list(daemon.last.update_mask.paths) == ["metadata", "expire_time"] and not daemon.last.object.HasField("expire_time")
    await client.update_object("a")
    assert not daemon.last.HasField("update_mask")


async def test_the_other_changes(client, daemon):
    assert await client.delete_object("d", recursive=True, purge=True) == 7
    assert daemon.last.recursive and daemon.last.purge
    await client.copy_object("a", "b", generation=5, condition=Condition(generation=0))
    assert (daemon.last.destination, daemon.last.generation) == ("b", 5)
    await client.move_object("a", "b")
    await client.undelete_object("a", generation=6)
    assert daemon.last.generation == 6
    transaction = pb.TransactObjectsRequest(success=[{"put": {"object": {"name": "a"}}}])
    assert (await client.transact_objects(transaction)).succeeded


async def test_lists_and_sums_of_several_pages(client, daemon):
    for name in ("d/a", "d/b", "d/c", "e"):
        await client.create_object(name)
    assert [o.name async for o in client.list_objects("/d/", recursive=True)] == ["/d/a", "/d/b", "/d/c"]
    assert not daemon.requests[-1].deleted
    assert [o.name async for o in client.list_objects("/d/", recursive=True, deleted=True)] == ["/d/a", "/d/b", "/d/c"]
    assert daemon.requests[-1].deleted and daemon.requests[-1].page_token == "2"
    await client.list_objects_page("/d/", deleted=True)
    assert daemon.requests[-1].deleted and not daemon.requests[-1].recursive
    assert [o.generation async for o in client.list_versions("a")] == [2, 1]
    sums = await client.measure_objects("/")
    assert (sums.objects, sums.bytes, sums.versions, sums.version_bytes) == (4, 20, 2, 6)


async def test_quotas_and_checks(client):
    quota = await client.set_quota("/logs/", max_bytes=1 << 30)
    assert (quota.prefix, quota.max_bytes, quota.max_objects) == ("/logs/", 1 << 30, 0)
    await client.set_quota("/a/", max_objects=1)
    assert [q.prefix for q in await client.list_quotas()] == ["/a/", "/logs/"]
    await client.delete_quota("/logs/")
    messages = [message async for message in client.check_objects()]
    assert messages[0].damaged[0].name == "/bad" and messages[-1].done


# ---- Reading -----------------------------------------------------------------------------------------------------------


async def test_a_read_goes_on_where_it_broke_off(client, daemon):
    made = await client.create_object("a", CONTENT)
    daemon.cut_after = [0, 2000, 1000]
    assert await client.read_object("a") == CONTENT
    assert [(offset, generation) for offset, _, generation in daemon.reads] == [
        (0, 0),
        (0, 0),
        (2000, made.generation),
        (3000, made.generation),
    ]


async def test_parts(client, daemon):
    await client.create_object("a", CONTENT)
    assert await client.read_object("a", offset=100, size=50) == CONTENT[100:150]
    daemon.cut_after = [1000]
    assert await client.read_object("a", offset=-1500) == CONTENT[-1500:]
    daemon.reads.clear()
    daemon.cut_after = [1000]
    assert await client.read_object("a", offset=10, size=1500) == CONTENT[10:1510]
    assert [(offset, limit) for offset, limit, _ in daemon.reads] == [(10, 1500), (1010, 500)]
    await client.create_object("empty")
    assert await client.read_object("empty") == b""


async def test_damaged_bytes_are_never_given(client, daemon):
    await client.create_object("a", CONTENT)
    daemon.damage_pieces = 1
    with pytest.raises(GrpcOSError) as damaged:
        await client.read_object("a")
    assert damaged.value.code() == grpc.StatusCode.DATA_LOSS
    daemon.damage_content = True
    with pytest.raises(GrpcOSError, match="stored with it"):
        await client.read_object("a")


# ---- Uploads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
async def test_an_upload(client, daemon, tmp_path, kind):
    (tmp_path / "big").write_bytes(LARGE)
    source = {"path": tmp_path / "big", "bytes": LARGE, "file": io.BytesIO(LARGE)}[kind]
    seen = []
    made = await client.upload_object("/big", source, {"k": "v"}, progress=seen.append)
    assert made.size == len(LARGE) and made.metadata == {"k": "v"} and daemon.contents["/big"] == LARGE
    assert daemon.uploads["up-0"]["request"].size_bytes == len(LARGE)
    assert seen[-1] == len(LARGE) and seen == sorted(seen)


async def test_an_empty_upload(client, daemon):
    assert (await client.upload_object("/empty", b"")).size == 0


async def test_an_upload_goes_on_where_it_broke_off(client, daemon):
    daemon.cut_after = [0, 1_500_000, 999]
    await client.upload_object("/big", LARGE)
    assert daemon.contents["/big"] == LARGE
    assert daemon.writes == [0, 0, 1_500_000, 1_500_999]


async def test_a_lost_answer_to_the_end_of_an_upload_is_asked_for_again(client, daemon):
    await client.start_upload("/other")  # so that only the end is answered twice
    upload = await client.start_upload("/big")
    daemon.lose_answers = 1
    assert (await client.resume_upload(upload.id, LARGE)).size == len(LARGE)


async def test_another_program_goes_on_with_an_upload(daemon):
    async with GrpcOSClient(daemon.address, retry=False) as first:
        upload = await first.start_upload("/big", size=len(LARGE))
        daemon.cut_after = [2_000_000]
        with pytest.raises(GrpcOSError):
            await first.resume_upload(upload.id, LARGE)
    async with GrpcOSClient(daemon.address) as second:
        assert (await second.get_upload(upload.id)).persisted == 2_000_000
        with pytest.raises(ValueError, match="does not begin with"):
            await second.resume_upload(upload.id, b"x" + LARGE)
        with pytest.raises(ValueError, match="does not begin with"):
            await second.resume_upload(upload.id, b"short")
        await second.resume_upload(upload.id, LARGE)
        assert daemon.writes[-1] == 2_000_000 and daemon.contents["/big"] == LARGE
        # Finished before: its object.
        assert (await second.resume_upload(upload.id, LARGE)).name == "/big"


async def test_an_upload_that_cannot_succeed_is_cancelled(client, daemon):
    with pytest.raises(GrpcOSError) as refused:
        await client.upload_object("/big", LARGE, condition=Condition(generation=77))
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION and daemon.uploads == {}


class AtTheSecondPiece(io.BytesIO):
    """Does something then, instead of giving it."""

    def __init__(self, instead):
        super().__init__(LARGE)
        self._instead = instead

    def read(self, size=-1):
        return self._instead(self) if self.tell() >= 1 << 20 else super().read(size)


class Interrupts(BaseException):
    pass


def raises(error):
    def instead(_):
        raise error

    return instead


def closes(file):
    file.close()
    return io.BytesIO.read(file)


@pytest.mark.parametrize(
    ("instead", "error"),
    [
        (raises(OSError(5, "the disk is damaged")), OSError),
        (raises(RuntimeError("of its own")), RuntimeError),
        (raises(StopIteration()), StopIteration),
        (raises(Interrupts()), Interrupts),
        (lambda _: "text", TypeError),
        (closes, ValueError),
    ],
)
async def test_a_source_that_fails_ends_the_upload_with_its_error(client, daemon, instead, error):
    try:
        await client.upload_object("/big", AtTheSecondPiece(instead))
    except error:
        pass
    except RuntimeError as wrapped:  # no coroutine lets this one through
        assert isinstance(wrapped.__cause__, error) and error is StopIteration
    else:
        raise AssertionError("it has not failed")
    assert "/big" not in daemon.contents and daemon.uploads == {}


@pytest.mark.parametrize("source", [io.StringIO("text"), ["no", "file"]])
async def test_what_gives_no_bytes_is_refused_before_anything_is_begun(client, daemon, source):
    with pytest.raises(TypeError, match=r'open\(path, "rb"\)|expected a path, bytes or a file'):
        await client.upload_object("/text", source)
    assert daemon.requests == []


async def test_an_upload_that_is_cancelled_while_it_is_written_leaves_nothing(client, daemon):
    class Cancels(list):
        """As soon as the daemon has a piece."""

        def append(self, offset):
            super().append(offset)
            upload.cancel()

    daemon.writes = Cancels()
    upload = asyncio.create_task(client.upload_object("/big", LARGE))
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert daemon.writes and daemon.uploads == {}


async def test_an_upload_that_is_cancelled_before_it_knows_its_id_leaves_nothing(client, daemon):
    daemon.start_answered.clear()
    upload = asyncio.create_task(client.upload_object("/big", LARGE))
    while not daemon.uploads:
        await asyncio.sleep(0.001)
    upload.cancel()
    await asyncio.sleep(0)
    daemon.start_answered.set()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert daemon.uploads == {}


async def test_an_upload_that_is_cancelled_twice_leaves_nothing(client, daemon):
    daemon.start_answered.clear()
    upload = asyncio.create_task(client.upload_object("/big", LARGE))
    while not daemon.uploads:
        await asyncio.sleep(0.001)
    for _ in range(2):
        upload.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert daemon.uploads
    daemon.start_answered.set()
    while daemon.uploads:
        await asyncio.sleep(0.001)


async def test_an_upload_with_a_request_id_stays_while_the_daemon_is_away(daemon):
    async with GrpcOSClient(daemon.address, retry=False) as client:
        for request_id, left in (("", 0), ("mine", 1)):
            daemon.cut_after = [1_000_000]
            with pytest.raises(GrpcOSError):
                await client.upload_object("/big", LARGE, request_id=request_id)
            assert len(daemon.uploads) == left


async def test_uploads_are_listed_page_by_page(client, daemon):
    begun = [await client.start_upload(f"/a{number}") for number in range(3)]
    listed = [one async for one in client.list_uploads()]
    assert [(one.id, one.owner, one.busy) for one in listed] == [(one.id, "admin", True) for one in begun]
    assert not daemon.requests[-1].all_users
    assert len([one async for one in client.list_uploads(all_users=True)]) == 3
    assert daemon.requests[-1].all_users


async def test_a_source_that_can_be_read_only_once_is_refused(client):
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe, pytest.raises(ValueError, match="cannot be read twice"):
        await client.upload_object("/big", pipe)


# ---- Downloads ---------------------------------------------------------------------------------------------------------


def parts(directory):
    return [path for path in directory.iterdir() if path.suffix == ".part"]


async def test_a_download_replaces_the_file_at_the_end(client, daemon, tmp_path):
    await client.create_object("a", CONTENT)
    target = tmp_path / "copy"
    target.write_text("old")
    target.chmod(0o640)
    seen = []
    stored = await client.download_object("a", target, progress=seen.append)
    assert target.read_bytes() == CONTENT and stored.size == seen[-1] == len(CONTENT)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640 and parts(tmp_path) == []


async def test_a_download_goes_on_after_what_an_earlier_one_got(daemon, tmp_path):
    async with GrpcOSClient(daemon.address, retry=False) as client:
        await client.create_object("a", CONTENT)
        daemon.cut_after = [2000]
        with pytest.raises(GrpcOSError):
            await client.download_object("a", tmp_path / "copy")
        assert not (tmp_path / "copy").exists() and parts(tmp_path)[0].stat().st_size == 2000
        await client.download_object("a", str(tmp_path / "copy"))
        assert daemon.reads[-1][0] == 2000 and (tmp_path / "copy").read_bytes() == CONTENT

        # What was left is damaged: all of it comes again.
        daemon.cut_after = [2000]
        with pytest.raises(GrpcOSError):
            await client.download_object("a", tmp_path / "copy")
        with open(parts(tmp_path)[0], "r+b") as part:
            part.write(b"damage")
        await client.download_object("a", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == CONTENT and parts(tmp_path) == []


async def test_a_damaged_download_leaves_the_file_as_it_was(client, daemon, tmp_path):
    await client.create_object("a", CONTENT)
    (tmp_path / "copy").write_text("old")
    daemon.damage_content = True
    with pytest.raises(GrpcOSError) as damaged:
        await client.download_object("a", tmp_path / "copy")
    assert damaged.value.code() == grpc.StatusCode.DATA_LOSS
    assert (tmp_path / "copy").read_text() == "old" and parts(tmp_path) == []


async def test_nothing_is_written_through_a_link(client, daemon, tmp_path):
    made = await client.create_object("a", CONTENT)
    (tmp_path / "victim").write_text("precious")
    (tmp_path / f".copy.{made.id}.{made.generation}.part").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError):
        await client.download_object("a", tmp_path / "copy")
    assert (tmp_path / "victim").read_text() == "precious"


# ---- Watching ----------------------------------------------------------------------------------------------------------


async def test_a_watch_begins_with_what_there_is(client, daemon):
    for name in ("d/a", "d/b", "d/c"):
        await client.create_object(name)
    change = event_services_pb2.WatchResponse(events=[{"revision": 5, "action": "updated", "name": "/d/a"}], revision=5)
    daemon.watch_messages = {4: [change]}  # the revision of the first page
    events = [(event.action, event.name) async for event in client.watch_objects("/d/")]
    assert events == [("snapshot", "/d/a"), ("snapshot", "/d/b"), ("snapshot", "/d/c"), ("updated", "/d/a")]
    assert (daemon.requests[-1].prefix, list(daemon.requests[-1].kinds)) == ("/d/", ["object"])
