"""With --user: processes are shielded from each other, and the control plane from them."""

import asyncio
import os
import pathlib
import pwd
import shlex
import shutil
import signal
import subprocess
import uuid

import grpc.aio
import pytest
import pytest_asyncio
from beaters import Beaters, check_numbers, log_files
from certificates import Authority
from deploys_api import deploys_of
from domains_api import ACTIVE, AWAY, BACKEND, domains_of
from expectations import SLEEP, assert_no_trace, names, refused, texts, wait_for_state
from expectations import until as until_async
from load import until
from outcomes import STUBBORN, assert_reported_lost, await_new_mains, create_all
from programs import init_listens, kill_init, supervisors
from raw_calls import RawCalls
from running_system import RunningSystem, descendants, is_alive, poll, stat_fields

_SOURCE = pathlib.Path(__file__).with_name("hostile.c")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="--user needs root")


@pytest.fixture(scope="module")
def accounts():
    """Three throw-away accounts: of the control plane, and two for processes."""
    suffix = uuid.uuid4().hex[:6]
    made = [f"gos-{role}-{suffix}" for role in ("control", "alice", "bob")]
    try:
        for name in made:
            subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/sh", name], check=True)
        yield made
    finally:
        for name in made:
            subprocess.run(["userdel", name], capture_output=True)


EDGE = "grpc-os-edge"  # of processes/default/nginx/config.yml


@pytest.fixture(scope="module")
def edge_account():
    """Of nginx. There may be one already."""
    made = EDGE not in {entry.pw_name for entry in pwd.getpwall()}
    if made:
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/sh", EDGE], check=True)
    yield EDGE
    if made:
        subprocess.run(["userdel", EDGE], capture_output=True)


class Shielded:
    """A system with --user, and what the tests know of it."""

    def __init__(self, system, accounts, beater_program):
        self.system = system
        self.control, self.alice, self.bob = accounts
        system.home.chmod(0o711)
        # Where all accounts can execute them.
        programs = system.home / "bin"
        programs.mkdir(mode=0o755)
        for name in ("grpc-os-init", "grpc-osd", "grpc-os-supervise", "grpc-os"):
            shutil.copy2(system.bin / name, programs / name)
        system.bin = programs
        shutil.copy2(beater_program, programs / "beater")
        self.hostile = programs / "hostile"
        subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-static", "-o", self.hostile, _SOURCE], check=True)
        self.set_user_id = programs / "hostile-suid"
        shutil.copy2(self.hostile, self.set_user_id)
        self.set_user_id.chmod(0o4755)
        self.beaters = Beaters(programs / "beater", system.home / "beaters")
        self.file = system.home / "accounts"
        self.allow(self.alice, self.bob)
        self.system_file = system.home / "system-accounts"
        self.system_file.write_text(f"{EDGE}\n")
        self.system_file.chmod(0o644)
        self.start()

    def allow(self, *allowed):
        self.file.write_text("".join(f"{name}\n" for name in allowed))
        self.file.chmod(0o644)

    def start(self, *options):
        files = ("--accounts", str(self.file), "--system-accounts", str(self.system_file))
        self.system.start("--user", self.control, *files, *options)
        poll(lambda: init_listens(self.system), "init listens")

    @property
    def control_plane(self):
        """The pids of its programs."""
        return [self.system.init.pid, self.system.daemon_pid(), *supervisors(self.system).values()]

    def uid(self, account):
        return pwd.getpwnam(account).pw_uid


@pytest.fixture(scope="module")
def shielded(accounts, beater_program):
    with RunningSystem() as system:
        shielded = Shielded(system, accounts, beater_program)
        yield shielded
        assert shielded.beaters.doubles() == []


@pytest_asyncio.fixture
async def client(shielded):
    client = await shielded.system.client()
    yield client
    async for process in client.list_processes():
        await client.delete_process(process.name, force=True)
    # A supervisor ends a moment after the process was deleted.
    await until(lambda: not shielded.system.programs("grpc-os-supervise"), "nothing is left of this test")
    await shielded.system.close_clients()


def ids(pid):
    """Of /proc/PID/status: {"Uid": "1 1 1 1", …}"""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip().replace("\t", " ") for key, value in (line.split(":", 1) for line in lines)}


