"""kill -9 of grpc-os-supervise: its process goes with it, with all that it left, and is started again."""

import asyncio
import os
import signal

import grpc
import pytest
from beaters import check_numbers, log_files
from expectations import until as until_so
from expectations import wait_for_state
from failpoints import named
from load import Load, until
from outcomes import LOST, STUBBORN, assert_reported_lost, await_new_mains, create_all
from programs import kill, supervisors
from running_system import is_alive

async def test_many_die_at_once_and_no_other_notices(running, beaters):
    client = await running.client()
    names = [f"plain-{i}" for i in range(12)] + [f"stubborn-{i}" for i in range(8)]
    processes = await create_all(client, beaters, names[:12])
    processes |= await create_all(client, beaters, names[12:], *STUBBORN, stop_timeout=0.1)
    before, by_process, daemon = beaters.mains(names), supervisors(running), running.daemon_pid()
    doomed, others = names[::2], names[1::2]
    kill(by_process[processes[name].id] for name in doomed)

    await await_new_mains(beaters, {name: before[name] for name in doomed})
    assert beaters.mains(others) == {name: before[name] for name in others}
    after = supervisors(running)
    assert {after[processes[name].id] for name in others} == {by_process[processes[name].id] for name in others}
    assert running.daemon_pid() == daemon
    for name in doomed:
        process = await assert_reported_lost(client, name)
        assert process.details.pid == beaters.main(name)[0]
        assert len(beaters.starts(name)) == 2
    for name in names:
        # One main process, and one child where there is one: none of those before is left.
        expected = 2 if name.startswith("stubborn") else 1
        await until(lambda name=name, n=expected: len(beaters.living().get(name, [])) == n, f"{name} is complete")
        assert len(beaters.starts(name)) == (2 if name in doomed else 1)
    events = [event async for event in _events(client)]
    for name in names:
        told = [event.attributes["reason"] for event in events if event.name == name and event.action == "exited"]
        assert told == (["supervisor_lost"] if name in doomed else [])
    await asyncio.gather(*map(client.stop_process, names))
    for name in names:
        lines = [line[4] for line in log_files(running, processes[name].id, name in doomed) if line[2] != "system"]
        check_numbers(beaters, lines, name, {before[name]} if name in doomed else ())


async def _events(client):
    async for message in client.watch_messages(1):
        for event in message.events:
            yield event
        if message.synced:
            return


async def test_the_process_is_gone_with_its_supervisor(running, beaters):
    """Even while there is nobody to start it again."""
    client = await running.client()
    process = await beaters.create(client, "web", *STUBBORN, stop_timeout=0.1)
    main = await until(lambda: beaters.main("web"), "it runs")
    await until(lambda: len(beaters.living()["web"]) == 2, "its child runs")
    running.init.send_signal(signal.SIGSTOP)
    try:
        kill([supervisors(running)[process.id]])
        await until(lambda: not is_alive(main[0]), "its main process died with it")
        assert len(beaters.starts("web")) == 1
    finally:
        running.init.send_signal(signal.SIGCONT)
    # Its child is first ended, or the payload itself would report a double.
    await await_new_mains(beaters, {"web": main})
    await assert_reported_lost(client, "web")


async def test_daemon_and_supervisors_die_together(running, beaters):
    client = await running.client()
    names = [f"web-{i}" for i in range(6)]
    processes = await create_all(client, beaters, names)
    before = beaters.mains(names)
    running.init.send_signal(signal.SIGSTOP)
    try:
        kill([running.daemon_pid(), *(supervisors(running)[p.id] for p in processes.values())])
        await until(lambda: not beaters.living(), "all processes are gone")
    finally:
        running.init.send_signal(signal.SIGCONT)
    await await_new_mains(beaters, before)
    await asyncio.to_thread(running.await_api)
    for name in names:
        await assert_reported_lost(client, name)
        assert len(beaters.starts(name)) == 2


