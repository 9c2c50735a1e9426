"""What the payloads wrote: see payload.c."""

import pathlib

RECORD_BYTES = 64


class Records:
    """A file that payloads append to."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def count(self):
        return self.path.stat().st_size // RECORD_BYTES if self.path.exists() else 0

    def read(self):
        """(what, label, pid, nanoseconds) in the order of writing."""
        records = []
        for line in self.path.read_text().splitlines():
            what, label, pid, time_ns = line.split()
            records.append((what, label, int(pid), int(time_ns)))
        return records

    def clear(self):
        """While nobody writes."""
        self.path.unlink(missing_ok=True)
