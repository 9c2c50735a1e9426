"""Large contents: uploads in pieces, gone on with after whatever ended them, kept once, read in ranges."""

import asyncio
import os
import stat
import time

import grpc
import pytest
import pytest_asyncio
from expectations import refused, until
from grpc_os import Rule
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import objects_of, when
from running_system import poll
from uploads_api import (
    CHUNK_MAX,
    MIB,
    Uploads,
    blob_files,
    content,
    crc32c,
    pieces,
    sha256,
    upload_files,
)


@pytest_asyncio.fixture
async def uploads(system):
    async with objects_of(system) as objects:
        yield Uploads(objects)


@pytest.mark.parametrize("size", [MIB, MIB + 1, 64 * MIB])
async def test_a_large_content_comes_back_as_it_was_sent(system, uploads, size):
    data = content(size)
    started = await uploads.start("/big", size, content_type="application/x-tar", metadata={"a": "b"})
    assert started.upload_id.startswith("upload_") and started.name == "/big"
    assert (started.persisted_bytes, started.crc32c, started.finished) == (0, 0, False)
    assert started.expire_time.seconds > 0
    written = await uploads.write(started.upload_id, data)
    assert (written.persisted_bytes, written.crc32c, written.finished) == (size, crc32c(data), False)
    with refused("OBJECT_NOT_FOUND"):
        await uploads.objects.get("/big")
    made = await uploads.finish(started.upload_id, size, crc32c(data), sha256(data))
    assert (made.name, made.size_bytes, made.crc32c, made.sha256) == ("/big", size, crc32c(data), sha256(data))
    assert (made.content_type, dict(made.metadata), made.owner) == ("application/x-tar", {"a": "b"}, "admin")
    assert await uploads.read("/big") == (0, data)
    assert await uploads.objects.get("/big") == made
    assert (await uploads.objects.get("/big", include_data=True)).data == b""  # ReadObject's to give
    await until(lambda: _async(not upload_files(system)), "nothing is left of the upload")


async def _async(value):
    return value


@pytest.mark.parametrize("size", [0, 1, 65_536])
async def test_a_small_content_can_be_uploaded_too(system, uploads, size):
    data = content(size)
    made = await uploads.put("/small", data)
    assert (made.size_bytes, made.sha256) == (size, sha256(data))
    assert await uploads.read("/small") == (0, data)
    assert (await uploads.objects.get("/small", include_data=True)).data == data
    assert blob_files(system) == []


async def test_files_are_nobody_elses(system, uploads):
    started = await uploads.start("/left")
    await uploads.write(started.upload_id, content(MIB))
    await uploads.put("/big", content(MIB, 2))
    begun = system.data / "uploads"
    poll(lambda: all(started.upload_id in path.name for path in begun.iterdir()), "those of the finished one are gone")
    paths = [system.data / "blobs", begun, *(system.data / "blobs").rglob("*"), *begun.iterdir()]
    assert len(paths) > 5
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


# ---- Gone on with ---------------------------------------------------------------------------------------------------


async def cut_stream(uploads, upload_id, data, after_pieces):
    """Sends so many pieces, then the client is gone."""
    call = uploads.stream(None)
    for number, piece in enumerate(pieces(upload_id, data)):
        if number == after_pieces:
            break
        await call.write(piece)
    return call


async def free_again(uploads, upload_id):
    """Waits until no stream writes it any more, and gives where to go on."""

    async def free():
        try:
            return await uploads.stream(iter([messages.WriteUploadRequest(upload_id=upload_id)]))
        except grpc.aio.AioRpcError as error:
            assert error.code() == grpc.StatusCode.ABORTED, error
            return None

    return await until(free, "the upload can be written again")


async def test_a_cut_stream_is_gone_on_with_where_the_server_says(uploads):
    data = content(8 * MIB)
    started = await uploads.start("/big", len(data))
    call = await cut_stream(uploads, started.upload_id, data, 5)
    call.cancel()
    state = await free_again(uploads, started.upload_id)
    assert 0 <= state.persisted_bytes <= 5 * MIB
    assert state.crc32c == crc32c(data[: state.persisted_bytes])
    assert await uploads.get(started.upload_id) == state
    written = await uploads.write(started.upload_id, data, state.persisted_bytes)
    assert (written.persisted_bytes, written.crc32c) == (len(data), crc32c(data))
    assert (await uploads.finish(started.upload_id, sha=sha256(data))).sha256 == sha256(data)
    assert await uploads.read("/big") == (0, data)


