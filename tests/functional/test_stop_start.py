"""Stop, start, restart: the wish, the escalation, and that nothing stays."""

import asyncio
import os
import socket
import time

import pytest
from expectations import SLEEP, await_line, python, refused, shell, texts, wait_for_restarts
from running_system import is_alive, poll, start_time

IGNORES_TERM = python(
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready')\nwhile True: time.sleep(3600)"
)


async def test_a_stop_is_over_when_it_answers(client):
    process = await client.create_process("web", SLEEP)
    stopped = await client.stop_process("web")
    assert not is_alive(process.details.pid)
    assert stopped.status == "stopped"
    assert stopped.desired_state == "stopped"
    assert stopped.details.pid == 0 and not stopped.details.ready
    report = stopped.details.last_exit
    assert report.reason == "signaled"
    assert report.signal == "TERM" and report.exit_code is None
    assert report.requested and not report.core_dumped
    assert report.attempt == 1
    assert report.start_time <= report.exit_time


async def test_kill_process_is_stop_process(client):
    process = await client.create_process("web", SLEEP)
    assert (await client.kill_process(process.id)).status == "stopped"


async def test_a_second_stop_is_harmless(client):
    await client.create_process("web", SLEEP)
    first = await client.stop_process("web")
    second = await client.stop_process("web")
    assert second.status == "stopped"
    assert second.details.last_exit == first.details.last_exit


async def test_a_stopped_process_stays_stopped(system, client):
    await client.create_process("web", SLEEP)
    await client.stop_process("web")
    system.kill_daemon()
    process = await client.get_process("web")
    assert (process.status, process.desired_state) == ("stopped", "stopped")
    poll(lambda: not system.programs("grpc-os-supervise"), "its supervisor is let go")
    assert (await client.get_process("web")).status == "stopped"


async def test_a_child_that_ignores_term_is_killed_after_its_timeout(client):
    process = await client.create_process("web", IGNORES_TERM, stop_timeout=0.5)
    await await_line(client, "web", "ready")
    begin = time.monotonic()
    stopped = await client.stop_process("web")
    assert time.monotonic() - begin >= 0.5  # it was given its time
    assert stopped.status == "stopped"
    assert stopped.details.last_exit.signal == "KILL" and stopped.details.last_exit.requested
    assert not is_alive(process.details.pid)


async def test_a_stop_timeout_of_0_kills_at_once(client):
    await client.create_process("web", IGNORES_TERM, stop_timeout=0)
    await await_line(client, "web", "ready")
    assert (await client.stop_process("web")).details.last_exit.signal in ("KILL", "TERM")


async def test_a_stop_goes_on_after_the_callers_deadline(client):
    process = await client.create_process("web", IGNORES_TERM, stop_timeout=2)
    await await_line(client, "web", "ready")
    with pytest.raises(Exception) as caught:
        await client.stop_process("web", timeout=0.3)
    assert "DEADLINE_EXCEEDED" in str(caught.value)
    assert (await client.wait_process("web", "exited")).status == "stopped"
    assert not is_alive(process.details.pid)


async def test_a_stopped_child_gets_its_term(client):
    """One that is suspended could not see TERM without CONT."""
    await client.create_process("web", SLEEP, stop_timeout=3000)
    await client.signal_process("web", "STOP")
    assert (await client.stop_process("web")).details.last_exit.signal == "TERM"


async def test_the_stop_signal_is_the_specs(client):
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('got INT', flush=True), sys.exit(7)))\n"
        "print('ready')\nwhile True: time.sleep(3600)"
    )
    await client.create_process("web", python(script), stop_signal="SIGINT")
    await await_line(client, "web", "ready")
    report = (await client.stop_process("web")).details.last_exit
    assert report.reason == "exited"
    assert report.exit_code == 7
    assert not report.signal
    assert "got INT" in await texts(client, "web")


async def test_a_grandchild_in_a_session_of_its_own_is_gone_after_the_stop(system, client):
    if (await client.get_system()).proto.cgroup_mode == "none":
        pytest.skip("without cgroups only direct children can be killed")
    holder = (
        "import os, socket, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        import signal; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]\n"
        "        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
        "        print('port', s.getsockname()[1], os.getpid())\n"
        "        time.sleep(3600)\n"
        "    os._exit(0)\n"
        "time.sleep(3600)\n"
    )
    await client.create_process("web", python(holder), stop_timeout=0.5)
    _, port, pid = (await await_line(client, "web", "port ")).split()
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10):
        pass
    await client.stop_process("web")
    assert not is_alive(int(pid))
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", int(port)))


async def test_what_a_dead_main_process_leaves_is_killed_before_the_restart(client):
    if (await client.get_system()).proto.cgroup_mode == "none":
        pytest.skip("without cgroups only direct children can be killed")
    await client.create_process("web", shell("setsid sleep 3600 & echo child $!; wait"))
    child = int((await await_line(client, "web", "child ")).split()[1])
    born = start_time(child)
    await client.wait_process("web", "ready")
    await client.signal_process("web", "KILL")
    await wait_for_restarts(client, "web", 1)
    assert start_time(child) != born or not is_alive(child)


