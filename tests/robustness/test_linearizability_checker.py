"""Histories made by hand: what the checker of test_linearizability.py must take, and what it must not."""

import pytest
from histories import UNKNOWN, History
from test_linearizability import check


class Made(History):
    def call(self, begin, end, kind, key=0, outcome="done", generation=UNKNOWN, revision=0, **what):
        self.calls.append(
            {"client": len(self.calls), "kind": kind, "key": key, "begin": begin, "end": end, "outcome": outcome}
            | {"generation": generation, "revision": revision, "attempts": 1, **what}
        )
        return self

    def put(self, begin, end, value, generation, **what):
        return self.call(begin, end, "put", value=value, generation=generation, **what)

    def get(self, begin, end, value, generation, **what):
        return self.call(begin, end, "get", found=value, generation=generation, **what)

    def missing(self, begin, end, **what):
        return self.call(begin, end, "get", outcome="refused", **what)

    def transaction(self, begin, end, compare, writes, generation=UNKNOWN, **what):
        pairs = [{"key": key, "generation": one} for key, one in compare.items()]
        values = [{"key": key, "value": value} for key, value in writes.items()]
        return self.call(begin, end, "transaction", compare=pairs, writes=values, generation=generation, **what)

    def snapshot(self, begin, end, *reads, revision=0):
        reads = [{"key": key, "found": value, "generation": generation} for key, value, generation in reads]
        return self.call(begin, end, "snapshot", reads=reads, revision=revision)


def one():
    """Of key 0, until 20."""
    return Made().put(1, 10, "a", 5)


def two():
    return one().put(11, 20, "b", 7)


RIGHT = {
    "one after the other": two().get(21, 30, "b", 7),
    "a read beside a write sees the old": two().get(12, 19, "a", 5),
    "or the new": two().get(12, 19, "b", 7),
    "create, refused, delete, create": Made()
    .call(1, 2, "create", value="a", generation=5)
    .call(3, 4, "create", value="b", outcome="refused")
    .call(5, 6, "delete", revision=6)
    .missing(7, 8)
    .call(9, 10, "delete", outcome="refused")
    .call(11, 12, "create", value="c", generation=8),
    "compare and set": two().put(21, 30, "c", 9, if_generation=7).put(31, 40, "d", 0, if_generation=7, outcome="refused"),
    "if there is none": Made().put(1, 2, "a", 5, if_generation=0).put(3, 4, "b", 0, if_generation=0, outcome="refused"),
    "a write that nobody answered was done": one().put(11, 0, "b", 0, outcome="").get(21, 30, "b", 7),
    "or was not": one().put(11, 0, "b", 0, outcome="").get(21, 30, "a", 5),
    "or is done late": one().put(11, 0, "b", 0, outcome="").get(21, 30, "a", 5).get(31, 40, "b", 9),
    "it is known to be done, not when": one().put(11, 0, "b", 9).get(21, 30, "a", 5).get(31, 40, "b", 9),
    "a transaction of two": one().transaction(11, 20, {0: 5, 1: 0}, {0: "b", 1: "c"}, 7).snapshot(21, 30, (0, "b", 7), (1, "c", 7)),
    "one that does not compare": one().transaction(11, 20, {0: 4}, {0: "b"}, outcome="refused").get(21, 30, "a", 5),
    "a delete that nobody answered": one().call(11, 0, "delete", outcome="").missing(21, 30),
}

WRONG = {
    "a stale read": two().get(21, 30, "a", 5),
    "a stale read after a fresh one": two().get(12, 14, "b", 7).get(15, 17, "a", 5),
    "a write is lost": two().missing(21, 30),
    "a value of another generation": two().get(21, 30, "b", 5),
    "a value that nobody wrote": two().get(21, 30, "x", 7),
    "two writers of one generation": two().put(21, 30, "c", 9, if_generation=7).put(21, 30, "d", 11, if_generation=7),
    "a precondition is forgotten": two().put(21, 30, "c", 9, if_generation=5),
    "a precondition that holds is refused": two().put(21, 30, "c", 0, if_generation=7, outcome="refused"),
    "made twice": Made().call(1, 2, "create", value="a", generation=5).call(3, 4, "create", value="b", generation=6),
    "refused, though there is none": Made().call(1, 2, "create", value="a", outcome="refused"),
    "deleted, and still there": one().call(11, 20, "delete", revision=7).get(21, 30, "a", 5),
    "deleted, though there is none": Made().call(1, 2, "delete", revision=7),
    "half of a transaction": one().transaction(11, 20, {0: 5}, {0: "b", 1: "c"}, 7).snapshot(21, 30, (0, "b", 7), (1, "x", 6)),
    "a snapshot of two moments": one().put(1, 10, "k", 6, key=1).put(21, 30, "b", 7).put(31, 40, "l", 8, key=1).snapshot(
        15, 50, (0, "a", 5), (1, "l", 8)
    ),
    "a transaction that did not compare": one().transaction(11, 20, {0: 4}, {0: "b"}, 7),
    "one that did, and is refused": one().transaction(11, 20, {0: 5}, {0: "b"}, outcome="refused"),
    "revisions in another order than time": one().put(11, 20, "b", 4, key=1),
    "a write that nobody answered, before it began": one().get(3, 4, "b", 7).put(11, 0, "b", 0, outcome=""),
    "that comes and goes": one().put(11, 0, "b", 0, outcome="").get(21, 30, "b", 7).get(31, 40, "a", 5),
    "known to be done, and never seen": one().put(11, 0, "b", 7).put(21, 30, "c", 6).put(31, 40, "d", 8, if_generation=6).put(
        41, 50, "e", 9, if_generation=8
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_could_have_happened(name, tmp_path):
    assert check(RIGHT[name], tmp_path / "history")


@pytest.mark.parametrize("name", WRONG)
def test_could_not_have_happened(name, tmp_path):
    assert not check(WRONG[name], tmp_path / "history")
