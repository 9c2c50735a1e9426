"""Where the room of the data directory goes, and that it comes back."""

import json
import os
import signal
import subprocess

import pytest
from expectations import until
from objects_api import objects_of
from running_system import bin_dir, poll
from test_metrics import families, value
from test_weather import MOUNTS, mounted_tmpfs
from uploads_api import MIB, Uploads, blob_files, content


async def storage_of(client):
    return (await client.get_system()).storage


async def test_all_of_it_is_shown(system, client):
    async with objects_of(system) as objects:
        uploads = Uploads(objects)
        await uploads.put("/big", content(2 * MIB, 1))
        await uploads.put("/big", content(3 * MIB, 2))
        started = await uploads.start("/half")
        await uploads.write(started.upload_id, content(MIB, 3))

    async def finished():  # a finished upload goes after its answer
        return (await storage_of(client)).open_uploads == 1

    await until(finished, "one upload is left")
    storage = await storage_of(client)
    assert (storage.objects, storage.object_bytes) == (1, 3 * MIB)
    assert (storage.versions, storage.version_bytes) == (1, 2 * MIB)
    assert (storage.open_uploads, storage.upload_bytes) == (1, MIB)
    assert storage.unused_bytes == 0
    assert storage.database_bytes + storage.database_log_bytes > 0
    assert (await client.measure_objects("/")).storage.upload_bytes == MIB
    assert not (await client.measure_objects("/big")).HasField("storage")
    page = families(system)
    for kind, wanted in {"live": 3 * MIB, "versions": 2 * MIB, "unused": 0, "uploads": MIB}.items():
        assert value(page, "grpcos_storage_bytes", kind=kind) == wanted, kind
    assert value(page, "grpcos_uploads_open") == 1
    shown = json.loads(system.cli("-o", "json", "du").stdout)["storage"]
    assert (shown["uploadBytes"], shown["versionBytes"]) == (str(MIB), str(2 * MIB))
    for command in ("du", "status"):
        lines = [line.split() for line in system.cli(command).stdout.splitlines()]
        assert ["open", "uploads", "1,", "1MiB"] in lines, lines
        assert ["to", "be", "removed", "0B"] in lines


async def test_a_put_that_was_killed_is_an_open_upload(system, client):
    with subprocess.Popen(
        [bin_dir() / "grpc-os", "--address", system.address, "put", "-", "/z"], stdin=subprocess.PIPE
    ) as put:
        put.stdin.write(content(40 * MIB))  # some of it is synced on the way
        put.stdin.flush()

        async def arrived():
            storage = await storage_of(client)
            return storage.open_uploads == 1 and storage.upload_bytes > 0

        await until(arrived, "its bytes have come")
        put.send_signal(signal.SIGKILL)
    storage = await storage_of(client)
    assert (storage.open_uploads, storage.objects) == (1, 0)
    assert storage.upload_bytes >= 16 * MIB


@MOUNTS
async def test_a_full_disk_is_free_again_after_rm_now(idle_system):
    idle_system.data.mkdir(parents=True)
    with mounted_tmpfs(idle_system.data, "60m"):
        idle_system.start()
        client = await idle_system.client()
        async with objects_of(idle_system) as objects:
            uploads = Uploads(objects)
            await uploads.put("/one", content(24 * MIB, 1))
            await uploads.put("/two", content(23 * MIB, 2))
            for name in ("/one", "/two"):
                assert idle_system.cli("rm", "--now", "-y", name).returncode == 0
            await uploads.put("/three", content(24 * MIB, 3))

        async def collected():
            return (await storage_of(client)).unused_bytes == 0

        await until(collected, "all is collected")
        assert len(blob_files(idle_system)) == 1
        await idle_system.close_clients()
        idle_system.stop_all()


@pytest.mark.parametrize("failpoint", ["upload.forgotten", "upload.unlinked"])
async def test_killed_in_a_collection_what_is_named_stays_and_what_is_put_again_comes_back(idle_system, tmp_path, failpoint):
    idle_system.start(environment={"GRPC_OS_FAILPOINT_DIR": str(tmp_path)})
    gone, kept = content(MIB, 1), content(MIB, 2)
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        await uploads.put("/gone", gone)
        await uploads.put("/kept", kept)
        (tmp_path / failpoint).touch()
        pid = idle_system.daemon_pid()
        await objects.delete("/gone", purge=True)
    # Its sockets take connections until the last of its threads has ended, and it is reaped after that.
    poll(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the killed daemon")
    assert (tmp_path / f"{failpoint}.hit").exists()
    idle_system.await_api()
    client = await idle_system.client()
    left = MIB if failpoint == "upload.forgotten" else 0  # forgotten and not removed: shown, and removed after a day

    async def looked():
        return left <= (await storage_of(client)).unused_bytes < left + MIB // 2

    await until(looked, "the strays are counted")
    await idle_system.close_clients()
    async with objects_of(idle_system) as objects:
        uploads = Uploads(objects)
        assert await uploads.read("/kept") == (0, kept)
        await uploads.put("/again", gone)
        assert await uploads.read("/again") == (0, gone)
        assert len(blob_files(idle_system)) == 2