async def test_an_upload_outlives_the_daemon(idle_system):
    data = content(40 * MIB)
    idle_system.start()
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        started = await uploads.start("/big", len(data), metadata={"k": "v"})
        first = await uploads.write(started.upload_id, data[: 10 * MIB])
        # Killed in mid-stream, with bytes that are not durable yet.
        call = uploads.stream(None)
        for piece in pieces(started.upload_id, data[: 38 * MIB], 10 * MIB):
            await call.write(piece)
        idle_system.kill_daemon()
        with pytest.raises(grpc.aio.AioRpcError):
            await call
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        state = await uploads.get(started.upload_id)
        assert first.persisted_bytes <= state.persisted_bytes <= 38 * MIB
        assert state.crc32c == crc32c(data[: state.persisted_bytes])
        assert state.name == "/big"
        await uploads.write(started.upload_id, data, state.persisted_bytes)
    idle_system.kill_daemon()
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        assert (await uploads.get(started.upload_id)).persisted_bytes == len(data)
        made = await uploads.finish(started.upload_id, len(data), crc32c(data), sha256(data))
        assert dict(made.metadata) == {"k": "v"}
        assert await uploads.read("/big") == (0, data)
    idle_system.kill_daemon()
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        assert await uploads.read("/big") == (0, data)
        state = await uploads.get(started.upload_id)
        assert (state.finished, state.name, state.persisted_bytes) == (True, "/big", len(data))


