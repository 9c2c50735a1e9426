"""Copies that are made while a system is busy: those that are of one moment start, the others are refused."""

import asyncio
import contextlib
import itertools
import os
import shutil
import sqlite3

import pytest
from running_system import DidNotStart, RunningSystem


async def test_live_copies_under_load_start_only_if_they_are_whole(running, long):
    """The oracle: one writer writes numbers in turn, so that in a copy of one moment no object lags behind by a turn. It
    sees only these objects: a copy that is torn elsewhere is refused, too."""
    if not long:
        pytest.skip("minutes of load: `make verify`")
    client = await running.client()
    objects, size = 2000, 2500
    for first in range(0, objects, 100):
        numbers = range(first, first + 100)
        await asyncio.gather(*(client.put_object(f"/t/{n:04}", f"{n:012}".encode() * size) for n in numbers))
    ended = asyncio.Event()

    async def write():
        for n in itertools.count(objects):
            if ended.is_set():
                return
            await client.put_object(f"/t/{n % objects:04}", f"{n:012}".encode() * size)

    async def disturb(k):
        for n in itertools.count():
            if ended.is_set():
                return
            await client.put_object(f"/noise/{k}-{n % 300}", os.urandom(20_000))

    def whole(copy):
        try:
            with contextlib.closing(sqlite3.connect(copy / "grpc-os.db")) as database:
                rows = database.execute("SELECT name, data FROM objects WHERE name LIKE '/t/%' AND folder = 0")
                numbers = {int(name[3:]): int(bytes(data[:12])) for name, data in rows}
        except sqlite3.DatabaseError:
            return False
        newest = max(numbers.values(), default=0)
        return all(numbers.get(k) == newest - (newest - k) % objects for k in range(objects))

    writers = [asyncio.create_task(write()), *(asyncio.create_task(disturb(k)) for k in range(6))]
    found = []
    for number in range(20):
        await asyncio.sleep(0.5)
        copy = await asyncio.to_thread(running.copy_data, f"copy{number}")
        with RunningSystem(copy) as started:
            try:
                await asyncio.to_thread(started.start)
                usable = True
                await asyncio.to_thread(started.stop_all)
            except DidNotStart as error:
                usable = False
                assert "is damaged" in error.said
            found.append((usable, whole(copy)))
        shutil.rmtree(copy)
    ended.set()
    await asyncio.gather(*writers)
    print(f"whole and started: {found.count((True, True))}, torn and refused: {found.count((False, False))}, {found}")
    assert (True, False) not in found, "a torn copy was used"
    assert any(not usable for usable, _ in found), "no copy was torn, so nothing was shown"
