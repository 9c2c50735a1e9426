"""What nginx of a running system is and has, seen from beside the API: its processes, its private socket, its files."""

import http.client
import os
import pathlib
import re
import socket

from running_system import command_line, descendants, poll, stat_fields


class _Private(http.client.HTTPConnection):
    def __init__(self, directory):
        super().__init__("edge", timeout=10)
        self.directory = directory

    def connect(self):
        # By a descriptor: a path may be too long for a socket.
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{directory}/private.sock")
        finally:
            os.close(directory)


class EdgeView:
    def __init__(self, system):
        self.system = system
        self.directory = pathlib.Path(system.data / "edge")

    def ask(self, path):
        """The text of the private socket's answer."""
        connection = _Private(self.directory / "run")
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, text
            return text
        finally:
            connection.close()

    def workers(self):
        """{pid: (generation, "accepting" or "draining")}; none, if nginx does not answer."""
        try:
            lines = self.ask("/status").splitlines()
        except (OSError, http.client.HTTPException):
            return {}
        return {int(words[1]): (int(words[2]), words[3]) for words in map(str.split, lines) if words[0] == "worker"}

    def generation(self):
        """The one that is served; None while there is not exactly one."""
        accepting = {generation for generation, state in self.workers().values() if state == "accepting"}
        return accepting.pop() if len(accepting) == 1 else None

    def wanted_workers(self):
        return int(re.search(r"^worker_processes (\d+);", (self.directory / "conf/live/nginx.conf").read_text(), re.M)[1])

    def waiting(self):
        """How many requests wait for a process."""
        return next(int(words[1]) for words in map(str.split, self.ask("/status").splitlines()) if words[0] == "waiting" and len(words) == 3)

    def endpoints(self):
        return dict(line.split(" ", 1) for line in self.ask("/endpoints").splitlines())

    def files(self):
        """{domain id: text} of what nginx was given last."""
        return {path.stem: path.read_text() for path in (self.directory / "conf/live/d").glob("*.conf")}

    def master(self):
        """The pid of nginx's master; None if there is none."""
        found = [pid for pid in descendants() if command_line(pid)[:1] and command_line(pid)[0].startswith("nginx: master")
                 and os.path.realpath(f"/proc/{pid}/cwd") == os.path.realpath(self.directory)]  # fmt: skip
        # A worker is called so, too, for its first moments.
        found = [pid for pid in found if parent(pid) not in found]
        assert len(found) <= 1, found
        return found[0] if found else None

    def children(self):
        """The pids of nginx's workers that live, also of a master that is gone."""
        return [pid for pid in descendants() if command_line(pid)[:1] and command_line(pid)[0].startswith("nginx: worker")
                and os.path.realpath(f"/proc/{pid}/cwd") == os.path.realpath(self.directory)]  # fmt: skip

    def processes(self):
        return [pid for pid in (self.master(), *self.children()) if pid is not None]

    def await_master(self, but_not=None):
        return poll(lambda: (pid := self.master()) != but_not and self.generation() is not None and pid, "nginx serves")

    def memory_kib(self):
        """What all of nginx has written, what they share once."""
        total = 0
        for pid in self.processes():
            try:
                lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
        return total


def parent(pid):
    fields = stat_fields(pid)
    return fields and int(fields[1])
