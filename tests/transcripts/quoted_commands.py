"""The commands that stand between backticks: in the messages of the programs, in their help, and in the documentation."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
_LITERAL = re.compile(r'R"(\w*)\((?P<raw>.*?)\)\1"|"(?P<text>(?:[^"\\\n]|\\.)*)"|\'(?:[^\'\\\n]|\\.)+\'', re.S)
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\')|//[^\n]*|/\*.*?\*/', re.S)
# What only puts the parts of a sentence together; anything else between two of them is a value: a name.
_GLUE = re.compile(r"absl::|std::string|std::|session_?\.|session_?->|StrCat|StrAppend|Typed|\W")
NAME = "X"


def _unescaped(text):
    return text.encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")


def of_sources():
    """(place, words between backticks) of the string literals; what is computed stands there as NAME."""
    for path in sorted((ROOT / "src").rglob("*.cc")) + sorted((ROOT / "src").rglob("*.h")):
        if path.name.endswith("_test.cc") or path.name.startswith("fake_") or "testing" in path.parts:
            continue
        source = _COMMENT.sub(lambda match: match[1] or " ", path.read_text())
        for statement in _statements(source):
            for span in _spans(statement):
                yield str(path.relative_to(ROOT)), span


def _statements(source):
    """Lists of (code before it, literal) between one semicolon and the next."""
    parts, end = [], 0
    for match in _LITERAL.finditer(source):
        code = source[end : match.start()]
        if ";" in code:
            yield parts
            parts = []
        end = match.end()
        if match["raw"] is not None or match["text"] is not None:
            parts.append((code, match["raw"] if match["raw"] is not None else _unescaped(match["text"])))
    yield parts


def _spans(parts):
    span = None
    for code, text in parts:
        if span is not None:
            if "?" in code or ":" in code.replace("::", ""):
                span = None if "`" not in text else span + NAME  # one of two: seen as its parts only
            elif _GLUE.sub("", code):
                span += NAME
        pieces = text.split("`")
        for number, piece in enumerate(pieces):
            if span is not None:
                span += piece
            if number + 1 < len(pieces):
                if span is not None:
                    yield span
                    span = None
                else:
                    span = ""


def of_documents():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text()
        for block in re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.S | re.M):
            for line in block.splitlines():
                yield str(path.relative_to(ROOT)), line.removeprefix("$ ")
        for span in re.findall(r"`+([^`\n]+)`+", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)):
            yield str(path.relative_to(ROOT)), span
