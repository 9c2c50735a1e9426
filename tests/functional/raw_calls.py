"""The API without the Python client: any method of any service, by its descriptor."""

import importlib
import pkgutil

import grpc
import grpc.aio
import grpc_os.v1
from google.protobuf import message_factory
from grpc_os.v1 import options_pb2

_SERVICE_MODULES = [
    importlib.import_module(f"grpc_os.v1.{module.name}")
    for module in pkgutil.iter_modules(grpc_os.v1.__path__)
    if module.name.endswith("_services_pb2")
]

SERVICES = {name: service for module in _SERVICE_MODULES for name, service in module.DESCRIPTOR.services_by_name.items()}
METHODS = [method for _, service in sorted(SERVICES.items()) for method in service.methods]


def permission_of(method):
    return method.GetOptions().Extensions[options_pb2.permission]


def name_of(method):
    return f"{method.containing_service.name}/{method.name}"


class RawCalls:
    """`await raw.auth("GetUser", name="ada")`. Raises grpc.RpcError. Close it."""

    # Of its own: a connection that another test's daemon has left is no concern of ours.
    OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))

    def __init__(self, address, token=None, channel=None):
        self.token = token
        self._channel = channel or grpc.aio.insecure_channel(address, options=self.OPTIONS)

    async def close(self):
        await self._channel.close()

    def begin(self, method, request=None, metadata=None, timeout=30):
        """The call, of grpc.aio."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        request = request or message_factory.GetMessageClass(method.input_type)()
        kind = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        parse = message_factory.GetMessageClass(method.output_type).FromString
        if metadata is None:
            metadata = [("authorization", f"Bearer {self.token}")] if self.token is not None else []
        return kind(path, type(request).SerializeToString, parse)(request, metadata=metadata, timeout=timeout)

    async def first(self, method, request=None, metadata=None):
        """The answer, or the first one of a stream, which is then cancelled."""
        call = self.begin(method, request, metadata)
        if not method.server_streaming:
            return await call
        try:
            return await call.read()
        finally:
            call.cancel()

    @staticmethod
    def request(service, method, **fields):
        return message_factory.GetMessageClass(SERVICES[service].methods_by_name[method].input_type)(**fields)

    async def call(self, service, method, **fields):
        return await self.begin(SERVICES[service].methods_by_name[method], self.request(service, method, **fields))

    async def auth(self, method, **fields):
        return await self.call("AuthService", method, **fields)

    async def log_in(self, user, password, **fields):
        """Logs in and keeps the access token."""
        login = await self.auth("Login", user=user, password=password, **fields)
        self.token = login.access_token
        return login
