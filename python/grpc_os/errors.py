"""What an error of the API says beyond its code and message."""

from __future__ import annotations

import dataclasses
import typing

import grpc
from grpc_os.v1 import rpc_status_pb2
from grpc_os.v1.error_reasons import ErrorReason

DOMAIN = "grpc-os"

_DETAILS_KEY = "grpc-status-details-bin"


@dataclasses.dataclass(frozen=True)
class ErrorInfo:
    """Why a call was refused: `reason` is a name of grpc_os.ErrorReason, such as "NAME_TAKEN"; `metadata` holds the
    variable parts of the message."""

    reason: str
    domain: str
    metadata: dict[str, str]


@dataclasses.dataclass(frozen=True)
class FieldViolation:
    """One field of a request that is wrong, and how."""

    field: str
    description: str


class GrpcOSError(grpc.RpcError):
    """Every error of a call. `code()` and `details()` as grpc has them; the rest is parsed from what the daemon sent."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing_metadata: typing.Iterable[typing.Any] = ()) -> None:
        super().__init__(code, details)
        self._code = code
        self._details = details
        self._trailing_metadata = tuple(trailing_metadata)

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[typing.Any, ...]:
        return self._trailing_metadata

    @property
    def info(self) -> ErrorInfo | None:
        """None if the transport made the error itself."""
        return error_info(self)

    @property
    def reason(self) -> ErrorReason | str | None:
        """Of `info`; a plain string if it is newer than this client."""
        info = self.info
        if info is None:
            return None
        return ErrorReason(info.reason) if info.reason in ErrorReason.__members__ else info.reason

    @property
    def field_violations(self) -> list[FieldViolation]:
        return field_violations(self)

    @property
    def retry_delay(self) -> float | None:
        return retry_delay(self)

    def __str__(self) -> str:
        info = self.info
        return f"{self._code.name}{f' ({info.reason})' if info else ''}: {self._details}"


class NoSuchOperation(GrpcOSError, AttributeError):
    """The client has no method of this name. Caught by who expects an error of a call, and by hasattr()."""

    def __init__(self, name: str) -> None:
        super().__init__(
            grpc.StatusCode.UNIMPLEMENTED, f"GrpcOSClient has no operation {name!r}; help(GrpcOSClient) lists those there are"
        )


# What grpc.aio says if a message of a client's stream cannot be sent because the connection is gone, unless the call's
# end has reached it before. A daemon's own INTERNAL has another text and an ErrorInfo.
_CONNECTION_LOST_WHILE_SENDING = "Internal error from Core"


def from_rpc_error(error: grpc.RpcError) -> GrpcOSError:
    """Both kinds of RpcError that grpc raises are the ended call too, and know its trailing metadata."""
    code, details = error.code(), error.details() or ""
    if code == grpc.StatusCode.INTERNAL and details == _CONNECTION_LOST_WHILE_SENDING:
        code, details = grpc.StatusCode.UNAVAILABLE, "the connection was lost"
    return GrpcOSError(code, details, error.trailing_metadata() or ())


def is_token_refused(error: GrpcOSError) -> bool:
    return error.code() == grpc.StatusCode.UNAUTHENTICATED and error.reason == ErrorReason.TOKEN_INVALID


def is_busy(error: GrpcOSError) -> bool:
    """No place was free for the call just now: it was not carried out, and `retry_delay` says when to come again."""
    return (
        error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        and error.reason == ErrorReason.LIMIT_REACHED
        and error.retry_delay is not None
    )


_Message = typing.TypeVar("_Message", rpc_status_pb2.ErrorInfo, rpc_status_pb2.BadRequest, rpc_status_pb2.RetryInfo)


def _detail(error: grpc.RpcError, kind: type[_Message]) -> _Message | None:
    trailing_metadata = getattr(error, "trailing_metadata", None)
    for key, value in (trailing_metadata() if trailing_metadata else None) or ():
        if key != _DETAILS_KEY:
            continue
        for detail in rpc_status_pb2.RpcStatus.FromString(value).details:
            # Ours are as those of google.rpc, which no package of Debian 12 has.
            if detail.type_url.rpartition("/")[2] == f"google.rpc.{kind.DESCRIPTOR.name}":
                return kind.FromString(detail.value)
    return None


def error_info(error: grpc.RpcError) -> ErrorInfo | None:
    """The ErrorInfo of an error; None if it has none, as those that the transport makes itself."""
    info = _detail(error, rpc_status_pb2.ErrorInfo)
    return None if info is None else ErrorInfo(info.reason, info.domain, dict(info.metadata))


def field_violations(error: grpc.RpcError) -> list[FieldViolation]:
    """The wrong fields that an INVALID_ARGUMENT error names."""
    bad_request = _detail(error, rpc_status_pb2.BadRequest)
    if bad_request is None:
        return []
    return [FieldViolation(v.field, v.description) for v in bad_request.field_violations]


def retry_delay(error: grpc.RpcError) -> float | None:
    """After how many seconds the daemon says that a retry may help; None if it says nothing."""
    info = _detail(error, rpc_status_pb2.RetryInfo)
    return None if info is None else info.retry_delay.ToTimedelta().total_seconds()
