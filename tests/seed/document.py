"""The document that this project began with, read when a test runs."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
PATH = ROOT.parent / "shared/seed/grpcos-readme.md"


@dataclasses.dataclass(frozen=True)
class Block:
    heading: str  # the last one before it, with its #
    number: int  # among those of the heading, from 0
    language: str
    text: str

    @property
    def commands(self):
        """The lines of a shell's block, but for comments."""
        return [line for line in self.text.splitlines() if line and not line.startswith("#")]


def blocks():
    """All code blocks, in their order."""
    found, heading, number, fence = [], "", 0, None
    for line in PATH.read_text().splitlines(keepends=True):
        if line.startswith("```") and fence is None:
            fence, text = line[3:].strip(), ""
        elif line.startswith("```"):
            found.append(Block(heading, number, fence, text))
            fence, number = None, number + 1
        elif fence is not None:
            text += line
        elif re.match(r"#+ ", line):
            heading, number = line.strip(), 0
    assert fence is None and found, PATH
    return found


def paths(tree):
    """What `tree` has drawn: paths, those of directories with a slash at their ends."""
    directories = []
    for line in tree.splitlines():
        name = line.lstrip("│├└─ ")
        if not name:
            continue
        directories = directories[: (len(line) - len(name)) // 4]
        yield "/".join([*directories, name])
        directories.append(name.rstrip("/"))


def block(heading, number=0):
    [found] = [one for one in blocks() if (one.heading, one.number) == (heading, number)]
    return found
