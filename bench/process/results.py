"""What was measured, held against its target."""

import dataclasses
import statistics


def _spread(values):
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "count": len(values),
        "values": [round(value, 4) for value in values],
    }


def _shown(values, unit):
    if len(values) == 1:
        return f"{values[0]:.4g} {unit}"
    return f"{statistics.median(values):.4g} ({min(values):.4g}–{max(values):.4g}) {unit}"


@dataclasses.dataclass
class Comparison:
    """Something both do; `target`: how many times smaller ours is to be, None if it is only reported."""

    name: str
    unit: str
    theirs: list
    ours: list
    target: float | None = None
    note: str = ""

    @property
    def ratio(self):
        return statistics.median(self.theirs) / statistics.median(self.ours)

    @property
    def passed(self):
        return None if self.target is None else self.ratio >= self.target

    def row(self):
        target = "" if self.target is None else f"≥ {self.target:g}×"
        theirs, ours = _shown(self.theirs, self.unit), _shown(self.ours, self.unit)
        return [self.name, theirs, ours, f"{self.ratio:.2f}×", target]

    def as_json(self):
        return {
            "name": self.name,
            "unit": self.unit,
            "theirs": _spread(self.theirs),
            "ours": _spread(self.ours),
            "ratio": self.ratio,
            "target_ratio": self.target,
            "passed": self.passed,
            "note": self.note,
        }


@dataclasses.dataclass
class Bound:
    """Something of ours that must stay below `limit` (None: only reported); the largest value counts."""

    name: str
    unit: str
    values: list
    limit: float | None = None
    note: str = ""

    @property
    def passed(self):
        return None if self.limit is None else max(self.values) <= self.limit

    def row(self):
        shown = f"{max(self.values):.4g} {self.unit}"
        if self.limit is None:
            shown = _shown(self.values, self.unit)
        elif len(self.values) > 1:
            shown += f" (median {statistics.median(self.values):.4g})"
        target = "" if self.limit is None else f"≤ {self.limit:g} {self.unit}"
        return [self.name, "", shown, "", target]

    def as_json(self):
        return {
            "name": self.name,
            "unit": self.unit,
            "values": _spread(self.values),
            "limit": self.limit,
            "passed": self.passed,
            "note": self.note,
        }


def table(results, peer="supervisord"):
    rows = [["", peer, "gRPC OS", "ratio", "target", ""]]
    for result in results:
        verdict = {True: "PASS", False: "FAIL", None: ""}[result.passed]
        rows.append([*result.row(), verdict])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(lines)