# ---- Who is who --------------------------------------------------------------------------------------------------------


async def test_everyone_is_who_they_should_be(shielded, client):
    await client.create_process("web", SLEEP)
    process = await client.create_process("db", SLEEP, account=shielded.bob)
    control = " ".join([str(shielded.uid(shielded.control))] * 4)
    assert ids(shielded.system.init.pid)["Uid"] == "0 0 0 0"
    daemon = ids(shielded.system.daemon_pid())
    assert daemon["Uid"] == control and daemon["CapPrm"] == daemon["CapBnd"] == daemon["CapAmb"] == "0" * 16
    for pid in supervisors(shielded.system).values():
        supervisor = ids(pid)
        assert supervisor["Uid"] == control
        # SETUID, SETGID, KILL and nothing else.
        assert int(supervisor["CapBnd"], 16) == int(supervisor["CapEff"], 16) == (1 << 7 | 1 << 6 | 1 << 5)
    for name, account in (("web", shielded.alice), ("db", shielded.bob)):
        payload = ids((await client.get_process(name)).details.pid)
        assert payload["Uid"] == " ".join([str(shielded.uid(account))] * 4)
        assert payload["Gid"] == " ".join([str(pwd.getpwnam(account).pw_gid)] * 4)
        assert payload["Groups"] == str(pwd.getpwnam(account).pw_gid) and payload["NoNewPrivs"] == "1"
        assert payload["CapInh"] == payload["CapPrm"] == payload["CapEff"] == payload["CapAmb"] == "0" * 16
    environment = pathlib.Path(f"/proc/{process.details.pid}/environ").read_bytes().decode().split("\0")
    assert f"USER={shielded.bob}" in environment and f"LOGNAME={shielded.bob}" in environment


async def test_root_asks_the_daemon_with_the_rights_of_its_account(shielded, client):
    shielded.system.stop()
    shielded.start("--health-interval", "1")
    pid = shielded.system.daemon_pid()
    await client.create_process("web", SLEEP)  # init has heard that this daemon serves
    os.kill(pid, signal.SIGSTOP)
    poll(lambda: not is_alive(pid) and shielded.system.programs("grpc-osd"), "another grpc-osd")
    # It could connect.
    assert "it accepts calls and does not answer; killed it" in (shielded.system.data / "logs/system/init.log").read_text()
    shielded.system.await_api()
    shielded.system.stop()
    shielded.start()


@pytest.mark.parametrize("who", ["not in the file", "not there", "uid 0", "the control plane"])
async def test_an_account_is_refused(shielded, client, who):
    account = {
        "not in the file": "nobody",
        "not there": "gos-nobody-at-all",
        "uid 0": "root",
        "the control plane": shielded.control,
    }[who]
    if who != "not in the file":
        shielded.allow(shielded.alice, shielded.bob, account)
    try:
        with refused("ACCOUNT_REFUSED") as refusal:
            await client.create_process("refused", SLEEP, account=account, process_id="proc_refused")
        assert account in refusal.message
        assert await names(client) == []
        await until(lambda: not supervisors(shielded.system), "nothing was started")
        assert_no_trace(shielded.system, "proc_refused", "refused")
    finally:
        shielded.allow(shielded.alice, shielded.bob)


async def test_an_account_that_is_allowed_no_more(shielded, client):
    """What runs goes on; what starts is refused."""
    await client.create_process("web", SLEEP, account=shielded.bob)
    await client.create_process("other", SLEEP, account=shielded.bob)
    await client.stop_process("other")
    shielded.allow(shielded.alice)
    try:
        with refused("ACCOUNT_REFUSED"):
            await client.start_process("other")
        assert (await client.get_process("web")).status == "running"
    finally:
        shielded.allow(shielded.alice, shielded.bob)
    assert (await client.start_process("other")).status == "running"


@pytest.mark.parametrize("mode", [0o666, 0o664])
async def test_a_file_of_accounts_that_others_may_write_is_not_trusted(shielded, client, mode):
    shielded.file.chmod(mode)
    try:
        with refused("ACCOUNT_REFUSED"):
            await client.create_process("web", SLEEP)
        assert await names(client) == []
    finally:
        shielded.allow(shielded.alice, shielded.bob)


# ---- A hostile process -------------------------------------------------------------------------------------------------


