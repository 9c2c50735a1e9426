"""An orderly power-off, and the same disk booted again."""

import dataclasses

import pytest
import pytest_asyncio
from machine import Machine

# The client of the one reboot serves all tests.
pytestmark = pytest.mark.asyncio(loop_scope="module")

# Says how it was asked to end, takes its time, and ends well.
GRACEFUL = "trap 'echo asked; sleep 1; echo done; exit 0' TERM; while :; do sleep 0.2; done"
# Longer than the unit's TimeoutStopSec.
FLUSHING = "trap 'echo asked; sleep 75; echo done; exit 0' TERM; while :; do sleep 0.2; done"
STUBBORN = "trap 'echo refused' TERM; while :; do sleep 0.2; done"


RUNNING = ("plain", "graceful", "flushing", "stubborn")


@dataclasses.dataclass
class Reboot:
    machine: Machine
    client: object
    before: dict  # name: Process, before the power-off
    boots: tuple  # the kernel's ids of both boots


async def populate(client):
    """Processes in every state; gives {name: Process}."""
    await client.create_process("plain", "sleep 1000000", account="jobs")
    await client.create_process("graceful", f'sh -c "{GRACEFUL}"', {"MARK": "kept"})
    await client.create_process("flushing", f'sh -c "{FLUSHING}"', stop_timeout=120)
    await client.create_process("stubborn", f'sh -c "{STUBBORN}"', stop_timeout=2)
    await client.create_process("stopped", "sleep 1000000")
    await client.stop_process("stopped")
    await client.create_process("completed", "true", restart="never")
    await client.create_process("crashing", "false")
    await client.wait_process("completed", "exited", timeout=60)
    for name in RUNNING:
        await client.wait_process(name, "ready", timeout=60)
    return {process.name: process async for process in client.list_processes()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rebooted():
    with Machine() as machine:
        machine.boot()
        client = await machine.client()
        before = await populate(client)
        await client.close()
        boots = [machine.read("/proc/sys/kernel/random/boot_id")]
        machine.power_off()
        machine.boot()
        boots.append(machine.read("/proc/sys/kernel/random/boot_id"))
        client = await machine.client()
        for name in RUNNING:
            await client.wait_process(name, "ready", timeout=120)
        yield Reboot(machine, client, before, tuple(boots))
        await client.close()


async def logged(rebooted, name):
    return [(line.stream, line.text) async for line in rebooted.client.tail_logs(name)]


async def test_what_ran_runs_under_the_same_definition(rebooted):
    assert rebooted.boots[0] != rebooted.boots[1]
    for name in RUNNING:
        process, before = await rebooted.client.get_process(name), rebooted.before[name]
        assert (process.status, process.desired_state, process.id) == ("running", "running", before.id)
        assert process.proto.spec == before.proto.spec
        assert rebooted.machine.stat(process.details.pid) is not None
        assert process.details.restart_count == 0
    assert (await rebooted.client.get_process("crashing")).desired_state == "running"


async def test_each_runs_once(rebooted):
    for name in RUNNING:
        process = await rebooted.client.get_process(name)
        group = rebooted.machine.cgroup(process.details.pid).rpartition("/")[0]
        mains = rebooted.machine.sh(
            f"for p in $(cat /sys/fs/cgroup{group}/i-*/cgroup.procs); do grep -qz ^GRPC_OS_PROCESS={name}$ /proc/$p/environ && "
            "[ $(cut -d' ' -f6 /proc/$p/stat) = $p ] && echo $p; done; true"
        )
        assert mains.split() == [str(process.details.pid)]


async def test_what_was_stopped_or_done_stays_so(rebooted):
    for name, state, wish in (("stopped", "stopped", "stopped"), ("completed", "exited", "completed")):
        process = await rebooted.client.get_process(name)
        assert (process.status, process.desired_state) == (state, wish)
        assert process.details.last_exit == rebooted.before[name].details.last_exit


@pytest.mark.parametrize("name", ["graceful", "flushing"])
async def test_a_process_was_asked_to_end_and_had_its_time(rebooted, name):
    lines = await logged(rebooted, name)
    said = [text for stream, text in lines if stream == "stdout"]
    # A terminated sleep of its own may be reported by the shell; what it said itself is there once, in order.
    assert said == ["asked", "done"], lines
    assert not any("killing" in text for stream, text in lines if stream == "system")


async def test_how_each_ended_is_told_as_it_was(rebooted):
    ends = {}
    for name in RUNNING:
        last = (await rebooted.client.get_process(name)).details.last_exit
        ends[name] = (last.reason, last.exit_code, last.signal, last.requested)
    assert ends == {
        "plain": ("signaled", None, "TERM", True),
        "graceful": ("exited", 0, "", True),
        "flushing": ("exited", 0, "", True),
        "stubborn": ("signaled", None, "KILL", True),
    }


async def test_the_journal_of_the_shut_down_shows_no_failure(rebooted):
    journal = rebooted.machine.sh("journalctl -b -1 -u grpc-os --no-pager -o cat")
    assert "Stopped grpc-os.service" in journal
    assert "Deactivated successfully" in journal
    assert "stopping; waits for flushing (at most " in journal
    for trouble in ("Failed", "failed", "timed out", "Killing", "SIGKILL", "left-over", "remains"):
        assert trouble not in journal, journal
    everything = rebooted.machine.sh("journalctl -b -1 --no-pager -o cat")
    assert "Reached target poweroff.target" in everything or "Power-Off" in everything
    assert "Failed with result" not in everything


async def test_systemd_had_nobody_left_to_kill(rebooted):
    console = rebooted.machine.console()
    assert "Sending SIGTERM to remaining processes" in console
    assert "Sending SIGKILL to PID" not in console


async def test_the_boot_shows_no_failure(rebooted):
    assert rebooted.machine.sh("systemctl --failed --no-legend") == ""
    assert rebooted.machine.sh("journalctl -b -u grpc-os -p warning --no-pager -o cat -q") == ""
