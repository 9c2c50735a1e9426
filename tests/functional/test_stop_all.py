"""`grpc-os-init --stop-all`: each process has its time, and one reads who is waited for."""

import os
import signal
import subprocess

from expectations import await_line, python, shell
from running_system import is_alive, poll

# Ends some time after TERM, when there is a file `go`, and writes `flushed`.
FLUSHES = python(
    "import os, signal, sys, time\n"
    "def end(*_):\n"
    "    print('asked', flush=True)\n"
    "    while not os.path.exists('go'): time.sleep(0.01)\n"
    "    open('flushed', 'w').close(); sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "print('up')\nwhile True: time.sleep(3600)"
)


def begin_stop_all(system):
    return subprocess.Popen(
        [system.bin / "grpc-os-init", "--data-dir", system.data, "--stop-all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def log_of(system, process):
    return "".join(path.read_text() for path in (system.data / "logs" / process.id).iterdir())


async def start(client, directory, **fields):
    process = await client.create_process("db", FLUSHES, working_directory=str(directory), **fields)
    await await_line(client, "db", "up")
    return process


async def test_it_says_who_is_waited_for_and_how_long(system, client, tmp_path):
    process = await start(client, tmp_path, stop_timeout=120)
    stop = begin_stop_all(system)
    line = stop.stdout.readline()
    assert line.startswith("stopping; waits for db (at most 2 min ")
    assert line in system.said, "as init itself says"
    assert "waits for db" in (system.data / "logs/system/init.log").read_text()
    assert is_alive(process.details.pid)
    (tmp_path / "go").touch()
    assert stop.wait(30) == 0
    assert (tmp_path / "flushed").exists()
    assert system.init.wait(30) == 0


async def test_the_time_of_the_stop_is_that_of_what_runs(system, client, tmp_path):
    """An update holds from the next start on."""
    await start(client, tmp_path, stop_timeout=1800)
    await client.update_process("db", stop_timeout=1)
    stop = begin_stop_all(system)
    assert stop.stdout.readline().startswith("stopping; waits for db (at most 5 min "), "the cap"
    (tmp_path / "go").touch()
    assert stop.wait(30) == 0


async def test_a_killed_init_does_not_end_the_stop(system, client, tmp_path):
    process = await start(client, tmp_path, stop_timeout=120)
    stop = begin_stop_all(system)
    poll(lambda: "asked" in log_of(system, process), "it was asked to end")
    system.init.send_signal(signal.SIGKILL)
    system.init.wait(30)
    poll(lambda: "adopts" in (system.data / "logs/system/init.log").read_text(), "who asked for the stop goes on")
    assert is_alive(process.details.pid) and stop.poll() is None
    (tmp_path / "go").touch()
    assert stop.wait(30) == 0
    assert (tmp_path / "flushed").exists()
    system.init = None


async def test_a_supervisor_killed_while_it_stops_leaves_nothing(system, client, tmp_path):
    apart = "setsid sh -c 'trap \"\" TERM; echo up $$; while :; do sleep 1; done' & exec sleep 3600"
    process = await client.create_process("db", shell(f"trap '' TERM; {apart}"), stop_timeout=120)
    child = int((await await_line(client, "db", "up")).split()[1])
    stop = begin_stop_all(system)
    poll(lambda: "stopping" in log_of(system, process), "it was asked to end")
    [supervisor] = system.programs("grpc-os-supervise")
    os.kill(supervisor, signal.SIGKILL)
    assert stop.wait(30) == 0
    assert not is_alive(process.details.pid) and not is_alive(child)


async def test_two_at_once_both_last_until_the_end(system, client, tmp_path):
    await start(client, tmp_path, stop_timeout=120)
    stops = [begin_stop_all(system), begin_stop_all(system)]
    for stop in stops:
        assert "waits for db" in stop.stdout.readline()
    (tmp_path / "go").touch()
    assert [stop.wait(30) for stop in stops] == [0, 0]
    assert (tmp_path / "flushed").exists()


async def test_sigterm_to_a_supervisor_gives_the_process_its_time(system, client, tmp_path):
    """As in the last round of signals of a machine that shuts down."""
    process = await start(client, tmp_path, stop_timeout=120)
    [supervisor] = system.programs("grpc-os-supervise")
    os.kill(supervisor, signal.SIGTERM)
    poll(lambda: "asked" in log_of(system, process), "it was asked to end")
    (tmp_path / "go").touch()
    poll(lambda: (tmp_path / "flushed").exists() and not is_alive(process.details.pid), "it has ended by itself")