async def attack(shielded, client, *words, some_must_be_refused=True):
    """What the attempts of a process of account `alice` say."""
    command = shlex.join(map(str, (shielded.hostile, *words)))
    await client.create_process("hostile", command, restart="never", account=shielded.alice)
    ended = await wait_for_state(client, "hostile", "exited", "failed")
    said = await texts(client, "hostile")
    assert ended.details.last_exit.exit_code == 0 and said, f"{ended.details.last_exit}: {said}"
    if some_must_be_refused:
        assert [line for line in said if not line.startswith("refused ")] == []
    return said


@pytest_asyncio.fixture
async def victim(shielded, client):
    """A process of account `bob`, which nothing may happen to, nor to the control plane."""
    beaters = shielded.beaters
    process = await beaters.create(client, "victim", "--every-ms", 20, account=shielded.bob)
    main = await until(lambda: beaters.main("victim"), "it runs")
    everyone = shielded.control_plane
    yield process
    # Of the attacker's own supervisor only its life during the attack counts.
    assert shielded.system.init.poll() is None
    assert all(is_alive(pid) and stat_fields(pid)[0] != "T" for pid in everyone)
    assert shielded.system.daemon_pid() in everyone
    assert beaters.main("victim") == main and stat_fields(main[0])[0] != "T"
    await client.stop_process("victim")
    lines = [line[4] for line in log_files(shielded.system, process.id) if line[2] != "system"]
    # The executions of the tests before are not in this log.
    check_numbers(Only(beaters, main), lines, "victim")
    await client.delete_process("victim")


class Only:
    """The counts of one execution."""

    def __init__(self, beaters, main):
        self._beaters = beaters
        self._main = main

    def counts(self):
        return {key: count for key, count in self._beaters.counts().items() if key[1:] == self._main}


async def await_own_supervisor(shielded, client):
    """A supervisor of a process of the attacker's account."""
    process = await client.create_process("neighbour", SLEEP, account=shielded.alice)
    return supervisors(shielded.system)[process.id]


async def test_signals_nobody_of_the_control_plane(shielded, client, victim):
    own = await await_own_supervisor(shielded, client)
    assert own in shielded.control_plane
    await attack(shielded, client, "kill", *shielded.control_plane)


async def test_signals_no_process_of_another_account(shielded, client, victim):
    await attack(shielded, client, "kill", victim.details.pid)


async def test_looks_into_nobody(shielded, client, victim):
    await await_own_supervisor(shielded, client)
    await attack(shielded, client, "inspect", *shielded.control_plane, victim.details.pid)


