"""Who gets the stop signal, and what has left its cgroup."""

import contextlib
import os
import pathlib
import shlex
import signal

import pytest
from expectations import await_line, shell
from running_system import is_alive, poll

# Ends by itself when it is asked to, and leaves a word of it.
SERVER = """python3 -u -c '
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.3); pathlib.Path("flushed").write_text("yes"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up")
while True: time.sleep(3600)'
"""


def flushed(directory):
    path = directory / "flushed"
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


@pytest.mark.parametrize("command", [f"{SERVER.strip()} | cat", f"{SERVER.strip()}; echo done"])
async def test_behind_a_shell_the_server_is_asked_by_group_or_all(client, tmp_path, command):
    await client.create_process("web", shell(command), working_directory=str(tmp_path))
    assert (await client.get_process("web")).proto.spec.stop_scope == 1  # MAIN, the default
    await await_line(client, "web", "up")
    await client.stop_process("web")
    assert not flushed(tmp_path), "the shell alone was asked"
    for scope in ("group", "all"):
        await client.update_process("web", stop_scope=scope)
        await client.start_process("web")
        await until_up(client, 2 if scope == "group" else 3)
        await client.stop_process("web")
        assert flushed(tmp_path), scope


async def until_up(client, times):
    async for line in client.tail_logs("web", 1_000_000, follow=True, join=True):
        times -= line.stream != "system" and line.text == "up"
        if times == 0:
            return


async def test_a_session_of_its_own_is_asked_by_all(client, tmp_path):
    await client.create_process(
        "web", shell(f"setsid {SERVER.strip()} & wait"), working_directory=str(tmp_path), stop_scope="all"
    )
    await await_line(client, "web", "up")
    await client.stop_process("web")
    assert flushed(tmp_path)


async def test_an_unknown_scope_is_refused(client):
    with pytest.raises(ValueError, match="main, group or all"):
        await client.create_process("web", "true", stop_scope="everyone")


def test_the_shell_sets_and_shows_the_scope(idle_system):
    idle_system.start()
    assert idle_system.cli("start", "web", "sleep 1000", "--stop-scope", "group").returncode == 0
    assert "TERM to its group, KILL after 10s" in idle_system.cli("ps", "-l", "web").stdout
    assert idle_system.cli("update", "web", "--stop-scope", "main").returncode == 0
    assert "TERM, KILL after 10s" in idle_system.cli("ps", "-l", "web").stdout
    wrong = idle_system.cli("update", "web", "--stop-scope", "grup")
    assert "expected: main, group or all. Did you mean group?" in wrong.stderr


# ---- What has left its cgroup -------------------------------------------------------------------


@pytest.fixture
def elsewhere():
    """A cgroup of nobody's."""
    for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        path = pathlib.Path(root) / f"elsewhere-{os.getpid()}"
        with contextlib.suppress(OSError):
            path.mkdir()
            if (path / "cgroup.procs").exists():
                break
            path.rmdir()
    else:
        pytest.skip("there is no cgroup2 tree that can be written to")
    yield path
    poll(lambda: remove(path), "nothing is left in it")


def remove(path):
    with contextlib.suppress(OSError):
        path.rmdir()
    return not path.exists()


async def test_a_main_process_that_left_its_cgroup_is_killed_in_time(client, elsewhere):
    script = f"trap '' TERM; echo $$ >{elsewhere}/cgroup.procs; echo up; while :; do sleep 0.05; done"
    process = await client.create_process("web", shell(script), stop_timeout=0.3)
    await await_line(client, "web", "up")
    stopped = await client.stop_process("web")
    assert stopped.status == "stopped" and stopped.details.last_exit.signal == "KILL"
    assert not is_alive(process.details.pid)


async def moved_child(client, elsewhere):
    """A process whose server, a grandchild in a session of its own, has left its cgroup; gives the server's pid."""
    moves = f"echo $$ >{elsewhere}/cgroup.procs; setsid sh -c {shlex.quote('echo up $$; exec sleep 4744.5')} & wait"
    await client.create_process("web", shell(f"sh -c {shlex.quote(moves)}; echo done"))
    return int((await await_line(client, "web", "up ")).split()[1])


async def next_server(client, before):
    async for line in client.tail_logs("web", 1_000_000, follow=True, join=True):
        if line.stream != "system" and line.text.startswith("up ") and int(line.text.split()[1]) not in before:
            return int(line.text.split()[1])


async def test_a_child_that_left_its_cgroup_does_not_outlive_a_restart_or_a_stop(client, elsewhere):
    first = await moved_child(client, elsewhere)
    assert is_alive(first)
    await client.restart_process("web")
    second = await next_server(client, [first])
    assert not is_alive(first)
    await client.stop_process("web")
    assert not is_alive(second)


async def test_a_child_that_left_its_cgroup_does_not_outlive_its_supervisor(system, client, elsewhere):
    first = await moved_child(client, elsewhere)
    [supervisor] = system.programs("grpc-os-supervise")
    os.kill(supervisor, signal.SIGKILL)
    second = await next_server(client, [first])
    assert not is_alive(first)
    await client.stop_process("web")
    assert not is_alive(second)
