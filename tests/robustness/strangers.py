"""Processes that have the pid of another one that is gone."""

import contextlib
import pathlib
import subprocess

from running_system import is_alive, poll, reap_orphans

_SOURCE = pathlib.Path(__file__).with_name("stranger.c")


def build(directory):
    program = directory / "stranger"
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-static", "-o", program, _SOURCE], check=True)
    return program


class Stranger:
    def __init__(self, program, pid):
        self.pid = pid
        self._helper = subprocess.Popen([program, str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._helper.stdout.readline() == "there\n", f"pid {pid} could not be given to a stranger"

    @property
    def lives(self):
        return self._helper.poll() is None and is_alive(self.pid)

    def end(self):
        said, _ = self._helper.communicate()
        return said


@contextlib.contextmanager
def strangers(program, pids):
    """Gives these pids, whose processes are dead, to others. They must live to the end of the block."""
    reap_orphans()
    there = []
    try:
        for pid in pids:
            poll(lambda pid=pid: not pathlib.Path(f"/proc/{pid}").exists(), f"pid {pid} is free")
            there.append(Stranger(program, pid))
        yield there
    finally:
        said = [stranger.end() for stranger in there]
    assert said == [""] * len(there), f"of the strangers {pids}: {said}"
