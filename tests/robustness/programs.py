"""The programs of a running system, by their pids; and their deaths."""

import contextlib
import os
import pathlib
import signal
import socket

from running_system import command_line, is_alive, poll, reap_orphans


def supervisors(system):
    """{process id: pid of its grpc-os-supervise}"""
    found = {}
    for pid in system.programs("grpc-os-supervise"):
        words = command_line(pid)
        if "--process-id" in words:
            found[words[words.index("--process-id") + 1]] = pid
    return found


def kill(pids):
    """SIGKILL to all; returns when all are dead."""
    pids = list(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    poll(lambda: not any(map(is_alive, pids)), f"{pids} are dead")


def kill_init(system):
    """SIGKILL to init, and to nothing else."""
    system.init.kill()
    system.init.wait()


def init_listens(system):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(str(system.data / "run/init.sock"))
        except OSError:
            return False
    return True


def start_again(system):
    """Another init, with what there is."""
    system.start(environment=system.environment)
    poll(lambda: init_listens(system), "init listens")


def kill_everything(system):
    """As when the power fails: nothing is told anybody, all is gone."""
    kill_init(system)
    while pids := system.leftovers():
        kill(pids)
    reap_orphans()
    system.init = None


def instances(system):
    """The ids of what is recorded in run/i."""
    return sorted(path.name for path in pathlib.Path(system.data / "run/i").iterdir())
