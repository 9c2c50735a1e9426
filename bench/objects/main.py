"""bench/objects: durable writes, transactions and reads beside etcd; large contents beside cp; a million objects beside
none. See docs/PERFORMANCE.md; started by `run`."""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import etcd
from clock import load_average
from grpc_os.v1 import filesystem_services_pb2 as pb
from load import NUMBER, run
from objects_api import objects_of
from running_system import RunningSystem

ROOT = pathlib.Path(__file__).resolve().parents[2]
VALUE = b"v" * 100
TRANSACTION = 16
WATCHERS = 10
MANY = 1_000_000
SERVICE = "/grpc_os.v1.FilesystemService/"
PARTS = ("create", "transaction", "read", "large", "many")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each side, by turns")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench/objects.json")
    return parser.parse_args()


@dataclasses.dataclass
class Target:
    """A median of ratios and what it shall be."""

    what: str
    ratios: list
    at_least: float = None
    at_most: float = None

    @property
    def median(self):
        return statistics.median(self.ratios)

    @property
    def met(self):
        return (self.at_least is None or self.median >= self.at_least) and (
            self.at_most is None or self.median <= self.at_most
        )

    def __str__(self):
        bound = f"≥ {self.at_least}" if self.at_least is not None else f"≤ {self.at_most}"
        spread = f"{self.median:.2f} ({min(self.ratios):.2f}–{max(self.ratios):.2f})"
        return f"{'PASS' if self.met else 'FAIL'}  {self.what}: {spread}, target {bound}"


def name(round_number, place=""):
    """Spread over as many folders as there are watchers."""
    return f"/bench/{round_number % WATCHERS}/r{round_number}{place}-{NUMBER}"


def create_request(number):
    request = pb.CreateObjectRequest(data=VALUE)
    request.object.name = name(number)
    return request.SerializeToString()


def our_transaction(number):
    request = pb.TransactObjectsRequest()
    for place in range(TRANSACTION):
        create = request.success.add().create
        create.object.name = name(number, f".{place}")
        create.data = VALUE
    return request.SerializeToString()


def their_transaction(number):
    return etcd.transaction_request([(name(number, f".{place}").encode(), VALUE) for place in range(TRANSACTION)])


class Bench:
    """One daemon of ours, logged in and watched, and one etcd."""

    def __init__(self, arguments, system, peer, token):
        self.arguments = arguments
        self.rounds = {}
        self._load = system.bin / "bench-load"
        self._ours = {"address": f"127.0.0.1:{system.port}", "pid": system.daemon_pid()}
        self._ours["metadata"] = {"authorization": f"Bearer {token}"}
        self._theirs = {"address": peer.address, "pid": peer.pid}
        self._number = 0

    def pairs(self, what, in_flight, method, request, their_method, their_request):
        """Rounds of both, by turns: (ours, theirs) each. The requests are made of the round's number."""
        both = {"ours": [], "theirs": []}
        common = {"in_flight": in_flight, "channels": in_flight, "seconds": self.arguments.seconds}
        for turn in range(self.arguments.rounds):
            self._number += 1
            sides = {
                "ours": lambda: run(self._load, method=SERVICE + method, request=request(self._number), **self._ours, **common),
                "theirs": lambda: run(
                    self._load, method=f"/etcdserverpb.KV/{their_method}", request=their_request(self._number),
                    **self._theirs, **common,
                ),
            }  # fmt: skip
            for side in sorted(sides, reverse=turn % 2 == 1):
                both[side].append(sides[side]())
        self.rounds[f"{what} {in_flight}"] = {side: [vars(one) for one in of] for side, of in both.items()}
        for side, of in (("gRPC OS", both["ours"]), ("etcd", both["theirs"])):
            print(
                f"{what:22}{in_flight:>5}  {side:9}{statistics.median(one.calls_per_s for one in of):>9.0f}/s"
                f"{statistics.median(one.server_cpu_us_per_call for one in of):>9.1f} µs CPU"
                f"{statistics.median(one.p50_us for one in of):>9.0f} µs p50{statistics.median(one.p99_us for one in of):>9.0f} µs p99"
            )
        return list(zip(both["ours"], both["theirs"]))


