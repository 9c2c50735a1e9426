"""Uploads that nobody finishes: listed, cancelled, in each other's way, and what clients leave of them."""

import asyncio
import contextlib
import os
import signal
import subprocess

import grpc
import pytest
import pytest_asyncio
from expectations import refused, until
from grpc_os import GrpcOSError, Rule
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import objects_of
from running_system import poll
from uploads_api import MIB, Uploads, content, pieces, upload_files

OPEN_PER_USER = 500


@pytest_asyncio.fixture
async def uploads(system):
    async with objects_of(system) as objects:
        yield Uploads(objects)


async def listed(client, **options):
    return [one async for one in client.list_uploads(**options)]


async def fill(client):
    """Their ids, the oldest first."""
    gate = asyncio.Semaphore(16)

    async def begin(number):
        async with gate:
            return (await client.start_upload(f"/u{number}")).id

    return sorted(await asyncio.gather(*(begin(number) for number in range(OPEN_PER_USER))))


async def as_user(system, client, name, roles):
    await client.create_user(name, password=f"a password of {name}", roles=roles)
    user = system.anonymous()
    await user.login(name, f"a password of {name}")
    return user


# ---- Listed and cancelled -------------------------------------------------------------------------------------------


async def test_open_uploads_are_listed_until_they_end(client):
    begun = [await client.start_upload(f"/a{number}", size=4) for number in range(3)]
    await client.resume_upload(begun[1].id, b"data")
    found = await until_listed(client, 2)
    assert [one.id for one in found] == [begun[0].id, begun[2].id]
    assert [(one.name, one.owner, one.busy, one.persisted) for one in found][0] == ("/a0", "admin", False, 0)
    assert found[0].create_time <= found[0].update_time < found[0].expire_time
    assert [one.id for one in await listed(client, page_size=1)] == [one.id for one in found]
    await client.cancel_upload(begun[0].id)
    assert [one.id for one in await listed(client)] == [begun[2].id]


async def until_listed(client, count):
    async def so_many():
        found = await listed(client)
        return found if len(found) == count else None

    return await until(so_many, f"{count} uploads are open")


async def until_none(client):
    async def none():
        return not await listed(client, all_users=True)

    return await until(none, "no upload is open")


async def test_whoever_may_bound_all_sees_and_cancels_all(system, client):
    ada = await as_user(system, client, "ada", ["operator"])
    mine, hers = await client.start_upload("/mine"), await ada.start_upload("/hers")
    assert [one.id for one in await listed(ada)] == [hers.id]
    assert [one.id for one in await listed(client)] == [mine.id]
    with refused("PERMISSION_MISSING"):
        await listed(ada, all_users=True)
    with refused("UPLOAD_NOT_FOUND"):
        await ada.cancel_upload(mine.id)
    found = await listed(client, all_users=True)
    assert [(one.id, one.owner) for one in found] == [(mine.id, "admin"), (hers.id, "ada")]
    await client.cancel_upload(hers.id)
    with refused("UPLOAD_NOT_FOUND"):
        await ada.get_upload(hers.id)


async def test_a_cancel_ends_the_stream_that_writes(system, client, uploads):
    started = await uploads.start("/big")
    call = uploads.stream(None, timeout=600)
    await call.write(next(pieces(started.upload_id, content(MIB))))

    async def busy():
        return (await client.get_upload(started.upload_id)).busy

    await until(busy, "it is written")
    await client.cancel_upload(started.upload_id)
    assert not upload_files(system)
    with refused("UPLOAD_NOT_FOUND"):
        await call


