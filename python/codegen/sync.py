"""Writes GrpcOSClientSync: the methods of GrpcOSClient without await, as the source of that says them."""

from __future__ import annotations

import ast
import builtins
import pathlib
import typing

_HEAD = '''\
"""Generated from grpc_os.client by scripts/generate_protos.sh."""

from __future__ import annotations

{imports}


class GrpcOSClientSync(Background):
    """GrpcOSClient for programs without an event loop: the same methods, which wait instead of being awaited. What is an
    asynchronous iterator there is an iterator here; leaving it early ends its stream. Several threads may use one client.

    A thread in the background makes the calls; it ends when all clients are closed, by `with` or `close`. Ctrl-C cancels the
    call that the main thread waits for.
    """
'''


class _Module:
    """One source file: where its names come from."""

    def __init__(self, name: str, path: pathlib.Path) -> None:
        self.name = name
        self.text = path.read_text()
        tree = ast.parse(self.text)
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._imports: dict[str, tuple[str, str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._imports.setdefault(alias.name.partition(".")[0], ("", alias.name))
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._imports[alias.asname or alias.name] = (node.module or "", alias.name)

    def origin(self, name: str) -> tuple[str, str]:
        """The module that a name is from, and what it is called there; "" and a module for one that is imported whole."""
        return self._imports.get(name, (self.name, name))

    def source(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.text, node) or ""


class _Writer:
    def __init__(self, package: pathlib.Path, generated: pathlib.Path) -> None:
        self._package = package
        self._generated = generated
        self._modules: dict[str, _Module] = {}
        self._names = {
            "GrpcOSClient": ("grpc_os.client", "GrpcOSClient"),
            "Background": ("grpc_os.sync", "Background"),
            "typing": ("", "typing"),
        }
        self.body: list[str] = []

    def _module(self, name: str) -> _Module:
        if name not in self._modules:
            parts = name.split(".")[1:]
            directory = self._generated if parts[:1] == ["v1"] else self._package
            self._modules[name] = _Module(name, directory / f"{parts[-1]}.py")
        return self._modules[name]

    def imports(self) -> str:
        lines = []
        for name, (module, there) in sorted(self._names.items(), key=lambda item: (item[1][0] != "", item[1])):
            lines.append(f"from {module} import {there}{f' as {name}' if name != there else ''}" if module else f"import {there}")
        return "\n".join(lines)

    def _lineage(self, module: _Module, name: str) -> typing.Iterator[tuple[_Module, ast.ClassDef]]:
        """A class and those that it is made of, some more than once."""
        if name not in module.classes:
            source, name = self._origin(module, name)
            if not source.startswith("grpc_os"):
                return
            module = self._module(source)
        node = module.classes[name]
        yield module, node
        for base in node.bases:
            if isinstance(base, ast.Name):
                yield from self._lineage(module, base.id)

    def write(self) -> None:
        # Of a class that comes more than once the last place counts, as in Python's own order.
        lineage = list(self._lineage(self._module("grpc_os.client"), "GrpcOSClient"))
        last = {node.name: index for index, (_, node) in enumerate(lineage)}
        seen = set()
        for index, (module, node) in enumerate(lineage):
            if last[node.name] != index:
                continue
            for member in node.body:
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    is_setter = any(isinstance(decorator, ast.Attribute) for decorator in member.decorator_list)
                    if (member.name, is_setter) not in seen and (member.name == "__init__" or not member.name.startswith("_")):
                        seen.add((member.name, is_setter))
                        if member.name != "close":
                            self._method(module, member)
                elif isinstance(member, ast.Assign) and isinstance(member.value, ast.Name):
                    for target in member.targets:
                        if isinstance(target, ast.Name) and not target.id.startswith("_"):
                            self.body.append(f"\n    {target.id} = {member.value.id}\n")

    def _origin(self, module: _Module, name: str) -> tuple[str, str]:
        """Where it is defined, however often it was handed on."""
        source, there = module.origin(name)
        while source.startswith("grpc_os.") and not source.startswith("grpc_os.v1"):
            further = self._module(source).origin(there)
            if further == (source, there):
                break
            source, there = further
        return source, there

    def _text(self, module: _Module, node: ast.AST) -> str:
        """Source in which each name is one that the written module imports; two things of one name get two."""
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and not hasattr(builtins, each.id):
                origin = self._origin(module, each.id)
                if self._names.setdefault(each.id, origin) != origin:
                    each.id = f"{each.id}Of{origin[0].rpartition('.')[2].title().replace('_', '')}"
                    assert self._names.setdefault(each.id, origin) == origin, f"two things are called {each.id}"
        return ast.unparse(node)

    def _method(self, module: _Module, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        signature = self._text(module, arguments)
        given = [each.arg for each in (*arguments.posonlyargs, *arguments.args)[1:]]
        given += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
        given += [f"{each.arg}={each.arg}" for each in arguments.kwonlyargs]
        given += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
        call = f"({', '.join(given)})"

        if node.name == "__init__":
            anywhere = signature.replace("grpc.aio.Channel | ", "")
            assert anywhere != signature, "the constructor takes no grpc.aio.Channel"
            self.body.append(f"\n    def __init__({anywhere}) -> None:\n        super().__init__(channel, GrpcOSClient{call})\n")
            return

        decorators = "".join(f"    @{ast.unparse(decorator)}\n" for decorator in node.decorator_list)
        assert node.returns is not None, f"{node.name} has no return type"
        returns = self._text(module, node.returns)
        does = f"self._client.{node.name}"
        kind = returns.partition("[")[0]
        if node.decorator_list:
            does = f"{does} = {given[0]}" if given else f"return {does}"
        elif kind in ("typing.AsyncGenerator", "typing.AsyncIterator"):
            assert isinstance(node.returns, ast.Subscript)
            inner = node.returns.slice
            item = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
            returns = f"typing.Generator[{self._text(module, item)}, None, None]"
            does = f"return self._each({does}{call})"
        elif isinstance(node, ast.AsyncFunctionDef):
            does = f"return self._run({does}{call})"
        else:
            does = f"return {does}{call}"
        text = f"\n{decorators}    def {node.name}({signature}) -> {returns}:\n"
        if ast.get_docstring(node) is not None:
            text += f"        {module.source(node.body[0]).replace('contextlib.aclosing', 'contextlib.closing')}\n"
        self.body.append(f"{text}        {does}\n")


def module(package: pathlib.Path, generated: pathlib.Path) -> str:
    """Its text; `package` is grpc_os, `generated` what will be its v1."""
    writer = _Writer(package, generated)
    writer.write()
    return _HEAD.format(imports=writer.imports()) + "".join(writer.body)