@pytest.mark.parametrize("failpoint", ["upload.synced", "upload.recorded", "upload.sealed", "upload.laid"])
async def test_killed_at_each_step_an_upload_goes_on(idle_system, tmp_path, failpoint):
    data = content(3 * MIB)
    idle_system.start(environment={"GRPC_OS_FAILPOINT_DIR": str(tmp_path)})
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        started = await uploads.start("/big", len(data))
        (tmp_path / failpoint).touch()
        pid = idle_system.daemon_pid()
        with pytest.raises(grpc.aio.AioRpcError):
            await uploads.write(started.upload_id, data)
            await uploads.finish(started.upload_id)
    assert (tmp_path / f"{failpoint}.hit").exists()
    # Its sockets take connections until the last of its threads has ended, and it is reaped after that.
    poll(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the killed daemon")
    idle_system.await_api()
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        state = await uploads.get(started.upload_id)
        assert state.crc32c == crc32c(data[: state.persisted_bytes])
        if state.persisted_bytes < len(data):
            await uploads.write(started.upload_id, data, state.persisted_bytes)
        assert (await uploads.finish(started.upload_id, sha=sha256(data))).size_bytes == len(data)
        assert await uploads.read("/big") == (0, data)


async def test_killed_after_the_commit_the_object_is_answered(idle_system, tmp_path):
    data = content(MIB)
    idle_system.start(environment={"GRPC_OS_FAILPOINT_DIR": str(tmp_path)})
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        started = await uploads.start("/big")
        await uploads.write(started.upload_id, data)
        (tmp_path / "osd.object.committed").touch()
        pid = idle_system.daemon_pid()
        with pytest.raises(grpc.aio.AioRpcError):
            await uploads.finish(started.upload_id)
    poll(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the killed daemon")  # as above
    idle_system.await_api()
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        assert (await uploads.get(started.upload_id)).finished
        made = await uploads.finish(started.upload_id)
        assert made.sha256 == sha256(data)
        assert len(await objects.versions("/big")) == 1
        await until(lambda: _async(not upload_files(idle_system)), "nothing is left of the upload")


async def test_the_same_request_id_gives_the_same_upload(uploads):
    first = await uploads.start("/a", 5, request_id="one")
    await uploads.write(first.upload_id, b"12345")
    again = await uploads.start("/a", 5, request_id="one")
    assert (again.upload_id, again.persisted_bytes) == (first.upload_id, 5)
    with refused("REQUEST_ID_REUSED"):
        await uploads.start("/b", 5, request_id="one")
    assert (await uploads.start("/a", 5, request_id="two")).upload_id != first.upload_id


# ---- Pieces that do not fit -----------------------------------------------------------------------------------------


async def test_a_piece_with_a_wrong_checksum_is_not_taken(uploads):
    data = content(3 * MIB)
    started = await uploads.start("/big", len(data))
    sent = list(pieces(started.upload_id, data))
    sent[1].crc32c ^= 1
    with refused("CHECKSUM_MISMATCH"):
        await uploads.stream(iter(sent))
    assert (await uploads.get(started.upload_id)).persisted_bytes == MIB  # what came before it is kept
    await uploads.write(started.upload_id, data, MIB)
    assert (await uploads.finish(started.upload_id)).sha256 == sha256(data)


async def test_pieces_out_of_order_are_not_taken(uploads):
    data = content(3 * MIB)
    started = await uploads.start("/big", len(data))
    sent = list(pieces(started.upload_id, data))
    with refused("UPLOAD_OFFSET") as refusal:
        await uploads.stream(iter([sent[0], sent[2]]))
    assert refusal.metadata["upload_id"] == started.upload_id
    assert (await uploads.get(started.upload_id)).persisted_bytes == MIB
    with refused("UPLOAD_OFFSET") as refusal:
        await uploads.write(started.upload_id, data, 2 * MIB)
    assert refusal.metadata["persisted_bytes"] == str(MIB)
    await uploads.write(started.upload_id, data, MIB)
    assert (await uploads.finish(started.upload_id)).sha256 == sha256(data)


async def test_the_same_bytes_again_are_taken_and_others_are_not(uploads):
    data = content(2 * MIB)
    started = await uploads.start("/big")
    await uploads.write(started.upload_id, data)
    again = await uploads.write(started.upload_id, data)
    assert again.persisted_bytes == len(data)
    longer = data + b"more"
    over = await uploads.write(started.upload_id, longer, MIB + 17, chunk=CHUNK_MAX)
    assert (over.persisted_bytes, over.crc32c) == (len(longer), crc32c(longer))
    with refused("UPLOAD_OFFSET"):
        await uploads.write(started.upload_id, content(MIB, 2))
    assert (await uploads.finish(started.upload_id)).sha256 == sha256(longer)


async def test_more_than_was_announced_is_not_taken(uploads):
    started = await uploads.start("/big", 10)
    with refused("UPLOAD_OFFSET"):
        await uploads.write(started.upload_id, b"12345678901")
    await uploads.write(started.upload_id, b"1234567")
    with refused("UPLOAD_INCOMPLETE") as refusal:
        await uploads.finish(started.upload_id)
    assert (refusal.metadata["persisted_bytes"], refusal.metadata["size_bytes"]) == ("7", "10")
    await uploads.write(started.upload_id, b"1234567890", 7)
    assert (await uploads.finish(started.upload_id)).size_bytes == 10


async def test_pieces_that_cannot_be(uploads):
    started = await uploads.start("/big")
    big = b"x" * (CHUNK_MAX + 1)
    for piece, field in (
        (messages.WriteUploadRequest(upload_id=started.upload_id, offset=-1, data=b"x"), "offset"),
        (messages.WriteUploadRequest(upload_id=started.upload_id, data=big, crc32c=crc32c(big)), "data"),
        (messages.WriteUploadRequest(data=b"x"), "upload_id"),
    ):
        with refused("FIELD_INVALID", fields=[field]):
            await uploads.stream(iter([piece]))
    with refused("FIELD_INVALID", fields=["upload_id"]):
        await uploads.stream(iter([]))
    other = await uploads.start("/other")
    with refused("FIELD_INVALID", fields=["upload_id"]):
        await uploads.stream(iter([*pieces(started.upload_id, b"x"), *pieces(other.upload_id, b"x")]))


async def test_starts_that_cannot_be(uploads):
    for name in ("/proc/x", "/sys/x"):
        with refused("SYSTEM_OBJECT"):
            await uploads.start(name)
    for size in (-1, (5 << 30) + 1):
        with refused("FIELD_INVALID", fields=["size_bytes"]):
            await uploads.start("/a", size)
    with refused("FIELD_INVALID", fields=["object.name"]):
        await uploads.start("/a/../b")


# ---- Whose, and who writes ------------------------------------------------------------------------------------------


async def test_one_stream_writes_at_a_time(uploads):
    data = content(3 * MIB)
    started = await uploads.start("/big", len(data))
    call = await cut_stream(uploads, started.upload_id, data, 1)

    async def busy():
        nonlocal call
        if call.done():  # the one that asks was there before it
            call = await cut_stream(uploads, started.upload_id, data, 1)
        try:
            await uploads.stream(iter([messages.WriteUploadRequest(upload_id=started.upload_id)]))
        except grpc.aio.AioRpcError as error:
            return error

    await until(busy, "the first stream has begun")
    with refused("UPLOAD_BUSY"):
        await uploads.write(started.upload_id, data)
    with refused("UPLOAD_BUSY"):
        await uploads.finish(started.upload_id)
    for piece in pieces(started.upload_id, data, MIB):
        await call.write(piece)
    await call.done_writing()
    assert (await call).persisted_bytes == len(data)
    assert (await uploads.finish(started.upload_id)).sha256 == sha256(data)


async def test_an_upload_is_its_users_alone(system, client, uploads):
    started = await uploads.start("/big")
    await uploads.write(started.upload_id, b"mine")
    await client.create_user("ada", password="a password of ada", roles=["operator"])
    async with objects_of(system) as objects:
        ada = system.anonymous()
        await ada.login("ada", "a password of ada")
        objects._metadata = ada.metadata
        others = Uploads(objects)
        for attempt in (others.get, others.finish, others.cancel):
            with refused("UPLOAD_NOT_FOUND"):
                await attempt(started.upload_id)
        with refused("UPLOAD_NOT_FOUND"):
            await others.write(started.upload_id, b"mine")
    assert (await uploads.finish(started.upload_id)).size_bytes == 4


async def test_access_is_asked_for_at_the_start_and_at_the_end(system, client, uploads):
    rules = [Rule("object.read", "/mine/"), Rule("object.write", "/mine/")]
    await client.create_role("mine", rules)
    await client.create_user("ada", password="a password of ada", roles=["mine"])
    ada = system.anonymous()
    await ada.login("ada", "a password of ada")
    async with objects_of(system) as objects:
        objects._metadata = ada.metadata
        others = Uploads(objects)
        with refused("PERMISSION_MISSING"):
            await others.start("/theirs/big")
        data = content(MIB)
        started = await others.start("/mine/big")
        await others.write(started.upload_id, data)
        await client.update_role("mine", [Rule("object.read", "/mine/"), Rule("object.write", "/mine/other/")])
        with refused("PERMISSION_MISSING"):
            await others.finish(started.upload_id)
        with refused("PERMISSION_MISSING"):
            await others.write(started.upload_id, data + b"more", len(data))
        with refused("OBJECT_NOT_FOUND"):
            await uploads.objects.get("/mine/big")
        await client.update_role("mine", rules)
        assert (await others.finish(started.upload_id)).sha256 == sha256(data)


# ---- The end --------------------------------------------------------------------------------------------------------


async def test_finished_twice_is_finished_once(uploads):
    data = content(MIB)
    started = await uploads.start("/big")
    await uploads.write(started.upload_id, data)
    made, again = await asyncio.gather(uploads.finish(started.upload_id), uploads.finish(started.upload_id))
    assert made == again == await uploads.finish(started.upload_id)
    assert len(await uploads.objects.versions("/big")) == 1
    state = await uploads.get(started.upload_id)
    assert (state.finished, state.name, state.persisted_bytes) == (True, "/big", len(data))
    with refused("UPLOAD_NOT_FOUND"):
        await uploads.write(started.upload_id, data)
    changed = await uploads.objects.put("/big", b"new")
    assert (await uploads.finish(started.upload_id)).generation == changed.generation


async def test_what_the_client_sent_is_compared_at_the_end(uploads):
    data = content(MIB)
    started = await uploads.start("/big")
    await uploads.write(started.upload_id, data)
    with refused("UPLOAD_INCOMPLETE"):
        await uploads.finish(started.upload_id, size=len(data) + 1)
    with refused("CHECKSUM_MISMATCH"):
        await uploads.finish(started.upload_id, crc=crc32c(data) ^ 1)
    with refused("CHECKSUM_MISMATCH"):
        await uploads.finish(started.upload_id, sha=sha256(b"other"))
    with refused("FIELD_INVALID", fields=["sha256"]):
        await uploads.finish(started.upload_id, sha="abc")
    with refused("OBJECT_NOT_FOUND"):
        await uploads.objects.get("/big")
    await uploads.write(started.upload_id, data + b"more", len(data))  # not sealed by any of these
    assert (await uploads.finish(started.upload_id)).sha256 == sha256(data + b"more")


async def test_of_two_finishers_with_one_precondition_one_wins(uploads):
    contents = [content(MIB, 1), content(MIB, 2)]
    started = [await uploads.start("/big", preconditions=when(generation_match=0)) for _ in contents]
    for upload, data in zip(started, contents, strict=True):
        await uploads.write(upload.upload_id, data)
    ended = await asyncio.gather(*(uploads.finish(one.upload_id) for one in started), return_exceptions=True)
    won = [one for one in ended if not isinstance(one, Exception)]
    lost = [one for one in ended if isinstance(one, Exception)]
    assert len(won) == len(lost) == 1
    with refused("PRECONDITION_FAILED"):
        raise lost[0]
    loser = started[ended.index(lost[0])]
    with refused("UPLOAD_OFFSET"):  # it is complete, and takes no more
        await uploads.write(loser.upload_id, contents[0] + b"more", MIB)
    await uploads.objects.delete("/big")
    made = await uploads.finish(loser.upload_id)
    assert made.sha256 == sha256(contents[ended.index(lost[0])])


async def test_a_cancelled_upload_is_gone(system, uploads):
    started = await uploads.start("/big")
    await uploads.write(started.upload_id, content(MIB))
    assert upload_files(system)
    await uploads.cancel(started.upload_id)
    assert not upload_files(system)
    for attempt in (uploads.get, uploads.finish, uploads.cancel):
        with refused("UPLOAD_NOT_FOUND"):
            await attempt(started.upload_id)


async def test_what_nobody_was_told_of_is_cleared_away_at_the_start(system, uploads):
    started = await uploads.start("/kept")
    await uploads.write(started.upload_id, b"bytes")
    (system.data / "uploads/upload_stray.data").write_bytes(b"x")
    (system.data / "uploads/upload_torn.journal").write_bytes(b"\x10\0\0\0torn")
    orphan = system.data / "blobs/ab/cd" / ("abcd" + 60 * "0")
    fresh = system.data / "blobs/ab/cd" / ("abcd" + 60 * "1")
    orphan.parent.mkdir(parents=True)
    for path in (orphan, fresh):
        path.write_bytes(b"x")
    os.utime(orphan, (1, 1))
    system.kill_daemon()
    await until(lambda: _async(not orphan.exists()), "the file that nothing names is gone")
    assert fresh.exists()
    assert upload_files(system) == [f"{started.upload_id}.data", f"{started.upload_id}.journal"]


# ---- Kept once, read in ranges --------------------------------------------------------------------------------------


async def test_the_same_content_is_one_file(system, uploads):
    data = content(2 * MIB)
    await uploads.put("/a", data)
    await uploads.put("/b", data)
    await uploads.objects.copy("/a", "/c")
    (file,) = blob_files(system)
    assert file.name == sha256(data)
    await uploads.objects.delete("/a", purge=True)
    await uploads.objects.delete("/b", purge=True)
    assert await uploads.read("/c") == (0, data)


async def test_ranges(uploads):
    data = content(MIB + 12_345)
    await uploads.put("/big", data)
    size = len(data)
    for offset, limit in ((0, 1), (1, 0), (262_143, 2), (262_144, 262_144), (300_000, 500_000), (size - 1, 0), (-1, 0)):
        begin = offset if offset >= 0 else size + offset
        end = size if limit == 0 else min(size, begin + limit)
        assert await uploads.read("/big", offset=offset, limit_bytes=limit) == (begin, data[begin:end])
    assert await uploads.read("/big", offset=-300_000, limit_bytes=10) == (size - 300_000, data[-300_000:][:10])
    assert await uploads.read("/big", offset=-2 * size) == (0, data)
    assert await uploads.read("/big", offset=size) == (size, b"")
    assert await uploads.read("/big", offset=5, limit_bytes=1 << 62) == (5, data[5:])
    with refused("OFFSET_OUT_OF_RANGE"):
        await uploads.read("/big", offset=size + 1)
    with refused("FIELD_INVALID", fields=["limit_bytes"]):
        await uploads.read("/big", limit_bytes=-1)


async def test_versions_of_large_contents(system, uploads):
    contents = [content(MIB, seed) for seed in range(3)]
    made = [await uploads.put("/big", data) for data in contents]
    await uploads.objects.put("/big", b"small")
    for one, data in zip(made, contents, strict=True):
        assert await uploads.read("/big", generation=one.generation) == (0, data)
    await uploads.objects.delete("/big")
    back = await uploads.objects.undelete("/big", generation=made[1].generation)
    assert back.sha256 == sha256(contents[1])
    assert await uploads.read("/big") == (0, contents[1])
    assert len(blob_files(system)) == 3


async def test_the_daemon_ends_at_once_after_large_contents(idle_system):
    """gRPC's library, when it is shut down, waits up to 10 s for a poller of its own that such messages may have started."""
    for generation in range(6):
        idle_system.start()
        async with objects_of(idle_system) as objects:
            await Uploads(objects).put("/big", content(MIB, generation))
            assert await Uploads(objects).read("/big") == (0, content(MIB, generation))
        began = time.monotonic()
        assert idle_system.stop() == 0
        assert time.monotonic() - began < 8


async def test_damaged_bytes_are_never_given(system, uploads):
    data = content(2 * MIB)
    await uploads.put("/big", data)
    (file,) = blob_files(system)
    with open(file, "r+b") as raw:
        raw.seek(MIB + 5)
        byte = raw.read(1)
        raw.seek(MIB + 5)
        raw.write(bytes([byte[0] ^ 1]))
    with refused("OBJECT_DAMAGED") as refusal:
        await uploads.read("/big")
    assert "/big" in refusal.message
    assert refusal.metadata["name"] == "/big" and refusal.metadata["sha256"] == sha256(data)
    assert await uploads.read("/big", limit_bytes=MIB) == (0, data[:MIB])  # the rest is whole
    await uploads.put("/again", data)  # the same content again mends it
    assert await uploads.read("/big") == (0, data)


@pytest.mark.parametrize("how", ["missing", "short", "table"])
async def test_a_damaged_file_is_told_of(system, uploads, how):
    await uploads.put("/big", content(2 * MIB))
    (file,) = blob_files(system)
    if how == "missing":
        file.unlink()
    elif how == "short":
        os.truncate(file, MIB)
    else:
        with open(file, "r+b") as raw:
            raw.seek(-10, os.SEEK_END)
            raw.write(b"0123456789")
    for fields in ({}, {"offset": MIB, "limit_bytes": 1}):
        with refused("OBJECT_DAMAGED"):
            await uploads.read("/big", **fields)
    assert (await uploads.objects.get("/big")).size_bytes == 2 * MIB


# ---- A slow client --------------------------------------------------------------------------------------------------


async def test_slow_clients_stop_nobody(system, uploads):
    data = content(16 * MIB)
    await uploads.put("/big", data)
    # Ten that read one message and no more, and ten that send one piece and no more: more than there are threads.
    request = messages.ReadObjectRequest(name="/big")
    async with grpc.aio.insecure_channel(
        system.address, options=(("grpc.use_local_subchannel_pool", 1),)
    ) as channel:
        slow = type(uploads.objects)(channel, uploads.objects._metadata)
        readers = [slow.call("ReadObject", request, 600) for _ in range(10)]
        for reader in readers:
            assert (await reader.read()).object.name == "/big"
        started = [await uploads.start(f"/slow-{number}", len(data)) for number in range(10)]
        writers = [await cut_stream(Uploads(slow), one.upload_id, data, 1) for one in started]
        assert await uploads.read("/big") == (0, data)
        made = await uploads.put("/other", content(4 * MIB, 2))
        assert made.size_bytes == 4 * MIB
        rest = await asyncio.gather(*(_rest(reader) for reader in readers))
        assert set(rest) == {len(data)}
        for writer in writers:
            await writer.done_writing()
            assert (await writer).persisted_bytes == MIB


async def _rest(reader):
    """How far the stream came."""
    end = 0
    while (message := await reader.read()) is not grpc.aio.EOF:
        end = message.offset + len(message.data)
    return end
