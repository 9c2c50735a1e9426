"""The machine is gone and comes back: what was wished is so again."""

import asyncio
import os
import shutil


import pytest
from expectations import until as until_so
from expectations import wait_for_state
from load import until
from outcomes import STUBBORN, await_new_mains, create_all
from programs import instances, kill_everything, supervisors


# The wishes: what runs, what not, and what could not.
RUNNING = ["web-0", "web-1", "stubborn"]


class Machine:
    """A system with processes in every state, and the boots of the machine that it is on."""

    def __init__(self, system, beaters, directory):
        self._system = system
        self._beaters = beaters
        self._boot = 1
        self._boot_id = directory / "boot_id"
        self.program = directory / "program"

    def start(self):
        self._boot_id.write_text(f"boot-{self._boot}\n")
        self._system.start("--boot-id-file", str(self._boot_id), environment=self._system.environment)

    async def populate(self):
        self.start()
        client = await self._system.client()
        beaters = self._beaters
        await create_all(client, beaters, RUNNING[:2])
        await create_all(client, beaters, ["stopped", "stubborn"], *STUBBORN, stop_timeout=0.1)
        await client.stop_process("stopped")
        assert len(beaters.starts("stopped")) == 1
        await beaters.create(client, "completed", "--life-ms", 1, 2, "--end", "clean", restart="never")
        # Could be executed once, then not: its program is gone when it is restarted, which its policy leaves so.
        shutil.copy(beaters.program, self.program)
        await client.create_process("failed", str(self.program), beaters.environment(), restart="never")
        await until(lambda: beaters.main("failed"), "it runs")
        self.program.rename(f"{self.program}.away")
        with pytest.raises(Exception, match="cannot execute"):
            await client.restart_process("failed")
        await beaters.create(client, "crashing", "--life-ms", 1, 2, "--end", "crash")
        await wait_for_state(client, "completed", "exited")
        await wait_for_state(client, "failed", "failed")
        await wait_for_state(client, "crashing", "backoff", "crash_looping")
        await asyncio.gather(*(wait_for_state(client, name, "running") for name in RUNNING))
        return client

    def reboot(self, run_is_cleared):
        self.lose_power(run_is_cleared)
        self._boot += 1
        self.start()

    def lose_power(self, run_is_cleared):
        kill_everything(self._system)
        if run_is_cleared:
            shutil.rmtree(self._system.data / "run")


@pytest.fixture
def machine(system, beaters, tmp_path):
    return Machine(system, beaters, tmp_path)


async def executions(client, beaters):
    """{name: how often it was executed}, once the daemon has got over the start."""
    return {process.name: len(beaters.starts(process.name)) async for process in client.list_processes()}


async def await_reported(client, names, reason):
    for name in names:

        async def reported(name=name):
            process = await client.get_process(name)
            last = process.details.last_exit
            return process.status == "running" and last is not None and last.reason == reason and process

        process = await until_so(reported, f"{name} runs again, and why it had ended is told")
        assert process.details.last_exit.exit_code is None and process.details.last_exit.signal == ""


@pytest.mark.parametrize("run_is_cleared", [False, True], ids=["run left in place", "run cleared"])
async def test_another_boot(system, machine, beaters, run_is_cleared):
    client = await machine.populate()
    before, crashes = beaters.mains(RUNNING), len(beaters.starts("crashing"))
    os.rename(f"{machine.program}.away", machine.program)
    machine.reboot(run_is_cleared)

    await await_new_mains(beaters, before)
    await await_reported(client, RUNNING, "host_restarted")
    await until(lambda: beaters.main("failed"), "what could not be executed is tried again")
    await until(lambda: len(beaters.starts("crashing")) > crashes, "what crashed is tried again")
    for name, state, wish in (("stopped", "stopped", "stopped"), ("completed", "exited", "completed")):
        process = await client.get_process(name)
        assert (process.status, process.desired_state) == (state, wish)
    count = await executions(client, beaters)
    assert count.pop("crashing") > crashes
    assert count == {"web-0": 2, "web-1": 2, "stubborn": 2, "stopped": 1, "completed": 1, "failed": 2}
    assert "stopped" not in beaters.living() and "completed" not in beaters.living()
    # All of the boot before is gone, and those that rest need no supervisor.
    processes = {process.id async for process in client.list_processes() if process.status not in ("stopped", "exited")}
    await until(lambda: set(supervisors(system)) == processes, "only what is wanted has a supervisor")
    await until(lambda: len(instances(system)) == len(processes), "nothing is kept of the boot before")


async def test_boot_after_boot(system, machine, beaters):
    client = await machine.populate()
    for boot in range(3):
        before = beaters.mains(RUNNING)
        machine.reboot(run_is_cleared=boot % 2 == 1)
        await await_new_mains(beaters, before)
        await await_reported(client, RUNNING, "host_restarted")
    count = await executions(client, beaters)
    assert {count[name] for name in RUNNING} == {4}
    assert count["stopped"] == count["completed"] == count["failed"] == 1


async def test_a_boot_without_a_daemon_in_between(system, machine, beaters):
    """A power failure before the daemon came to do anything is a boot like any other."""
    client = await machine.populate()
    before = beaters.mains(RUNNING)
    for name in ("osd.start.loaded", "store.before_commit"):
        machine.lose_power(run_is_cleared=False)
        machine._boot += 1
        (system.home / "failpoints").mkdir(exist_ok=True)
        machine._boot_id.write_text(f"boot-{machine._boot}\n")
        directory = system.environment["GRPC_OS_FAILPOINT_DIR"]
        armed = os.path.join(directory, name)
        open(armed, "w").close()
        system.launch("--boot-id-file", str(machine._boot_id), environment=system.environment)
        await until(lambda armed=armed: os.path.exists(f"{armed}.hit"), f"{name} is reached")
    machine.reboot(run_is_cleared=False)
    await await_new_mains(beaters, before)
    await await_reported(client, RUNNING, "host_restarted")


@pytest.mark.parametrize("run_is_cleared", [False, True], ids=["run left in place", "run cleared"])
async def test_a_container_is_killed_and_started(system, machine, beaters, run_is_cleared):
    """All dead, and still the same boot."""
    client = await machine.populate()
    before = beaters.mains(RUNNING)
    machine.lose_power(run_is_cleared)
    machine.start()
    await await_new_mains(beaters, before)
    await await_reported(client, RUNNING, "supervisor_lost")
    count = await executions(client, beaters)
    assert {count[name] for name in RUNNING} == {2}
    assert count["stopped"] == count["completed"] == count["failed"] == 1
    assert (await client.get_process("stopped")).status == "stopped"
    assert (await client.get_process("completed")).status == "exited"
    assert (await client.get_process("failed")).status == "failed"


@pytest.mark.parametrize("boot", ["the same", "another"])
async def test_stopped_and_started_again(system, machine, beaters, boot):
    """--stop-all is a shut-down: it ends processes and leaves the wishes."""
    client = await machine.populate()
    before = beaters.mains(RUNNING)
    await asyncio.to_thread(system.stop_all)
    assert beaters.living() == {}
    machine._boot += boot == "another"
    machine.start()
    await await_new_mains(beaters, before)
    await asyncio.gather(*(wait_for_state(client, name, "running") for name in RUNNING))
    count = await executions(client, beaters)
    assert {count[name] for name in RUNNING} == {2}
    assert count["stopped"] == count["completed"] == 1
    assert (await client.get_process("stopped")).desired_state == "stopped"
    last = (await client.get_process("web-0")).details.last_exit
    # They were asked to end, and did; that is no loss.
    assert last.reason == "signaled" and last.signal == "TERM" and last.requested
