"""kill -9 of grpc-osd, again and again, at named places and at any time, while it is being used."""

import asyncio
import os
import signal
import time

import pytest
from failpoints import named
from load import Load, until
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
    names = named("osd", "store")
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
