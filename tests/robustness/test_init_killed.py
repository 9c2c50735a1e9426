"""kill -9 of grpc-os-init: nothing else ends, and the next one adopts what lives."""

import asyncio
import os
import signal

import pytest
from expectations import until as until_so
from failpoints import named
from load import Load, until
from outcomes import STUBBORN, assert_reported_lost, await_new_mains, create_all
from programs import instances, kill, kill_init, start_again, supervisors
from running_system import is_alive

# Reached by an idle machine in milliseconds.
REACHED_S = 3.0


async def reported_exit(client, name):
    """The process once it runs again after an end that the daemon knows of."""
    process = await client.get_process(name)
    return process.details.last_exit is not None and process.status == "running" and process


async def await_service(client, beaters):
    """Until init does what grpc-osd asks: a process can be made, and goes without a trace."""
    await beaters.create(client, "probe", restart="never")
    await client.delete_process("probe", force=True)


async def test_all_is_adopted(running, beaters):
    client = await running.client()
    names = [f"web-{i}" for i in range(10)]
    await create_all(client, beaters, names)
    mains, daemon, by_process = beaters.mains(names), running.daemon_pid(), supervisors(running)
    for _ in range(3):
        kill_init(running)
        # The control plane does not need it for what runs.
        assert (await client.get_process("web-0")).status == "running"
        await client.signal_process("web-0", "CONT")
        start_again(running)
        await await_service(client, beaters)
        assert running.daemon_pid() == daemon
        await until(lambda: supervisors(running) == by_process, "but for that of the probe, they are the same")
        assert beaters.mains(names) == mains
    # The adopted are watched over: none of them is a child of this init.
    processes = {process.name: process async for process in client.list_processes()}
    kill([by_process[processes["web-1"].id]])
    await await_new_mains(beaters, {"web-1": mains["web-1"]})
    await assert_reported_lost(client, "web-1")
    kill([daemon])
    await until(lambda: running.programs("grpc-osd"), "an adopted grpc-osd is replaced")
    await asyncio.to_thread(running.await_api)
    assert (await client.get_process("web-0")).details.pid == mains["web-0"][0]
    assert beaters.mains(names[2:]) == {name: mains[name] for name in names[2:]}


async def test_ends_an_adopted_daemon(running, beaters):
    client = await running.client()
    await create_all(client, beaters, ["web"])
    main, daemon = beaters.main("web"), running.daemon_pid()
    kill_init(running)
    start_again(running)
    await await_service(client, beaters)
    assert await asyncio.to_thread(running.stop) == 0
    assert not is_alive(daemon) and beaters.main("web") == main
    start_again(running)
    assert (await client.get_process("web")).details.pid == main[0]
    assert len(beaters.starts("web")) == 1


async def test_what_happened_in_its_absence(running, beaters):
    client = await running.client()
    names = ["crashed", "lost-1", "lost-2", "stopped", "deleted", "restarted", "untouched"]
    processes = await create_all(client, beaters, names, *STUBBORN, stop_timeout=0.1)
    before = beaters.mains(names)
    kill_init(running)
    by_process = supervisors(running)
    kill([by_process[processes["lost-1"].id], by_process[processes["lost-2"].id]])
    os.kill(before["crashed"][0], signal.SIGUSR1)
    await client.stop_process("stopped")
    await client.delete_process("deleted", force=True)
    await client.restart_process("restarted")
    # Who needs init waits for it.
    making = asyncio.create_task(beaters.create(client, "new"))
    await await_new_mains(beaters, {name: before[name] for name in ("crashed", "restarted")})
    start_again(running)
    await making
    await await_new_mains(beaters, {name: before[name] for name in ("lost-1", "lost-2")})
    await until(lambda: beaters.main("new"), "what was waiting is done")

    for name in ("lost-1", "lost-2"):
        await assert_reported_lost(client, name)
    crashed = (await until_so(lambda: reported_exit(client, "crashed"), "its crash is reported")).details
    assert crashed.last_exit.reason == "exited" and crashed.last_exit.exit_code == 7
    assert beaters.main("untouched") == before["untouched"]
    assert "stopped" not in beaters.living() and "deleted" not in beaters.living()
    assert (await client.get_process("stopped")).status == "stopped"
    executions = {name: len(beaters.starts(name)) for name in (*names, "new")}
    assert executions == {
        "crashed": 2, "lost-1": 2, "lost-2": 2, "stopped": 1, "deleted": 1, "restarted": 2, "untouched": 1, "new": 1,
    }  # fmt: skip
    await until(lambda: len(instances(running)) == 6, "nothing is kept of the stopped and the deleted")


async def test_the_daemon_dies_in_its_absence(running, beaters):
    client = await running.client()
    names = [f"web-{i}" for i in range(5)]
    await create_all(client, beaters, names)
    mains = beaters.mains(names)
    kill_init(running)
    kill([running.daemon_pid()])
    os.kill(mains["web-0"][0], signal.SIGUSR1)
    await await_new_mains(beaters, {"web-0": mains["web-0"]})
    start_again(running)
    web = await until_so(lambda: reported_exit(client, "web-0"), "its crash is reported")
    assert web.details.last_exit.exit_code == 7 and web.details.pid == beaters.main("web-0")[0]
    assert beaters.mains(names[1:]) == {name: mains[name] for name in names[1:]}


@pytest.mark.timeout(900)
async def test_again_and_again_while_it_is_used(running, beaters, failpoints, rng, long):
    load = Load(running, beaters, rng)
    await load.create()
    client = await running.client()
    daemon = running.daemon_pid()
    steady = {s.id: pid for s in load.subjects if s.name in load.untouched for pid in [supervisors(running)[s.id]]}
    load.begin()
    places = named("init")
    for round in range(30 if long else 6):
        place = places[round % len(places)]
        failpoints.arm(place)
        await asyncio.sleep(rng.uniform(0, 0.3))
        with_place = asyncio.get_running_loop().time() + REACHED_S
        while running.init.poll() is None and not failpoints.hit(place):
            if asyncio.get_running_loop().time() > with_place:
                running.init.kill()
            await asyncio.sleep(0.01)
        running.init.wait()
        await asyncio.sleep(rng.uniform(0, 0.3))
        running.launch(environment=running.environment)
        if not failpoints.hit(place):
            # Met by an init that starts.
            await until(lambda: failpoints.hit(place), f"{place} is reached")
            running.init.wait()
        failpoints.clear(place)
        if running.init.poll() is not None:
            running.launch(environment=running.environment)
        await await_service(client, beaters)
        assert running.init.poll() is None, running.said
        load.raise_failures()
        load.check_untouched()
        assert running.daemon_pid() == daemon
        now = supervisors(running)
        assert {process_id: now[process_id] for process_id in steady} == steady
        assert beaters.doubles() == []
    print(load.counts, failpoints.hits)
    await load.end()
    await load.check_logs()
    assert failpoints.never_hit(places) == []
