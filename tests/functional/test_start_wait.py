"""Ready, and how the shell waits for it: `start --wait`, `wait --code`."""

import asyncio
import json

import pytest
from expectations import SLEEP, await_line, python, shell, until

# Says READY=1 once its directory has `go`.
SERVER = (
    "import os, socket, time\n"
    "print('loading')\n"
    "while not os.path.exists('go'): time.sleep(0.01)\n"
    "said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "said.connect('\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
    "said.send(b'READY=1\\nSTATUS=serving')\n"
    "time.sleep(3600)"
)


async def shell_command(system, *words):
    """It runs while the test goes on."""
    return await asyncio.to_thread(system.cli, *words)


async def message_has(client, name, text):
    async def has():
        details = (await client.get_process(name)).details
        return text in details.message and details

    return await until(has, f"{name} says {text}")


async def test_a_server_that_says_ready_is_ready_when_it_says_so(system, client, tmp_path):
    (tmp_path / "slow").mkdir()
    words = ("--dir", str(tmp_path / "slow"), "--ready", "notify", "--ready-timeout", "1s")
    assert system.cli("start", "web", python(SERVER), *words).returncode == 0
    # As ps, wait and the events have it while it loads, after what would have been one second up.
    late = await message_has(client, "web", "not ready after 1 s: no READY=1 came on NOTIFY_SOCKET")
    assert late.state == "running" and not late.ready
    [listed] = json.loads(system.cli("ps", "-o", "json").stdout)["processes"]
    assert not listed["status"]["ready"] and listed["status"]["state"] == "STATE_RUNNING", listed
    waited = system.cli("wait", "web", "--for", "ready", "--timeout", "100ms")
    assert waited.returncode == 7 and "no READY=1 came on NOTIFY_SOCKET" in waited.stderr
    assert "not_ready" in system.cli("events", "-k", "process").stdout
    waiting = asyncio.create_task(shell_command(system, "wait", "web", "--for", "ready"))
    (tmp_path / "slow/go").touch()
    assert (await waiting).stdout.startswith("web is ready, pid ")
    assert (await message_has(client, "web", "serving")).ready


async def test_start_waits_until_it_is_ready(system, client, tmp_path):
    words = ("--dir", str(tmp_path), "--ready", "notify", "--wait", "ready")
    starting = asyncio.create_task(shell_command(system, "start", "web", python(SERVER), *words))

    async def it_loads():
        return "web" in [process.name async for process in client.list_processes()]

    await until(it_loads, "it was created")
    await await_line(client, "web", "loading")
    assert not starting.done()
    (tmp_path / "go").touch()
    done = await starting
    assert done.returncode == 0 and ", ready. Its output: " in done.stdout, done
    (tmp_path / "go").unlink()
    restarting = asyncio.create_task(shell_command(system, "restart", "web", "--wait", "ready"))

    async def it_loads_again():
        process = await client.get_process("web")
        return process.status == "running" and not process.details.ready

    await until(it_loads_again, "it was restarted")
    assert not restarting.done()
    (tmp_path / "go").touch()
    assert (await restarting).returncode == 0


@pytest.mark.parametrize("wait", ["ready", "20s"])
@pytest.mark.parametrize("policy", ["always", "never"])
async def test_what_dies_soon_fails_the_start_and_says_how(system, wait, policy):
    command = shell("echo no such table; sleep 0.2; exit 3")
    done = system.cli("start", "web", command, "--restart", policy, "--wait", wait)
    assert done.returncode == 1 and not done.stdout, done
    when = "before it was ready" if wait == "ready" else "within 20s"
    assert f"web ended {when}: exit 3." in done.stderr
    assert "last exit: exit 3" in done.stderr and "no such table" in done.stderr, "its report and its log"
    assert system.cli("start", "other", command).returncode == 0, "without --wait it runs, and that is all"


async def test_what_was_ready_and_dies_fails_a_start_that_waits_longer(system, tmp_path):
    """It is run again at once, so that it is seen to run, but as another execution."""
    done = system.cli("start", "web", shell("sleep 0.3; exit 4"), "--ready", "delay:10ms", "--wait", "1500ms")
    assert done.returncode == 1 and "web ended within 1.5s: exit 4." in done.stderr, done


async def test_start_waits_so_long_and_several_at_once(system, client):
    for name in ("a", "b"):
        await client.create_process(name, SLEEP)
        await client.stop_process(name)
    done = system.cli("start", "a", "b", "--wait", "100ms")
    assert done.returncode == 0 and done.stdout.count(", still after 100ms") == 2, done


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 42", 42), ("kill -KILL $$", 137), ("kill -TERM $$", 143), ("exit 255", 255)]
)
async def test_the_exit_code_of_a_job_is_that_of_wait(system, script, code):
    assert system.cli("start", "job", shell(f"sleep 0.1; {script}"), "--restart", "never").returncode == 0
    done = system.cli("wait", "job", "--for", "exited", "--code")
    assert done.returncode == code and not done.stderr, done


async def test_a_job_that_was_stopped_and_one_that_cannot_be_executed(system, client, tmp_path):
    await client.create_process("web", SLEEP)
    await client.stop_process("web")
    assert system.cli("wait", "web", "--code").returncode == 143
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    await client.create_process("job", str(program), restart="never")
    await client.wait_process("job", "exited")
    program.unlink()
    assert system.cli("start", "job").returncode != 0
    assert system.cli("wait", "job", "--code").returncode == 126
