"""bench/store: what a durable write costs, beside etcd's Put. See docs/PERFORMANCE.md; started by `run`."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from clock import load_average
from etcd import Etcd, put_request
from load import NUMBER, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Calls in flight and the connections that they share: each caller has its own, and once all share a few.
LOADS = ((1, 1), (16, 16), (128, 128), (128, 4))
JUDGED = (128, 128)
VALUE_BYTES = 100


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each side at each number in flight, by turns")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--directory", help="where both keep their data; default: the temporary directory")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench/store.json")
    return parser.parse_args()


def request():
    """The same bytes for both: `bytes key = 1; bytes value = 2`, another key with each call."""
    return put_request(f"key-{NUMBER}".encode(), b"v" * VALUE_BYTES)


class Ours:
    """`with Ours(program, directory) as server:`"""

    method = "/grpc_os.bench.StoreService/Put"

    def __init__(self, program, directory):
        self._process = subprocess.Popen(
            [program, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        said = self._process.stdout.readline()
        if not said.startswith("listens on "):
            raise RuntimeError(f"{program} does not listen: {said}")
        self.address = f"127.0.0.1:{said.split()[-1]}"
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate()


def measure(arguments, load, servers):
    rounds = {(side, load_of): [] for side in servers for load_of in LOADS}
    for load_of in LOADS:
        for number in range(arguments.rounds):
            # A machine that slows down, or another's work, is not always the second's loss.
            for side in sorted(servers, reverse=number % 2 == 1):
                server = servers[side]
                rounds[side, load_of].append(
                    run(
                        load,
                        server.address,
                        server.method,
                        server.pid,
                        request=request(),
                        in_flight=load_of[0],
                        channels=load_of[1],
                        seconds=arguments.seconds,
                    )
                )
    return rounds


def shown(values, form="{:.0f}"):
    low, middle, high = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}–{high})"


def report(rounds):
    print(f"{'':18}{'in flight':>10}{'connections':>12}{'commits/s':>24}{'server CPU µs/call':>22}{'p50 µs':>10}{'p99 µs':>10}")
    for (side, (count, channels)), of in rounds.items():
        print(
            f"{side:18}{count:>10}{channels:>12}{shown([one.calls_per_s for one in of]):>24}"
            f"{shown([one.server_cpu_us_per_call for one in of], '{:.1f}'):>22}"
            f"{statistics.median(one.p50_us for one in of):>10.0f}{statistics.median(one.p99_us for one in of):>10.0f}"
        )
    ratios = {}
    print()
    for load_of in LOADS:
        pairs = list(zip(rounds["gRPC OS", load_of], rounds["etcd", load_of]))
        speed = [ours.calls_per_s / theirs.calls_per_s for ours, theirs in pairs]
        cpu = [ours.server_cpu_us_per_call / theirs.server_cpu_us_per_call for ours, theirs in pairs]
        ratios[load_of] = {"calls_per_s": statistics.median(speed), "cpu": statistics.median(cpu)}
        count, channels = load_of
        print(f"gRPC OS / etcd at {count:3} on {channels:3}, round by round: calls/s {shown(speed, '{:.2f}')}, CPU {shown(cpu, '{:.2f}')}")
    targets = {
        "at 128 ≥1.3 of its calls/s": ratios[JUDGED]["calls_per_s"] >= 1.3,
        "at 128 ≤0.6 of its CPU per call": ratios[JUDGED]["cpu"] <= 0.6,
        "at 1 not slower": ratios[1, 1]["calls_per_s"] >= 1.0,
    }
    for target, met in targets.items():
        print(f"target: {target}: {'PASS' if met else 'FAIL'}")
    return {"ratios": {f"{count} on {channels}": of for (count, channels), of in ratios.items()}, "targets": targets, "passed": all(targets.values())}


def main():
    arguments = parse_arguments()
    programs = pathlib.Path(os.environ["GRPC_OS_BIN_DIR"])
    if shutil.which("etcd") is None:
        raise RuntimeError("there is no etcd; install Debian's package etcd-server")
    load_before = load_average()
    with contextlib.ExitStack() as stack:
        homes = [
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gos-bench-", dir=arguments.directory)) for _ in range(2)
        ]
        servers = {
            "gRPC OS": stack.enter_context(Ours(programs / "bench-store", homes[0])),
            "etcd": stack.enter_context(Etcd(homes[1])),
        }
        rounds = measure(arguments, programs / "bench-load", servers)
    print(f"{VALUE_BYTES}-byte values, each durable before its answer, beside etcd: {os.cpu_count()} processors, loopback TCP,")
    print("ours with an event and an audit record in the same transaction; one client for both,")
    print(f"{arguments.rounds} rounds by turns, load {load_before:.2f} before, {load_average():.2f} after; median (smallest–largest)\n")
    result = report(rounds)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processors": os.cpu_count(),
        "load": {"before": load_before, "after": load_average()},
        "rounds": {f"{side} {count} on {channels}": [vars(one) for one in of] for (side, (count, channels)), of in rounds.items()},
        **result,
    }
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
