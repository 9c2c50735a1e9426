"""What the programs of gRPC OS hold in memory."""

import asyncio
import pathlib

from results import Bound

CALLS = 1000


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"no VmRSS of {pid}")


def private_kib(pid):
    """Private_Clean + Private_Dirty: what would be free if it ended."""
    fields = (line.split() for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(words[1]) for words in fields if words[0] in ("Private_Clean:", "Private_Dirty:"))


async def measure(system, client, payload, home, count):
    """On a system that was just started."""
    command = f"{payload} {home / 'memory'} w stay"
    await asyncio.gather(*(client.create_process(f"m-{number:03d}", command) for number in range(count)))
    for number in range(CALLS - count):
        if number % 10 == 0:
            await client.list_processes_page()
        elif number % 10 == 1:
            await client.get_system()
        else:
            await client.get_process(f"m-{number % count:03d}")
    osd = system.daemon_pid()
    supervisors = system.programs("grpc-os-supervise")
    if len(supervisors) != count:
        raise RuntimeError(f"there are {len(supervisors)} supervisors, expected {count}")
    return [
        Bound(
            f"grpc-osd, RSS after {CALLS} calls",
            "MiB",
            [resident_kib(osd) / 1024],
            30,
            f"{count} processes created, then reads, among them {(CALLS - count) // 10} lists of 100; VmRSS",
        ),
        Bound("grpc-osd, private", "MiB", [private_kib(osd) / 1024]),
        Bound(
            "grpc-os-supervise, private each",
            "KiB",
            [private_kib(pid) for pid in supervisors],
            512,
            f"the largest of {count}, each with a running process; smaps_rollup",
        ),
        Bound("grpc-os-init, private", "KiB", [private_kib(pid) for pid in system.programs("grpc-os-init")]),
    ]