def creates(bench):
    targets = []
    for in_flight in (1, 128):
        pairs = bench.pairs(
            "create, Put", in_flight, "CreateObject", create_request,
            "Put", lambda number: etcd.put_request(name(number).encode(), VALUE),
        )  # fmt: skip
        speed = [ours.calls_per_s / theirs.calls_per_s for ours, theirs in pairs]
        if in_flight == 1:
            targets.append(Target("durable create at 1, of etcd's Put per second", speed, at_least=1.0))
            continue
        cpu = [ours.server_cpu_us_per_call / theirs.server_cpu_us_per_call for ours, theirs in pairs]
        targets += [
            Target(f"durable create at {in_flight}, of etcd's Put per second", speed, at_least=1.3),
            Target("… server CPU per call, of etcd's", cpu, at_most=0.6),
            Target("… p99, of etcd's", [ours.p99_us / theirs.p99_us for ours, theirs in pairs], at_most=1.0),
        ]
    return targets


def transactions(bench):
    pairs = bench.pairs(
        f"transaction of {TRANSACTION}", 128, "TransactObjects", our_transaction, "Txn", their_transaction
    )
    single = bench.pairs(
        "create, Put", 128, "CreateObject", create_request,
        "Put", lambda number: etcd.put_request(name(number).encode(), VALUE),
    )  # fmt: skip
    puts = statistics.median(theirs.calls_per_s for _, theirs in single)
    return [
        Target(
            f"transactions of {TRANSACTION}, of etcd's per second",
            [ours.calls_per_s / theirs.calls_per_s for ours, theirs in pairs],
            at_least=1.3,
        ),
        Target(
            f"objects per second in transactions of {TRANSACTION}, of etcd's single Puts",
            [ours.calls_per_s * TRANSACTION / puts for ours, _ in pairs],
            at_least=4.0,
        ),
    ]


def reads(bench):
    get = pb.GetObjectRequest(name="/bench/one", include_data=True).SerializeToString()
    pairs = bench.pairs("read, Range", 128, "GetObject", lambda _: get, "Range", lambda _: etcd.range_request(b"/bench/one"))
    return [
        Target("read, of etcd's Range per second", [ours.calls_per_s / theirs.calls_per_s for ours, theirs in pairs], at_least=4.0)
    ]