def cgroups_of(pid):
    """The directories of its cgroups, in all hierarchies."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for root in (f"/sys/fs/cgroup/{controllers.removeprefix('name=')}", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
            if (directory := pathlib.Path(root + path)).is_dir() and (directory / "cgroup.procs").exists():
                found.append(directory)
                break
    return found


async def test_leaves_its_cgroup_for_no_other(shielded, client, victim):
    leaf = next(path for path in cgroups_of(victim.details.pid) if path.name.startswith("i-"))
    tree = leaf.parent
    others = [leaf, tree, tree / "control", tree.parent, *cgroups_of(shielded.system.init.pid)]
    files = [path / name for path in others for name in ("cgroup.procs", "cgroup.threads", "tasks", "cgroup.kill", "cgroup.freeze")]
    await attack(shielded, client, "write", "0", *(path for path in files if path.exists()))
    await client.delete_process("hostile")
    await attack(shielded, client, "plant", leaf, tree)


async def test_does_not_leave_its_own_cgroup_upwards_or_downwards(shielded, client, victim):
    neighbour = await client.create_process("neighbour", SLEEP, account=shielded.alice)
    leaf = next(path for path in cgroups_of(neighbour.details.pid) if path.name.startswith("i-"))
    await attack(shielded, client, "plant", leaf)
    await client.delete_process("hostile")
    await attack(shielded, client, "write", "0", leaf / "cgroup.procs", leaf / "cgroup.kill")
    assert is_alive(neighbour.details.pid)


async def test_reads_no_log_and_no_state(shielded, client, victim):
    data = shielded.system.data
    log = next((data / "logs" / victim.id).glob("*.log"))
    instance = next((data / "run/i").iterdir())
    await attack(
        shielded, client, "open", data, data / "logs", data / "logs" / victim.id, log, data / "logs/system/osd.log",
        data / "grpc-os.db", data / "secrets", data / "secrets/jwt.key", data / "run", data / "run/i", instance,
        instance / "journal", instance / "spec", instance / "launch", data / "processes", data / "processes/victim",
    )  # fmt: skip


async def test_changes_no_file_of_the_system(shielded, client, victim):
    data = shielded.system.data
    instance = next((data / "run/i").iterdir())
    await attack(
        shielded, client, "change", next((data / "logs" / victim.id).glob("*.log")), data / "logs" / victim.id,
        data / "grpc-os.db", data / "run/init.lock", data / "run/init.sock", instance / "journal", instance / "spec",
        instance / "launch", data / "processes/victim", shielded.file, shielded.system.bin / "grpc-os-supervise",
    )  # fmt: skip
    await client.delete_process("hostile")
    await attack(
        shielded, client, "plant", data, data / "logs", data / "logs" / victim.id, data / "run", data / "run/i",
        data / "processes", data / "processes/victim",
    )  # fmt: skip


async def test_does_not_replace_its_own_log(shielded, client, victim):
    """Nor its supervisor's records: its log is its supervisor's, not its own."""
    data = shielded.system.data
    neighbour = await client.create_process("neighbour", SLEEP, account=shielded.alice, process_id="proc_neighbour")
    log = next((data / "logs" / neighbour.id).glob("*.log"))
    before = log.read_bytes()
    await attack(shielded, client, "change", log, log.parent)
    await client.delete_process("hostile")
    await attack(shielded, client, "plant", log.parent)
    assert log.is_file() and not log.is_symlink() and log.read_bytes() == before
    await client.delete_process("hostile")
    # Its very own.
    await client.create_process("hostile", SLEEP, restart="never", account=shielded.alice, process_id="proc_hostile")
    own = next((data / "logs/proc_hostile").glob("*.log"))
    await client.update_process("hostile", command=shlex.join([str(shielded.hostile), "change", str(own)]))
    await client.restart_process("hostile")
    await wait_for_state(client, "hostile", "exited")
    said = await texts(client, "hostile")
    assert said and all(line.startswith("refused ") for line in said)
    assert own.is_file() and not own.is_symlink()


async def test_reaches_no_socket(shielded, client, victim):
    run = shielded.system.data / "run"
    sockets = [run / name for name in ("init.sock", "api.sock")]
    sockets += list(run.glob("i/*/ctl.sock"))
    assert len(sockets) >= 3 and all(path.is_socket() for path in sockets)
    await attack(shielded, client, "connect", *sockets)


async def test_does_not_log_in(shielded, client, victim):
    """Neither its account nor the other's is an admin: api.sock is out of reach, and the port wants a token."""
    anonymous = shielded.system.anonymous(f"127.0.0.1:{shielded.system.port}")
    with refused("NOT_LOGGED_IN"):
        await anonymous.get_process("victim")
    command = f"{shielded.system.bin}/grpc-os --address unix:{shielded.system.data}/run/api.sock ps"
    for account in (shielded.alice, shielded.bob):
        done = subprocess.run(
            ["setpriv", "--reuid", account, "--regid", account, "--clear-groups", "sh", "-c", command],
            capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        )  # fmt: skip
        assert done.returncode != 0 and "victim" not in done.stdout, done
        assert "This account may not use" in done.stderr, done


async def test_makes_nobody_ready(shielded, client, victim):
    """NOTIFY_SOCKET of others: whoever is not in the cgroup is not heard."""
    script = "sleep 3600"
    await client.create_process("silent", script, account=shielded.bob)
    instance = next(
        path.parent.name for path in (shielded.system.data / "run/i").glob("*/launch") if b"silent" in path.read_bytes()
    )
    said = await attack(shielded, client, "notify", f"grpc-os-notify-{instance}", some_must_be_refused=False)
    assert any(line.startswith("refused forged") for line in said)
    ready = await client.wait_process("silent", "ready")
    assert "forged" not in ready.details.message


async def test_becomes_nobody_else(shielded, client, victim):
    for account in ("root", shielded.control, shielded.bob):
        entry = pwd.getpwnam(account)
        await attack(shielded, client, "become", entry.pw_uid, entry.pw_gid)
        await client.delete_process("hostile")


