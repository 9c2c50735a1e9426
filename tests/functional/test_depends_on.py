"""depends_on: what is begun waits for what it depends on, and is stopped before it."""

import os
import signal

import pytest
from expectations import SLEEP, python, refused, shell, wait_for_restarts, wait_for_state
from grpc_os.v1 import process_services_pb2
from raw_calls import RawCalls
from running_system import poll
from test_watch import Watcher

PASSWORD = "a password of some length"
Process = process_services_pb2.Process
Dependency = process_services_pb2.ProcessSpec.Dependency
STARTED, READY, COMPLETED = Dependency.CONDITION_STARTED, Dependency.CONDITION_READY, Dependency.CONDITION_COMPLETED

# Ready once there is a file "go" in its directory.
READY_ON_GO = """
import os, socket, time
while not os.path.exists("go"):
    time.sleep(0.01)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
time.sleep(3600)
"""


def on(*dependencies):
    """Of a name, or a name and a condition, each."""
    pairs = [one if isinstance(one, tuple) else (one, Dependency.CONDITION_UNSPECIFIED) for one in dependencies]
    return [{"process": name, "condition": condition} for name, condition in pairs]


class Processes:
    """The few calls that say what a process depends on."""

    def __init__(self, raw):
        self.raw = raw

    async def create(self, name, *dependencies, command=SLEEP, **spec):
        spec = {"command": command, "depends_on": on(*dependencies), **spec}
        return await self.raw.call("ProcessService", "CreateProcess", process={"name": name, "spec": spec})

    async def depend(self, name, *dependencies):
        process = {"name": name, "spec": {"depends_on": on(*dependencies)}}
        mask = {"paths": ["spec.depends_on"]}
        return await self.raw.call("ProcessService", "UpdateProcess", process=process, update_mask=mask)

    async def status(self, name):
        return (await self.raw.call("ProcessService", "GetProcess", name=name)).status


@pytest.fixture
async def processes(system):
    raw = RawCalls(system.address, (await system.client()).token)
    yield Processes(raw)
    await raw.close()


async def db_that_waits_for_go(processes, directory):
    return await processes.create(
        "db", command=python(READY_ON_GO), working_directory=str(directory), ready={"notify": {}}
    )


def assert_waits(status, message):
    assert (status.state, status.message, status.pid) == (Process.STATE_PENDING, message, 0)


async def test_it_is_begun_once_what_it_depends_on_is_ready(system, client, processes, tmp_path):
    async with Watcher(client) as watcher:
        await db_that_waits_for_go(processes, tmp_path)
        created = await processes.create("web", "db")
        assert_waits(created.status, "waits for db to be ready")
        assert created.desired_state == Process.DESIRED_STATE_RUNNING
        assert len(system.programs("grpc-os-supervise")) == 1, "that of db"
        assert "pending" in system.cli("ps").stdout
        assert "waits for db to be ready" in system.cli("ps", "-l", "web").stdout
        started = system.cli("start", "web")
        assert (started.returncode, "; it waits for db to be ready" in started.stdout) == (0, True)
        waited = system.cli("wait", "web", "--timeout", "10ms")
        assert waited.returncode == 7 and "waits for db to be ready" in waited.stderr
        (tmp_path / "go").touch()
        await watcher.until_action("started", "web")
        told = [(event.action, event.name) for event in watcher.events]
        assert told.index(("waiting", "web")) < told.index(("ready", "db")) < told.index(("started", "web"))
        assert told.count(("waiting", "web")) == 1
        (waiting,) = (event for event in watcher.events if event.action == "waiting")
        assert dict(waiting.attributes) == {"message": "waits for db to be ready"}
    assert (await processes.status("web")).message == ""


async def test_what_is_there_already_is_not_waited_for(processes, tmp_path):
    await db_that_waits_for_go(processes, tmp_path)
    created = await processes.create("web", ("db", STARTED))
    assert created.status.pid, "db runs, if it is not ready"


async def test_completed_is_an_end_with_exit_code_0(client, processes, tmp_path):
    await processes.create(
        "job", command=shell("sleep 0.1; test -e go"), working_directory=str(tmp_path), restart_policy="RESTART_POLICY_NEVER"
    )
    await processes.create("web", ("job", COMPLETED))
    await wait_for_state(client, "job", "exited")
    assert_waits(await processes.status("web"), "waits for job, which ended with exit code 1: `start job`")
    (tmp_path / "go").touch()
    await client.start_process("job")
    await wait_for_state(client, "web", "running")


async def test_what_is_not_there_or_stopped_is_said(client, processes):
    created = await processes.create("web", "db", ("cache", STARTED))
    assert_waits(created.status, "waits for db, which does not exist; for cache, which does not exist")
    await processes.create("cache")
    await processes.create("db")
    await client.stop_process("db")
    assert_waits(await processes.status("web"), "waits for db, which is stopped: `start db`")
    await client.delete_process("db")
    assert_waits(await processes.status("web"), "waits for db, which does not exist")
    await processes.depend("web", "cache")
    await wait_for_state(client, "web", "running")