async def test_start_runs_a_stopped_process_again(client):
    created = await client.create_process("web", SLEEP)
    await client.stop_process("web")
    started = await client.start_process("web")
    assert started.status == "running" and started.desired_state == "running"
    assert started.details.pid != created.details.pid and is_alive(started.details.pid)
    assert started.details.restart_count == 0
    assert started.id == created.id


async def test_start_leaves_a_running_process_alone(client):
    created = await client.create_process("web", SLEEP)
    started = await client.start_process("web")
    assert started.details.pid == created.details.pid
    assert started.proto.status.start_time == created.proto.status.start_time


async def test_restart_is_another_process_and_no_failure(client):
    created = await client.create_process("web", SLEEP)
    restarted = await client.restart_process("web")
    assert restarted.status == "running"
    assert restarted.details.pid != created.details.pid
    assert is_alive(restarted.details.pid) and not is_alive(created.details.pid)
    assert restarted.details.last_exit.requested
    assert not restarted.proto.status.HasField("next_restart_time")


async def test_restart_starts_what_is_stopped(client):
    await client.create_process("web", SLEEP)
    await client.stop_process("web")
    assert (await client.restart_process("web")).status == "running"


async def test_restarts_in_a_row(client):
    await client.create_process("web", SLEEP)
    pids = set()
    for _ in range(10):
        pids.add((await client.restart_process("web")).details.pid)
    assert len(pids) == 10
    assert sum(is_alive(pid) for pid in pids) == 1


async def test_start_and_stop_at_once_leave_one_or_none(system, client):
    await client.create_process("web", shell("echo $$; exec sleep 3600"))
    calls = [client.start_process, client.stop_process, client.restart_process] * 10
    answers = await asyncio.gather(*(call("web") for call in calls), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            with refused("SUPERSEDED"):
                raise answer
    assert (await client.stop_process("web")).status == "stopped"
    for pid in await texts(client, "web"):
        assert not is_alive(int(pid))


@pytest.mark.parametrize("method", ["start_process", "stop_process", "restart_process", "update_process", "delete_process"])
async def test_a_stale_etag_is_a_conflict(client, method):
    created = await client.create_process("web", SLEEP)
    await client.update_process("web", command="sleep 4000")
    with refused("ETAG_MISMATCH") as refusal:
        await getattr(client, method)("web", etag=created.etag)
    assert refusal.metadata["process"] in ("web", created.id)
    current = await client.get_process("web")
    assert refusal.metadata["etag"] == current.etag != created.etag
    assert current.details.pid == created.details.pid
    if method == "delete_process":
        await client.delete_process("web", etag=current.etag, force=True)
    else:
        await getattr(client, method)("web", etag=current.etag)


async def test_the_etag_stands_still_while_only_the_status_changes(client):
    created = await client.create_process("web", SLEEP)
    await client.wait_process("web", "ready")
    assert (await client.get_process("web")).etag == created.etag
    assert (await client.stop_process("web")).etag != created.etag


async def test_stop_all_ends_every_process_and_program(system, client):
    pids = [(await client.create_process(f"p{number}", SLEEP)).details.pid for number in range(10)]
    init = system.init.pid
    system.stop_all()
    assert not any(is_alive(pid) for pid in pids)
    poll(lambda: not system.leftovers(), "everything has ended")
    assert not is_alive(init)


async def test_term_to_init_leaves_the_processes_and_the_next_one_takes_them(system, client):
    created = await client.create_process("web", SLEEP)
    await client.create_process("gone", SLEEP)
    await client.stop_process("gone")
    assert system.stop() == 0
    assert not system.programs("grpc-osd")
    assert is_alive(created.details.pid)
    born = start_time(created.details.pid)
    system.start()
    process = await client.get_process("web")
    assert process.status == "running" and process.details.pid == created.details.pid
    assert start_time(created.details.pid) == born
    assert process.details.restart_count == 0
    assert (await client.get_process("gone")).status == "stopped"
    assert (await client.stop_process("web")).status == "stopped"
    assert not is_alive(created.details.pid)


async def test_stop_all_works_without_a_control_plane(system, client):
    pid = (await client.create_process("web", SLEEP)).details.pid
    system.stop()
    assert is_alive(pid)
    system.stop_all()
    poll(lambda: not is_alive(pid), "the process has ended")


async def test_stop_all_keeps_the_wish(system, client):
    await client.create_process("web", SLEEP)
    await client.create_process("stopped", SLEEP)
    await client.stop_process("stopped")
    system.stop_all()
    system.start()
    assert (await client.wait_process("web", "running")).details.pid
    assert (await client.get_process("stopped")).status == "stopped"
    os.kill((await client.get_process("web")).details.pid, 0)