async def test_regains_no_capability(shielded, client, victim):
    await attack(shielded, client, "privileges", shielded.set_user_id)


def test_the_attacks_are_real(shielded, tmp_path):
    """Where nothing shields, each of them succeeds: what is refused above is refused by the shield."""

    def try_as_root(*words):
        done = subprocess.run([shielded.hostile, *map(str, words)], capture_output=True, text=True)
        return done.stdout.splitlines()

    def sleeper():
        return subprocess.Popen(["sleep", "1000"], start_new_session=True)

    for how in ("kill", "inspect"):
        with sleeper() as process:
            said = try_as_root(how, process.pid)
            process.kill()
        # It may be dead after the first of the deadly ones, and have no memory or third descriptor where it is looked for.
        assert sum(line.startswith("succeeded") for line in said) >= len(said) - 4, said
    file, directory = tmp_path / "file", tmp_path / "directory"
    file.write_text("text")
    directory.mkdir()
    assert try_as_root("open", file, directory) == [f"succeeded open {file}", f"succeeded open {directory}"]
    assert try_as_root("write", "0", file) == [f"succeeded write {file}"]
    assert sum(line.startswith("succeeded") for line in try_as_root("change", file)) >= 7
    assert f"succeeded create {directory}/hostile" in try_as_root("plant", directory)
    assert any(line.startswith("succeeded") for line in try_as_root("connect", shielded.system.data / "run/api.sock"))
    become = try_as_root("become", shielded.uid(shielded.bob), shielded.uid(shielded.bob))
    assert become[0].startswith("succeeded")
    assert try_as_root("privileges", shielded.set_user_id)[0] == "succeeded have capabilities"


# ---- Life goes on ------------------------------------------------------------------------------------------------------


async def test_start_stop_restart_and_logs(shielded, client):
    beaters = shielded.beaters
    process = await beaters.create(client, "web", environment={"VERSION": "1"}, account=shielded.bob)
    first = await until(lambda: beaters.main("web"), "it runs")
    await client.update_process("web", environment=beaters.environment(VERSION="2"))
    await client.restart_process("web")
    second = await until(lambda: (now := beaters.main("web")) != first and now, "it runs again")
    assert beaters.starts("web")[-1].version == "2"
    await client.stop_process("web")
    assert "web" not in beaters.living()
    await client.start_process("web")
    third = await until(lambda: (now := beaters.main("web")) != second and now, "it runs once more")
    os.kill(third[0], signal.SIGKILL)
    await await_new_mains(beaters, {"web": third})
    await client.stop_process("web")
    lines = [line[4] for line in log_files(shielded.system, process.id) if line[2] != "system"]
    check_numbers(beaters, lines, "web")
    assert (await texts(client, "web"))[-1].encode() == lines[-1]


async def test_works_in_a_directory_of_its_own(shielded, client):
    command = shlex.join(["sh", "-c", "umask; touch made; ls -ld . made; pwd"])
    await client.create_process("job", command, restart="never", account=shielded.bob)
    await wait_for_state(client, "job", "exited")
    said = await texts(client, "job")
    assert said[0] == "0022" and said[-1] == str(shielded.system.data / "processes/job")
    assert all(f" {shielded.bob} " in line for line in said[1:3]), said


async def test_who_ignores_term_is_killed(shielded, client):
    await shielded.beaters.create(client, "stubborn", *STUBBORN, stop_timeout=0.1, account=shielded.bob)
    await until(lambda: len(shielded.beaters.living().get("stubborn", [])) == 2, "it runs, and its child")
    await client.stop_process("stubborn")
    assert "stubborn" not in shielded.beaters.living()


async def test_the_daemon_is_killed(shielded, client):
    beaters = shielded.beaters
    await create_all(client, beaters, ["a-web", "a-job"], account=shielded.bob)
    mains = beaters.mains(["a-web", "a-job"])
    shielded.system.kill_daemon()
    process = await client.get_process("a-web")
    assert process.details.pid == mains["a-web"][0]
    assert beaters.mains(mains) == mains
    await client.restart_process("a-web")
    await await_new_mains(beaters, {"a-web": mains["a-web"]})


