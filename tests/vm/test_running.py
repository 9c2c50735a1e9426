"""What only a machine with systemd, cgroup v2 alone and Debian's kernel can show while it runs."""

import re

import pytest
from machine import DATA, poll

UNIT = "/system.slice/grpc-os.service"
CONTROL = ("grpc-os-init", "grpc-osd")

# Capability bits of a supervisor, from linux/capability.h: KILL, SETGID, SETUID.
SUPERVISOR_CAPABILITIES = 1 << 5 | 1 << 6 | 1 << 7

# Starts a child that forks twice, leaves the session and ignores all that may be ignored; then waits itself.
FORKER = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
            print("grandchild", os.getpid(), flush=True)
            time.sleep(1e6)
    os._exit(0)
os.wait()
print("parent", os.getpid(), flush=True)
time.sleep(1e6)
"""


def status_of(machine, pid):
    """Of /proc/PID/status."""
    return dict(line.split(":\t", 1) for line in machine.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)


def uid_of(machine, pid):
    return int(status_of(machine, pid)["Uid"].split()[0])


def account(machine, name):
    return int(machine.sh(f"id -u {name}"))


def members(machine, cgroup):
    """The pids in it and below; none if it is gone."""
    found = machine.sh(f"find /sys/fs/cgroup{cgroup} -name cgroup.procs -exec cat {{}} + 2>/dev/null || true")
    return {int(pid) for pid in found.split()}


def exists(machine, cgroup):
    return machine.run("test", "-d", f"/sys/fs/cgroup{cgroup}", check=False).returncode == 0


async def sleeper(client, name, **options):
    """A process that does nothing, and is up."""
    await client.create_process(name, "sleep 1000000", **options)
    return await client.wait_process(name, "ready", timeout=60)


# ---- What it runs on, and as what --------------------------------------------------------------------------------------


async def test_it_is_debian_12_with_its_kernel_and_cgroup_v2_alone(machine, client):
    assert 'VERSION_ID="12"' in machine.read("/etc/os-release")
    assert machine.sh("uname -r").startswith("6.1.")
    assert machine.sh("stat -fc %T /sys/fs/cgroup") == "cgroup2fs"
    assert "cgroup " not in machine.sh("awk '{print $3\" \"}' /proc/mounts")
    system = (await client.get_system()).proto
    assert (system.cgroup_mode, system.shielded) == ("v2", True)


def test_systemd_finds_nothing_to_say_about_the_unit(machine):
    said = machine.run("systemd-analyze", "verify", "/lib/systemd/system/grpc-os.service")
    assert said.stdout + said.stderr == ""
    assert machine.sh("systemctl --failed --no-legend") == ""


def test_the_unit_notifies_is_delegated_and_leaves_its_processes(machine):
    values = {name: machine.property(name) for name in ("Type", "Delegate", "KillMode", "Restart", "ActiveState")}
    assert values == {
        "Type": "notify",
        "Delegate": "yes",
        "KillMode": "process",
        "Restart": "on-failure",
        "ActiveState": "active",
    }
    assert machine.property("NRestarts") == "0"
    assert machine.property("ControlGroup") == UNIT


async def test_only_init_is_root(machine, client):
    process = await sleeper(client, "powers")
    supervisor = int(machine.stat(process.details.pid)[1])
    assert uid_of(machine, machine.pid_of("grpc-os-init")) == 0
    for pid, capabilities in ((machine.pid_of("grpc-osd"), 0), (supervisor, SUPERVISOR_CAPABILITIES)):
        status = status_of(machine, pid)
        assert set(status["Uid"].split()) == {str(account(machine, "grpc-os"))}
        assert int(status["CapEff"], 16) == capabilities
    payload = status_of(machine, process.details.pid)
    assert int(payload["CapPrm"], 16) == int(payload["CapInh"], 16) == int(payload["CapAmb"], 16) == 0


def test_root_is_admin_by_being_root(machine):
    assert "admin" in machine.cli("whoami").stdout


def test_another_account_of_the_machine_does_not_get_in(machine):
    tried = machine.run(
        "runuser", "-u", "web", "--", "env", "HOME=/tmp", f"GRPC_OS_ADDRESS=unix:{DATA}/run/api.sock", "grpc-os", "ps",
        check=False,
    )  # fmt: skip
    assert tried.returncode != 0 and tried.stdout == "" and tried.stderr


# ---- Cgroups -----------------------------------------------------------------------------------------------------------


async def test_a_process_has_its_account_and_a_cgroup_of_its_own_below_the_unit(machine, client):
    first = await sleeper(client, "first")
    second = await sleeper(client, "second", account="jobs")
    groups = []
    for process, name in ((first, "web"), (second, "jobs")):
        pid = process.details.pid
        assert uid_of(machine, pid) == account(machine, name)
        group = machine.cgroup(pid)
        assert re.fullmatch(rf"{UNIT}/grpc-os-[0-9a-f-]+/i-[0-9a-f]{{32}}", group)
        assert members(machine, group) == {pid}
        groups.append(group)
    assert groups[0] != groups[1]
    for program in CONTROL:
        assert machine.cgroup(machine.pid_of(program)).endswith("/control")
    for name in ("first", "second"):
        await client.delete_process(name, force=True)
    assert not any(exists(machine, group) for group in groups)


async def test_an_account_that_is_not_listed_is_refused(client):
    with pytest.raises(Exception, match="not allowed"):
        await client.create_process("rooted", "sleep 1", account="root")


async def test_a_process_gets_neither_out_of_its_cgroup_nor_at_its_supervisor(machine, client):
    attempts = (
        f"for g in /sys/fs/cgroup /sys/fs/cgroup{UNIT} /sys/fs/cgroup{UNIT}/grpc-os-*/control; do "
        "(echo $$ >$g/cgroup.procs) 2>/dev/null && echo left; done; "
        "kill -9 $PPID 2>/dev/null && echo killed; echo tried; sleep 1000000"
    )
    await client.create_process("fugitive", f"sh -c '{attempts}'")
    process = await client.wait_process("fugitive", "ready", timeout=60)
    lines = [line.text async for line in client.tail_logs("fugitive") if line.stream == "stdout"]
    assert lines == ["tried"]
    assert "/i-" in machine.cgroup(process.details.pid)


async def fork_wildly(machine, client, name):
    """(process, cgroup, {pid: start time} of it and its grandchildren)."""
    await client.create_process(name, f"python3 -c '{FORKER}'", stop_timeout=1)
    process = await client.wait_process(name, "ready", timeout=60)
    group = machine.cgroup(process.details.pid)
    pids = poll(lambda: len(found := members(machine, group)) == 4 and found, "it has three grandchildren")
    sessions = {machine.stat(pid)[3] for pid in pids}
    assert len(sessions) == 4, "each of them leads a session"
    return process, group, {pid: machine.start_time(pid) for pid in pids}


def survivors(machine, identities):
    return [pid for pid, started in identities.items() if machine.start_time(pid) == started]


async def test_stopping_reaches_grandchildren_that_left_the_session_and_removes_the_cgroup(machine, client):
    bystander = await sleeper(client, "bystander")
    untouched = machine.identity(bystander.details.pid)
    _, group, identities = await fork_wildly(machine, client, "forker")
    stopped = await client.stop_process("forker")
    assert stopped.status == "stopped"
    assert survivors(machine, identities) == []
    assert not exists(machine, group) or members(machine, group) == set()
    poll(lambda: not exists(machine, group), "its cgroup is removed")
    assert machine.identity(bystander.details.pid) == untouched


async def test_what_a_crash_leaves_is_gone_before_the_restart(machine, client):
    process, _, identities = await fork_wildly(machine, client, "crasher")
    machine.kill(process.details.pid, "SEGV")

    def again():
        return machine.sh(f"grep -lz ^GRPC_OS_PROCESS=crasher /proc/[0-9]*/environ 2>/dev/null | wc -l") == "4"

    poll(lambda: survivors(machine, identities) == [], "nothing of the first execution lives")
    poll(again, "it runs again, whole and once")
    last = (await client.get_process("crasher")).details.last_exit
    assert (last.signal, last.requested) == ("SEGV", False)


# ---- Deaths of the control plane ---------------------------------------------------------------------------------------


async def three(machine, client):
    """{name: (pid, start time)} of three processes and their supervisors."""
    identities = {}
    for name in ("a", "b", "c"):
        process = await sleeper(client, f"lasting-{name}")
        identities[name] = machine.identity(process.details.pid)
        identities[f"supervisor of {name}"] = machine.identity(int(machine.stat(process.details.pid)[1]))
    return identities


def same(machine, identities):
    return {name: machine.identity(pid) for name, (pid, _) in identities.items()}


async def check_untouched(machine, client, identities):
    assert same(machine, identities) == identities
    for name in ("a", "b", "c"):
        process = await client.wait_process(f"lasting-{name}", "ready", timeout=60)
        assert (process.details.pid, process.details.restart_count) == (identities[name][0], 0)
        await client.delete_process(f"lasting-{name}", force=True)
        assert machine.start_time(identities[name][0]) != identities[name][1]


async def test_systemctl_restart_keeps_every_process(machine, client):
    identities = await three(machine, client)
    init, daemon = machine.pid_of("grpc-os-init"), machine.pid_of("grpc-osd")
    machine.run("systemctl", "restart", "grpc-os")
    again = await machine.client()
    assert machine.pid_of("grpc-os-init") != init and machine.pid_of("grpc-osd") != daemon
    await check_untouched(machine, again, identities)
    await again.close()


async def test_after_systemctl_stop_a_crash_is_still_followed_by_a_restart(machine, client):
    identities = await three(machine, client)
    victim = await sleeper(client, "victim")
    machine.run("systemctl", "stop", "grpc-os")
    assert machine.property("ActiveState") == "inactive"
    assert same(machine, identities) == identities
    machine.kill(victim.details.pid, "KILL")

    def replacement():
        pids = machine.sh("grep -lz ^GRPC_OS_PROCESS=victim /proc/[0-9]*/environ 2>/dev/null").split("/")[2::4]
        return [int(pid) for pid in pids] != [victim.details.pid] and [int(pid) for pid in pids]

    pids = poll(replacement, "it is executed again without a control plane")
    machine.run("systemctl", "start", "grpc-os")
    again = await machine.client()
    process = await again.wait_process("victim", "ready", timeout=60)
    assert [process.details.pid] == pids and process.details.restart_count == 1
    assert process.details.last_exit.signal == "KILL"
    await check_untouched(machine, again, identities)
    await again.close()


async def test_a_killed_daemon_is_brought_back_and_no_process_notices(machine, client):
    identities = await three(machine, client)
    init, daemon = machine.pid_of("grpc-os-init"), machine.pid_of("grpc-osd")
    restarts = machine.property("NRestarts")
    machine.kill(daemon, "KILL")
    again = await machine.client()
    assert machine.pid_of("grpc-os-init") == init and machine.pid_of("grpc-osd") != daemon
    assert machine.property("NRestarts") == restarts, "this was init's to do"
    await check_untouched(machine, again, identities)
    await again.close()


async def test_a_killed_init_is_brought_back_by_systemd_and_no_process_notices(machine, client):
    identities = await three(machine, client)
    init = machine.pid_of("grpc-os-init")
    restarts = int(machine.property("NRestarts"))
    machine.kill(init, "KILL")
    poll(lambda: int(machine.property("NRestarts")) == restarts + 1, "systemd starts it again")
    again = await machine.client()
    assert machine.pid_of("grpc-os-init") != init
    await check_untouched(machine, again, identities)
    await again.close()


async def test_stop_all_ends_everything_and_leaves_neither_failure_nor_cgroup(machine, client):
    process = await sleeper(client, "last")
    machine.run("grpc-os-init", "--data-dir", DATA, "--stop-all")
    poll(lambda: machine.property("ActiveState") != "active", "the unit has ended")
    assert (machine.property("ActiveState"), machine.property("Result")) == ("inactive", "success")
    assert machine.stat(process.details.pid) is None
    assert not exists(machine, UNIT)
    machine.run("systemctl", "start", "grpc-os")
    again = await machine.client()
    running = await again.wait_process("last", "ready", timeout=60)
    assert running.details.last_exit.signal == "TERM" and running.details.last_exit.requested
    await again.close()
