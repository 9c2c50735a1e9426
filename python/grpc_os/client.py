"""The client: one method per call of the API."""

from __future__ import annotations

import builtins
import typing

from grpc_os.auth import AuthCalls
from grpc_os.deploys import DeployCalls
from grpc_os.domains import DomainCalls
from grpc_os.errors import NoSuchOperation
from grpc_os.events import EventCalls
from grpc_os.processes import Condition, ProcessCalls
from grpc_os.resources import System, log_level_word
from grpc_os.specs import RestartPolicy
from grpc_os.transfers import TransferCalls
from grpc_os.v1 import system_services_pb2, system_services_pb2_grpc
from grpc_os.volumes import VolumeCalls

__all__ = ["Condition", "GrpcOSClient", "LogLevel", "RestartPolicy"]

_SYSTEM = system_services_pb2_grpc.SystemServiceStub

LogLevel = typing.Literal["debug", "info", "warning", "error"]


class GrpcOSClient(
    AuthCalls, ProcessCalls, DeployCalls, VolumeCalls, DomainCalls, TransferCalls, EventCalls
):
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

    async def get_system(self) -> System:
        return System(await self._read(_SYSTEM, "GetSystem", system_services_pb2.GetSystemRequest()))

    async def resume(self) -> int:
        """Lets the processes run that are held because the system is a copy; gives how many these are."""
        return (await self._once(_SYSTEM, "Resume", system_services_pb2.ResumeRequest())).resumed_count

    async def set_log_level(self, level: LogLevel) -> str:
        """What the daemon's log tells from now on, until its next start; gives what it told before."""
        if level not in typing.get_args(LogLevel):
            raise ValueError(f"level is {level!r}; expected one of {', '.join(typing.get_args(LogLevel))}")
        request = system_services_pb2.SetLogLevelRequest(level=f"LOG_LEVEL_{level.upper()}")
        return log_level_word((await self._once(_SYSTEM, "SetLogLevel", request)).previous)

    if not typing.TYPE_CHECKING:

        def __getattr__(self, name: str) -> typing.Any:
            # An operation that there is not fails as a call does: `except grpc.RpcError` tells it to whoever tried.
            raise NoSuchOperation(name)


# The documentation that this project began with says `from grpc_os import client` and then just `GrpcOSClient(channel)`:
# so that it works as written, the import makes the name known everywhere. Write `from grpc_os import GrpcOSClient`.
if not hasattr(builtins, "GrpcOSClient"):
    setattr(builtins, "GrpcOSClient", GrpcOSClient)
