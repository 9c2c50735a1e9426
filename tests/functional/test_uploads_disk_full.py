"""Uploads on a disk without space left."""

import contextlib
import subprocess

import grpc
from expectations import refused
from objects_api import objects_of, when
from test_weather import MOUNTS, mounted_tmpfs
from uploads_api import MIB, Uploads, blob_files, content, crc32c, sha256

pytestmark = MOUNTS


@contextlib.contextmanager
def full(system):
    """No space is left until the block ends."""
    filler = system.data / "filler"
    with open(filler, "wb", buffering=0) as file:
        block = MIB
        while block > 0:
            try:
                file.write(bytes(block))
            except OSError:
                block //= 2
    try:
        yield
    finally:
        filler.unlink()


async def test_a_disk_that_fills_up_in_mid_upload(idle_system):
    idle_system.data.mkdir(parents=True)
    with mounted_tmpfs(idle_system.data, "48m"):
        idle_system.start()
        data = content(64 * MIB)
        async with objects_of(idle_system) as objects:
            uploads = Uploads(objects)
            await objects.put("/small", b"here")
            started = await uploads.start("/big", len(data))
            first = await uploads.write(started.upload_id, data[: 4 * MIB])
            assert first.persisted_bytes == 4 * MIB
            with refused("DISK_FULL") as refusal:
                await uploads.write(started.upload_id, data, 4 * MIB)
            assert "full" in refusal.message
            state = await uploads.get(started.upload_id)
            assert 4 * MIB <= state.persisted_bytes < len(data)
            assert state.crc32c == crc32c(data[: state.persisted_bytes])
            assert await objects.data("/small") == b"here"
            idle_system.kill_daemon()  # what was answered stays
        async with objects_of(idle_system) as objects:
            uploads = Uploads(objects)
            assert await uploads.get(started.upload_id) == state
            subprocess.run(["mount", "-o", "remount,size=160m", idle_system.data], check=True)
            written = await uploads.write(started.upload_id, data, state.persisted_bytes)
            assert (written.persisted_bytes, written.crc32c) == (len(data), crc32c(data))
            await uploads.finish(started.upload_id, sha=sha256(data))
            assert await uploads.read("/big") == (0, data)
        idle_system.stop_all()


async def test_a_disk_that_is_full_at_the_end_of_an_upload(idle_system):
    idle_system.data.mkdir(parents=True)
    with mounted_tmpfs(idle_system.data, "48m"):
        idle_system.start()
        data = content(8 * MIB)
        async with objects_of(idle_system) as objects:
            uploads = Uploads(objects)
            started = await uploads.start("/big", len(data))
            await uploads.write(started.upload_id, data)
            with full(idle_system):
                with refused("DISK_FULL"):
                    await uploads.finish(started.upload_id)
                with refused("OBJECT_NOT_FOUND"):
                    await objects.get("/big")
                assert (await uploads.get(started.upload_id)).persisted_bytes == len(data)
            made = await uploads.finish(started.upload_id, sha=sha256(data))
            assert made.size_bytes == len(data)
            assert await uploads.read("/big") == (0, data)
        idle_system.stop_all()


async def fill_the_log(objects, size):
    """Puts until no such content can be taken."""
    for number in range(2000):
        try:
            await objects.put(f"/fill-{size}-{number}", b"x" * size)
        except grpc.aio.AioRpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error
            return
    raise AssertionError("the log grows without space")


async def test_a_disk_that_is_full_at_the_commit(idle_system):
    """The content lies in its place already; what cannot be written is the row that names it."""
    idle_system.data.mkdir(parents=True)
    with mounted_tmpfs(idle_system.data, "48m"):
        idle_system.start()
        data = content(4 * MIB)
        # Larger than what may be left of a page of the log.
        metadata = {f"key-{number}": "v" * 2000 for number in range(4)}
        async with objects_of(idle_system) as objects:
            uploads = Uploads(objects)
            await objects.put("/big", b"in the way")
            started = await uploads.start("/big", preconditions=when(generation_match=0), metadata=metadata)
            await uploads.write(started.upload_id, data)
            with refused("PRECONDITION_FAILED"):  # sealed and laid by this
                await uploads.finish(started.upload_id)
            (file,) = blob_files(idle_system)
            assert file.name == sha256(data)
            await objects.delete("/big")
            with full(idle_system):
                for size in (60_000, 4_000, 1):
                    await fill_the_log(objects, size)
                with refused("DISK_FULL"):
                    await uploads.finish(started.upload_id)
                with refused("OBJECT_NOT_FOUND"):
                    await objects.get("/big")
            made = await uploads.finish(started.upload_id)
            assert dict(made.metadata) == metadata
            assert blob_files(idle_system) == [file]
            assert await uploads.read("/big") == (0, data)
        idle_system.stop_all()
