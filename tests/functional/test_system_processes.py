"""System processes: what users may do about them, and where they are seen."""

import sqlite3

import pytest
from deploys_api import deploys_of
from expectations import SLEEP, refused
from running_system import is_alive, poll
from test_run import Run

OF_THE_SYSTEM = b"\x2c\x02"  # the end of a spec that says so: core/tagged.h, field 22


@pytest.fixture
async def nginx(system):
    """A process, made one of gRPC OS itself as the daemon would have stored it, beside a user's, `web`."""
    client = await system.client()
    await client.create_process("web", SLEEP)
    process = await client.create_process("nginx", SLEEP)
    assert system.stop() == 0
    with sqlite3.connect(system.data / "grpc-os.db") as database:
        changed = database.execute(
            "UPDATE process_specs SET spec = CAST(spec || ? AS BLOB) WHERE process_id = ?", [OF_THE_SYSTEM, process.id]
        )
        assert changed.rowcount == 1
    database.close()
    system.start()
    return process


async def test_their_names_are_reserved(system, client):
    async with deploys_of(system) as deploys:
        for name in ("grpc-os-nginx", "grpc-os-x", "grpc-os-"):
            with refused("FIELD_INVALID", fields=["process.name"]):
                await client.create_process(name, SLEEP)
            with refused("FIELD_INVALID", fields=["process"]):
                await deploys.call("DeployProcess", process=name, spec={"command": SLEEP})
    assert [process.name async for process in client.list_processes()] == []
    assert not (await client.create_process("grpc-os", SLEEP)).proto.system


async def test_users_restart_and_read_them_and_no_more(system, nginx):
    client = await system.client()
    pid = nginx.details.pid
    async with deploys_of(system) as deploys:
        for change in (
            lambda: client.update_process("nginx", command="sleep 1"),
            lambda: client.start_process("nginx"),
            lambda: client.stop_process("nginx"),
            lambda: client.signal_process("nginx", "HUP"),
            lambda: client.delete_process("nginx", force=True),
            lambda: client.stop_process(nginx.id),
            lambda: Run(client, "nginx", "id").to_its_end(),
            lambda: deploys.call("DeployProcess", process="nginx", spec={"command": SLEEP}),
        ):
            with refused("SYSTEM_PROCESS") as why:
                await change()
            assert dict(why.metadata) == {"process": "nginx"}
            assert "`restart nginx`" in why.message
    read = await client.get_process("nginx")
    assert read.proto.system and read.status == "running" and read.details.pid == pid and is_alive(pid)
    await client.restart_process("nginx")
    assert (await client.get_process("nginx")).details.pid != pid and not is_alive(pid)


async def test_they_are_listed_and_counted_apart(system, nginx):
    client = await system.client()
    assert [process.name async for process in client.list_processes()] == ["web"]
    assert [process.name async for process in client.list_processes(1, system=True)] == ["nginx"]
    assert system.cli("ps", "-o", "name").stdout == "web\n"
    assert system.cli("ps", "--system", "-o", "name").stdout == "nginx\n"
    assert system.cli("ps", "-o", "name", "*").stdout == "web\n"
    assert system.cli("kill", "*").returncode == 0
    assert is_alive(nginx.details.pid)
    status = (await client.get_system()).proto
    assert (status.process_count, status.running_count) == (1, 0)
    assert "nginx" in system.cli("ls", "/proc").stdout


async def test_they_are_adopted_restarted_and_stopped_as_others_are(system, nginx):
    pid = nginx.details.pid
    assert is_alive(pid), "the control plane was ended and began anew"
    client = await system.client()
    system.kill_daemon()
    assert (await client.get_process("nginx")).details.pid == pid
    system.stop_all()
    poll(lambda: not is_alive(pid), "it is stopped with all others")
