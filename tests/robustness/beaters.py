"""Processes that can be checked from outside: see beater.c."""

import dataclasses
import os
import pathlib
import re
import shlex
import struct
import subprocess
import uuid

from running_system import stat_fields

_SOURCE = pathlib.Path(__file__).with_name("beater.c")


def build(directory):
    program = directory / "beater"
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-static", "-o", program, _SOURCE], check=True)
    return program


@dataclasses.dataclass(frozen=True, order=True)
class Start:
    """One execution."""

    name: str
    pid: int
    start_time: int
    version: str = dataclasses.field(default="0", compare=False)

    @property
    def lives(self):
        fields = stat_fields(self.pid)
        return fields is not None and fields[0] not in "ZX" and int(fields[19]) == self.start_time


class Beaters:
    def __init__(self, program, directory):
        self.program = program
        self.directory = directory
        self.marker = f"BEATER_RUN={uuid.uuid4().hex}"
        for path in (directory, directory / "locks", directory / "counts"):
            path.mkdir()
            path.chmod(0o777)
        self._named = {}

    def command(self, *arguments):
        return shlex.join([str(self.program), *map(str, arguments)])

    def environment(self, **more):
        """What each of them must be started with."""
        return {"BEATER_DIR": str(self.directory), **dict([self.marker.split("=")]), **more}

    async def create(self, client, name, *arguments, environment=None, **options):
        return await client.create_process(
            name, self.command(*arguments), self.environment(**(environment or {})), **options
        )

    def starts(self, name=None):
        """All executions until now, in their order."""
        path = self.directory / "starts"
        # The last line may be there by half.
        lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        found = [Start(words[0], int(words[1]), int(words[2]), words[3]) for words in map(str.split, lines)]
        return [start for start in found if name in (None, start.name)]

    def doubles(self):
        """Those that were started while another of the same name, or a child of it, was alive."""
        path = self.directory / "doubles"
        return path.read_text().splitlines() if path.exists() else []

    def counts(self):
        """Of each execution, how many lines it has certainly written: {(name, pid, start time): count}."""
        found = {}
        for path in (self.directory / "counts").iterdir():
            name, pid, start = path.name.rsplit(".", 2)
            data = path.read_bytes()
            found[name, int(pid), int(start)] = struct.unpack("=q", data)[0] if len(data) == 8 else 0
        return found

    def living(self):
        """{name: [(pid, start time)…]} of all that live now, children too, as /proc has it."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                if "(beater)" not in stat:
                    continue
                fields = stat.rpartition(")")[2].split()
                key = int(entry), int(fields[19])
                if fields[0] in "ZX":
                    continue
                if key not in self._named:
                    environment = pathlib.Path(f"/proc/{entry}/environ").read_bytes()
                    if not environment:
                        continue  # in the middle of its execution, or gone
                    self._named[key] = self._name_of(environment.decode().split("\0"))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if self._named[key] is not None:
                found.setdefault(self._named[key], []).append(key)
        return found

    def _name_of(self, environment):
        if self.marker not in environment:
            return None
        return next(v.removeprefix("GRPC_OS_PROCESS=") for v in environment if v.startswith("GRPC_OS_PROCESS="))

    def main(self, name):
        """(pid, start time) of the newest execution if it lives, else None."""
        starts = self.starts(name)
        return (starts[-1].pid, starts[-1].start_time) if starts and starts[-1].lives else None

    def mains(self, names):
        """{name: (pid, start time)} of those that live."""
        newest = {start.name: start for start in self.starts()}
        return {name: (newest[name].pid, newest[name].start_time) for name in names if name in newest and newest[name].lives}


# ---- Logs --------------------------------------------------------------------------------------------------------------

_LINE = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z (stdout|stderr|system) ([FP]) (.*)", re.DOTALL)


def log_files(system, process_id, killed=False):
    """All lines of a process's log files: (seconds text, nanoseconds, stream, partial, text), oldest first. `killed`: who wrote
    them was, perhaps in the middle of a line, which is ended where it breaks off."""
    lines = []
    for path in sorted((system.data / "logs" / process_id).glob("*.log")):
        data = path.read_bytes()
        assert data == b"" or data.endswith(b"\n"), f"{path} ends with a torn line"
        for line in data.split(b"\n")[:-1]:
            match = _LINE.fullmatch(line)
            if killed and not match:
                continue
            assert match, f"{path}: {line!r}"
            lines.append((match[1].decode(), int(match[2]), match[3].decode(), match[4] == b"P", match[5]))
    return lines


def segments(system, process_id):
    return [int(path.stem) for path in sorted((system.data / "logs" / process_id).glob("*.log"))]


def check_numbers(beaters, texts, name, pipe_may_be_lost=(), any_pipe_may_be_lost=False):
    """Every line of every execution of `name` is in `texts` once, in order. Of those in `pipe_may_be_lost`
    (pid, start time), which ended with their supervisor, the last ones may be missing."""
    counts = {(pid, start): count for (owner, pid, start), count in beaters.counts().items() if owner == name}
    seen = {key: 0 for key in counts}
    for text in texts:
        words = text.split()
        assert len(words) == 4 and words[0].decode() == name, f"not a line of {name}: {text!r}"
        key, number = (int(words[1]), int(words[2])), int(words[3])
        assert key in seen, f"{name}: an execution that never was: {text!r}"
        assert number == seen[key] + 1, f"{name}: {text!r} comes after line {seen[key]} of this execution"
        seen[key] = number
    for key, count in counts.items():
        most = count + 1  # it may have ended between writing and counting
        least = 0 if any_pipe_may_be_lost or key in pipe_may_be_lost else count
        assert least <= seen[key] <= most, f"{name} {key}: wrote {count} lines, its log has {seen[key]}"