async def test_a_stop_and_a_deletion_end_the_waiting(system, client, processes):
    await processes.create("web", "db")
    assert (await client.stop_process("web")).status == "stopped"
    assert (await client.start_process("web")).status == "pending"
    await client.delete_process("web")
    await processes.create("web", "db")
    assert system.cli("delete", "--force", "-y", "web").returncode == 0
    assert [process.name async for process in client.list_processes()] == []
    await processes.create("db")
    assert len(system.programs("grpc-os-supervise")) == 1


async def test_a_cycle_is_refused_by_name(processes):
    await processes.create("a", ("b", STARTED))
    await processes.create("b", ("c", STARTED))
    for way, change in (
        ("c → a → b → c", lambda: processes.create("c", "a")),
        ("d → d", lambda: processes.create("d", "d")),
        ("b → a → b", lambda: processes.depend("b", ("a", COMPLETED))),
    ):
        with refused("DEPENDENCY_CYCLE") as refusal:
            await change()
        assert refusal.metadata["way"] == way and way in refusal.message
    assert (await processes.status("b")).message == "waits for c, which does not exist"


async def test_nothing_is_said_of_what_the_caller_may_not_read(system, processes):
    rules = [{"effect": "EFFECT_ALLOW", "permission": f"process.{verb}", "prefix": "web"} for verb in ("read", "write")]
    await processes.raw.auth("CreateRole", role={"name": "web", "rules": rules})
    await processes.raw.auth("CreateUser", user={"name": "ada", "roles": ["web"]}, password=PASSWORD)
    raw = RawCalls(system.address)
    try:
        await raw.log_in("ada", PASSWORD)
        ada = Processes(raw)
        await processes.create("secret", ("web-2", STARTED))
        created = await ada.create("web", "secret", "none")
        assert created.status.message == "waits for secret to be ready; for none to be ready"
        assert (await ada.status("web")).message == created.status.message
        with refused("DEPENDENCY_CYCLE") as refusal:
            await ada.create("web-2", "secret")
        assert refusal.metadata["way"] == "web-2 → … → web-2" and "secret" not in refusal.message
    finally:
        await raw.close()


async def test_waiting_outlives_a_killed_daemon(system, processes, tmp_path):
    await db_that_waits_for_go(processes, tmp_path)
    await processes.create("web", "db")
    system.kill_daemon()
    client = await system.client()
    assert (await client.get_process("web")).details.message == "waits for db to be ready"
    (tmp_path / "go").touch()
    await wait_for_state(client, "web", "running")
    watcher = await Watcher(client, from_revision=1).until_action("started", "web")
    assert [event.action for event in watcher.events].count("waiting") == 1
    await watcher.close()
    assert len(system.programs("grpc-os-supervise")) == 2


async def test_only_the_start_waits(client, processes, tmp_path):
    (tmp_path / "go").touch()
    await db_that_waits_for_go(processes, tmp_path)
    created = await processes.create("web", "db")
    if not created.status.pid:
        await wait_for_state(client, "web", "running")
    await client.stop_process("db")
    web = await client.get_process("web")
    assert web.status == "running"
    os.kill(web.details.pid, signal.SIGKILL)
    await wait_for_restarts(client, "web", 1)
    assert (await client.restart_process("web")).status == "running"
    await client.stop_process("web")
    assert (await client.start_process("web")).status == "pending"


WITNESS = """
import os, signal, socket, sys, time
name, path = sys.argv[1:]
def say(what):
    with open(path, "a") as file:
        file.write(f"{name} {what}\\n")
def end(*_):
    time.sleep(0.1)  # who does not wait for this one is earlier
    say("ends")
    sys.exit()
signal.signal(signal.SIGTERM, end)
say("begins")
time.sleep(0.1)
say("ready")
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
time.sleep(3600)
"""
BEGIN = ["db begins", "db ready", "api begins", "api ready", "web begins", "web ready"]
END = ["web ends", "api ends", "db ends"]


@pytest.mark.parametrize("boot", ["the same boot", "another boot"])
async def test_a_machine_begins_and_ends_them_in_order(system, processes, tmp_path, boot):
    path = tmp_path / "said"
    spec = {"ready": {"notify": {}}}
    # In the order that names do not have.
    await processes.create("web", "api", command=python(WITNESS, "web", str(path)), **spec)
    await processes.create("api", "db", command=python(WITNESS, "api", str(path)), **spec)
    await processes.create("db", command=python(WITNESS, "db", str(path)), **spec)

    def said():
        return path.read_text().splitlines() if path.exists() else []

    poll(lambda: len(said()) == len(BEGIN), "all have begun")
    assert said() == BEGIN
    system.stop_all()
    assert said() == BEGIN + END
    (tmp_path / "boot_id").write_text("another boot of the machine\n")
    system.start(*(["--boot-id-file", str(tmp_path / "boot_id")] if boot == "another boot" else []))
    poll(lambda: len(said()) == len(BEGIN + END + BEGIN), "all have begun again")
    assert said() == BEGIN + END + BEGIN
