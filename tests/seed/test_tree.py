"""The document's tree of files, and the table of docs/CONTRIBUTING.md that says where each of them is here."""

import collections
import re

import document
import pytest
from running_system import RunningSystem

PAGE = document.ROOT / "docs/CONTRIBUTING.md"
OPEN = re.compile(r"open: issue \d+: ")


def expanded(path):
    """a{b,c}d: abd and acd."""
    before, brace, rest = path.partition("{")
    choices, _, after = rest.partition("}")
    return [before + choice + after for choice in choices.split(",")] if brace else [path]


def named(cell):
    return [path for quoted in re.findall(r"`([^`]+)`", cell) for path in expanded(quoted)]


def rows():
    """(the document's paths, ours, whether the row is open)."""
    table = PAGE.read_text().partition("\n| there | here |\n|---|---|\n")[2].partition("\n\n")[0]
    for line in table.splitlines():
        there, here = re.fullmatch(r"\| (.+) \| (.+) \|", line).groups()
        is_open = OPEN.match(here) is not None
        same = re.fullmatch(r"the same paths?", OPEN.sub("", here))
        yield named(there), named(there) if same else named(here), is_open


def drawn():
    """What has nothing below it: files, and directories that are drawn empty."""
    root, *below = document.paths(document.block("# Struktura projektu gRPC OS").text)
    assert root == "grpc-os/"
    below = [path.removeprefix(root) for path in below]
    return [path for path in below if not any(path.endswith("/") and other != path and other.startswith(path) for other in below)]


def is_there(place):
    """Whether it is a file that says something, or a directory that has such files."""
    if place.is_dir():
        return any(is_there(below) for below in place.iterdir())
    return place.is_file() and place.read_bytes().strip() != b""


def test_each_path_has_a_row():
    has_row = collections.Counter(path for there, _, _ in rows() for path in there)
    assert has_row == collections.Counter(drawn())


@pytest.fixture(scope="module")
def places():
    """Where a path of the table is; those of DATA_DIR, in one of a system that runs."""
    with RunningSystem() as system:
        system.start()
        yield lambda path: system.data / path.removeprefix("DATA_DIR/") if path.startswith("DATA_DIR/") else document.ROOT / path


def test_what_a_row_names_is_there(places):
    for there, here, is_open in rows():
        assert here, f"the row of {there} names nothing"
        if not is_open:
            missing = [path for path in here if not is_there(places(path))]
            assert missing == [], f"the row of {there}"


def test_what_is_open_is_not_there_yet(places):
    for there, here, is_open in rows():
        if is_open:
            found = [path for path in here if places(path).exists()]
            assert found == [], f"the row of {there} is open no more"