async def test_a_token_has_the_uploads_that_it_may_write(system, client, uploads):
    await client.create_role("there", [Rule("object.read", "/there/"), Rule("object.write", "/there/")])
    token = await client.create_token("narrow", roles=["there"])
    await client.put_object("/elsewhere/a", b"x")
    named = await client.start_upload("/elsewhere/big")
    by_id = await client.start_upload((await client.get_object("/elsewhere/a")).id)
    async with objects_of(system) as objects:
        objects._metadata = [("authorization", f"Bearer {token.token}")]
        narrow = Uploads(objects)
        own = await narrow.start("/there/big")
        for one in (named, by_id):
            for attempt in (narrow.get, narrow.finish, narrow.cancel):
                with refused("PERMISSION_MISSING"):
                    await attempt(one.id)
            with refused("PERMISSION_MISSING"):
                await narrow.stream(pieces(one.id, b"x"))
        with refused("OBJECT_NOT_FOUND"):
            await narrow.start((await client.get_object("/elsewhere/a")).id)
        shown = await objects.call("ListUploads", messages.ListUploadsRequest())
        assert [one.upload_id for one in shown.uploads] == [own.upload_id]
    assert len(await listed(client)) == 3
    system.kill_daemon()  # what they are allowed by is kept with them
    async with objects_of(system) as objects:
        objects._metadata = [("authorization", f"Bearer {token.token}")]
        shown = await objects.call("ListUploads", messages.ListUploadsRequest())
        assert [one.upload_id for one in shown.uploads] == [own.upload_id]
    await client.resume_upload(by_id.id, b"new")
    assert await client.read_object("/elsewhere/a") == b"new"


# ---- One gives way --------------------------------------------------------------------------------------------------


async def test_the_longest_idle_gives_way(system, client, uploads):
    ids = await fill(client)
    await uploads.write(ids[0], b"touched")
    await client.upload_object("/new", content(MIB))
    assert await client.read_object("/new") == content(MIB)
    assert (await client.get_upload(ids[0])).persisted == 7
    for _ in range(2):
        for attempt in (uploads.get, uploads.finish, uploads.cancel):
            with refused("UPLOAD_SUPERSEDED") as refusal:
                await attempt(ids[1])
        with refused("UPLOAD_SUPERSEDED"):
            await uploads.stream(pieces(ids[1], b"x"))
        assert refusal.metadata["upload_id"] == ids[1] and "start it anew" in refusal.message
        system.kill_daemon()
        await until_answered(uploads, ids[0])
    assert [name for name in upload_files(system) if name.startswith(ids[1])] == [f"{ids[1]}.superseded"]


async def until_answered(uploads, upload_id):
    async def answered():
        with contextlib.suppress(grpc.RpcError):
            return await uploads.get(upload_id)

    await until(answered, "the daemon answers")


