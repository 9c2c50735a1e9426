"""Writes the *_pb2_grpc.py: the stubs and servicers of each service, as grpc's own plugin of protoc has them, typed and without
its version checks and experimental parts."""

from __future__ import annotations

import typing

from google.protobuf import descriptor_pb2

_HEAD = '''"""Generated from protos/{proto} by scripts/generate_protos.sh."""

from __future__ import annotations

import typing

import grpc
import grpc.aio
{imports}
'''

_STUB = '''

class {service}Stub:
    """The methods of {service} over a channel."""

    def __init__(self, channel: grpc.Channel | grpc.aio.Channel) -> None:
'''

_STUB_METHOD = '''\
        self.{method}: typing.Any = channel.{kind}(
            "/{package}.{service}/{method}",
            request_serializer={request}.SerializeToString,
            response_deserializer={response}.FromString,
        )
'''

_SERVICER = '''

class {service}Servicer:
    """What a server overrides."""
'''

_SERVICER_METHOD = '''
    def {method}(self, request: typing.Any, context: typing.Any) -> typing.Any:
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("{service} has no {method} here")
        raise NotImplementedError("{method}")
'''

_ADD = '''

def add_{service}Servicer_to_server(servicer: {service}Servicer, server: typing.Any) -> None:
    handlers: dict[str, typing.Any] = {{
{handlers}    }}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("{package}.{service}", handlers),))
'''

_HANDLER = '''\
        "{method}": grpc.{kind}_rpc_method_handler(
            servicer.{method},
            request_deserializer={request}.FromString,
            response_serializer={response}.SerializeToString,
        ),
'''

_KINDS = {False: "unary", True: "stream"}


def modules(protos: descriptor_pb2.FileDescriptorSet) -> typing.Iterator[tuple[str, str]]:
    """The name and text of a module for each file with services."""
    owner = {f".{file.package}.{message.name}": file.name for file in protos.file for message in file.message_type}
    for file in protos.file:
        if file.service:
            yield _module_name(file.name) + "_grpc.py", _module(file, owner)


def _module_name(proto: str) -> str:
    return proto.rpartition("/")[2].removesuffix(".proto") + "_pb2"


def _module(file: descriptor_pb2.FileDescriptorProto, owner: dict[str, str]) -> str:
    imports = set()

    def message(name: str) -> str:
        module, proto = _module_name(owner[name]), owner[name]
        imports.add(f"from {proto.rpartition('/')[0].replace('/', '.')} import {module}")
        return f"{module}.{name.rpartition('.')[2]}"

    text = ""
    for service in file.service:
        names = {"package": file.package, "service": service.name}
        methods = [
            names
            | {
                "method": method.name,
                "kind": f"{_KINDS[method.client_streaming]}_{_KINDS[method.server_streaming]}",
                "request": message(method.input_type),
                "response": message(method.output_type),
            }
            for method in service.method
        ]
        text += _STUB.format(**names) + "".join(_STUB_METHOD.format(**method) for method in methods)
        text += _SERVICER.format(**names) + "".join(_SERVICER_METHOD.format(**method) for method in methods)
        text += _ADD.format(**names, handlers="".join(_HANDLER.format(**method) for method in methods))
    return _HEAD.format(proto=file.name, imports="\n".join(sorted(imports))) + text
