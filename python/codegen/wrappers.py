"""Writes resources.py, a class for each message that the API answers with, and methods.py, a method for each call, with the
comments of the protos as their docstrings. friendly.py says where they differ from what is derived here."""

from __future__ import annotations

import ast
import dataclasses
import keyword
import re
import textwrap
import typing

import friendly
from comments import CONVENTIONAL
from google.protobuf import descriptor_pb2
from model import DURATION, PACKAGE, Field, Model, Unfit, class_name, has_presence, is_always_set, is_value, short_name

_WIDTH = 116

_HEAD = '''"""Generated from protos/grpc_os/v1 by python/codegen/wrappers.py: {what}."""

from __future__ import annotations

{imports}
'''


def modules(descriptors: descriptor_pb2.FileDescriptorSet) -> list[tuple[str, str]]:
    """The name and text of each."""
    model = Model(descriptors)
    methods = _methods(model)
    return [("resources.py", _resources(model)), ("methods.py", methods)]


def method_names(descriptors: descriptor_pb2.FileDescriptorSet) -> dict[str, str]:
    """By the full name of the call, what the client has for it."""
    model = Model(descriptors)
    return {f"{name}.{method.name}": model.python_name(method.name) for name, method in model.calls()}


def _once(names: typing.Iterable[str], where: str) -> None:
    """Python itself would take the last one, silently."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Unfit(f"{where} has {name} twice")
        if keyword.iskeyword(name):
            raise Unfit(f"{where} has {name}, a word of Python's own")
        seen.add(name)


def _docstring(text: str, indentation: int, arguments: typing.Sequence[str] = (), returned: str = "") -> str:
    """The lines of a docstring, its paragraphs wrapped."""
    wrapper = textwrap.TextWrapper(_WIDTH - indentation, break_long_words=False, break_on_hyphens=False)
    paragraphs = [wrapper.fill(each) for each in text.split("\n\n") if each]
    wrapper.initial_indent, wrapper.subsequent_indent = "    ", "        "
    for title, said in ("Args:", arguments), ("Returns:", [returned] if returned else []):
        if said:
            paragraphs.append("\n".join([title, *(wrapper.fill(" ".join(each.split())) for each in said)]))
    said = "\n\n".join(paragraphs).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if said.startswith('"'):
        said = "\\" + said
    closing = '"""'
    if "\n" in said:
        closing = '\n"""'
    elif said.endswith('"'):
        said = said[:-1] + '\\"'
    return textwrap.indent(f'"""{said}{closing}\n', " " * indentation, lambda line: bool(line.strip()))


def _import(module: str, names: typing.Sequence[str]) -> str:
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _helpers(body: str) -> list[str]:
    """Of values.py, those that are used."""
    return [name for name in ("several", "to_duration", "to_seconds", "to_time", "to_timestamp", "value_of", "word_of") if f"{name}(" in body]


# ---- Classes -----------------------------------------------------------------------------------------------------------


def _resources(model: Model) -> str:
    texts = {}
    # What one is made of is wanted, too.
    for short in model.wanted:
        texts[short] = _value(model, short) if short in friendly.VALUES else _view(model, short)
    names = [class_name(short) for short in texts]
    _once([*names, *friendly.WRITTEN_CLASSES.values(), *model.literals], "resources.py")
    body = "".join(texts[short] for short in sorted(texts, key=class_name))
    for name, words in sorted(model.literals.items()):
        body += f"\n{name} = typing.Literal[{', '.join(repr(word) for word in words)}]\n".replace("'", '"')
    protobuf = sorted(set(re.findall(r"\b\w+_pb2\b", body)))
    imports = [
        "import dataclasses",
        "import datetime",
        "import typing",
        "",
        _import(PACKAGE, protobuf),
        _import("grpc_os.values", ["Resource", *sorted(friendly.WRITTEN_CLASSES.values()), *_helpers(body)]),
    ]
    return _HEAD.format(what="what the API speaks of", imports="\n".join(imports)) + body


def _class_doc(model: Model, short: str) -> str:
    return _docstring(friendly.CLASS_DOCS.get(short) or model.comment(short) or f"{PACKAGE}.{short}.", 4)


