"""Objects by the Python client and the real daemon: their life, and transfers over the death of the daemon."""

import asyncio
import contextlib
import io
import os
import pathlib
import tempfile

import pytest
from expectations import refused
from grpc_os import Condition, GrpcOSError

# So much that not all of it is under way before the daemon dies.
LARGE = os.urandom(24 << 20)


async def test_the_life_of_an_object(client):
    made = await client.create_object("/d/a", b"one", {"k": "v"}, content_type="text/plain")
    new = await client.put_object("/d/a", b"two", condition=Condition(generation=made.generation))
    assert new.id == made.id and new.generation > made.generation and new.metadata == {"k": "v"}
    with refused("PRECONDITION_FAILED"):
        await client.put_object("/d/a", b"three", condition=Condition(generation=made.generation))
    assert [v.generation async for v in client.list_versions("/d/a")] == [new.generation, made.generation]
    assert await client.read_object("/d/a", generation=made.generation) == b"one"
    assert (await client.update_object("/d/a", metadata={"x": "y"})).metadata == {"x": "y"}
    assert (await client.get_object("/d/a", include_data=True)).data == b"two"
    assert (await client.copy_object("/d/a", "/d/b")).id != made.id
    assert (await client.move_object("/d", "/e")).folder
    assert [o.name async for o in client.list_objects("/e")] == ["/e/a", "/e/b"]
    assert (await client.measure_objects("/e/")).objects == 2
    await client.delete_object("/e/a")
    with refused("OBJECT_NOT_FOUND"):
        await client.get_object("/e/a")
    assert (await client.undelete_object("/e/a")).id == made.id
    await client.delete_object("/e", recursive=True)
    assert [o.name async for o in client.list_objects("/e/", recursive=True)] == []
    gone = [o async for o in client.list_objects("/e/", deleted=True, page_size=1)]
    assert [o.name for o in gone] == ["/e/a", "/e/b"] and all(o.deleted and o.retire_time for o in gone)
    for one in gone:
        assert (await client.undelete_object(one.name)).id == one.id
    assert [o async for o in client.list_objects("/e/", deleted=True)] == []
    assert (await client.create_folder("/empty")).folder


async def test_a_watch_over_a_restart(system, client):
    await client.create_object("/w/before")
    events = client.watch_objects("/w/")
    async with contextlib.aclosing(events):
        first = await anext(events)
        assert (first.action, first.name) == ("snapshot", "/w/before")
        await client.create_object("/w/a")
        assert (await anext(events)).name == "/w/a"
        await asyncio.to_thread(system.kill_daemon)
        await client.put_object("/w/a", b"x")
        await client.create_object("/elsewhere")
        await client.delete_object("/w/before")
        assert [((e := await anext(events)).action, e.name) for _ in range(2)] == [("updated", "/w/a"), ("deleted", "/w/before")]


class KillsInTheMiddle(io.BytesIO):
    """A file during whose reading the daemon dies, once."""

    def __init__(self, data, kill):
        super().__init__(data)
        self._kill = kill

    def read(self, size=-1):
        if self._kill is not None and self.tell() > len(LARGE) // 2:
            kill, self._kill = self._kill, None
            kill()
        return super().read(size)


async def test_an_upload_and_a_download_over_the_death_of_the_daemon(system, client, tmp_path):
    made = await client.upload_object("/big", KillsInTheMiddle(LARGE, system.kill_daemon), {"k": "v"})
    assert (made.size, made.metadata) == (len(LARGE), {"k": "v"})
    killed = []

    def kill_once(size):
        if size > len(LARGE) // 2 and not killed:
            killed.append(size)
            system.kill_daemon()

    await client.download_object("/big", tmp_path / "copy", progress=kill_once)
    assert killed and (tmp_path / "copy").read_bytes() == LARGE
    assert await client.read_object("/big", offset=-1000) == LARGE[-1000:]


class Stops(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > 8 << 20:
            raise OSError("the program was interrupted")
        return super().read(size)


async def test_an_upload_that_another_client_goes_on_with(system, client):
    upload = await client.start_upload("/big", size=len(LARGE))
    with pytest.raises(OSError, match="interrupted"):
        await client.resume_upload(upload.id, Stops(LARGE))
    another = await system.client()
    persisted = (await another.get_upload(upload.id)).persisted
    assert 0 < persisted < len(LARGE)
    assert (await another.resume_upload(upload.id, LARGE)).size == len(LARGE)
    assert await another.read_object("/big") == LARGE


async def test_what_comes_through_a_precondition_that_does_not_hold_is_not_stored(client):
    await client.create_object("/big", b"theirs")
    with pytest.raises(GrpcOSError):
        await client.upload_object("/big", LARGE[: 1 << 20], condition=Condition(generation=0))
    assert await client.read_object("/big") == b"theirs"


async def test_what_claims_a_size_that_is_not_its_own_is_read_to_its_end(client, tmp_path):
    for source in ("/proc/version", "/sys/devices/system/cpu/online"):  # which claim 0 bytes and 4096
        await client.upload_object("/made", source)
        assert await client.read_object("/made") == pathlib.Path(source).read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    upload = asyncio.create_task(client.upload_object("/piped", pipe))
    # The program's other tasks go on while the pipe has no writer yet, and no end.
    writer = await asyncio.to_thread(open, pipe, "wb")
    await client.create_object("/meanwhile")
    assert not upload.done()
    with writer:
        writer.write(LARGE[:200_000])
    await upload
    assert await client.read_object("/piped") == LARGE[:200_000]


async def test_a_file_that_is_all_holes_is_not_copied_first(client, tmp_path, monkeypatch):
    def copied(*_, **__):
        raise AssertionError("it needs no copy")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", copied)
    (tmp_path / "holes").touch()
    os.truncate(tmp_path / "holes", 100_000)
    assert (await client.upload_object("/holes", tmp_path / "holes")).size == 100_000


async def test_quotas(client):
    quota = await client.set_quota("/q", max_objects=1)
    assert quota.max_objects == 1 and quota.objects == 0
    await client.create_object("/q/a", b"12345")
    with refused("QUOTA_EXCEEDED"):
        await client.create_object("/q/b")
    (listed,) = await client.list_quotas()
    assert (listed.objects, listed.bytes) == (1, 5)
    await client.delete_quota("/q")
    await client.create_object("/q/b")


async def test_a_check_of_all_that_is_stored(client):
    await client.create_object("/a", b"12345")
    messages = [message async for message in client.check_objects()]
    assert messages[-1].done and not any(message.damaged for message in messages)
