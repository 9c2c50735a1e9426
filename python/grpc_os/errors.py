"""What an error of the API says beyond its code and message."""

from __future__ import annotations

import dataclasses
import typing

import grpc
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "grpc-os"

_DETAILS_KEY = "grpc-status-details-bin"


@dataclasses.dataclass(frozen=True)
class ErrorInfo:
    """Why a call was refused: `reason` is a name of grpc_os.v1.ErrorReason without its prefix, such as "NAME_TAKEN";
    `metadata` holds the variable parts of the message."""

    reason: str
    domain: str
    metadata: dict[str, str]


@dataclasses.dataclass(frozen=True)
class FieldViolation:
    """One field of a request that is wrong, and how."""

    field: str
    description: str


_Message = typing.TypeVar("_Message", error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo)


def _detail(error: grpc.RpcError, kind: type[_Message]) -> _Message | None:
    # Both kinds of RpcError that grpc raises are the ended call too, and know its trailing metadata.
    trailing_metadata = getattr(error, "trailing_metadata", None)
    for key, value in (trailing_metadata() if trailing_metadata else None) or ():
        if key != _DETAILS_KEY:
            continue
        for detail in status_pb2.Status.FromString(value).details:
            message = kind()
            if detail.Unpack(message):
                return message
    return None


def error_info(error: grpc.RpcError) -> ErrorInfo | None:
    """The ErrorInfo of an error; None if it has none, as those that the transport makes itself."""
    info = _detail(error, error_details_pb2.ErrorInfo)
    return None if info is None else ErrorInfo(info.reason, info.domain, dict(info.metadata))


def field_violations(error: grpc.RpcError) -> list[FieldViolation]:
    """The wrong fields that an INVALID_ARGUMENT error names."""
    bad_request = _detail(error, error_details_pb2.BadRequest)
    if bad_request is None:
        return []
    return [FieldViolation(v.field, v.description) for v in bad_request.field_violations]


def retry_delay(error: grpc.RpcError) -> float | None:
    """After how many seconds the daemon says that a retry may help; None if it says nothing."""
    info = _detail(error, error_details_pb2.RetryInfo)
    return None if info is None else info.retry_delay.ToTimedelta().total_seconds()
