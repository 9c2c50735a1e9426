#!/usr/bin/env python3
"""Writes docs/API.md from the comments of protos/grpc_os/v1: build/venv/bin/python scripts/generate_api_reference.py"""

import pathlib
import re
import subprocess
import sys
import tempfile

import error_reasons

REPOSITORY = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / "python"), str(REPOSITORY / "python/codegen")]

from comments import Protos  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402
from grpc_os.v1 import options_pb2  # noqa: E402

HEAD = REPOSITORY / "scripts/api_reference_head.md"
PAGE = REPOSITORY / "docs/API.md"

# Limits that the page names, as `@name@`, from where they are enforced.
CONSTANTS = ["src/transport/budgets.h", "src/base/limits.h"]
_CONSTANT = re.compile(r"^ *(?:inline constexpr )?(?:int|int64_t|uint32_t|uint64_t|size_t) (\w+)\s*=\s*([^;]+);", re.MULTILINE)

# What is refused before a handler sees it: the code, and no ErrorInfo.
TRANSPORT_ERRORS = [
    ("UNAVAILABLE", "Nothing listens, or the connection was lost; whether the call was carried out is not known."),
    ("RESOURCE_EXHAUSTED", "A message is over @message_bytes@, or metadata over @header_bytes@; or the user holds too much that waits."),
    ("UNIMPLEMENTED", "With an empty message: there is no such method. Else: the request is compressed otherwise than by gzip."),
    ("DEADLINE_EXCEEDED", "The client saw the deadline pass before the daemon's own answer came."),
    ("CANCELLED", "The client gave up the call."),
]

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in _Field.Type.items()
    if name not in ("TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP")
}


