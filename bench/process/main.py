"""bench/process: gRPC OS beside supervisord, in one run. See docs/PERFORMANCE.md; started by `run`."""

import argparse
import asyncio
import json
import os
import pathlib
import platform
import shutil
import statistics
import sys
import tempfile
import time

import crash
import listing
import memory
from clock import load_average
from peer import Supervisord, program
from records import Records
from results import Bound, table
from running_system import RunningSystem
from starts import Starts

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("crash", "list", "start", "memory")
COUNT = 200


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each way to start; lists take four times as many")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench/process.json")
    parser.add_argument("--only", default=",".join(PARTS), help="some of: %(default)s")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    if unknown := set(arguments.only) - set(PARTS):
        parser.error(f"--only: there is no {', '.join(unknown)}; expected some of {', '.join(PARTS)}")
    if arguments.rounds < 1:
        parser.error("--rounds: expected 1 or more")
    return arguments


def say(text):
    print(text, file=sys.stderr, flush=True)


async def beside_supervisord(arguments, home, payload, details):
    results = []
    with RunningSystem() as system:
        system.start()
        # Of the command lines: a home of their own, where the log-in is kept.
        environment = {"PATH": os.environ["PATH"], "HOME": str(system.home), "LANG": "C.UTF-8"}
        client = await system.client(timeout=120.0)
        try:
            if "crash" in arguments.only:
                say("crashes…")
                results += await crash.measure(system, client, payload, ROOT / "build/bench/floor", home)
            if {"list", "start"} & set(arguments.only):
                results += await many(arguments, system, client, environment, home, payload, details)
        finally:
            await system.close_clients()
    return results


async def many(arguments, system, client, environment, home, payload, details):
    results = []
    ours, theirs = Records(home / "ours"), Records(home / "theirs")
    peer_programs = program("w", [payload, theirs.path, "w", "stay"], copies=COUNT)
    with Supervisord(home / "peer-many", peer_programs) as peer:
        starts = Starts(system, client, environment, peer, payload, home, COUNT, ours, theirs)
        if "start" in arguments.only:
            say("starts…")
            await starts.rounds(arguments.rounds)
            results += starts.results()
        else:
            await starts.run()
        if "list" in arguments.only:
            say("lists…")
            results += listing.measure(system, environment, peer, 4 * arguments.rounds, COUNT)
        spec = home / "spec"
        shutil.copy(next((system.data / "run/i").glob("*/spec")), spec)
        osd_kib = memory.resident_kib(system.daemon_pid())
        details["ways_to_start_ms"] = starts.times_ms
        await starts.delete_ours()
        await starts.stop_theirs()
    if "start" in arguments.only:
        say("the floor…")
        floor = starts.floor(ROOT / "build/bench/floor", system.bin / "grpc-os-supervise", spec, arguments.rounds)
        results += [
            Bound(f"floor: {COUNT} × supervisor and payload executed", "ms", floor["supervise"]),
            Bound(f"floor: {COUNT} × supervisor forked, payload executed", "ms", floor["fork"]),
            Bound(f"floor: {COUNT} × payload executed", "ms", floor["payload"]),
            Bound(f"grpc-osd, RSS after {arguments.rounds} rounds of starts", "MiB", [osd_kib / 1024]),
        ]
    return results


async def alone(home, payload):
    say("memory…")
    with RunningSystem() as system:
        system.start()
        client = await system.client(timeout=120.0)
        try:
            return await memory.measure(system, client, payload, home, COUNT)
        finally:
            await system.close_clients()


async def main():
    arguments = parse_arguments()
    load_before = load_average()
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with tempfile.TemporaryDirectory(prefix="gos-bench-") as directory:
        home = pathlib.Path(directory)
        # Where any account may execute it.
        payload = pathlib.Path(shutil.copy(ROOT / "build/bench/payload", home / "payload"))
        results = []
        details = {}
        if set(arguments.only) != {"memory"}:
            results += await beside_supervisord(arguments, home, payload, details)
        if "memory" in arguments.only:
            results += await alone(home, payload)
    load_after = load_average()

    load = f"load {load_before:.2f} before, {load_after:.2f} after"
    print(f"gRPC OS beside supervisord: {os.cpu_count()} processors, {load}")
    print("median (smallest–largest); ratio: how many times smaller ours is\n")
    print(table(results))
    if ways := details.get("ways_to_start_ms"):
        print(f"\nways to start {COUNT}, ms until the last payload ran")
        for way, times in sorted(ways.items(), key=lambda item: statistics.median(item[1])):
            whose = "supervisord" if way.startswith("peer_") else "gRPC OS"
            print(f"  {whose:12}{way.removeprefix('peer_').replace('_', ' '):36}{statistics.median(times):6.0f}")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "began": began,
        "kernel": platform.release(),
        "processors": os.cpu_count(),
        "load": {"before": load_before, "after": load_after},
        "results": [result.as_json() for result in results],
        **details,
    }
    arguments.json.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    missed = [result.name for result in results if result.passed is False]
    print(f"\n{sum(result.passed is True for result in results)} targets met, {len(missed)} missed; {arguments.json}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
