"""Named places where the programs can be killed: src/base/failpoint.h."""

import contextlib
import pathlib
import re

_SOURCES = pathlib.Path(__file__).parents[2] / "src"


def named(*programs):
    """All failpoints of these programs that the sources have, as "osd.launch.before"."""
    found = set()
    for source in _SOURCES.rglob("*.*"):
        if source.suffix in (".h", ".cc") and not source.name.endswith("_test.cc"):
            found.update(re.findall(r'\bFailpoint\("([^"]+)"\)', source.read_text()))
    chosen = sorted(name for name in found if name.split(".")[0] in programs)
    assert chosen, f"no failpoint of {programs} in {_SOURCES}"
    return chosen


class Failpoints:
    def __init__(self, directory):
        self._directory = directory
        directory.mkdir(mode=0o777)
        directory.chmod(0o777)
        self.hits = {}

    @property
    def environment(self):
        """What init must be started with."""
        return {"GRPC_OS_FAILPOINT_DIR": str(self._directory)}

    def arm(self, name):
        (self._directory / name).touch()

    def hit(self, name):
        """Whether it was reached since it was armed."""
        return (self._directory / f"{name}.hit").exists()

    def clear(self, name):
        """Disarms it; gives whether it was hit."""
        with contextlib.suppress(FileNotFoundError):
            (self._directory / name).unlink()
        hit = self.hit(name)
        if hit:
            (self._directory / f"{name}.hit").unlink()
        self.hits[name] = self.hits.get(name, 0) + hit
        return hit

    def never_hit(self, names):
        return [name for name in names if not self.hits.get(name)]
