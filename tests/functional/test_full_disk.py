"""The data directory on a disk that is full to the last byte: what must go on working does, from the command line."""

import json
import os
import signal

from running_system import is_alive, poll
from test_metrics import families, value
from test_weather import MOUNTS, mounted_tmpfs

pytestmark = MOUNTS

GIVES_ROOM = "What gives room works: `kill NAME`, `delete NAME`, `rm --now PATH`"


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


def process(system, name):
    (found,) = json.loads(ran(system, "-o", "json", "ps", name))["processes"]
    return found


def status_of(system, name):
    return process(system, name)["status"]


def system_json(system):
    return json.loads(ran(system, "-o", "json", "status"))


def start_some(system):
    for name in ("web", "crasher", "other"):
        ran(system, "start", name, "sh -c 'trap : USR1; echo hello; while :; do sleep 0.1; done'", "--log-max", "64K")
    ran(system, "wait", "web", "crasher", "other")
    for name in ("small", "gone", "kept"):
        system.cli("put", "-", f"/o/{name}", input="x" * 1000)
        ran(system, "stat", f"/o/{name}")
    system.cli("put", "-", "/o/big", input="x" * 200_000)
    ran(system, "stat", "/o/big")


def nothing_new(system):
    """What would take room is refused, in these words."""
    refusal = f"disk full: 0 MiB free in {system.data}; nothing was stored. {GIVES_ROOM}"
    for arguments in (("start", "new", "sleep 1"), ("restart", "web"), ("update", "web", "A=b"), ("put", "-", "/o/new")):
        done = system.cli(*arguments, input="x" * 1000)
        assert (done.returncode, done.stdout) == (6, ""), f"{arguments}: {done}"
        assert refusal in done.stderr, f"{arguments}: {done.stderr}"
        assert "SQLite" not in done.stderr and "database or disk" not in done.stderr
    assert [found["name"] for found in json.loads(ran(system, "-o", "json", "ps"))["processes"]] == ["crasher", "other", "web"]


def a_crash_is_seen(system):
    """Its supervisor starts it again, and the store cannot be told of it."""
    before = status_of(system, "crasher")
    os.kill(before["pid"], signal.SIGKILL)

    def again():
        now = status_of(system, "crasher")
        return now["pid"] != before["pid"] and now["state"] == "STATE_RUNNING" and now

    now = poll(again, "ps shows the process as it runs")
    assert is_alive(now["pid"])
    assert now["unsaved"] is True and now["unsavedSince"]
    assert now["restartCount"] == before["restartCount"] + 1
    assert now["lastExit"]["signal"] == "KILL"
    assert status_of(system, "other")["unsaved"] is False
    table = ran(system, "ps")
    assert [line.split()[2] for line in table.splitlines() if "crasher" in line] == ["running!"]
    assert "not stored  since" in ran(system, "ps", "-l", "crasher")
    assert "unsaved: yes\n" in ran(system, "cat", "/proc/crasher/status")
    return now["pid"]


def it_is_said(system):
    said = system_json(system)
    assert said["diskFull"] is True and said["diskFullSince"] and int(said["diskFreeBytes"]) < 1 << 20
    assert said["dataDirectory"] == str(system.data)
    assert int(said["unsavedReports"]) > 0 and said["unsavedSince"]
    text = ran(system, "status")
    assert f"in {system.data}; full since" in text and "reports of supervisors since" in text
    page = families(system)
    assert value(page, "grpcos_disk_full") == 1
    assert value(page, "grpcos_disk_free_bytes") < 1 << 20
    assert value(page, "grpcos_disk_size_bytes") == 8 << 20
    assert value(page, "grpcos_unsaved_reports") == int(said["unsavedReports"])


def reads_and_signals(system, pid):
    assert ran(system, "cat", "/o/kept") == "x" * 1000
    assert "hello" in ran(system, "logs", "crasher")
    assert ran(system, "signal", "crasher", "USR1") == f"sent USR1 to crasher, pid {pid}\n"
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


async def test_a_disk_that_is_full_to_the_last_byte(idle_system):
    system = idle_system
    system.data.mkdir(parents=True)
    with mounted_tmpfs(system.data, "8m"):
        system.start()
        start_some(system)
        fill(system)
        nothing_new(system)
        pid = a_crash_is_seen(system)
        it_is_said(system)
        reads_and_signals(system, pid)

        # Its ports are other ones each time, for the files of run/ that say them.
        system.kill_daemon()
        fill(system)
        nothing_new(system)
        assert status_of(system, "crasher")["pid"] == pid and status_of(system, "crasher")["unsaved"] is True
        it_is_said(system)
        reads_and_signals(system, pid)
        what_gives_room(system, "crasher")
        ran(system, "delete", "-y", "crasher")
        ran(system, "rm", "--now", "-y", "/o/small")
        ran(system, "rm", "/o/gone")
        ran(system, "rm", "-r", "-y", "--now", "/o/big")
        fill(system)

        system.kill_daemon()
        fill(system)
        assert sorted(found["name"] for found in json.loads(ran(system, "-o", "json", "ps"))["processes"]) == ["other", "web"]
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
        assert process(system, "other")["desiredState"] == "DESIRED_STATE_STOPPED"

        (system.data / "filler").unlink()
        poll(lambda: status_of(system, "web")["state"] == "STATE_RUNNING", "web runs again")
        poll(lambda: not system_json(system)["diskFull"] and system_json(system)["unsavedReports"] == "0", "all is stored")
        ran(system, "start", "new", "sleep 1000")
        audit = ran(system, "-o", "json", "audit", "-n", "1000")
        assert "LoginPeer" in audit and "DISK_FULL" in audit
        system.stop_all()