async def test_supervisors_are_killed(shielded, client):
    beaters = shielded.beaters
    created = await create_all(client, beaters, ["b-web", "b-job"], *STUBBORN, stop_timeout=0.1, account=shielded.bob)
    mains = beaters.mains(created)
    for pid in supervisors(shielded.system).values():
        os.kill(pid, signal.SIGKILL)
    await await_new_mains(beaters, mains)
    for name in created:
        await assert_reported_lost(client, name)
        await until(lambda name=name: len(beaters.living()[name]) == 2, "none of its old children is left")


async def test_init_is_killed(shielded, client):
    beaters = shielded.beaters
    await create_all(client, beaters, ["c-web"], account=shielded.bob)
    mains, daemon, by_process = beaters.mains(["c-web"]), shielded.system.daemon_pid(), supervisors(shielded.system)
    kill_init(shielded.system)
    shielded.start()
    await beaters.create(client, "c-new", account=shielded.bob)
    assert shielded.system.daemon_pid() == daemon and beaters.mains(["c-web"]) == mains
    assert supervisors(shielded.system).items() >= by_process.items()
    os.kill(next(iter(by_process.values())), signal.SIGKILL)
    await await_new_mains(beaters, mains)


async def test_all_is_stopped_and_started_again(shielded, client):
    beaters = shielded.beaters
    await create_all(client, beaters, ["d-web", "d-job"], account=shielded.bob)
    mains = beaters.mains(["d-web", "d-job"])
    await asyncio.to_thread(shielded.system.stop_all)
    assert not beaters.living()
    shielded.start()
    await await_new_mains(beaters, mains)
    assert len(beaters.starts("d-web")) == 2


async def test_a_copy_is_held_and_resumed_by_the_control_account(shielded, client):
    await client.create_process("web", "sleep 1000000", account=shielded.alice)
    target = shielded.system.home / "copy"
    subprocess.run(["cp", "-a", shielded.system.data, target], check=True)
    with RunningSystem(target) as copy:
        copy.bin = shielded.system.bin
        copy.home.chmod(0o711)
        copy.start("--user", shielded.control, "--accounts", str(shielded.file))
        mine = await copy.client()
        assert (await mine.get_process("web")).status == "held"
        identity = target / "system-id"
        assert (identity.stat().st_uid, identity.stat().st_mode & 0o777) == (shielded.uid(shielded.control), 0o600)
        assert await mine.resume() == 1
        await mine.wait_process("web", "ready", timeout=30)
        assert ids((await mine.get_process("web")).details.pid)["Uid"].split()[0] == str(shielded.uid(shielded.alice))
        await copy.close_clients()


# ---- Domains -----------------------------------------------------------------------------------------------------------


async def test_a_domain_is_served_by_an_account_of_its_own(accounts, edge_account, beater_program):
    """nginx answers for a process of another account, and no process of users gets at what it works with."""
    with RunningSystem() as system:
        shielded = Shielded(system, accounts, beater_program)
        client = await system.client()
        async with domains_of(system) as domains:
            await serves_through_a_restart(shielded, client, domains)
            await publishes_the_api(system, domains)
        edge = system.data / "edge"
        # The other way round it would not be a test.
        assert (edge / "run/private.sock").is_socket() and (edge / "conf/live/nginx.conf").is_file()
        keys = list((edge / "conf/live/d").glob("*.pem"))
        assert len(keys) == 1
        logs = list((edge / "logs").glob("dom_*.log"))
        assert len(logs) == 2
        for name in ("run/private.sock", "os.sock"):
            await attack(shielded, client, "connect", edge / name)
            await client.delete_process("hostile")
        await attack(shielded, client, "open", edge, edge / "logs", *logs, edge / "run", edge / "conf/live/nginx.conf", *keys, edge / "endpoints")
        await client.delete_process("hostile")
        await attack(shielded, client, "plant", edge, edge / "run", edge / "conf", edge / "logs", edge / "tmp", edge / "lua")
        await system.close_clients()