def _properties(model: Model, short: str) -> list[tuple[str, str]]:
    """Name and path of each."""
    paths = []
    flattened = friendly.FLATTENED.get(short, [])
    for field in model.message(short).field:
        inner = model.message(short_name(field.type_name)).field if field.name in flattened else []
        paths += [f"{field.name}.{each.name}" for each in inner] or [field.name]
    named = friendly.PROPERTIES.get(short, {})
    paths = [path for path in paths if path not in named.values() and f"{short}.{path}" not in friendly.NOT_ANSWERED]
    found = [(path.rpartition(".")[2], path) for path in paths] + list(named.items())
    _once((name for name, _ in found), short)
    first = {field.name: number for number, field in enumerate(model.message(short).field)}
    return sorted(found, key=lambda each: first[each[1].partition(".")[0]])


def _property_doc(model: Model, short: str, path: str) -> str:
    owner, field = model.field(short, path)
    said = model.field_comment(owner, field)
    if field.type == Field.TYPE_ENUM:
        said += f" One of {', '.join(model.words(short_name(field.type_name))[1])}."
    return said + (" In seconds." if field.type_name == DURATION else "")


def _said_of_none(said: str, kind: str) -> str:
    """A field that is not set is None."""
    if not kind.endswith(" | None"):
        return said
    as_none = re.sub(r"\b[Uu]nset\b|\bnot set\b", "None", said)
    return as_none if as_none != said else f"{said} None where it is not set."


def _spoken_text(short: str, names: typing.Sequence[str] = ()) -> str:
    """What str() and repr() say; by default the first of `names`."""
    text = ""
    if said := friendly.STR.get(short):
        text += f'\n    def __str__(self) -> str:\n        return f"{said}"\n'
        text += "\n    def __eq__(self, other: object) -> bool:\n"
        text += "        return str(self) == other if isinstance(other, str) else super().__eq__(other)\n"
        text += "\n    def __hash__(self) -> int:\n        return hash(str(self))\n"
    if said := friendly.REPR.get(short) or "".join(f"{{self.{name}!r}}" for name in names[:1]):
        text += f'\n    def __repr__(self) -> str:\n        return f"<{class_name(short)} {said}>"\n'
    return text


def _view(model: Model, short: str) -> str:
    text = f"\n\nclass {class_name(short)}(Resource[{model.protobuf(short)}]):\n" + _class_doc(model, short)
    properties = _properties(model, short)
    for name, path in properties:
        kind, value = model.read(short, path, "self.proto")
        text += f"\n    @property\n    def {name}(self) -> {kind}:\n"
        text += _docstring(_said_of_none(_property_doc(model, short, path), kind), 8) + f"        return {value}\n"
    return text + _spoken_text(short, [name for name, _ in properties if name in ("name", "id")])


def _value(model: Model, short: str) -> str:
    required = friendly.VALUES[short]
    properties = sorted(_properties(model, short), key=lambda each: (required.index(each[0]) if each[0] in required else len(required)))
    fields, read, written = "", "", ""
    for name, path in properties:
        field = model.field(short, path)[1]
        full_name = f"{short}.{path}"
        kind, default, value = model.write(short, field, f"self.{name}")
        kind = kind.replace("typing.Iterable", "typing.Sequence")
        if field.type == Field.TYPE_ENUM:
            kind, default = "str", '""'
            prefix = model.words(short_name(field.type_name))[0]
            model.literals.pop(short_name(field.type_name).rpartition(".")[2], None)
            value = f'f"{prefix}{{self.{name}.upper()}}"'
        if has_presence(field) and is_always_set(full_name):
            kind = kind.removesuffix(" | None")
        default = friendly.ZEROS.get(full_name, default)
        if full_name in friendly.SECRETS:
            default = f"dataclasses.field(default={default}, repr=False)"
        fields += f"    {name}: {kind}" + (f" = {default}\n" if name not in required else "\n")
        fields += _docstring(_property_doc(model, short, path), 4)
        read += f"            {name}={model.read(short, path, 'proto')[1]},\n"
        if full_name not in friendly.NOT_ASKED:
            written += f"            {path}={value},\n"
    name, protobuf = class_name(short), model.protobuf(short)
    return (
        f"\n\n@dataclasses.dataclass(frozen=True)\nclass {name}:\n{_class_doc(model, short)}\n{fields}\n"
        f"    @classmethod\n    def from_proto(cls, proto: {protobuf}) -> {name}:\n        return cls(\n{read}        )\n"
        + (f"\n    def to_proto(self) -> {protobuf}:\n        return {protobuf}(\n{written}        )\n" if short in friendly.SENT else "")
        + _spoken_text(short)
    )


