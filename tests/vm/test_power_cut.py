"""The plug is pulled in the middle of writes, and the same disk is booted again: what was acknowledged is there."""

import asyncio
import os
import random

from machine import DATA, Machine
from object_writers import ObjectWriters, calls_of
from writers import Writers

# Acknowledged in a boot before its power may be cut.
WRITES_MIN = 40
UPLOADS_MIN = 5
# Files that are written and not flushed right before a cut.
UNFLUSHED = 20

_CHECK_DATABASE = f"""
import sqlite3
database = sqlite3.connect("file:{DATA}/grpc-os.db?mode=ro", uri=True)
print(database.execute("PRAGMA integrity_check").fetchall(), database.execute("PRAGMA foreign_key_check").fetchall())
"""


def write_witnesses(machine, cut):
    """Files of the machine: what is flushed must outlive the cut, and what is not must not, or the cut proves nothing."""
    machine.sh(
        f"echo {cut} >/root/flushed; sync /root/flushed; for i in $(seq {UNFLUSHED}); do echo {cut} >/root/unflushed-{cut}-$i; done"
    )


def check_witnesses(machine, cut):
    assert machine.read("/root/flushed").strip() == str(cut)
    kept = machine.sh(f"cat /root/unflushed-{cut}-* 2>/dev/null || true").split()
    assert len(kept) < UNFLUSHED, "the cut lost nothing, so it proves nothing"


async def write_until_cut(machine, writers, objects, rng):
    client = await machine.client()
    before, uploads_before = writers.acknowledgements(), objects.counts["upload"]

    async def enough():
        while writers.acknowledgements() - before < WRITES_MIN or objects.counts["upload"] - uploads_before < UPLOADS_MIN:
            await asyncio.sleep(0.1)

    async with calls_of(machine, client) as calls:
        writers.start(client)
        objects.start(calls)
        await asyncio.wait_for(enough(), 240)
        await asyncio.sleep(rng.uniform(0.1, 3))
        # Off the loop, so that the writers go on.
        await asyncio.to_thread(write_witnesses, machine, machine.boots)
        machine.cut_power()
        await writers.end()
        await objects.end()
    await client.close()


async def test_no_acknowledged_write_is_lost_and_none_is_there_by_half():
    seed = int(os.environ.get("GRPC_OS_SEED") or random.SystemRandom().randrange(1 << 32))
    cuts = int(os.environ.get("GRPC_OS_VM_CUTS") or 3)
    print(f"GRPC_OS_SEED={seed}")
    rng = random.Random(seed)
    writers = Writers(rng)
    objects = ObjectWriters(rng)
    with Machine() as machine:
        machine.boot()
        for cut in range(1, cuts + 1):
            await write_until_cut(machine, writers, objects, rng)
            assert writers.under_way, "the cut came between two calls of every writer"
            under_way = len(writers.under_way)
            machine.boot()
            check_witnesses(machine, cut)
            client = await machine.client()
            await writers.check(client)
            async with calls_of(machine, client) as calls:
                await objects.check(calls)
            # Each that is wanted runs, from the definition that was found.
            for name, known in writers.present():
                process = await client.wait_process(name, "ready", timeout=120)
                environment = machine.sh(f"tr '\\0' '\\n' </proc/{process.details.pid}/environ | grep ^VALUE=")
                assert environment == f"VALUE={known.value}"
            await client.close()
            assert machine.run("python3", "-c", _CHECK_DATABASE).stdout.strip() == "[('ok',)] []"
            print(f"cut {cut}: {writers.counts} acknowledged so far, {under_way} calls under way, revision {writers.revision}")
            print(f"cut {cut}: of objects {objects.counts}, {len(objects.acknowledged)} names")
