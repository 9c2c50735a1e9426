"""The client: one method per call of the API."""

from __future__ import annotations

import builtins
import typing

from grpc_os.auth import AuthCalls
from grpc_os.deploys import DeployCalls
from grpc_os.domains import DomainCalls
from grpc_os.errors import NoSuchOperation
from grpc_os.events import EventCalls
from grpc_os.processes import ProcessCalls, WaitCondition
from grpc_os.specs import RestartPolicy
from grpc_os.transfers import TransferCalls
from grpc_os.v1.methods import ServiceMethods
from grpc_os.v1.resources import LogLevel

__all__ = ["GrpcOSClient", "LogLevel", "RestartPolicy", "WaitCondition"]


class GrpcOSClient(AuthCalls, ProcessCalls, DeployCalls, DomainCalls, TransferCalls, EventCalls, ServiceMethods):
    """Speaks to one gRPC OS, on one event loop.

    `channel` is an address ("unix:/…/run/api.sock", "localhost:50051", "https://os.example.com:50443": by TLS, with the
    authorities of the PEM file that GRPC_OS_CA names, if any), a grpc.aio channel, or a synchronous one; the methods are
    awaited with each. It logs in with `login`, `login_peer`, or an API token: `token`, by default that of the
    environment's GRPC_OS_TOKEN ("": none).

    Errors of calls are GrpcOSError, a grpc.RpcError. A call ends after `timeout` seconds (None: never). Within them, with
    `retry`, calls that only read, and changes that take a request_id, are tried again while the daemon is UNAVAILABLE;
    a change is carried out once, for each gets a request_id of its own, unless it is given one. A call that the
    daemon had no place for (LIMIT_REACHED with a `retry_delay`: it was not carried out) is made again after that delay,
    whatever it is, but for what is one stream by intent (`run_task`, `*_messages`).
    """

    if not typing.TYPE_CHECKING:

        def __getattr__(self, name: str) -> typing.Any:
            # An operation that there is not fails as a call does: `except grpc.RpcError` tells it to whoever tried.
            raise NoSuchOperation(name)


# The documentation that this project began with says `from grpc_os import client` and then just `GrpcOSClient(channel)`:
# so that it works as written, the import makes the name known everywhere. Write `from grpc_os import GrpcOSClient`.
if not hasattr(builtins, "GrpcOSClient"):
    setattr(builtins, "GrpcOSClient", GrpcOSClient)