def read_protos(directory=REPOSITORY / "protos"):
    names = sorted(str(path.relative_to(directory)) for path in directory.glob("grpc_os/v1/*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        command = ["protoc", f"-I{directory}", "--include_source_info", f"--descriptor_set_out={out.name}", *names]
        subprocess.run(command, check=True)
        return Protos(descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes()).file)


def constants():
    """What is enforced, by the name in C++, as the page writes it."""
    said = {}
    for path in CONSTANTS:
        for name, text in _CONSTANT.findall((REPOSITORY / path).read_text()):
            plain = re.sub(r"\w+\{(\d+)\}", r"\1", text.replace("'", ""))
            if number := re.fullmatch(r"(\d+)(?:\s*<<\s*(\d+))?", plain.strip()):
                said[name] = _quantity(name, int(number[1]) << int(number[2] or 0))
    return said


def _quantity(name, value):
    if name.endswith("_ms") or name.endswith("Ms"):
        return f"{value // 60_000} minutes" if value > 60_000 and value % 60_000 == 0 else f"{value / 1000:g} s"
    if "bytes" in name.lower():
        return next((f"{value // size} {unit}" for size, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")) if value % size == 0), f"{value} bytes")
    return f"{value:,}"


def _with_constants(text):
    """A name that is none is an error of the page."""
    known = constants()
    return re.sub(r"@(\w+)@", lambda name: known[name[1]], text)


def _text(comment):
    """For Markdown: what is not code must not look like HTML."""
    parts = re.split(r"(`[^`]*`)", comment)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;").replace("*", "\\*") for part in parts)


def _cell(comment):
    return _text(comment).replace("\n\n", " ").replace("|", "\\|")


def _anchor(name):
    return name.lower().replace(".", "")


def _short(name):
    return name.removeprefix(".").removeprefix("grpc_os.v1.")


class Page:
    def __init__(self, protos):
        self._protos = protos
        self._lines = []

    def write(self):
        self._lines = [_with_constants(HEAD.read_text().rstrip()), ""]
        self._errors()
        named = self._services()
        self._messages(named)
        return "\n".join(self._lines).rstrip() + "\n"

    def _table(self, *columns):
        self._lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]

    def _errors(self):
        self._lines += [
            "## Errors",
            "",
            "Every error that the daemon makes carries a `google.rpc.ErrorInfo` with the domain `grpc-os`, one of these reasons, and the variable parts of its message as "
            "metadata; `BadRequest` names each wrong field, `RetryInfo` says when to come again. A call that ends with LIMIT_REACHED and a `RetryInfo` was not carried out, so any call may then be repeated. Act on reasons and codes: messages are for people and change.",
            "",
        ]
        self._table("reason", "code", "when")
        for reason in error_reasons.read(error_reasons.PROTO.read_text()):
            self._lines.append(f"| `{reason.name}` | {reason.code} | {_cell(reason.text[0].upper() + reason.text[1:])} |")
        self._lines += ["", "The transport's own errors carry none:", ""]
        self._table("code", "when")
        self._lines += [f"| {code} | {_cell(_with_constants(when))} |" for code, when in TRANSPORT_ERRORS]
        self._lines.append("")

    def _services(self):
        """Gives the full names of the messages that have a section of their own."""
        named = []
        for name, service in self._protos.services:
            self._lines += [f"## {service.name}", "", _text(self._protos.comments[name]), ""]
            self._table("method", "permission", "")
            for method in service.method:
                self._lines.append(f"| [{method.name}](#{_anchor(method.name)}) | `{_permission(method)}` | {_kind(method)} |")
            self._lines.append("")
            for method in service.method:
                named += self._method(name, method)
        return named

    def _method(self, service, method):
        what, _, errors = self._protos.comments[f"{service}.{method.name}"].partition("Errors: ")
        self._lines += [f"### {method.name}", ""]
        facts = f"`{service}/{method.name}` · permission `{_permission(method)}`" + (f" · {_kind(method)}" if _kind(method) else "")
        self._lines += [facts, ""]
        self._lines += [_text(what.strip()), ""] if what.strip() else []
        self._lines += [f"Errors: {_text(errors)}", ""] if errors else []
        request = self._protos.messages[method.input_type[1:]]
        said = self._protos.comments[method.input_type[1:]] or ("" if request.field else "Empty.")
        self._lines += [f"Request: {_text(said)}".rstrip(), ""]
        self._fields(method.input_type[1:])
        answer = method.output_type[1:]
        streamed = "a stream of " if method.server_streaming else ""
        if not _short(answer).endswith("Response") or self._protos.comments[answer]:
            self._lines += [f"Answer: {streamed}{self._link(answer)}.", ""]
            return [answer]
        if not self._protos.messages[answer].field:
            self._lines += ["Answer: Empty.", ""]
            return []
        self._lines += [f"Answer: {streamed}`{_short(answer)}`:" if streamed else "Answer:", ""]
        self._fields(answer)
        return []

    def _fields(self, name):
        fields = self._protos.messages[name].field
        if not fields:
            return
        self._table("field", "type", "")
        for field in fields:
            self._lines.append(f"| `{field.name}` | {self._type(field)} | {_cell(self._protos.comment_of_field(name, field))} |")
        self._lines.append("")

    def _type(self, field):
        repeated = field.label == _Field.LABEL_REPEATED
        if field.type not in (_Field.TYPE_MESSAGE, _Field.TYPE_ENUM):
            return f"{'repeated ' if repeated else ''}{_SCALARS[field.type]}"
        entry = self._protos.messages.get(field.type_name[1:])
        if entry is not None and entry.options.map_entry:
            return f"map&lt;{', '.join(self._type(part) for part in entry.field)}>"
        return f"{'repeated ' if repeated else ''}{self._link(field.type_name[1:])}"

    def _link(self, name):
        if name in self._protos.messages or name in self._protos.enums:
            return f"[{_short(name)}](#{_anchor(_short(name))})"
        return name.rpartition(".")[2]

    def _messages(self, named):
        """Those named, and what they and the requests are made of, in the order of their names."""
        wanted, seen = list(named), set(named)
        for _, service in self._protos.services:
            wanted += [t[1:] for method in service.method for t in (method.input_type, method.output_type)]
        sections = set(named)
        while wanted:
            for field in self._protos.messages[wanted.pop()].field:
                type_name = field.type_name[1:]
                if type_name in self._protos.messages and type_name not in seen:
                    seen.add(type_name)
                    wanted.append(type_name)
                    if not self._protos.messages[type_name].options.map_entry:
                        sections.add(type_name)
                elif type_name in self._protos.enums:
                    sections.add(type_name)
        self._lines += ["## Messages", ""]
        for name in sorted(sections, key=_short):
            self._lines += [f"### {_short(name)}", ""]
            if self._protos.comments[name]:
                self._lines += [_text(self._protos.comments[name]), ""]
            if name in self._protos.messages:
                self._fields(name)
                continue
            self._table("value", "")
            for value in self._protos.enums[name].value:
                if value.number:
                    self._lines.append(f"| `{value.name}` | {_cell(self._protos.comments[f'{name}.{value.name}'])} |")
            self._lines.append("")


def _permission(method):
    return method.options.Extensions[options_pb2.permission]


def _kind(method):
    kinds = ["changes something"] if method.options.Extensions[options_pb2.mutation] else []
    return ", ".join(kinds + (["stream"] if method.server_streaming else []))


if __name__ == "__main__":
    PAGE.write_text(Page(read_protos()).write())
