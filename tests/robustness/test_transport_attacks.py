"""Peers that attack the transport, beside clients that work: nobody is refused, little memory is taken, all of it is given
back. The attacker is another account of this machine, on the Unix socket and on loopback. `make verify` has the full sizes."""

import asyncio
import contextlib
import dataclasses
import os
import pathlib
import re
import resource
import time
import typing

import pytest
from expectations import SLEEP, shell, until
from grpc_os import GrpcOSError
from raw_calls import RawCalls
from running_system import PATIENCE_S, is_alive
from transport_attacks import GIB, KIB, MIB, WINDOW_MAX, Attack

# Resident, over what it is when nothing goes on.
PEAK_BYTES = 192 * MIB
KEPT_BYTES = 24 * MIB
ANSWERED_S = 1.0
CONNECTIONS_PER_USER = 256
NO_ERROR, ENHANCE_YOUR_CALM = "0", "11"
RESOURCE_EXHAUSTED, UNIMPLEMENTED = "8", "12"
PASSWORD = "correct horse battery"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="to attack as another account needs root"),
    pytest.mark.filterwarnings("ignore:record_property is incompatible"),  # with a newer form of JUnit XML; it is kept all the same
]


def status_bytes(pid, field):
    return int(re.search(rf"{field}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) << 10


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Neighbour:
    """A client that works on: lists and puts, again and again. No call of it may fail."""

    def __init__(self, client, name):
        self._client = client
        self._name = name
        self.rounds = 0
        self.slowest_s = 0.0
        self.failures = []

    async def one_round(self):
        begin = time.monotonic()
        async with asyncio.timeout(PATIENCE_S):
            assert [process async for process in self._client.list_processes()]
            self.slowest_s = max(self.slowest_s, time.monotonic() - begin)
            await self._client.put_object(f"/{self._name}", bytes(32 * KIB))
        self.rounds += 1

    async def work(self):
        while True:
            try:
                await self.one_round()
            except (GrpcOSError, TimeoutError) as error:
                self.failures.append(repr(error))
            await asyncio.sleep(0.02)


class Scene:
    """A system, two clients at work on it, and what an attack costs it."""

    def __init__(self, system, record):
        self.system = system
        self.pid = system.daemon_pid()
        self.targets = [str(system.data / "run/api.sock"), system.port]
        self._addresses = [system.address, f"127.0.0.1:{system.port}"]
        self._record = record

    async def begin(self):
        # So that another account reaches the socket.
        for path in (self.system.home, self.system.data, self.system.data / "run"):
            path.chmod(0o711)
        admin, over_tcp = [self.system.anonymous(address, retry=False) for address in self._addresses]
        await admin.login_peer()
        self._token = over_tcp.token = admin.token
        variables = {f"V{number}": "v" * (120 * KIB) for number in range(8)}
        for name in ("one", "two"):
            await admin.create_process(name, shell("exit 0"), variables, restart="never")
        await admin.upload_object("/big", bytes(2 * MIB))
        await admin.create_user("eva", roles=["viewer"], password=PASSWORD)
        eva = RawCalls(self.system.address)
        await eva.log_in("eva", PASSWORD)
        await eva.close()
        self.viewer_token = eva.token
        self.neighbours = [Neighbour(admin, "local"), Neighbour(over_tcp, "tcp")]
        for _ in range(5):
            await self.neighbours_are_served()
        self._idle = status_bytes(self.pid, "VmRSS")

    async def neighbours_are_served(self):
        await asyncio.gather(*(neighbour.one_round() for neighbour in self.neighbours))

    async def newcomers_are_served(self):
        for address in self._addresses:
            newcomer = RawCalls(address, self._token)
            await newcomer.call("ProcessService", "ListProcesses")
            await newcomer.close()

    @contextlib.asynccontextmanager
    async def beside_neighbours(self):
        """They work while the block does. Then, and when they have gone, all must be as it was."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the peak begins here
        cpu_before = cpu_seconds(self.pid)
        tasks = [asyncio.create_task(neighbour.work()) for neighbour in self.neighbours]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert is_alive(self.pid), "grpc-osd is gone"
            peak = status_bytes(self.pid, "VmHWM") - self._idle
            self.slowest_s = max(neighbour.slowest_s for neighbour in self.neighbours)
            self._record("peak_over_idle_mib", round(peak / MIB, 1))
            self._record("cpu_s", round(cpu_seconds(self.pid) - cpu_before, 2))
            self._record("slowest_answer_s", round(self.slowest_s, 3))
            self._record("rounds_of_neighbours", sum(neighbour.rounds for neighbour in self.neighbours))
        assert [neighbour.failures for neighbour in self.neighbours] == [[], []]
        await self.newcomers_are_served()
        assert peak <= PEAK_BYTES
        await self.system.close_clients()

        async def all_is_given_back():
            return status_bytes(self.pid, "VmRSS") <= self._idle + KEPT_BYTES

        await until(all_is_given_back, "the memory is given back")

    async def attack(self, name, seconds, **sizes):
        """Applies it, and holds it for some rounds of the neighbours. Gives what came of it, before and after that."""
        with Attack(name, self.targets, seconds, self.viewer_token, **sizes) as attack:
            await asyncio.to_thread(attack.apply)
            await self.rounds_more(5)
            await asyncio.to_thread(attack.end)
        self._record("outcome", str(attack.at_end))
        return attack

    async def rounds_more(self, count):
        """Until each neighbour has tried so often more."""

        def tries():
            return [neighbour.rounds + len(neighbour.failures) for neighbour in self.neighbours]

        before = tries()

        async def all_have():
            return all(now >= then + count for now, then in zip(tries(), before, strict=True))

        await until(all_have, f"{count} rounds of neighbours", count * PATIENCE_S)


@pytest.fixture
async def scene(running, record_property):
    def record(key, value):
        print(f"{key}: {value}")
        record_property(key, value)

    scene = Scene(running, record)
    await scene.begin()
    return scene


@dataclasses.dataclass
class Case:
    load: str
    small: dict
    full: dict
    came_of_it: typing.Callable = lambda outcome: True  # what must have


def are_ended(outcome):
    """All connections that did it."""
    return outcome["open"] == 0


def are_calmed(outcome):
    """They are ended, and told why, as far as they could still be."""
    return are_ended(outcome) and outcome["goaways"].get(ENHANCE_YOUR_CALM)


CASES = {
    "amplified headers": Case(
        "amplified_headers",
        {"connections": 4, "streams": 4, "references": 64 * KIB, "value_bytes": 4_000},
        {"connections": 16, "streams": 8, "references": MIB, "value_bytes": 4_000},
    ),
    "amplified small headers": Case(
        "amplified_headers",
        {"connections": 4, "streams": 1, "references": 4 * MIB, "value_bytes": 1},
        {"connections": 16, "streams": 2, "references": 8 * MIB, "value_bytes": 1},
    ),
    "long header strings": Case(
        "long_header_strings",
        {"connections": 4, "string_bytes": 8 * MIB},
        {"connections": 4, "string_bytes": 64 * MIB},
    ),
    "many header strings": Case(
        "long_header_strings",
        {"connections": 4, "string_bytes": 15 * KIB, "strings": 400},
        {"connections": 4, "string_bytes": 15 * KIB, "strings": 4_000},
    ),
    "CONTINUATION without end": Case(
        "endless_continuation",
        {"connections": 4, "frames": 20_000},
        {"connections": 16, "frames": 500_000},
        are_ended,
    ),
    "gzip bombs": Case(
        "gzip_bomb",
        {"connections": 20, "streams": 50, "inflated": 5 * MIB},
        {"connections": 200, "streams": 100, "inflated": 5 * MIB},
        lambda outcome: outcome["statuses"] and set(outcome["statuses"]) <= {RESOURCE_EXHAUSTED, UNIMPLEMENTED},
    ),
    "half-sent messages": Case(
        "half_sent",
        {"connections": 30, "streams": 100, "claimed": 4 * MIB - 5, "sent": 96 * KIB},
        {"connections": 30, "streams": 100, "claimed": 4 * MIB - 5, "sent": 512 * KIB, "again": 4},
    ),
    "parts of messages": Case(
        "half_sent",
        {"connections": 200, "streams": 20, "claimed": MIB, "sent": 64 * KIB},
        {"connections": 200, "streams": 100, "claimed": MIB, "sent": 64 * KIB, "again": 4},
    ),
    "messages that claim a GiB": Case(
        "half_sent",
        {"connections": 2, "streams": 1, "claimed": GIB, "sent": 200 * MIB},
        {"connections": 4, "streams": 1, "claimed": GIB, "sent": 500 * MIB},
        lambda outcome: set(outcome["statuses"]) == {RESOURCE_EXHAUSTED},
    ),
    "unread lists": Case(
        "unread_answers",
        {"connections": 3, "streams": 50, "method": "list", "window": 0},
        {"connections": 9, "streams": 100, "method": "list", "window": 0},
    ),
    "lists that lie in the kernel": Case(
        "unread_answers",
        {"connections": 3, "streams": 50, "method": "list", "window": WINDOW_MAX},
        {"connections": 9, "streams": 100, "method": "list", "window": WINDOW_MAX},
    ),
    "unread objects": Case(
        "unread_answers",
        {"connections": 4, "streams": 60, "method": "read", "window": 0},
        {"connections": 9, "streams": 100, "method": "read", "window": 0},
    ),
    "unread reflection": Case(
        "unread_answers",
        {"connections": 4, "streams": 20, "method": "reflect", "window": 0},
        {"connections": 9, "streams": 100, "method": "reflect", "window": 0},
    ),
    "rapid reset": Case(
        "short_streams",
        {"connections": 2, "streams": 10_000, "ends": "reset"},
        {"connections": 4, "streams": 25_000, "ends": "reset", "again": 20},
        are_calmed,
    ),
    "rapid reset by the server": Case(
        "short_streams",
        {"connections": 2, "streams": 10_000, "ends": "overflow"},
        {"connections": 4, "streams": 25_000, "ends": "overflow", "again": 20},
        are_calmed,
    ),
    "unread refusals": Case(
        "short_streams",
        {"connections": 2, "streams": 50_000, "ends": "refusal"},
        {"connections": 8, "streams": 100_000, "ends": "refusal"},
    ),
    "no SETTINGS ACK": Case(
        "no_settings_ack",
        {"connections": 2, "streams": 500},
        {"connections": 16, "streams": 500},
        are_ended,
    ),
    "window games": Case(
        "window_games",
        {"connections": 1, "rounds": 50},
        {"connections": 4, "rounds": 1_000},
    ),
    **{
        f"flood of {what}": Case(
            "flood",
            {"connections": 2, "frames": 30_000, "what": what},
            {"connections": 8, "frames": 200_000, "again": 4, "what": what},
            are_ended,
        )
        for what in ("ping", "settings", "priority", "empty_data")
    },
    "flood of unknown": Case(
        "flood",
        {"connections": 2, "frames": 30_000, "what": "unknown"},
        {"connections": 8, "frames": 200_000, "again": 4, "what": "unknown"},
    ),
    "flood of pings whose answers are unread": Case(
        "flood",
        {"connections": 2, "frames": 200_000, "what": "ping", "reads": False},
        {"connections": 8, "frames": 1_000_000, "what": "ping", "reads": False},
        are_ended,
    ),
    "slow prefaces": Case(
        "slow_preface",
        {"connections": 20},
        {"connections": 120},
        are_ended,
    ),
    "idle connections": Case(
        "idle",
        {"connections": 400},
        {"connections": 2_000},
        lambda outcome: outcome["open"] <= CONNECTIONS_PER_USER,
    ),
    "garbage": Case("garbage", {"connections": 10}, {"connections": 200}),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
async def test_an_attack_is_nothing_to_others(scene, case, long):
    async with scene.beside_neighbours():
        attack = await scene.attack(case.load, 30 if long else 8, **(case.full if long else case.small))
    assert case.came_of_it(attack.at_end), attack.at_end
    if long:
        assert scene.slowest_s <= ANSWERED_S


@pytest.mark.timeout(400)
async def test_listeners_outlive_connects_beyond_the_descriptors_that_there_are(scene, long):
    in_use = len(list(pathlib.Path(f"/proc/{scene.pid}/fd").iterdir()))
    _, most = resource.prlimit(scene.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(scene.pid, resource.RLIMIT_NOFILE, (in_use + 32, most))
    async with scene.beside_neighbours():
        attack = await scene.attack("connects", 30 if long else 8, connections=400, total=20_000 if long else 2_000)
    assert attack.at_peak["connected"] > 400, "those who are gone make room"
    if long:
        assert scene.slowest_s <= ANSWERED_S


async def test_a_thousand_cancelled_calls_keep_nobody_out(scene):
    """Not even who cancels them: at most 100 are not cancelled at any time, and a user may have 128."""
    admin = await scene.system.client()
    await admin.create_process("lasting", SLEEP)
    async with scene.beside_neighbours():
        attack = await scene.attack("cancelled_calls", 20, bursts=10)
    outcome = attack.at_end
    assert outcome["cut"] == 0 and outcome["goaways"] == {} and set(outcome["resets"]) <= {NO_ERROR}, outcome
    assert outcome["statuses"].get("0") == 1 and RESOURCE_EXHAUSTED not in outcome["statuses"], outcome
