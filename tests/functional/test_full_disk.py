"""The data directory on a disk that is full to the last byte: what must go on working does, from the command line."""

import contextlib
import json
import os
import signal

from objects_api import objects_of
from running_system import is_alive, poll
from test_metrics import families, value
from test_uploads_disk_full import fill_the_log
from test_weather import MOUNTS, mounted_tmpfs

pytestmark = MOUNTS

GIVES_ROOM = "What gives room works: `grpc-os kill NAME`, `grpc-os delete NAME`, `grpc-os rm --now PATH`"


CRASHERS = [f"c{number}" for number in range(8)]
ALL = [*CRASHERS, "noisy", "other", "web"]

# Of its reports a few are more than a journal has room for.
NOISY = """import itertools, os, socket, time
to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
to.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
to.send(b"READY=1")
for number in itertools.count():
    to.send(b"STATUS=%d " % number + b"x" * 400)
    time.sleep(0.05)
"""


def fill(system):
    """Until not one byte more can be written."""
    with open(system.data / "filler", "ab", buffering=0) as file:
        size = 1 << 20
        while size > 0:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def ran(system, *arguments):
    done = system.cli(*arguments)
    assert done.returncode == 0, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout


def names(system):
    return [found["name"] for found in json.loads(ran(system, "-o", "json", "ps"))["processes"]]


def process(system, name):
    (found,) = json.loads(ran(system, "-o", "json", "ps", name))["processes"]
    return found


def status_of(system, name):
    return process(system, name)["status"]


def system_json(system):
    return json.loads(ran(system, "-o", "json", "status"))


def audited(system, method):
    records = json.loads(ran(system, "-o", "json", "audit", "-n", "1000"))["records"]
    return [record for record in records if record["method"].endswith("/" + method)]


def start_some(system):
    script = system.home / "noisy.py"
    script.write_text(NOISY)
    ran(system, "start", "noisy", f"python3 {script}")
    for name in set(ALL) - {"noisy"}:
        ran(system, "start", name, "sh -c 'trap : USR1; echo hello; while :; do sleep 0.1; done'", "--log-max", "64K")
    ran(system, "wait", *ALL)
    for name in ("small", "gone", "kept"):
        system.cli("put", "-", f"/o/{name}", input="x" * 1000)
        ran(system, "stat", f"/o/{name}")
    system.cli("put", "-", "/o/big", input="x" * 200_000)
    ran(system, "stat", "/o/big")


def nothing_new(system):
    """What would take room is refused, in these words."""

    def refused(what, *arguments):
        done = system.cli(*arguments, input="x" * 60_000)
        assert (done.returncode, done.stdout) == (6, ""), f"{arguments}: {done}"
        assert done.stderr == f"disk full: 0 MiB free in {system.data}; {what}. {GIVES_ROOM}\n"

    refused("nothing was started", "start", "new", "sleep 1")
    refused("nothing was started", "restart", "web")
    refused("nothing was stored", "put", "-", "/o/new")
    assert names(system) == ALL


def a_crash_is_seen(system):
    """Supervisors start them again, and the store cannot be told of all of it: gives the name of one of those."""
    before = {name: status_of(system, name) for name in CRASHERS}
    for status in before.values():
        os.kill(status["pid"], signal.SIGKILL)

    def all_again():
        now = {name: status_of(system, name) for name in CRASHERS}
        return all(now[name]["pid"] not in (0, before[name]["pid"]) for name in CRASHERS) and now

    now = poll(all_again, "ps shows the processes as they run")
    for name, status in now.items():
        assert is_alive(status["pid"]) and status["state"] == "STATE_RUNNING"
        assert status["restartCount"] == before[name]["restartCount"] + 1
        assert status["lastExit"]["signal"] == "KILL"
    unsaved = [name for name in CRASHERS if now[name]["unsaved"]]
    assert unsaved and now[unsaved[0]]["unsavedSince"]
    assert status_of(system, "other")["unsaved"] is False
    table = {line.split()[1]: line.split()[2] for line in ran(system, "ps").splitlines()}
    assert (table[unsaved[0]], table["other"]) == ("running!", "running")
    assert "not stored  " in ran(system, "ps", "-l", unsaved[0])
    assert "unsaved: yes\n" in ran(system, "cat", f"/proc/{unsaved[0]}/status")
    said = system_json(system)
    assert int(said["unsavedReports"]) >= len(unsaved) and said["unsavedSince"]
    assert "reports of supervisors since" in ran(system, "status")
    assert value(families(system), "grpcos_unsaved_reports") >= len(unsaved)
    return unsaved[0]