async def serves_through_a_restart(shielded, client, domains):
    system = shielded.system
    backend = shutil.copy2(BACKEND, system.bin)
    may_serve = system.bin / "may-serve"
    may_serve.touch()
    script = f"while [ ! -e {may_serve} ]; do sleep 0.02; done; exec python3 {backend} http web $PORT"
    spec = {"command": shlex.join(["sh", "-c", script]), "auto_port": True, "account": shielded.bob}
    await domains.process("CreateProcess", process={"name": "web", "spec": spec})
    await client.wait_process("web", "ready", timeout=30)
    made = await domains.assign("example.com", "web")
    assert made.status.state == ACTIVE, made.status
    assert await domains.served_by("example.com") == "web"
    nginx = (await client.get_process("grpc-os-nginx")).details.pid
    workers = [pid for pid in descendants() if int(stat_fields(pid)[1]) == nginx]
    assert workers
    for pid in (nginx, *workers):
        assert ids(pid)["Uid"] == " ".join([str(shielded.uid(EDGE))] * 4)
        assert ids(pid)["CapEff"] == ids(pid)["CapPrm"] == "0" * 16
    web = (await client.get_process("web")).details.pid
    assert ids(web)["Uid"].split()[0] == str(shielded.uid(shielded.bob))

    may_serve.unlink()
    restarted = asyncio.create_task(client.restart_process("web", timeout=30))

    async def is_away():
        return [target.state for target in (await domains.get("example.com")).status.targets] == [AWAY]

    await until_async(is_away, "it is away")
    held = asyncio.create_task(domains.fetch("example.com", "/held"))
    await until_async(lambda: waiting(domains), "nginx holds the request")
    may_serve.touch()
    assert (await held).json["target"] == "/held"
    await restarted

    def logged():
        said = system.cli("logs", "--domain", "example.com")
        assert said.returncode == 0, said.stderr
        return "/held" in said.stdout

    poll(logged, "the access log has it")


async def publishes_the_api(system, domains):
    authority = Authority(system.home / "certificates")
    chain, key = authority.sign("os.example.com")
    done = system.cli("assign", "--api", "os.example.com", "--certificate", str(chain), "--key", str(key))
    assert done.returncode == 0, done.stderr
    channel = grpc.aio.secure_channel(
        f"127.0.0.1:{system.edge_port('https')}",
        grpc.ssl_channel_credentials(authority.ca.read_bytes()),
        options=(*RawCalls.OPTIONS, ("grpc.ssl_target_name_override", "os.example.com")),
    )
    outside = RawCalls(None, channel=channel)
    await outside.log_in("admin", (system.data / "secrets/admin.password").read_text().strip())
    assert "127.0.0.1" in {session.source for session in (await outside.auth("ListSessions")).sessions}
    await outside.close()


async def waiting(domains):
    return (await domains.get("example.com")).status.traffic.waiting > 0


# ---- Deploys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False])
async def test_a_bundle_is_its_accounts_alone(shielded, client, named):
    account = shielded.bob if named else shielded.alice  # the first of the file
    name = "named" if named else "default"  # what a process keeps is its account's, and outlives the process
    script = "import os; print(open('secret.txt').read(), os.getuid())\ntry:\n    open('new', 'w')\nexcept OSError as error:\n    print(type(error).__name__)\nopen(os.environ['GRPC_OS_STATE_DIR'] + '/own', 'w')\nimport time; time.sleep(1000)"
    script = "open('data/kept', 'a').write('x')\n" * named + script
    async with deploys_of(shielded.system) as deploys:
        await deploys.raw.call("VolumeService", "CreateVolume", volume={"name": "kept", "spec": {"account": account}})
        revision = await deploys.deploy(
            name,
            {"main.py": script, "secret.txt": "only mine"},
            command="python3 -u main.py",
            auto_port=False,
            account=account if named else "",
            volumes=[{"name": "kept", "path": "/app/data"}] if named else [],
        )
        assert revision.state == 2, revision.message
    lines = await texts(client, name)
    assert lines[:2] == [f"only mine {shielded.uid(account)}", "PermissionError"]
    (place,) = (shielded.system.data / "bundles").glob(f"{revision.spec.bundle}-*" if named else revision.spec.bundle)
    other = shielded.alice if named else shielded.bob
    seen = subprocess.run(["setpriv", "--reuid", str(shielded.uid(other)), "--clear-groups", "ls", place], capture_output=True)
    assert seen.returncode != 0, "another account sees it"
    await client.delete_process(name, force=True)
    async with deploys_of(shielded.system) as deploys:
        await deploys.raw.call("VolumeService", "DeleteVolume", name="kept")