@contextlib.contextmanager
def watched(system, token):
    """Ten streams of events; afterwards they must have got some."""
    prefixes = [f"/bench/{number}/" for number in range(WATCHERS)]
    watch = subprocess.Popen(
        [system.bin / "bench-watch", system.address, *prefixes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    watch.stdin.write(f"authorization=Bearer {token}\n\n")
    watch.stdin.flush()
    if watch.stdout.readline() != "watches\n":
        raise RuntimeError("bench-watch does not watch")
    yield
    told = json.loads(watch.communicate()[0])
    if not sum(told):
        raise RuntimeError("the watchers were told nothing")


def large(arguments, home):
    """1 GiB by the command line, beside cp and sync of the same file, on the same disk."""
    size = 1 << 30
    source = home / "source"
    with open(source, "wb") as file:
        block = os.urandom(1 << 20)
        for number in range(size >> 20):
            file.write(number.to_bytes(8, "little") + block[8:])
    targets = {"put": [], "get": []}
    with RunningSystem(home / "data") as system:
        system.start()
        for number in range(max(2, arguments.rounds // 2)):
            warm_memory(home)
            copied = seconds(lambda: subprocess.run(["sh", "-c", f"cp {source} {home}/copy && sync {home}/copy"], check=True))
            os.unlink(home / "copy")
            warm_memory(home)
            # Other bytes each time: the same content would be stored once.
            with open(source, "r+b") as file:
                file.write(os.urandom(16))
            put = seconds(lambda: cli(system, "put", str(source), f"/large/{number}"))
            warm_memory(home)
            got = seconds(lambda: cli(system, "get", f"/large/{number}", str(home / "got")))
            subprocess.run(["cmp", source, home / "got"], check=True)
            os.unlink(home / "got")
            print(f"1 GiB: cp and sync {copied:.2f} s, put {put:.2f} s, get {got:.2f} s")
            targets["put"].append(copied / put)
            targets["get"].append(copied / got)
    return [Target(f"1 GiB {what}, speed of cp and sync", ratios, at_least=0.5) for what, ratios in targets.items()]


def warm_memory(home):
    """What is written next finds page cache that the machine already has: under a hypervisor that takes unused memory back,
    a first touch costs several times the copy."""
    with open(home / "scratch", "wb") as file:
        for _ in range(2048):
            file.write(bytes(1 << 20))
    os.unlink(home / "scratch")


def cli(system, *arguments):
    done = system.cli(*arguments, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments}: {done.stderr}")


def seconds(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


async def many(arguments):
    """A page and a read with a million objects, beside the same with a thousand."""
    with RunningSystem() as system:
        system.start()
        client = await system.client()
        load = system.bin / "bench-load"
        common = {"address": f"127.0.0.1:{system.port}", "pid": system.daemon_pid(), "seconds": arguments.seconds}
        common["metadata"] = {"authorization": f"Bearer {client.token}"}
        async with objects_of(system) as objects:
            for number in range(1000):
                await objects.create(f"/few/{number:06d}", VALUE)
        page = pb.ListObjectsRequest(prefix="/few/", page_size=100).SerializeToString()
        read = pb.GetObjectRequest(name="/few/000500", include_data=True).SerializeToString()

        def measure():
            return {
                "page": run(load, method=SERVICE + "ListObjects", request=page, in_flight=16, channels=16, **common).p50_us,
                "read": run(load, method=SERVICE + "GetObject", request=read, in_flight=16, channels=16, **common).p50_us,
            }

        few = [measure() for _ in range(3)]
        made, number = 0, 1
        while made < MANY:
            made += TRANSACTION * run(
                load, method=SERVICE + "TransactObjects", request=our_transaction(number), in_flight=128, channels=128, **common
            ).calls  # fmt: skip
            number += 1
        lot = [measure() for _ in range(3)]
        print(f"{made} objects: page {few[-1]['page']:.0f} → {lot[-1]['page']:.0f} µs, read {few[-1]['read']:.0f} → {lot[-1]['read']:.0f} µs")
        await system.close_clients()
    return [
        Target(f"{what} with a million objects, of the time with a thousand",
               [after[what] / before[what] for before, after in zip(few, lot)], at_most=1.5)
        for what in ("page", "read")
    ]  # fmt: skip


async def beside_etcd(arguments, wanted):
    targets = []
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="gos-bench-"))
        system = stack.enter_context(RunningSystem())
        system.start()
        client = await system.client()
        peer = stack.enter_context(etcd.Etcd(home))
        bench = Bench(arguments, system, peer, client.token)
        async with objects_of(system) as objects:
            await objects.create("/bench/one", VALUE)
        run(system.bin / "bench-load", address=peer.address, pid=peer.pid, method="/etcdserverpb.KV/Put",
            request=etcd.put_request(b"/bench/one", VALUE), in_flight=1, channels=1, seconds=0.1)  # fmt: skip
        with watched(system, client.token):
            for part, measure in (("create", creates), ("transaction", transactions), ("read", reads)):
                if part in wanted:
                    targets += measure(bench)
        await system.close_clients()
    return targets, bench.rounds


async def main():
    arguments = parse_arguments()
    wanted = arguments.only or PARTS
    if shutil.which("etcd") is None:
        raise RuntimeError("there is no etcd; run scripts/install.sh bench")
    load_before = load_average()
    targets, rounds = [], {}
    if {"create", "transaction", "read"} & set(wanted):
        targets, rounds = await beside_etcd(arguments, wanted)
    if "large" in wanted:
        with tempfile.TemporaryDirectory(prefix="gos-bench-") as home:
            targets += large(arguments, pathlib.Path(home))
    if "many" in wanted:
        targets += await many(arguments)
    print(
        f"\n{len(VALUE)}-byte values, loopback TCP, a connection a caller; ours logged in, audited and watched by {WATCHERS} streams;"
        f"\n{os.cpu_count()} processors, {arguments.rounds} rounds by turns, load {load_before:.2f} before, {load_average():.2f} after\n"
    )
    for target in targets:
        print(target)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processors": os.cpu_count(),
        "load": {"before": load_before, "after": load_average()},
        "rounds": rounds,
        "targets": [vars(target) | {"met": target.met} for target in targets],
    }
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if all(target.met for target in targets) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
