"""What the protos say about themselves, by their descriptors with source info."""

from __future__ import annotations

import re
import typing

from google.protobuf import descriptor_pb2

_Said = dict[tuple[int, ...], str]

# Fields that mean the same wherever they are, and what they say where the proto does not say more.
CONVENTIONAL = {
    "page_size": "0: 100; at most 1000.",
    "page_token": "Empty: from the start. Otherwise `next_page_token` of the page before.",
    "next_page_token": "Empty on the last page.",
    "etag": "Empty, or the one that must still be in force.",
    "request_id": "Makes a repeat harmless; see Conventions.",
}


class Protos:
    """The files, and the comment of each element by its full name."""

    def __init__(self, files: typing.Iterable[descriptor_pb2.FileDescriptorProto]) -> None:
        self.files = list(files)
        self.comments: dict[str, str] = {}
        self.messages: dict[str, descriptor_pb2.DescriptorProto] = {}  # by full name; those nested and those of maps too
        self.enums: dict[str, descriptor_pb2.EnumDescriptorProto] = {}
        for file in self.files:
            said = {tuple(at.path): _one_line(at.leading_comments or at.trailing_comments) for at in file.source_code_info.location}
            for index, message in enumerate(file.message_type):
                self._take_message(said, (4, index), file.package, message)
            for index, enum in enumerate(file.enum_type):
                self._take_enum(said, (5, index), file.package, enum)
            for index, service in enumerate(file.service):
                name = f"{file.package}.{service.name}"
                self.comments[name] = said.get((6, index), "")
                for number, method in enumerate(service.method):
                    self.comments[f"{name}.{method.name}"] = said.get((6, index, 2, number), "")

    def _take_message(self, said: _Said, path: tuple[int, ...], scope: str, message: descriptor_pb2.DescriptorProto) -> None:
        name = f"{scope}.{message.name}"
        self.messages[name] = message
        self.comments[name] = said.get(path, "")
        for index, field in enumerate(message.field):
            self.comments[f"{name}.{field.name}"] = said.get((*path, 2, index), "")
        for index, nested in enumerate(message.nested_type):
            self._take_message(said, (*path, 3, index), name, nested)
        for index, enum in enumerate(message.enum_type):
            self._take_enum(said, (*path, 4, index), name, enum)

    def _take_enum(self, said: _Said, path: tuple[int, ...], scope: str, enum: descriptor_pb2.EnumDescriptorProto) -> None:
        name = f"{scope}.{enum.name}"
        self.enums[name] = enum
        self.comments[name] = said.get(path, "")
        for index, value in enumerate(enum.value):
            self.comments[f"{name}.{value.name}"] = said.get((*path, 2, index), "")

    @property
    def services(self) -> list[tuple[str, descriptor_pb2.ServiceDescriptorProto]]:
        """(full name, service), the way to them first."""
        found = [(f"{file.package}.{service.name}", service) for file in self.files for service in file.service]
        order = ["AuthService", "ProcessService", "EventService", "SystemService"]
        return sorted(found, key=lambda pair: (order.index(pair[1].name) if pair[1].name in order else len(order), pair[0]))

    def comment_of_field(self, message: str, field: descriptor_pb2.FieldDescriptorProto) -> str:
        return self.comments[f"{message}.{field.name}"] or CONVENTIONAL.get(field.name, "")

    def without_comment(self) -> list[str]:
        """The services, methods, fields and reasons that say nothing about themselves."""
        silent = []
        for name, service in self.services:
            silent += [name] if not self.comments[name] else []
            silent += [f"{name}.{m.name}" for m in service.method if not self.comments[f"{name}.{m.name}"]]
        for name, message in self.messages.items():
            if not message.options.map_entry:
                silent += [f"{name}.{f.name}" for f in message.field if not self.comment_of_field(name, f)]
        reasons = self.enums["grpc_os.v1.ErrorReason"].value
        silent += [v.name for v in reasons if v.number and not self.comments[f"grpc_os.v1.ErrorReason.{v.name}"]]
        return silent


def _one_line(comment: str) -> str:
    """A comment's paragraphs, each one line, with an empty line between."""
    paragraphs = re.split(r"\n\s*\n", comment.strip())
    return "\n\n".join(" ".join(line.strip() for line in paragraph.splitlines()) for paragraph in paragraphs)
