"""bench/deploy: how long it takes to find that a directory of 1,000 files is unchanged, beside `rsync -a --checksum` to
a local directory; and from one changed file to its answer, beside supervisord's `update`. See docs/PERFORMANCE.md;
started by `run`."""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from clock import load_average
from replace import measure

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = 1000
DIRECTORIES = 50
AT_MOST = 2.0
REPLACE_ROUNDS = 9


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="of each side, by turns")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench/deploy.json")
    return parser.parse_args()


def fill(directory):
    """Sizes as source files have them: half below 4 KiB, a few of hundreds."""
    numbers = random.Random(1)
    for number in range(FILES):
        folder = directory / f"package{number % DIRECTORIES}"
        folder.mkdir(exist_ok=True)
        size = min(int(numbers.lognormvariate(8.3, 1.3)), 1 << 20)
        (folder / f"module{number}.py").write_bytes(numbers.randbytes(size))


def seconds(command):
    begin = time.monotonic()
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return time.monotonic() - begin, answer


def main():
    arguments = parse_arguments()
    if shutil.which("rsync") is None:
        sys.exit("bench/deploy: needs rsync (scripts/install.sh bench)")
    pack = pathlib.Path(os.environ["GRPC_OS_BIN_DIR"]) / "bench-pack"
    with tempfile.TemporaryDirectory() as home:
        source, copy = pathlib.Path(home, "source"), pathlib.Path(home, "copy")
        source.mkdir()
        fill(source)
        rsync = ["rsync", "-a", "--checksum", "--itemize-changes", f"{source}/", f"{copy}/"]
        seconds(rsync)
        size = sum(file.stat().st_size for file in source.rglob("*.py"))
        digest = seconds([pack, source])[1]
        pairs = []
        for _ in range(arguments.rounds):
            ours, answer = seconds([pack, source])
            theirs, changes = seconds(rsync)
            if answer != digest or changes:
                sys.exit(f"bench/deploy: the directory is unchanged, but {answer}{changes}")
            pairs.append((ours, theirs))
        (source / "package0/module0.py").write_bytes(b"changed")
        if seconds([pack, source])[1] == digest or not seconds(rsync)[1]:
            sys.exit("bench/deploy: a change was not noticed")
        replaced = measure(home, REPLACE_ROUNDS)
    ratios = [ours / theirs for ours, theirs in pairs]
    median, met = statistics.median(ratios), statistics.median(ratios) <= AT_MOST
    print(f"{FILES} files, {size / 2**20:.1f} MiB, load {load_average():.1f}: "
          f"pack {1000 * statistics.median(p[0] for p in pairs):.1f} ms, "
          f"rsync --checksum {1000 * statistics.median(p[1] for p in pairs):.1f} ms")
    print(f"{'PASS' if met else 'FAIL'}  unchanged directory, of rsync's time: {median:.2f} "
          f"({min(ratios):.2f}–{max(ratios):.2f}), target ≤ {AT_MOST:g}")
    changed = [ours / theirs for ours, theirs in replaced]
    print(f"      one changed file to its answer, of supervisord's time (no target): {statistics.median(changed):.2f} "
          f"({min(changed):.2f}–{max(changed):.2f}); {1000 * statistics.median(p[0] for p in replaced):.0f} ms, "
          f"supervisord {1000 * statistics.median(p[1] for p in replaced):.0f} ms")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"unchanged": ratios, "changed": changed}))
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
