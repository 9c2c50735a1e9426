"""What happens when a process ends by itself."""

import os
import signal
import socket

import pytest
from expectations import SLEEP, await_line, python, refused, shell, texts, until, wait_for_restarts, wait_for_state
from running_system import is_alive


async def restarts(client, count):
    return (await client.get_process("web")).details.restart_count >= count


@pytest.mark.parametrize(
    ("policy", "script", "again"),
    [
        ("always", "exit 0", True),
        ("always", "exit 3", True),
        ("on-failure", "exit 0", False),
        ("on-failure", "exit 3", True),
        ("on-failure", "kill -TERM $$", False),
        ("on-failure", "kill -HUP $$", False),
        ("on-failure", "kill -INT $$", False),
        ("on-failure", "kill -PIPE $$", False),
        ("on-failure", "kill -SEGV $$", True),
        ("on-failure", "kill -KILL $$", True),
        ("never", "exit 3", False),
        ("never", "kill -KILL $$", False),
    ],
)
async def test_policies(client, policy, script, again):
    await client.create_process("web", shell(script), restart=policy)
    if again:
        await until(lambda: restarts(client, 1), "restarted")
        assert (await client.get_process("web")).desired_state == "running"
    else:
        ended = await client.wait_process("web", "exited")
        assert ended.status == "exited"
        assert ended.desired_state == "completed"
        assert ended.details.restart_count == 0
        report = ended.details.last_exit
        assert not report.requested
        if script.startswith("exit"):
            assert report.reason == "exited" and report.exit_code == int(script[5:])
        else:
            assert report.reason == "signaled" and report.exit_code is None and report.signal == script.split()[1][1:]


async def test_a_completed_process_runs_again_when_it_is_started(client):
    await client.create_process("job", shell("echo ran"), restart="never")
    for number in range(1, 4):
        await client.wait_process("job", "exited")
        assert await texts(client, "job") == ["ran"] * number
        if number < 3:
            assert (await client.start_process("job")).desired_state in ("running", "completed")


async def test_one_that_was_ready_is_restarted_at_once(client):
    created = await client.create_process("web", SLEEP)
    await client.wait_process("web", "ready")
    await client.signal_process("web", "KILL")
    process = await wait_for_restarts(client, "web", 1)
    assert process.details.pid != created.details.pid
    report = process.details.last_exit
    assert report.signal == "KILL" and not report.requested
    # Not after a back-off of a second: the times are the supervisor's own.
    delay_s = (process.details.start_time - report.exit_time).total_seconds()
    assert 0 <= delay_s < 0.9


async def test_one_that_keeps_failing_is_backed_off_and_never_given_up(client):
    await client.create_process("web", shell("exit 1"))
    process = await wait_for_state(client, "web", "backoff", "crash_looping")
    assert process.proto.status.HasField("next_restart_time")
    assert process.desired_state == "running"
    assert process.details.last_exit.exit_code == 1
    with refused("PROCESS_NOT_RUNNING"):
        await client.signal_process("web", "HUP")


async def test_five_failures_are_a_crash_loop(client):
    await client.create_process("web", shell("echo ran; exit 1"))
    process = await wait_for_state(client, "web", "crash_looping")
    assert process.desired_state == "running"
    assert process.proto.status.HasField("next_restart_time")
    assert len(await texts(client, "web")) == 5
    started = await client.start_process("web")
    assert started.details.restart_count == 0


async def test_start_ends_a_back_off(client, tmp_path):
    flag = tmp_path / "go"
    await client.create_process("web", shell(f"test -e {flag} && exec sleep 3600; exit 1"))
    await until(lambda: restarts(client, 2), "restarted twice")
    flag.touch()
    started = await client.start_process("web")
    assert started.status == "running" and started.details.restart_count == 0


async def test_a_stop_ends_a_back_off(system, client):
    await client.create_process("web", shell("exit 1"))
    await wait_for_state(client, "web", "backoff", "crash_looping")
    stopped = await client.stop_process("web")
    assert stopped.status == "stopped"
    assert not stopped.proto.status.HasField("next_restart_time")


async def test_readiness_said_by_the_process(client):
    script = (
        "import os, socket, time\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.connect('\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
        "s.send(b'STATUS=warming up')\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
        "s.send(b'READY=1\\nSTATUS=serving 3 clients')\n"
        "time.sleep(3600)\n"
    )
    process = await client.create_process("web", python(script))

    async def warms_up():
        return (await client.get_process("web")).details.message == "warming up"

    await until(warms_up, "STATUS= is seen")
    with pytest.raises(TimeoutError):
        await client.wait_process("web", "ready", timeout=2)  # not after one second, as one that says nothing
    directory = f"/proc/{process.details.pid}/cwd/go"
    open(directory, "w").close()
    ready = await client.wait_process("web", "ready")
    assert ready.details.ready
    assert ready.details.message == "serving 3 clients"


async def test_readiness_cannot_be_said_by_a_stranger(client):
    process = await client.create_process("web", python(
        "import os, time\nprint(os.environ['NOTIFY_SOCKET'])\ntime.sleep(3600)"
    ), restart="never")
    address = await await_line(client, "web", "@")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.connect("\0" + address[1:])
        stranger.send(b"STATUS=forged")
    await client.wait_process("web", "ready")
    assert (await client.get_process("web")).details.message != "forged"
    assert is_alive(process.details.pid)


async def test_ready_after_a_second_if_nothing_is_said(client):
    created = await client.create_process("web", SLEEP)
    assert not created.details.ready
    ready = await client.wait_process("web", "ready")
    assert ready.details.ready and ready.status == "running"


async def test_one_that_crashed_while_the_daemon_was_away_runs_again(system, client):
    created = await client.create_process("web", SLEEP)
    await client.wait_process("web", "ready")
    system.stop()
    os.kill(created.details.pid, signal.SIGKILL)
    system.start()
    process = await wait_for_restarts(client, "web", 1)
    assert process.details.last_exit.signal == "KILL"
    assert is_alive(process.details.pid)