async def test_dies_while_it_stops_its_process(running, beaters):
    client = await running.client()
    process = await beaters.create(client, "web", *STUBBORN, stop_timeout=60)
    await until(lambda: beaters.main("web"), "it runs")
    stopping = asyncio.create_task(client.stop_process("web"))
    await wait_for_state(client, "web", "stopping")
    kill([supervisors(running)[process.id]])
    stopped = await stopping
    assert stopped.status == "stopped" and stopped.desired_state == "stopped"
    assert "web" not in beaters.living()
    running.kill_daemon()
    assert (await client.get_process("web")).status == "stopped"
    assert len(beaters.starts("web")) == 1


async def test_dies_while_it_restarts_its_process(running, beaters):
    client = await running.client()
    process = await beaters.create(client, "web", *STUBBORN, stop_timeout=60)
    before = await until(lambda: beaters.main("web"), "it runs")
    restarting = asyncio.create_task(client.restart_process("web"))
    await wait_for_state(client, "web", "stopping")
    kill([supervisors(running)[process.id]])
    assert (await restarting).status == "running"
    await await_new_mains(beaters, {"web": before})
    assert len(beaters.starts("web")) == 2
    kill([beaters.main("web")[0]])  # so that the end need not wait for a minute


async def test_told_to_end(running, beaters):
    """SIGTERM is a shut-down: it stops its process, which is wanted still and gets another supervisor."""
    client = await running.client()
    processes = await create_all(client, beaters, [f"web-{i}" for i in range(4)], "--child", stop_timeout=0.1)
    before = beaters.mains(processes)
    for pid in supervisors(running).values():
        os.kill(pid, signal.SIGTERM)
    await await_new_mains(beaters, before)
    for name in processes:

        async def reported(name=name):
            process = await client.get_process(name)
            return process.status == "running" and process.details.last_exit

        last = await until_so(reported, f"the end of {name} is told")
        assert (last.signal, last.requested) == ("TERM", True)
        assert len(beaters.starts(name)) == 2


async def test_a_policy_of_never_holds(running, beaters):
    client = await running.client()
    process = await beaters.create(client, "job", restart="never")
    await until(lambda: beaters.main("job"), "it runs")
    kill([supervisors(running)[process.id]])
    ended = await wait_for_state(client, "job", "exited")
    assert ended.details.last_exit.reason == LOST and ended.details.last_exit.exit_code is None
    assert ended.desired_state == "completed"
    assert len(beaters.starts("job")) == 1


@pytest.mark.parametrize("name", named("supervise"))
async def test_dies_at(running, beaters, failpoints, name):
    """At each named place, while all are restarted and some crash."""
    client = await running.client()
    names = [f"web-{i}" for i in range(6)]
    await create_all(client, beaters, names, *STUBBORN, stop_timeout=0.1)
    before = beaters.mains(names)
    failpoints.arm(name)
    os.kill(before[names[0]][0], signal.SIGUSR1)

    async def restart(one):
        try:
            await client.restart_process(one)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error

    await asyncio.gather(*map(restart, names[1:]))
    await until(lambda: failpoints.hit(name), f"{name} is reached")
    await await_new_mains(beaters, before)
    for one in names:
        await wait_for_state(client, one, "running")
        assert len(beaters.starts(one)) in (2, 3)  # the one that was hit may have been running again


@pytest.mark.timeout(600)
async def test_again_and_again_while_it_is_used(running, beaters, rng, long):
    load = Load(running, beaters, rng)
    await load.create()
    load.begin()
    for _ in range(40 if long else 10):
        await asyncio.sleep(rng.uniform(0.1, 0.6))
        # Of one process at most a few times: the delays grow up to a minute.
        mortal = [s for s in load.subjects if s.name not in load.untouched and s.losses < (4 if long else 2)]
        doomed = rng.sample(mortal, min(3, len(mortal)))
        pids = supervisors(running)
        for s in doomed:
            load.expect_loss(s)
        kill(pids[s.id] for s in doomed if s.id in pids)
        load.raise_failures()
        load.check_untouched()
    await load.end()
    await load.check_logs()
