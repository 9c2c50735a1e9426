"""From a crash to the next execution, the supervisors in the same seconds, by turns.

supervisord 4.2 forks a dead process again only when its loop next wakes: at an output of any of its processes, a request,
or the tick of a second. So it is measured twice: as it comes, and with one more process beside the others whose output
wakes the loop every 2 ms, about the best for it (docs/PERFORMANCE.md). The target is for both. The floor is a C program that does nothing but wait and execute again.
"""

import contextlib
import subprocess

from clock import wait_until
from peer import Supervisord, program
from records import Records
from results import Bound, Comparison

PROCESSES = 19
# Five failures within ten minutes are a crash loop, and an end within 10 s of the restart before is followed by a
# back-off: both delayed by design, so neither is measured here (core/process/transition.h).
CRASHES_EACH = 2
QUICK_END_MS = 10_000
CHATTER_MS = 2
LABELS = [f"c{number}" for number in range(PROCESSES)]
RUNNERS = ("ours", "quiet", "woken", "floor")
TURN_MS = 150
PERIOD_MS = TURN_MS * len(RUNNERS) * PROCESSES
assert PERIOD_MS > QUICK_END_MS


async def measure(system, client, payload, floor, home):
    def arguments(runner, label):
        # Within a period each process crashes once, one after the other, the runners by turns.
        turn = LABELS.index(label) * len(RUNNERS) + RUNNERS.index(runner)
        return [payload, home / f"{runner}-{label}", label, "crash", PERIOD_MS, turn * TURN_MS, CRASHES_EACH]

    def delays_ms(runner):
        delays = []
        for label in LABELS:
            records = Records(home / f"{runner}-{label}").read()
            for ended, started in zip(records[1::2], records[2::2], strict=True):
                assert (ended[0], started[0]) == ("exit", "start") and ended[2] != started[2], (ended, started)
                delays.append((started[3] - ended[3]) / 1e6)
        return delays

    def is_over():
        files = [Records(home / f"{runner}-{label}") for runner in RUNNERS for label in LABELS]
        return all(file.count() == 2 * CRASHES_EACH + 1 for file in files)

    def programs(runner):
        return "".join(program(label, arguments(runner, label), autostart=True) for label in LABELS)

    chatter = program("chatter", [payload, "chatter", CHATTER_MS], autostart=True, log="NONE")
    with (
        Supervisord(home / "peer-quiet", programs("quiet")),
        Supervisord(home / "peer-woken", programs("woken") + chatter),
        contextlib.ExitStack() as stack,
    ):
        floors = []
        for label in LABELS:
            respawn = [floor, "respawn", str(CRASHES_EACH + 1), *map(str, arguments("floor", label))]
            floors.append(stack.enter_context(subprocess.Popen(respawn)))
        for label in LABELS:
            await client.create_process(label, " ".join(str(word) for word in arguments("ours", label)))
        wait_until(is_over, "each payload crashed and was started again")
        for label in LABELS:
            await client.delete_process(label, force=True)
        for process in floors:
            process.kill()  # its payload goes with it
    crashes = (
        f"{PROCESSES * CRASHES_EACH} crashes each, exit 1 after more than 1.2 s, {PERIOD_MS / 1000:g} s apart; "
        "the payload's own timestamps"
    )
    return [
        Comparison("crash to running again", "ms", delays_ms("quiet"), delays_ms("ours"), 5.0, crashes),
        Comparison(
            "… its loop kept awake",
            "ms",
            delays_ms("woken"),
            delays_ms("ours"),
            5.0,
            f"{crashes}; beside them in supervisord a process that writes a line every {CHATTER_MS} ms",
        ),
        Bound("floor: crash to running again, bare C", "ms", delays_ms("floor")),
    ]