async def test_killed_between_the_one_that_gives_way_and_the_new_one(idle_system, tmp_path):
    idle_system.start(environment={"GRPC_OS_FAILPOINT_DIR": str(tmp_path)})
    client = await idle_system.client(retry=False)
    ids = await fill(client)
    (tmp_path / "upload.superseded").touch()
    pid = idle_system.daemon_pid()
    with pytest.raises(GrpcOSError):
        await client.start_upload("/new", request_id="once")
    assert (tmp_path / "upload.superseded.hit").exists()
    poll(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the killed daemon")
    idle_system.await_api()
    client = await idle_system.client()
    left = [one.id for one in await listed(client)]
    assert left == ids[1:]
    with refused("UPLOAD_SUPERSEDED"):
        await client.get_upload(ids[0])
    new = await client.start_upload("/new", request_id="once")
    assert [one.id for one in await listed(client)] == [*left, new.id]


async def test_cancelled_uploads_are_in_nobodys_way(system, client):
    data = os.urandom(4 * MIB)
    cut = 0
    for number in range(60):
        try:
            await asyncio.wait_for(client.upload_object(f"/x{number}", data), 0.001 * (number % 12))
        except TimeoutError:
            cut += 1
    assert cut > 10
    await until_none(client)
    assert not upload_files(system)


async def test_a_text_file_is_refused_before_anything_is_begun(client, tmp_path):
    (tmp_path / "text").write_text("some text")
    with open(tmp_path / "text") as text, pytest.raises(TypeError, match=r'open\(path, "rb"\)'):
        await client.upload_object("/t", text)
    assert await listed(client) == []


# ---- What the shell leaves ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def begin_put(system, *arguments, **options):
    put = subprocess.Popen(
        [system.bin / "grpc-os", "--address", system.address, "put", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(system.home), "XDG_STATE_HOME": "", "NO_COLOR": "1"},
        **options,
    )
    try:
        yield put
    finally:
        put.kill()
        put.communicate()


async def until_written(client):
    async def written():
        found = await listed(client)
        return found and found[0].persisted > 0 and found[0]

    return await until(written, "some of it is durable")


@contextlib.contextmanager
def open_pipe():
    """Standard input that has begun and does not end."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with os.fdopen(write, "wb", buffering=0) as pipe, os.fdopen(read) as source:

        def feed():
            while pipe.write(b"x" * 65536) is not None:
                pass

        yield source, feed, pipe.close


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_put_of_a_pipe_that_is_ended_leaves_nothing(system, client, how):
    with open_pipe() as (source, feed, _), begin_put(system, "-", "/z", stdin=source) as put:

        async def begun():
            feed()
            return await listed(client)

        await until(begun, "the upload is begun")
        put.send_signal(how)
        said = put.communicate(timeout=60)
    assert put.returncode == (130 if how == signal.SIGINT else -how), said
    assert await listed(client) == [] and not upload_files(system)


async def test_a_put_of_a_pipe_that_is_killed_is_listed_and_can_be_cancelled(system, client):
    with open_pipe() as (source, feed, _), begin_put(system, "-", "/z", stdin=source) as put:

        async def begun():
            feed()
            return await listed(client)

        await until(begun, "the upload is begun")
        put.kill()

    async def idle():
        return not (await listed(client))[0].busy

    await until(idle, "its stream has ended")
    (line,) = system.cli("uploads").stdout.splitlines()[1:]
    upload_id, name, owner, _, state, *_ = line.split()
    assert (name, owner, state) == ("/z", "admin", "idle")
    assert system.cli("uploads", "cancel", upload_id).stdout == f"cancelled {upload_id}\n"
    assert system.cli("uploads", "cancel", upload_id).returncode == 3
    assert not upload_files(system)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
async def test_a_put_of_a_file_that_is_ended_is_resumed(system, client, tmp_path, how):
    file = tmp_path / "big"
    file.touch()
    os.truncate(file, 512 * MIB)
    with begin_put(system, str(file), "/big", stdin=subprocess.DEVNULL) as put:
        begun = await until_written(client)
        put.send_signal(how)
        _, said = put.communicate(timeout=60)
    assert put.returncode == -how
    assert "run the same command again to resume" in said and "`grpc-os uploads` lists it" in said
    assert [one.id for one in await listed(client)] == [begun.id]
    again = system.cli("put", str(file), "/big")
    assert again.returncode == 0 and "resuming after" in again.stderr, again.stderr
    assert (await client.get_object("/big")).size == 512 * MIB
    await until_none(client)


async def test_without_a_note_nothing_is_kept(system, client, tmp_path):
    file = tmp_path / "big"
    file.touch()
    os.truncate(file, 512 * MIB)
    notes = system.home / ".local/state/grpc-os/uploads"
    notes.parent.mkdir(parents=True, exist_ok=True)
    notes.write_text("where the notes should be")
    with begin_put(system, str(file), "/big", stdin=subprocess.DEVNULL) as put:
        await until_written(client)
        put.terminate()
        _, said = put.communicate(timeout=60)
    assert put.returncode == -signal.SIGTERM and said == ""
    assert await listed(client) == []


async def test_what_ignores_hangups_goes_on(system, client):
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with open_pipe() as (source, feed, close), begin_put(system, "-", "/z", stdin=source, preexec_fn=ignore) as put:

        async def begun():
            feed()
            return await listed(client)

        await until(begun, "the upload is begun")
        put.send_signal(signal.SIGHUP)
        close()
        _, said = put.communicate(timeout=60)
    assert put.returncode == 0, said
    assert (await client.get_object("/z")).size > 0


# ---- What is counted ------------------------------------------------------------------------------------------------


async def test_after_a_crash_the_room_of_uploads_is_what_is_counted(system, client, uploads):
    data = content(24 * MIB)
    started = await uploads.start("/big", len(data) + 1)
    call = uploads.stream(None, timeout=600)
    for piece in pieces(started.upload_id, data):
        await call.write(piece)
    file = system.data / "uploads" / f"{started.upload_id}.data"
    poll(lambda: file.stat().st_size == len(data), "all of it has come")
    system.kill_daemon()

    async def counted():
        with contextlib.suppress(GrpcOSError):
            return (await client.get_system()).storage

    storage = await until(counted, "the daemon answers")
    assert storage.open_uploads == 1 and storage.upload_bytes < len(data)
    assert file.stat().st_size == storage.upload_bytes
    assert (await client.get_upload(started.upload_id)).persisted == storage.upload_bytes
