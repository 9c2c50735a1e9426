"""Files of the data directory are taken away while it is in use: made again, or said, and processes go on."""

import json
import os
import shutil
import signal
import socket
import subprocess

import pytest
from expectations import SLEEP, refused, until
from running_system import DidNotStart, is_alive, poll


def connects(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def init_log(system):
    return [json.loads(line)["message"] for line in (system.data / "logs/system/init.log").read_text().splitlines()]


def osd_log(system):
    return (system.data / "logs/system/osd.jsonl").read_text()


async def problems(client):
    return (await client.get_system()).problems


async def test_sockets_are_made_again_and_stop_all_finds_init(system, client):
    process = await client.create_process("web", SLEEP)
    run = system.data / "run"
    sockets = [run / "api.sock", run / "init.sock", *run.glob("i/*/ctl.sock")]
    assert len(sockets) >= 3
    for path in (*sockets, run / "grpc.port", run / "boot_id", run / "init.lock", run / "osd.lock"):
        path.unlink()
    assert (await client.get_process("web")).details.pid == process.details.pid, "connections go on"
    for path in (*sockets, run / "grpc.port", run / "boot_id", run / "init.lock", run / "osd.lock"):
        poll(path.exists, f"{path} is there again")
    assert connects(run / "api.sock")
    assert system.cli("ps").returncode == 0
    system.stop_all()
    assert not is_alive(process.details.pid)


async def test_stop_all_right_after_the_loss_of_its_socket(system, client):
    process = await client.create_process("web", SLEEP)
    (system.data / "run/init.sock").unlink()
    system.stop_all()
    assert not is_alive(process.details.pid)


async def test_the_whole_of_run_is_made_again(system, client):
    process = await client.create_process("web", SLEEP)
    pid = process.details.pid
    run = system.data / "run"
    ids = {path.name for path in run.glob("i/*")}
    shutil.rmtree(run)
    second = subprocess.run(
        [system.bin / "grpc-os-init", "--data-dir", system.data, "--grpc-port", "0"], capture_output=True, text=True, timeout=30
    )
    assert second.returncode == 1
    assert "another grpc-os-init runs on" in second.stderr
    for name in ("api.sock", "init.sock", "grpc.port", "boot_id", "init.lock", "osd.lock"):
        poll((run / name).exists, f"{name} is there again")
    for name in ids:
        for file in ("ctl.sock", "launch", "spec", "journal"):
            poll((run / "i" / name / file).exists, f"{file} of {name} is there again")
    # A new daemon finds init and the supervisors, and a new init finds the daemon.
    system.kill_daemon()
    await system.close_clients()
    again = await system.client()

    async def is_as_ever():
        details = (await again.get_process("web")).details
        return details.pid == pid and details.restart_count == 0

    await until(is_as_ever, "the process is as it was")
    system.init.kill()
    system.init.wait()
    system.start()
    await until(is_as_ever, "the process is as it was")
    supervisor = next(p for p in system.programs("grpc-os-supervise") if is_alive(p))
    os.kill(supervisor, signal.SIGKILL)

    async def is_restarted():
        details = (await again.get_process("web")).details
        return details.pid not in (0, pid)

    await until(is_restarted, "a supervisor that dies is launched again from what was made again")


async def test_a_strangers_file_is_left_alone_and_said(system, client):
    path = system.data / "run/api.sock"
    path.unlink()
    path.write_text("mine")
    poll(lambda: "a file that is no socket is there" in osd_log(system), "it is said")
    assert path.read_text() == "mine"
    path.unlink()
    poll(lambda: connects(path), "the socket is made again")


async def database_problem(client, words):
    async def told():
        return any(words in problem for problem in await problems(client))

    await until(told, f"a problem with {words!r}")


async def test_a_deleted_database_takes_nothing_and_says_so(system, client):
    process = await client.create_process("web", SLEEP)
    database = system.data / "grpc-os.db"
    away = system.home / "away"
    away.mkdir()
    for name in ("grpc-os.db", "grpc-os.db-wal", "grpc-os.db-shm"):
        os.link(system.data / name, away / name)
        (system.data / name).unlink()
    with refused("STORE_UNAVAILABLE") as refusal:
        await client.create_process("other", SLEEP)
    assert "was deleted or moved" in refusal.message
    await database_problem(client, "grpc-os.db was deleted or moved")
    status = system.cli("status")
    assert "problem" in status.stdout and "was deleted or moved" in status.stdout
    poll(lambda: "was deleted or moved" in osd_log(system), "it is in the log")
    assert is_alive(process.details.pid)
    assert (await client.get_process("web")).details.pid == process.details.pid
    # Health stays: a restart would not bring it back.
    pid = system.daemon_pid()
    assert system.stop() == 0
    poll(lambda: not is_alive(pid), "the daemon has ended")
    with pytest.raises(DidNotStart) as did_not:
        system.start()
    assert "is missing, but its directory was in use" in did_not.value.said
    system.init = None
    for name in ("grpc-os.db", "grpc-os.db-wal"):
        if (away / name).exists():
            (away / name).rename(system.data / name)
    system.start()
    await system.close_clients()
    again = await system.client()
    assert (await again.get_process("web")).details.pid == process.details.pid
    assert database.exists()


async def test_one_that_is_moved_away_and_back_goes_on(system, client):
    database = system.data / "grpc-os.db"
    database.rename(system.home / "moved")
    await database_problem(client, "was deleted or moved")
    (system.home / "moved").rename(database)

    async def is_well():
        return not await problems(client)

    await until(is_well, "no problem is left")
    await client.create_process("web", SLEEP)


async def test_an_overwritten_database_takes_nothing(system, client):
    database = system.data / "grpc-os.db"
    backup = database.read_bytes()
    database.write_bytes(b"no database at all")
    with refused("STORE_UNAVAILABLE") as refusal:
        await client.create_process("web", SLEEP)
    assert "was written to by another program" in refusal.message
    database.write_bytes(backup)


async def test_a_supervisor_that_is_stopped_is_a_problem(system, client):
    process = await client.create_process("web", SLEEP)
    (supervisor,) = system.programs("grpc-os-supervise")
    os.kill(supervisor, signal.SIGSTOP)

    async def told():
        return [problem for problem in await problems(client) if problem.startswith("The supervisor of web ")]

    (problem,) = await until(told, "the problem")
    assert is_alive(process.details.pid)
    cure = problem.rpartition("with: ")[2]
    assert cure.startswith("pkill -CONT -f ")
    subprocess.run(cure.split(), check=True)

    async def is_well():
        return not await told()

    await until(is_well, "no problem is left")
