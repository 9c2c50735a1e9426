"""From the first request until the last of 200 payloads has written that it runs."""

import asyncio
import os
import shutil
import statistics
import subprocess
import time

from clock import end_of, now_ns, spawn, wait_until
from results import Comparison

SETTLE_S = 0.5


class Starts:
    """Starts the same payloads in every way that both have, by turns."""

    def __init__(self, system, client, environment, peer, payload, home, count, ours_records, theirs_records):
        self._system = system
        self._client = client
        self._environment = environment
        self._peer = peer
        self._payload = payload
        self._home = home
        self._count = count
        self._ours = ours_records
        self._theirs = theirs_records
        self._names = []
        self._prefix = ""
        self._command = f"{payload} {ours_records.path} w stay"
        self.times_ms = {}

    # ---- Ours --------------------------------------------------------------------------------------------------------

    def _take_new_names(self, round_number):
        self._prefix = f"w{round_number}"
        self._names = [f"{self._prefix}-{number:03d}" for number in range(self._count)]

    async def create_all(self):
        await asyncio.gather(*(self._client.create_process(name, self._command) for name in self._names))

    async def start_all(self):
        await asyncio.gather(*(self._client.start_process(name) for name in self._names))

    async def start_by_command_line(self):
        await self._run([str(self._system.bin / "grpc-os"), "--address", self._system.address, "start", f"{self._prefix}-*"])

    async def stop_ours(self):
        await asyncio.gather(*(self._client.stop_process(name) for name in self._names))

    async def delete_ours(self):
        await asyncio.gather(*(self._client.delete_process(name, force=True) for name in self._names))

    # ---- Theirs ------------------------------------------------------------------------------------------------------

    async def peer_start_all_by_command_line(self):
        await self._run(self._peer.command_line("start", "all"))

    async def peer_start_group_by_command_line(self):
        await self._run(self._peer.command_line("start", "w:*"))

    async def peer_start_all_by_rpc(self):
        self._peer.rpc.supervisor.startAllProcesses(False)

    async def peer_start_group_by_rpc(self):
        self._peer.rpc.supervisor.startProcessGroup("w", False)

    async def stop_theirs(self):
        self._peer.rpc.supervisor.stopAllProcesses()

    # ---- Rounds ------------------------------------------------------------------------------------------------------

    async def _run(self, arguments):
        """A command line; the event loop is free while it runs."""
        pid = spawn(arguments, self._environment)
        await asyncio.to_thread(end_of, pid, arguments)

    async def timed(self, way, records):
        records.clear()
        time.sleep(SETTLE_S)
        began = now_ns()
        await way()
        wait_until(lambda: records.count() >= self._count, f"all payloads run, by {way.__name__}")
        times = [record[3] for record in records.read()]
        if len(times) != self._count:
            raise RuntimeError(f"{len(times)} payloads ran, expected {self._count}")
        self.times_ms.setdefault(way.__name__, []).append((max(times) - began) / 1e6)

    async def run(self):
        """All run, in both."""
        self._take_new_names(0)
        await self.create_all()
        await self.peer_start_all_by_rpc()

    async def rounds(self, rounds):
        """Each way once per round. What a round created is stopped at its end, and deleted when all rounds are over."""
        created = []
        for number in range(rounds):
            if number > 0:
                await self.stop_ours()
                created.append(self._names)
            self._take_new_names(number)
            for way in (
                self.peer_start_all_by_command_line,
                self.create_all,
                self.peer_start_group_by_command_line,
                self.start_by_command_line,
                self.peer_start_all_by_rpc,
                self.start_all,
                self.peer_start_group_by_rpc,
            ):
                theirs = way.__name__.startswith("peer_")
                await (self.stop_theirs() if theirs else self._come_to_rest(way))
                await self.timed(way, self._theirs if theirs else self._ours)
        for names in created:
            await asyncio.gather(*(self._client.delete_process(name, force=True) for name in names))

    async def _come_to_rest(self, way):
        if way.__name__ != "create_all":
            await self.stop_ours()

    def results(self):
        median = {way: statistics.median(times) for way, times in self.times_ms.items()}
        peer_ways = [way for way in median if way.startswith("peer_")]
        best = min(peer_ways, key=median.get)
        best_line = min((way for way in peer_ways if "command_line" in way), key=median.get)
        names = {way: way.removeprefix("peer_").replace("_", " ") for way in peer_ways}
        ours = min(("create_all", "start_all"), key=median.get)

        def comparison(name, their_way, our_way, target, note):
            return Comparison(name, "ms", self.times_ms[their_way], self.times_ms[our_way], target, note)

        return [
            comparison(
                f"{self._count} created and started",
                best,
                "create_all",
                1.5,
                f"supervisord's best of {len(peer_ways)} ways ({names[best]}), all configured beforehand; CreateProcess, concurrent",
            ),
            comparison(
                f"{self._count} started, one command line",
                best_line,
                "start_by_command_line",
                1.5,
                f"supervisord's better one ({names[best_line]}); `grpc-os start 'w0-*'`",
            ),
            comparison(
                f"{self._count} started, best against best",
                best,
                ours,
                1.5,
                f"{names[best]}; {ours.replace('_', ' ')} over the API",
            ),
        ]

    # ---- The floor ---------------------------------------------------------------------------------------------------

    def floor(self, program, supervise, spec, rounds):
        """What the executions alone take, by a bare C program."""
        payload = [str(self._payload), str(self._ours.path), "w", "stay"]
        times = {"supervise": [], "fork": [], "payload": []}
        for _ in range(rounds):
            for mode in times:
                directory = self._home / "floor"
                shutil.rmtree(directory, ignore_errors=True)
                directory.mkdir()
                rest = [str(supervise), str(spec), str(directory)] if mode == "supervise" else payload
                self._ours.clear()
                time.sleep(SETTLE_S)
                with subprocess.Popen(
                    [str(program), mode, str(self._count), *rest],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=dict(os.environ),
                ) as floor:
                    began = int(floor.stdout.readline())
                    wait_until(lambda: self._ours.count() >= self._count, f"the floor's payloads run ({mode})")
                    times[mode].append((max(record[3] for record in self._ours.read()) - began) / 1e6)
                    floor.stdin.close()
                    floor.wait(60)
        return times
