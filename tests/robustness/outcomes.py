"""What is waited for, and asserted, again and again."""

import asyncio

from expectations import until as until_so
from load import until

LOST = "supervisor_lost"

STUBBORN = ["--ignore-term", "--child"]


async def create_all(client, beaters, names, *arguments, **options):
    """Their processes, by name, once they have said that they live."""
    created = await asyncio.gather(*(beaters.create(client, name, *arguments, **options) for name in names))
    await until(lambda: len(beaters.mains(names)) == len(names), "all have begun")
    return {process.name: process for process in created}


async def await_new_mains(beaters, before):
    """Waits until each of {name: main} has another main process that lives."""
    await until(
        lambda: len(now := beaters.mains(before)) == len(before) and all(now[n] != before[n] for n in before),
        f"{list(before)} were started again",
    )


async def assert_reported_lost(client, name):
    async def restarted():
        process = await client.get_process(name)
        return process.status == "running" and process.details.last_exit is not None and process

    process = await until_so(restarted, f"{name} is reported to run again")
    report = process.details.last_exit
    assert report.reason == LOST
    # Nobody saw how it ended, so nothing is invented.
    assert report.exit_code is None and report.signal == "" and not report.core_dumped
    assert not report.requested
    return process