# ---- Methods -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class _Parameter:
    name: str
    path: str
    kind: str
    default: str | None
    value: str
    doc: str
    by_place: bool

    @property
    def text(self) -> str:
        return f"{self.name}: {self.kind}" + ("" if self.default is None else f" = {self.default}")


def _methods(model: Model) -> str:
    body, services = "", []
    for name, service in sorted(model.protos.services, key=lambda each: each[0]):
        short = short_name(name)
        services.append(f"{short}Methods")
        module = model.modules[short]
        texts = [_method(model, short, method) for method in service.method if method.name not in friendly.WRITTEN_METHODS]
        body += f"\n\n_{short} = {module}_grpc.{short}Stub\n\n\nclass {short}Methods(Calls):\n"
        body += _docstring(model.comment(short), 4) + "".join(texts)
    # Of different services, too: the client has them all.
    _once(re.findall(r"^    (?:async def |def )?(\w+)(?:\(| = )", body, re.MULTILINE), "methods.py")
    body += f"\n\nclass ServiceMethods({', '.join(services)}):\n" + _docstring("What is generated of all services.", 4)
    resources = {class_name(short) for short in [*model.wanted, *friendly.WRITTEN_CLASSES]} | set(model.literals)
    used = sorted(name for name in resources if re.search(rf"(?<![\w.`]){name}\b(?=[\](,\[ :]| \|)", _without_docstrings(body)))
    protobuf = sorted(set(re.findall(r"\b\w+_pb2(?:_grpc)?\b", body)))
    written = friendly.WRITTEN_CLASSES.values()
    imports = [
        "import datetime",
        "import typing",
        "",
        "from grpc_os.calls import Calls",
        _import(PACKAGE, protobuf),
        _import(f"{PACKAGE}.resources", [name for name in used if name not in written]),
        _import("grpc_os.values", [*[name for name in used if name in written], *_helpers(body)]),
    ]
    return _HEAD.format(what="the calls of the API", imports="\n".join(imports)) + body


def _without_docstrings(text: str) -> str:
    return re.sub('""".*?"""', "", text, flags=re.DOTALL)


def _method(model: Model, service: str, method: descriptor_pb2.MethodDescriptorProto) -> str:
    if method.client_streaming:
        raise Unfit(f"{method.name} takes a stream: write it by hand, and say so in WRITTEN_METHODS")
    request = short_name(method.input_type)
    parameters = _parameters(model, method.name, request)
    name = model.python_name(method.name)
    call = f'_{service}, "{method.name}", request'
    request_id = any(field.name == "request_id" for field in model.message(request).field)
    listed = _listed(model, method)
    said, _, errors = model.comment(service, method.name).partition("Errors: ")
    comment = friendly.METHOD_DOCS.get(method.name) or said.strip() or f"{service}/{method.name}."
    comment += f"\n\nErrors: {errors}" if errors else ""
    if method.server_streaming:
        answer = model.protobuf(short_name(method.output_type))
        timeout = "None if follow else self._timeout" if any(each.name == "follow" for each in parameters) else "None"
        stream = f"        messages: typing.AsyncGenerator[{answer}, None] = self._stream({call}, {timeout})\n        return messages\n"
        comment += "\n\nGives one stream's messages as they come; where it breaks off, it is not resumed."
        return _definition(model, f"def {name}", parameters, request, f"typing.AsyncGenerator[{answer}, None]", comment, stream)
    if listed:
        return _list_methods(model, name, parameters, method, call, listed, comment)
    kind, read, given = _given(model, method)
    timeout = "timeout"
    if seconds := friendly.WAITS.get(method.name):
        timeout = f"self._longer(timeout, {seconds})"
    if request_id and model.changes(method):
        made = f"self._change({call}, request_id, {timeout})"
    else:
        made = f"self._{'once' if model.changes(method) else 'read'}({call}, {timeout})"
    parameters.insert(
        next((number for number, each in enumerate(parameters) if each.name == "request_id"), len(parameters)),
        _Parameter("timeout", "", "float | None", "None", "", "", False),
    )
    if kind == "None":
        text = f"        await {made}\n"
    else:
        text = f"        response: {model.protobuf(short_name(method.output_type))} = await {made}\n        return {read}\n"
    text = _definition(model, f"async def {name}", parameters, request, kind, comment, text, given)
    if method.name in friendly.ALIASES:
        text += f"\n    {friendly.ALIASES[method.name]} = {name}\n"
    return text


