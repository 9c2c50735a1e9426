"""bench/start: how long programs take to start, beside their peers, in one run. See docs/PERFORMANCE.md; started by `run`."""

import argparse
import json
import os
import pathlib
import sys
import tempfile

from clock import load_average, time_of
from peer import Supervisord, program
from results import Comparison, table
from running_system import RunningSystem

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLEEP = ["/bin/sleep", "1000000"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench/start.json")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: expected 1 or more")
    return arguments


def measure(pairs, environment, rounds):
    """Comparisons of `pairs`: {name: (target, their command line, ours)}; hot, by turns."""
    times = {name: ([], []) for name in pairs}
    for number in range(rounds + 1):
        for name, (_, theirs, ours) in pairs.items():
            for values, arguments in zip(times[name], (theirs, ours)):
                took = time_of([str(word) for word in arguments], environment) / 1e6
                if number > 0:  # the first makes both hot
                    values.append(took)
    return [
        Comparison(name=name, unit="ms", target=target, theirs=times[name][0], ours=times[name][1])
        for name, (target, _, _) in pairs.items()
    ]


def main():
    arguments = parse_arguments()
    before = load_average()
    with tempfile.TemporaryDirectory(prefix="gos-bench-") as directory, RunningSystem() as system:
        system.start()
        environment = {"PATH": os.environ["PATH"], "HOME": str(system.home), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT / "python")}
        ours = [system.bin / "grpc-os"]
        there = [*ours, "--address", system.address]
        if (made := system.cli("start", "one", " ".join(SLEEP))).returncode != 0:
            raise RuntimeError(made.stderr)
        with Supervisord(pathlib.Path(directory) / "peer", program("one", SLEEP, autostart=True)) as peer:
            status = peer.command_line("status")
            python = [sys.executable, "-c"]
            pairs = {
                "`grpc-os --version`, `supervisorctl version`": (5.0, peer.command_line("version"), [*ours, "--version"]),
                "`grpc-os ps`, `supervisorctl status`": (5.0, status, [*there, "ps"]),
                # Ours is grpc and asyncio, protobuf, which `import grpc` leaves out, and the messages of the API.
                "`import grpc_os`, `import grpc`": (1 / 2, [*python, "import grpc"], [*python, "import grpc_os"]),
                "python alone, beside `import grpc_os`": (None, [*python, "pass"], [*python, "import grpc_os"]),
            }
            results = measure(pairs, environment, arguments.rounds)
    print(f"start-up: {os.cpu_count()} processors, load {before:.2f} before, {load_average():.2f} after")
    print("median (smallest–largest); ratio: how many times smaller ours is\n")
    print(table(results, peer="the peer"))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    record = {"processors": os.cpu_count(), "load": before, "results": [result.as_json() for result in results]}
    arguments.json.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return 1 if any(result.passed is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
