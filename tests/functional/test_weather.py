"""Bad weather around the daemon: away, killed, restarted, doubled, on bad disks."""

import asyncio
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

import grpc
import pytest
from expectations import SLEEP, names, one_sentence, refused, shell, texts, until
from running_system import PATIENCE_S, DidNotStart, RunningSystem, is_alive, poll, start_time



def can_mount():
    with tempfile.TemporaryDirectory() as directory:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], capture_output=True).returncode != 0:
            return False
        subprocess.run(["umount", directory], check=True)
        return True


MOUNTS = pytest.mark.skipif(not can_mount(), reason="file systems cannot be mounted here (it takes root)")


@contextlib.contextmanager
def mounted_tmpfs(path, size):
    pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


async def test_daemon_away(system, client):
    system.stop()
    with pytest.raises(grpc.RpcError) as caught:
        await system.anonymous(timeout=2).create_process("web", SLEEP)
    assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


async def test_daemon_away_on_the_command_line(system):
    system.stop()
    done = system.cli("ps", timeout=60)
    assert done.returncode == 6
    assert done.stdout == ""
    one_sentence(done.stderr)


async def test_a_daemon_that_does_not_answer_on_the_command_line(system, tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "api.sock"))
        silent.listen(100)
        done = subprocess.run(
            [system.bin / "grpc-os", "--address", f"unix:{tmp_path}/api.sock", "ps"],
            capture_output=True,
            text=True,
            timeout=100,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(tmp_path)},
        )
    assert done.returncode in (6, 7)
    one_sentence(done.stderr)


async def test_a_control_plane_restarted_50_times_in_a_row(system, client):
    pids = [(await client.create_process(f"p{number}", SLEEP)).details.pid for number in range(5)]
    born = [start_time(pid) for pid in pids]
    ticking = await client.create_process("ticking", shell("i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"))
    for number in range(50):
        if number % 5 == 4:
            system.stop()
            system.start()
        else:
            system.kill_daemon()
        processes = [process async for process in client.list_processes()]
        assert len(processes) == 6
    assert [start_time(pid) for pid in pids] == born
    for number, pid in enumerate(pids):
        process = await client.get_process(f"p{number}")
        assert process.status == "running" and process.details.pid == pid
        assert process.details.restart_count == 0
    await client.stop_process(ticking.id)
    said = [int(text) for text in await texts(client, "ticking")]
    assert said == list(range(1, len(said) + 1))
    assert (await client.get_system()).proto.running_count == 5
    assert not (await client.get_system()).proto.unowned_instances


async def test_a_second_system_on_the_same_directory_is_refused(system, client):
    created = await client.create_process("web", SLEEP)
    second = RunningSystem(directory=system.data)
    with pytest.raises(DidNotStart) as caught:
        second.launch()
        poll(lambda: second.init.poll() is not None, "the second one ends")
        raise DidNotStart(second.init.returncode, second.said)
    assert caught.value.code == 1
    assert str(system.data) in one_sentence(caught.value.said)
    assert is_alive(created.details.pid)
    assert (await client.get_process("web")).details.pid == created.details.pid
    subprocess.run(["rm", "-r", second.home], check=True)


async def test_a_second_daemon_on_the_same_directory_is_refused(system, client):
    done = subprocess.run(
        [system.bin / "grpc-osd", "--data-dir", system.data, "--grpc-port", "0", "--http-port", "0", "--boot-id", "other"],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT)
    assert done.stderr
    assert (await client.whoami()).name == "admin"


async def test_a_second_system_on_the_same_port_is_refused(system, client):
    with RunningSystem() as second:
        with pytest.raises(DidNotStart) as caught:
            second.start(grpc_port=system.port)
        assert caught.value.code == 1
        assert str(system.port) in one_sentence(caught.value.said)
    over_tcp = system.anonymous(f"localhost:{system.port}", token=client.token)
    assert (await over_tcp.whoami()).name == "admin"


async def test_a_port_that_another_program_holds_is_refused(idle_system):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(DidNotStart) as caught:
            idle_system.start(grpc_port=port)
    assert caught.value.code == 1
    assert str(port) in one_sentence(caught.value.said)


