"""The data directory: `grpc-osd --check`, databases that are not what they were, disks that cannot be written."""

import contextlib
import os
import subprocess

import grpc
import pytest
from expectations import SLEEP, names, one_sentence, refused
from running_system import DidNotStart
from test_weather import MOUNTS, mounted_tmpfs


def check(system, directory=None):
    return subprocess.run(
        [system.bin / "grpc-osd", "--check", directory or system.data], capture_output=True, text=True, timeout=60
    )


async def used(system):
    """Has had a process, and was stopped cleanly."""
    system.start()
    client = await system.client()
    await client.create_process("web", SLEEP)
    await system.close_clients()
    system.stop_all()


async def test_check_of_a_whole_directory(idle_system):
    await used(idle_system)
    before = (idle_system.data / "grpc-os.db").read_bytes()
    done = check(idle_system)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OK: revision ") and "1 processes" in done.stdout
    assert (idle_system.data / "grpc-os.db").read_bytes() == before


async def test_check_beside_a_running_daemon(system, client):
    done = check(system)
    assert done.returncode == 1
    assert "a grpc-osd runs on" in one_sentence(done.stdout)
    await client.create_process("web", SLEEP)  # and it goes on


async def test_check_finds_damage(idle_system):
    await used(idle_system)
    path = idle_system.data / "grpc-os.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: 2 * 8192] + b"\x5a" * 8192 + whole[3 * 8192 :])
    damaged = path.read_bytes()
    done = check(idle_system)
    assert done.returncode == 1
    assert "findings; nothing was changed" in done.stdout or "damaged" in done.stdout
    assert path.read_bytes() == damaged


def test_check_of_nothing(idle_system):
    done = check(idle_system, idle_system.home / "none")
    assert done.returncode == 1
    one_sentence(done.stdout)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: whole[:5000], id="cut off in the first page"),
        pytest.param(lambda whole: whole[:-8192], id="without its last page"),
        pytest.param(lambda whole: b"\x5a" * len(whole), id="garbage"),
        pytest.param(lambda whole: b"no format at all" + whole[16:], id="header"),
    ],
)
async def test_a_damaged_database_is_refused_and_left_as_it_is(idle_system, damage):
    await used(idle_system)
    path = idle_system.data / "grpc-os.db"
    path.write_bytes(damage(path.read_bytes()))
    damaged = path.read_bytes()
    with pytest.raises(DidNotStart) as caught:
        idle_system.start()
    assert "grpc-os.db" in caught.value.said.lower() and "backup" in caught.value.said
    assert path.read_bytes() == damaged


async def test_a_missing_database_of_a_used_directory_is_refused(idle_system):
    await used(idle_system)
    path = idle_system.data / "grpc-os.db"
    path.rename(idle_system.data / "moved.db")
    with pytest.raises(DidNotStart) as caught:
        idle_system.start()
    assert "is missing" in caught.value.said and "start anew" in caught.value.said
    assert not path.exists()


@MOUNTS
async def test_a_full_disk_recovers_by_itself_and_nothing_acknowledged_is_lost(idle_system):
    with mounted_tmpfs(idle_system.data, "16m"):
        idle_system.start()
        client = await idle_system.client()
        acknowledged = []
        filler = idle_system.data / "filler"
        for round_number in range(3):
            with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
            with pytest.raises(grpc.RpcError) as caught:
                for number in range(1000):
                    name = f"p{round_number}-{number}"
                    await client.create_process(name, "true", {"A": "x" * 50_000})
                    acknowledged.append(name)
            with refused("DISK_FULL"):
                raise caught.value
            assert await names(client) == sorted(acknowledged)
            os.unlink(filler)
            await client.create_process(f"after-{round_number}", "true")
            acknowledged.append(f"after-{round_number}")
        idle_system.kill_daemon()
        again = await idle_system.client()
        assert await names(again) == sorted(acknowledged)
        await idle_system.close_clients()
        idle_system.stop_all()
    assert not (idle_system.data / "grpc-os.db").exists()