def _list_methods(
    model: Model,
    name: str,
    parameters: list[_Parameter],
    method: descriptor_pb2.MethodDescriptorProto,
    call: str,
    listed: Field,
    comment: str,
) -> str:
    """The one that goes over all pages, and the one that gives a page."""
    request, response = short_name(method.input_type), model.protobuf(short_name(method.output_type))
    kind, get = model._element(listed)
    make = get.removesuffix("({})")
    pages = f'self._pages({call}, "{listed.name}", {make})'
    if method.name in friendly.WHOLE_LISTS:
        parameters = [each for each in parameters if each.name != "page_size"]
        body = f"        return [each async for each in {pages}]\n"
        return _definition(model, f"async def {name}", parameters, request, f"list[{kind}]", comment, body)
    body = f"        return {pages}\n"
    said = comment + "\n\nFetched page by page."
    text = _definition(model, f"def {name}", parameters, request, f"typing.AsyncGenerator[{kind}, None]", said, body)
    at = next(number for number, each in enumerate(parameters) if each.name == "page_size")
    token = _Parameter("page_token", "page_token", "str", '""', "page_token", CONVENTIONAL["page_token"], parameters[at].by_place)
    parameters = [*parameters[: at + 1], token, *parameters[at + 1 :]]
    body = f"        page: {response} = await self._read({call})\n        return page\n"
    said = f"One page of `{name}`, as the API answers it."
    return text + _definition(model, f"async def {name}_page", parameters, request, response, said, body)


def _listed(model: Model, method: descriptor_pb2.MethodDescriptorProto) -> Field | None:
    fields = {field.name: field for field in model.message(short_name(method.output_type)).field}
    if not method.name.startswith("List") or "next_page_token" not in fields:
        return None
    (listed,) = [field for field in fields.values() if field.label == Field.LABEL_REPEATED]
    return listed


def _given(model: Model, method: descriptor_pb2.MethodDescriptorProto) -> tuple[str, str, str]:
    """The type of what a method gives, the expression for it, and what it is."""
    short = short_name(method.output_type)
    fields = model.message(short).field
    if not short.endswith("Response"):
        return (name := model.want(short)), f"{name}.from_proto(response)" if is_value(short) else f"{name}(response)", ""
    if not fields:
        return "None", "", ""
    path = friendly.GIVEN.get(method.name) or (fields[0].name if len(fields) == 1 else None)
    if path:
        return (*model.read(short, path, "response"), model.field_comment(*model.field(short, path)))
    return (name := model.want(short)), f"{name}.from_proto(response)" if is_value(short) else f"{name}(response)", ""


