#!/usr/bin/env python3
"""Reads the table of error reasons, protos/grpc_os/v1/errors.proto; run as a program, writes it as a Python module."""

import dataclasses
import pathlib
import re
import sys

PROTO = pathlib.Path(__file__).parents[1] / "protos/grpc_os/v1/errors.proto"

CODES = (
    "CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED "
    "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split()


@dataclasses.dataclass(frozen=True)
class Reason:
    name: str  # without the prefix
    number: int
    code: str
    text: str  # one line


def read(proto: str) -> list[Reason]:
    """All but UNSPECIFIED. ValueError if a comment does not begin with a status code and a colon."""
    reasons, comment = [], []
    for line in proto.partition("enum ErrorReason {")[2].splitlines():
        line = line.strip()
        if line.startswith("//"):
            comment.append(line.removeprefix("//").strip())
        elif match := re.fullmatch(r"ERROR_REASON_(\w+) = (\d+);", line):
            name, number, said = match[1], int(match[2]), " ".join(comment)
            comment = []
            if name == "UNSPECIFIED":
                continue
            code, _, text = said.partition(": ")
            if code not in CODES or not text:
                raise ValueError(f"the comment of ERROR_REASON_{name} should begin 'NOT_FOUND: …' or such, and is {said!r}")
            reasons.append(Reason(name, number, code, text))
    return reasons


def module(reasons: list[Reason]) -> str:
    lines = [
        '"""Generated from protos/grpc_os/v1/errors.proto by scripts/generate_protos.sh."""',
        "",
        "import enum",
        "",
        "import grpc",
        "",
        "",
        "class ErrorReason(enum.StrEnum):",
        '    """Why a call was refused, as ErrorInfo names it."""',
        "",
    ]
    for reason in reasons:
        lines += [f'    {reason.name} = "{reason.name}"', f'    """{reason.code}: {reason.text}"""']
    lines += ["", "", "CODE_OF_REASON = {"]
    lines += [f"    ErrorReason.{reason.name}: grpc.StatusCode.{reason.code}," for reason in reasons]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    sys.stdout.write(module(read(PROTO.read_text())))