async def test_a_directory_whose_socket_path_is_too_long_is_refused(idle_system):
    fits = 107 - len("/run/api.sock") - len(str(idle_system.home)) - 1
    idle_system.data = idle_system.home / ("x" * (fits + 1))
    with pytest.raises(DidNotStart) as caught:
        idle_system.start()
    assert caught.value.code == 1
    assert "107" in one_sentence(caught.value.said)

    idle_system.data = idle_system.home / ("y" * fits)
    idle_system.start()
    assert (await (await idle_system.client()).whoami()).name == "admin"
    await idle_system.close_clients()


@MOUNTS
async def test_a_read_only_directory_is_refused(idle_system):
    with mounted_tmpfs(idle_system.data, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", idle_system.data], check=True)
        with pytest.raises(DidNotStart) as caught:
            idle_system.start()
    assert caught.value.code == 1
    said = one_sentence(caught.value.said)
    assert str(idle_system.data) in said and "Read-only file system" in said


async def test_a_directory_that_is_a_file_is_refused(idle_system):
    idle_system.data.write_text("")
    with pytest.raises(DidNotStart) as caught:
        idle_system.start()
    assert caught.value.code == 1
    assert str(idle_system.data) in one_sentence(caught.value.said)


async def test_a_database_that_is_none_is_refused(idle_system):
    idle_system.data.mkdir()
    (idle_system.data / "grpc-os.db").write_bytes(b"this is no database " * 1000)
    with pytest.raises(DidNotStart) as caught:
        idle_system.start()
    assert caught.value.code == 1
    assert "grpc-os.db" in one_sentence(caught.value.said)
    assert (idle_system.data / "grpc-os.db").read_bytes() == b"this is no database " * 1000


@MOUNTS
async def test_a_full_disk_refuses_changes_and_leaves_processes_and_reads(idle_system):
    with mounted_tmpfs(idle_system.data, "16m"):
        idle_system.start()
        client = await idle_system.client()
        created = await client.create_process("web", SLEEP)
        await client.wait_process("web", "ready")
        filler = idle_system.data / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        with pytest.raises(grpc.RpcError) as caught:
            for number in range(1000):
                await client.create_process(f"p{number}", SLEEP, {"A": "x" * 50_000})
        with refused("DISK_FULL"):
            raise caught.value
        stored = await names(client)
        assert is_alive(created.details.pid)
        assert (await client.get_process("web")).status == "running"

        filler.unlink()
        await client.create_process("later", SLEEP)
        assert await names(client) == sorted([*stored, "later"])
        idle_system.stop_all()
        await idle_system.close_clients()


@MOUNTS
async def test_a_flood_into_a_small_log_directory_blocks_nobody_and_is_counted(idle_system):
    total = 100_000_000
    logs = idle_system.data / "logs/proc_flood"
    with mounted_tmpfs(logs, "32m"):
        filler = logs / "filler"
        filler.write_bytes(b"x" * (8 << 20))
        idle_system.start()
        client = await idle_system.client()
        script = (
            f"yes {'x' * 99} | head -c {total}; touch flooded; "
            "while ! test -e go; do sleep 0.05; done; echo after; exec sleep 3600"
        )
        await client.create_process("flood", shell(script), process_id="proc_flood", log_max_bytes=1 << 30)
        directory = idle_system.data / "processes/flood"
        await asyncio.to_thread(poll, (directory / "flooded").exists, "the flood is over", 100)
        filler.unlink()
        async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(client.tail_logs("flood", 10, follow=True)) as lines:
            async for line in lines:
                if line.stream == "system" and "were dropped" in line.text:
                    (directory / "go").touch()
                # Not joined: what a line began with may be kept while its end was dropped.
                if line.text == "after":
                    break
        said = [line.text async for line in client.tail_logs("flood", 1000) if line.stream == "system"]
        (drop,) = [text for text in said if "were dropped" in text]
        dropped = int(drop.split()[0])
        assert drop == f"{dropped} bytes of output were dropped: No space left on device"

        async def counted():
            return (await client.get_process("flood")).proto.status.log_dropped_bytes == dropped

        await until(counted, f"the status says that {dropped} bytes were dropped")
        kept = 0
        for segment in logs.glob("*.log"):
            for line in segment.read_bytes().split(b"\n")[:-1]:
                _, stream, whole, text = line.split(b" ", 3)
                if stream == b"stdout":
                    kept += len(text) + (whole == b"F")
        assert 10 << 20 < kept < 32 << 20
        assert kept - len("after\n") + dropped == total
        idle_system.stop_all()
        await idle_system.close_clients()
