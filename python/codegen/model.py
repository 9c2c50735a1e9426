"""The protos as the Python that is made of them sees them: names, types, how a field is read and written."""

from __future__ import annotations

import re

import friendly
from comments import CONVENTIONAL, Protos
from google.protobuf import descriptor_pb2

PACKAGE = "grpc_os.v1"
_TIME, DURATION = ".google.protobuf.Timestamp", ".google.protobuf.Duration"

Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    Field.TYPE_STRING: ("str", '""'),
    Field.TYPE_BYTES: ("bytes", 'b""'),
    Field.TYPE_BOOL: ("bool", "False"),
    Field.TYPE_DOUBLE: ("float", "0.0"),
    Field.TYPE_FLOAT: ("float", "0.0"),
}
_INTEGER = ("int", "0")


class Unfit(Exception):
    """What cannot be written as the protos and friendly.py have it."""


class Model:
    """The protos, and what their elements are in Python."""

    def __init__(self, descriptors: descriptor_pb2.FileDescriptorSet) -> None:
        files = [file for file in descriptors.file if file.package == PACKAGE]
        self.protos = Protos(files)
        self.modules: dict[str, str] = {}  # by the message or enum of the file's top
        for file in files:
            module = file.name.rpartition("/")[2].removesuffix(".proto") + "_pb2"
            names = [*(each.name for each in file.message_type), *(each.name for each in file.enum_type)]
            self.modules |= {name: module for name in [*names, *(each.name for each in file.service)]}
        mutation = next(each.number for file in files for each in file.extension if each.name == "mutation")
        # A set bool with this number. Who parsed the descriptors may know its class, or not.
        self._mutation = _varint(mutation << 3) + b"\x01"
        self.wanted: list[str] = []
        self.literals: dict[str, list[str]] = {}
        for name in friendly.ROOTS:
            self.want(name)
        calls = [method.name for _, method in self.calls()]
        self._spoken = {name: f"`{self.python_name(name)}`" for name in calls if re.match("[A-Z][a-z]+[A-Z]", name)}
        reasons = self.protos.enums[f"{PACKAGE}.ErrorReason"]
        words = {word for enum in self.protos.enums.values() if enum is not reasons for word in self._words_of(enum)} - friendly.NOT_WORDS
        # Of those that are reasons, too, a state is meant where it says so.
        states = "|".join(sorted(words - set(self._words_of(reasons)), key=len, reverse=True))
        self._word = re.compile(rf"(?<![\w`\"/=])(?:{states}|(?<=state ){'|(?<=state )'.join(words)})(?![\w`\"=])")
        self._check_table(set(calls))

    def _check_table(self, calls: set[str]) -> None:
        """What friendly.py names is there."""
        fields = {f"{short_name(name)}.{field.name}" for name, message in self.protos.messages.items() for field in message.field}
        messages = {short_name(name) for name in self.protos.messages}
        names = {name.rpartition(".")[2] for name in fields}
        for table, known in (
            ("ALIASES GIVEN METHOD_DOCS METHOD_NAMES SIGNATURES WAITS WHOLE_LISTS WRITTEN_METHODS", calls),
            ("CLASS_DOCS CLASS_NAMES FLATTENED PROPERTIES REPR ROOTS SENT STR VALUES WRITTEN_CLASSES", messages),
            ("ALWAYS_SET CONVERTED CONVERTED_DOCS FIELD_DOCS KNOWN_WITH NOT_ALWAYS_SET NOT_ANSWERED NOT_ASKED", fields | names),
            ("SECRETS UNSET_WORDS ZEROS", fields | names),
            ("PARAMETER_NAMES", names),
        ):
            for name in table.split():
                if unknown := set(getattr(friendly, name)) - known:
                    raise Unfit(f"{name} of friendly.py has {', '.join(sorted(unknown))}, and the protos do not")
        if unknown := {text for text in friendly.SPOKEN if not any(text in said for said in self.protos.comments.values())}:
            raise Unfit(f"SPOKEN of friendly.py has {', '.join(sorted(unknown))}, and the protos do not")

    def calls(self) -> list[tuple[str, descriptor_pb2.MethodDescriptorProto]]:
        """The service's full name and the method."""
        services = sorted(self.protos.services, key=lambda each: each[0])
        return [(name, method) for name, service in services for method in service.method]

    def python_name(self, method: str) -> str:
        known = friendly.WRITTEN_METHODS.get(method) or friendly.METHOD_NAMES.get(method)
        return known or re.sub("(?<!^)(?=[A-Z])", "_", method).lower()

    def changes(self, method: descriptor_pb2.MethodDescriptorProto) -> bool:
        return self._mutation in method.options.SerializeToString()

    def message(self, short: str) -> descriptor_pb2.DescriptorProto:
        return self.protos.messages[f"{PACKAGE}.{short}"]

    def field(self, short: str, path: str) -> tuple[str, Field]:
        """The message that has the last field of a path, and that field."""
        first, _, rest = path.partition(".")
        found = [field for field in self.message(short).field if field.name == first]
        if not found:
            raise Unfit(f"{short} has no field {first}")
        return self.field(short_name(found[0].type_name), rest) if rest else (short, found[0])

    def protobuf(self, short: str) -> str:
        """The class of the message or enum."""
        return f"{self.modules[short.partition('.')[0]]}.{short}"

    def want(self, short: str) -> str:
        """The name of the class that a message has here."""
        if short not in self.wanted and short not in friendly.WRITTEN_CLASSES:
            self.wanted.append(short)
        return class_name(short)

    def words(self, enum: str) -> tuple[str, list[str]]:
        """The prefix of the values of an enum, and what they are without it, from the second on."""
        values = [value.name for value in self.protos.enums[f"{PACKAGE}.{enum}"].value]
        prefix = values[0].removesuffix("UNSPECIFIED")
        if prefix == values[0] or not all(value.startswith(prefix) for value in values):
            raise Unfit(f"the values of {enum} do not begin with the same word, or the first is not unspecified")
        return prefix, [value.removeprefix(prefix).lower() for value in values[1:]]

    @staticmethod
    def _words_of(enum: descriptor_pb2.EnumDescriptorProto) -> list[str]:
        """As comments say them."""
        prefix = enum.value[0].name.removesuffix("UNSPECIFIED")
        return [value.name.removeprefix(prefix) for value in enum.value[1:]]

    def comment(self, *names: str) -> str:
        """Of an element; methods, parameters and words are called as they are in Python."""
        text = self.protos.comments[".".join((PACKAGE, *names))]
        for there, here in friendly.SPOKEN.items():
            text = text.replace(there, here)
        # Not in what a method of HTTP/2 is called: grpc_os.v1.ProcessService/StartProcess.
        text = re.sub(r"(?<!/)\b[A-Z][a-z]+[A-Z]\w+\b", lambda name: self._spoken.get(name[0], name[0]), text)
        said, errors, reasons = text.replace("``", "`").partition("Errors: ")
        return self._word.sub(lambda word: f'"{word[0].lower()}"', said) + errors + reasons

    def field_comment(self, short: str, field: Field) -> str:
        if said := friendly.FIELD_DOCS.get(f"{short}.{field.name}"):
            return said
        if field.name == "request_id" or not self.comment(short, field.name):
            return CONVENTIONAL.get(field.name, "")
        return self.comment(short, field.name)

    # ---- From a message ----------------------------------------------------------------------------------------------

    def entry(self, field: Field) -> list[Field] | None:
        """The key and value of a map."""
        message = self.protos.messages.get(field.type_name[1:])
        return list(message.field) if message is not None and message.options.map_entry else None

    def _element(self, field: Field) -> tuple[str, str]:
        """The type of one value, and how to get it from {}."""
        if field.type == Field.TYPE_ENUM:
            enum = short_name(field.type_name)
            return "str", f'word_of({self.protobuf(enum)}, {{}}, "{self.words(enum)[0]}")'
        if field.type != Field.TYPE_MESSAGE:
            return _SCALARS.get(field.type, _INTEGER)[0], "{}"
        if field.type_name == _TIME:
            return "datetime.datetime", "to_time({})"
        if field.type_name == DURATION:
            return "float", "to_seconds({})"
        short = short_name(field.type_name)
        name = self.want(short)
        return name, f"{name}.from_proto({{}})" if is_value(short) else f"{name}({{}})"

    def read(self, short: str, path: str, base: str) -> tuple[str, str]:
        """The type of a field, and the expression that gives it."""
        owner, field = self.field(short, path)
        holder = ".".join([base, *path.split(".")[:-1]])
        at, name = f"{holder}.{field.name}", f"{owner}.{field.name}"
        if entry := self.entry(field):
            (key, _), (value, get) = self._element(entry[0]), self._element(entry[1])
            pairs = f"dict({at})" if get == "{}" else f"{{key: {get.format('value')} for key, value in {at}.items()}}"
            return f"dict[{key}, {value}]", pairs
        kind, get = self._element(field)
        if field.label == Field.LABEL_REPEATED:
            return f"list[{kind}]", f"list({at})" if get == "{}" else f"[{get.format('each')} for each in {at}]"
        known_with = friendly.KNOWN_WITH.get(name) or (field.name if has_presence(field) and not is_always_set(name) else None)
        if known_with:
            return f"{kind} | None", f'{get.format(at)} if {holder}.HasField("{known_with}") else None'
        if name in friendly.UNSET_WORDS:
            return f"{kind} | None", f"{get.format(at)} if {at} else None"
        zero = friendly.ZEROS.get(name)
        return kind, get.format(at) + (f" or {zero}" if zero else "")

    # ---- Into a message ----------------------------------------------------------------------------------------------

    def write(self, short: str, field: Field, name: str) -> tuple[str, str, str]:
        """What is taken for a field as `name`: the type, the default, and the field's value. None is as if not given."""
        if f"{short}.{field.name}" in friendly.CONVERTED:
            kind, value = friendly.CONVERTED[f"{short}.{field.name}"]
            return kind, '""', value.format(name)
        if entry := self.entry(field):
            key, value = (self._element(each)[0] for each in entry)
            return f"typing.Mapping[{key}, {value}] | None", "None", name
        if field.label == Field.LABEL_REPEATED:
            kind, _, value = self._write_one(field, "each")
            kind = kind.removesuffix(" | None")
            if value == "each":
                said = name.removeprefix("self.")
                return f"typing.Sequence[{kind}]", "()", f'several("{said}", {name})' if kind == "str" else name
            return f"typing.Iterable[{kind}]", "()", f"[{value} for each in {name}]"
        kind, default, value = self._write_one(field, name)
        if field.proto3_optional:
            return f"{kind} | None", "None", value
        if value != name and kind.endswith(" | None"):
            value = f"None if {name} is None else {value}"
        return kind, default, value

    def _write_one(self, field: Field, name: str) -> tuple[str, str, str]:
        if field.type == Field.TYPE_ENUM:
            enum = short_name(field.type_name)
            prefix, words = self.words(enum)
            literal = enum.rpartition(".")[2]
            if self.literals.setdefault(literal, words) != words:
                raise Unfit(f"two enums are called {literal}")
            return f"{literal} | None", "None", f'value_of("{name}", {name}, {literal}, "{prefix}")'
        if field.type != Field.TYPE_MESSAGE:
            return (*_SCALARS.get(field.type, _INTEGER), name)
        if field.type_name == _TIME:
            return "datetime.datetime | None", "None", f'to_timestamp("{name}", {name})'
        if field.type_name == DURATION:
            return "float | None", "None", f"to_duration({name})"
        short = short_name(field.type_name)
        if is_value(short):
            return f"{self.want(short)} | None", "None", f"{name}.to_proto()"
        return f"{self.protobuf(short)} | None", "None", name


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + _varint(number >> 7) if number > 0x7F else bytes([number])


def short_name(name: str) -> str:
    return name.removeprefix(".").removeprefix(PACKAGE + ".")


def class_name(short: str) -> str:
    named = friendly.WRITTEN_CLASSES.get(short) or friendly.CLASS_NAMES.get(short)
    return named or short.rpartition(".")[2]


def is_value(short: str) -> bool:
    return short in friendly.VALUES or short in friendly.WRITTEN_CLASSES


def has_presence(field: Field) -> bool:
    return field.type == Field.TYPE_MESSAGE or field.proto3_optional


def is_always_set(name: str) -> bool:
    always = name in friendly.ALWAYS_SET or name.rpartition(".")[2] in friendly.ALWAYS_SET
    return always and name not in friendly.NOT_ALWAYS_SET