def crash_after_crash_is_seen(system, name, crashes):
    """Also once the supervisor has no room for a report of it."""
    for crash in range(1, crashes + 1):
        dead = status_of(system, name)["pid"]
        os.kill(dead, signal.SIGKILL)

        def again(dead=dead):
            now = status_of(system, name)
            return now["ready"] and now["pid"] not in (0, dead) and now

        status = poll(again, f"ps shows what runs after crash {crash}")
        assert is_alive(status["pid"]) and status["lastExit"]["signal"] == "KILL"
        assert status["restartCount"] == crash
    assert status["unsaved"]


def it_is_said(system):
    said = system_json(system)
    assert said["diskFull"] is True and said["diskFullSince"] and int(said["diskFreeBytes"]) < 1 << 20
    assert said["dataDirectory"] == str(system.data)
    text = ran(system, "status")
    assert f"in {system.data}; full since" in text
    page = families(system)
    assert value(page, "grpcos_disk_full") == 1
    assert value(page, "grpcos_disk_free_bytes") < 1 << 20
    assert value(page, "grpcos_disk_size_bytes") == 8 << 20


def reads_and_signals(system, name):
    pid = status_of(system, name)["pid"]
    assert ran(system, "cat", "/o/kept") == "x" * 1000
    assert "hello" in ran(system, "logs", name)
    assert ran(system, "signal", name, "USR1") == f"sent USR1 to {name}, pid {pid}\n"
    ran(system, "wait", "other", "--for", "running", "--timeout", "5s")
    done = system.cli("wait", "other", "--for", "exited", "--timeout", "100ms")
    assert done.returncode == 7


def what_gives_room(system, name):
    """Ends and deletes a process, and deletes objects; all of it durably."""
    pid = status_of(system, name)["pid"]
    assert f"stopped {name}" in ran(system, "kill", name)
    assert not is_alive(pid)
    stopped = status_of(system, name)
    assert (stopped["state"], stopped["unsaved"]) == ("STATE_STOPPED", False)


async def fill_the_database(system):
    """Until it has no page free for one row more."""
    async with objects_of(system) as objects:
        for size in (60_000, 4_000, 1):
            await fill_the_log(objects, size)


@contextlib.contextmanager
def small_disk(system):
    system.data.mkdir(parents=True)
    with mounted_tmpfs(system.data, "8m"):
        try:
            system.start()
            yield
        finally:
            (system.data / "filler").unlink(missing_ok=True)
            system.stop_all()


async def test_a_disk_that_is_full_to_the_last_byte(idle_system):
    system = idle_system
    with small_disk(system):
        start_some(system)
        fill(system)
        await fill_the_database(system)
        nothing_new(system)
        name = a_crash_is_seen(system)
        crash_after_crash_is_seen(system, "noisy", 4)
        it_is_said(system)
        reads_and_signals(system, name)

        # Its ports are other ones each time, for the files of run/ that say them.
        pid = status_of(system, name)["pid"]
        system.kill_daemon()
        fill(system)
        nothing_new(system)
        assert is_alive(status_of(system, "noisy")["pid"])
        assert status_of(system, name)["pid"] == pid  # whether that could be stored by now or not
        it_is_said(system)
        reads_and_signals(system, name)
        what_gives_room(system, name)
        ran(system, "delete", "-y", name)
        ran(system, "rm", "--now", "-y", "/o/small")
        ran(system, "rm", "/o/gone")
        ran(system, "rm", "-r", "-y", "--now", "/o/big")
        fill(system)

        system.kill_daemon()
        fill(system)
        assert names(system) == [one for one in ALL if one != name]
        assert ran(system, "-o", "name", "ls", "/o/").split() == ["/o/kept"]
        what_gives_room(system, "other")
        ran(system, "logout")
        assert system.cli("ps").returncode == 4
        ran(system, "login")  # in memory alone
        ran(system, "ps")
        fill(system)

        system.stop_all()
        system.start()
        fill(system)
        logged_in = len(audited(system, "LoginPeer"))
        assert process(system, "other")["desiredState"] == "DESIRED_STATE_STOPPED"
        assert system.cli("start", "new", "sleep 1000").returncode == 6

        (system.data / "filler").unlink()
        poll(lambda: status_of(system, "web")["state"] == "STATE_RUNNING", "web runs again")
        poll(lambda: not system_json(system)["diskFull"] and system_json(system)["unsavedReports"] == "0", "all is stored")
        ran(system, "start", "new", "sleep 1000")
        poll(lambda: any(record["reason"] == "DISK_FULL" for record in audited(system, "CreateProcess")), "the refusal is audited")
        assert len(audited(system, "LoginPeer")) > logged_in, "the log-in that was in memory alone"
