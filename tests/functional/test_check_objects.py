"""Damaged contents are found and named: by CheckObjects while the daemon runs, and by `grpc-osd --check`."""

import sqlite3
import subprocess

import pytest
import pytest_asyncio
from expectations import refused
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import objects_of
from uploads_api import MIB, Uploads, blob_files, content, sha256


@pytest_asyncio.fixture
async def uploads(system):
    async with objects_of(system) as objects:
        yield Uploads(objects)


async def check(objects, prefix=""):
    """({(name, generation): what was found}, contents, bytes)."""
    damaged, last = {}, None
    async for message in objects.call("CheckObjects", messages.CheckObjectsRequest(prefix=prefix), 120):
        assert last is None or not last.done
        damaged.update({(one.name, one.generation): one.message for one in message.damaged})
        last = message
    assert last.done
    return damaged, last.checked_count, last.checked_bytes


def check_offline(system):
    return subprocess.run(
        [system.bin / "grpc-osd", "--check", system.data], capture_output=True, text=True, timeout=120
    )


def flip_byte(path, at):
    with open(path, "r+b") as raw:
        raw.seek(at)
        byte = raw.read(1)[0]
        raw.seek(at)
        raw.write(bytes([byte ^ 0x20]))


async def many(uploads):
    """200 small ones, three large ones of which one has a version and two are the same."""
    for number in range(200):
        await uploads.objects.put(f"/small/{number}", b"x" * number)
    first = await uploads.put("/big/a", content(2 * MIB, 1))
    await uploads.put("/big/a", content(2 * MIB, 2))
    await uploads.put("/big/b", content(MIB, 3))
    await uploads.put("/other/c", content(MIB, 3))
    return first


async def test_whole_contents_are_all_read(system, uploads):
    await many(uploads)
    assert await check(uploads.objects) == ({}, 204, sum(range(200)) + 6 * MIB)
    assert await check(uploads.objects, "/big/") == ({}, 3, 5 * MIB)
    assert await check(uploads.objects, "/small/1") == ({}, 111, sum(n for n in range(200) if str(n)[0] == "1"))
    assert await check(uploads.objects, "/nothing") == ({}, 0, 0)
    with refused("FIELD_INVALID", fields=["prefix"]):
        await check(uploads.objects, "/a\n")
    system.stop_all()
    done = check_offline(system)
    assert done.returncode == 0 and f"204 contents of {sum(range(200)) + 6 * MIB} bytes" in done.stdout, done.stdout


async def test_each_damaged_content_is_named(system, uploads):
    first = await many(uploads)
    live = {name: await uploads.objects.get(name) for name in ("/big/a", "/big/b", "/other/c", "/small/7")}
    files = {path.name: path for path in blob_files(system)}
    flip_byte(files[sha256(content(2 * MIB, 1))], MIB)  # of a version alone
    files[sha256(content(MIB, 3))].unlink()  # of two objects
    damaged, count, _ = await check(uploads.objects)
    assert set(damaged) == {
        ("/big/a", first.generation),
        ("/big/b", live["/big/b"].generation),
        ("/other/c", live["/other/c"].generation),
    }
    assert count == 204
    assert str(MIB) in damaged["/big/a", first.generation]
    assert "missing" in damaged["/other/c", live["/other/c"].generation]
    assert set((await check(uploads.objects, "/other/"))[0]) == {("/other/c", live["/other/c"].generation)}
    system.stop_all()
    with sqlite3.connect(system.data / "grpc-os.db") as database:
        database.execute("UPDATE objects SET data = x'79797979797979' WHERE name = '/small/7'")
    database.close()
    done = check_offline(system)
    assert done.returncode == 1
    for name in ("/big/a", "/big/b", "/other/c", "/small/7"):
        assert f"the content of {name} (" in done.stdout, done.stdout
    assert "a version" in done.stdout
    assert "4 findings" in done.stdout


async def test_another_blobs_file_is_not_taken_for_it(system, uploads):
    await uploads.put("/a", content(MIB, 1))
    await uploads.put("/b", content(MIB, 2))
    one, other = blob_files(system)
    one.write_bytes(other.read_bytes())
    damaged, _, _ = await check(uploads.objects)
    assert len(damaged) == 1
    assert all("another one" in message for message in damaged.values())


async def test_counts_of_files_are_compared(system, uploads):
    await uploads.put("/a", content(MIB, 1))
    system.stop_all()
    with sqlite3.connect(system.data / "grpc-os.db") as database:
        database.execute("UPDATE blobs SET refs = 2")
    database.close()
    done = check_offline(system)
    assert done.returncode == 1
    assert f"the content {sha256(content(MIB, 1))} is counted 2 times, 1 objects and versions have it" in done.stdout


@pytest.mark.parametrize("seen", [0, 1])
async def test_a_client_that_leaves_is_not_waited_for(uploads, seen):
    await many(uploads)
    call = uploads.objects.call("CheckObjects", messages.CheckObjectsRequest(), 120)
    for _ in range(seen):
        await call.read()
    call.cancel()
    assert (await check(uploads.objects))[1] == 204