def _parameters(model: Model, method: str, request: str) -> list[_Parameter]:
    fields = [field for field in model.message(request).field if not field.options.deprecated]
    named = friendly.SIGNATURES.get(method)
    if named is None:
        first = fields[0] if fields else None
        by_place = first is not None and first.type == Field.TYPE_STRING and (first.name == "name" or first.name.endswith("_id"))
        named = (first.name if by_place else "") if first is not None and first.name != "page_size" else "page_size=..." if first else ""
    found: list[_Parameter] = []

    def add(name: str, path: str, default: str | None, by_place: bool) -> None:
        owner, field = model.field(request, path)
        kind, natural, value = model.write(owner, field, name)
        if default is None:
            if kind.endswith(" | None"):
                kind, value = kind.removesuffix(" | None"), value.removeprefix(f"None if {name} is None else ")
        elif default == "None" and not kind.endswith(" | None"):
            kind += " | None"
        doc = friendly.CONVERTED_DOCS.get(f"{owner}.{field.name}") or _property_doc(model, owner, field.name)
        doc = CONVENTIONAL["etag"] if name == "etag" else doc
        found.append(_Parameter(name, path, kind, natural if default == "..." else default, value, doc, by_place))

    for name, path, default, by_place in _signature(named):
        if path.startswith("**"):
            inside = path.removeprefix("**")
            owner = short_name(model.field(request, inside)[1].type_name)
            covered = {each.path for each in found}
            for field in model.message(owner).field:
                if f"{inside}.{field.name}" not in covered and f"{owner}.{field.name}" not in friendly.NOT_ASKED:
                    add(field.name, f"{inside}.{field.name}", "None", False)
        else:
            add(name, path, default, by_place)
    covered = {each.path.partition(".")[0] for each in found}
    for field in fields:
        if field.name not in covered | {"page_token"} and f"{request}.{field.name}" not in friendly.NOT_ASKED:
            add(friendly.PARAMETER_NAMES.get(field.name, field.name), field.name, "...", False)
    last = {"etag": 1, "request_id": 2}
    return sorted(found, key=lambda each: (not each.by_place, last.get(each.name, 0)))


def _signature(text: str) -> list[tuple[str, str, str | None, bool]]:
    """Name, path, default and whether it may be given by its place, of each parameter."""
    arguments = typing.cast(ast.FunctionDef, ast.parse(f"def f({text}): pass").body[0]).args
    found = []
    missing: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
    for argument, default in zip(arguments.args, [*missing, *arguments.defaults]):
        found.append((argument, default, True))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        found.append((argument, default, False))
    parameters = []
    for argument, default, by_place in found:
        path = ast.unparse(argument.annotation) if argument.annotation else argument.arg
        given = None if default is None else ast.unparse(default).replace("'", '"')
        parameters.append((argument.arg, path, given, by_place))
    if arguments.kwarg:
        parameters.append((arguments.kwarg.arg, "**" + ast.unparse(typing.cast(ast.expr, arguments.kwarg.annotation)), None, False))
    return parameters


def _definition(
    model: Model, begin: str, parameters: list[_Parameter], request: str, kind: str, comment: str, body: str, returned: str = ""
) -> str:
    _once((each.name for each in parameters), begin.rpartition(" ")[2])
    by_place = [each.text for each in parameters if each.by_place]
    by_name = [each.text for each in parameters if not each.by_place]
    texts = ["self", *by_place, *(["*", *by_name] if by_name else [])]
    line = f"    {begin}({', '.join(texts)}) -> {kind}:\n"
    if len(line) > _WIDTH:
        line = f"    {begin}(\n" + "".join(f"        {text},\n" for text in texts) + f"    ) -> {kind}:\n"
    documents = [f"{each.name}: {each.doc}" for each in parameters if each.doc and each.name != "request_id"]
    made = _construction(model, request, [(each.path.split("."), each.value) for each in parameters if each.path and each.name != "request_id"])
    return f"\n{line}{_docstring(comment, 8, documents, returned)}        request = {made}\n{body}"


def _construction(model: Model, short: str, values: list[tuple[list[str], str]]) -> str:
    """The message with these fields, by their paths."""
    parts = []
    for first in dict.fromkeys(path[0] for path, _ in values):
        inner = [(path[1:], value) for path, value in values if path[0] == first]
        owner = short_name(model.field(short, first)[1].type_name)
        parts.append(f"{first}={_construction(model, owner, inner) if inner[0][0] else inner[0][1]}")
    return f"{model.protobuf(short)}({', '.join(parts)})"
