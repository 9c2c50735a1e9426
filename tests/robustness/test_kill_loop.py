"""kill -9 of grpc-osd, again and again, at named places and at any time, while it is being used."""

import asyncio
import os
import signal
import time

import pytest
from beaters import check_numbers, log_files
from expectations import until as until_so
from failpoints import named
from load import Load, until
from outcomes import STUBBORN, await_new_mains, create_all
from programs import kill
from running_system import is_alive

ROUNDS = 100 if os.environ.get("GRPC_OS_LONG") == "1" else 20

# An idle machine needs a few milliseconds. What is not reached until then is killed at some other place.
REACHED_S = 3.0


async def wait(condition, seconds):
    end = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return result


async def kill_once(system, failpoints, name, rng):
    """Kills grpc-osd where the failpoint is, or else at any place; returns when another one answers."""
    await asyncio.sleep(rng.uniform(0, 0.3))
    (pid,) = system.programs("grpc-osd")
    failpoints.arm(name)
    if not await wait(lambda: failpoints.hit(name), REACHED_S):
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not is_alive(pid), "grpc-osd is dead")
        # Some are met by a daemon that starts.
        await wait(lambda: failpoints.hit(name) or system.answers(), 10)
    await until(lambda: not is_alive(pid), "grpc-osd is dead")
    failpoints.clear(name)
    await asyncio.to_thread(system.await_api)
    await asyncio.sleep(rng.uniform(0.1, 0.4))


@pytest.mark.timeout(60 + 15 * ROUNDS)
async def test_nothing_is_lost_when_the_daemon_is_killed(running, beaters, failpoints, rng):
    load = Load(running, beaters, rng)
    await load.create()
    load.begin()
    # Only a first start has a first password: test_first_start.py. Objects: test_linearizability.py. The others:
    # test_volumes.py, test_deploys.py, test_edge_weather.py.
    elsewhere = ("osd.start.first_password", "osd.object.", "osd.volume.", "osd.bundle.", "osd.deploy.", "osd.domain.")
    names = [name for name in named("osd", "store") if not name.startswith(elsewhere)]
    for round in range(ROUNDS):
        await kill_once(running, failpoints, names[round % len(names)], rng)
        load.raise_failures()
        load.check_untouched()
        assert beaters.doubles() == []
    print(f"{load.counts}, failpoints hit: {failpoints.hits}")
    await load.end()
    await load.check_logs()
    assert failpoints.never_hit(names) == []
    assert load.counts["unanswered"] > 0, "no call was under way when the daemon died: nothing was proved"


async def test_what_crashes_while_the_daemon_is_away_runs_again(running, beaters):
    """And how it ended is told afterwards, as often as it did."""
    client = await running.client()
    ends = {"killed": signal.SIGKILL, "segfault": signal.SIGSEGV, "exit-7": signal.SIGUSR1, "untouched": None}
    created = await create_all(client, beaters, list(ends), *STUBBORN, stop_timeout=0.1)
    before = beaters.mains(ends)
    revision = (await client.get_system()).revision
    running.init.send_signal(signal.SIGSTOP)
    try:
        kill([running.daemon_pid()])
        for _ in range(2):
            mains = beaters.mains(ends)
            doomed = {name: mains[name] for name, number in ends.items() if number is not None}
            for name, (pid, _) in doomed.items():
                os.kill(pid, ends[name])
            await await_new_mains(beaters, doomed)
        assert not running.programs("grpc-osd"), "there was a daemon: nothing was proved"
    finally:
        running.init.send_signal(signal.SIGCONT)
    await asyncio.to_thread(running.await_api)

    expected = {"killed": ("signaled", "KILL"), "segfault": ("signaled", "SEGV"), "exit-7": ("exited", "7")}
    for name, (reason, detail) in expected.items():

        async def told(name=name):
            process = await client.get_process(name)
            return process.details.pid == beaters.main(name)[0] and process

        last = (await until_so(told, f"{name} is known to run")).details.last_exit
        assert last.reason == reason
        assert detail in (last.signal, str(last.exit_code)) and not last.requested
        events = [event async for event in _events_since(client, revision) if event.name == name]
        exits = [dict(event.attributes) for event in events if event.action == "exited"]
        assert [(exit["reason"], exit.get("signal") or exit.get("exit_code")) for exit in exits] == [(reason, detail)] * 2
        assert [event.action for event in events].count("started") >= 2
    assert beaters.main("untouched") == before["untouched"]
    await asyncio.gather(*map(client.stop_process, ends))
    for name, process in created.items():
        lines = [line[4] for line in log_files(running, process.id) if line[2] != "system"]
        check_numbers(beaters, lines, name)


async def _events_since(client, revision):
    async for message in client.watch_messages(revision):
        for event in message.events:
            yield event
        if message.synced:
            return
