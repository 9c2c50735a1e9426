"""Client of gRPC OS."""

from grpc_os.client import GrpcOSClient
from grpc_os.errors import ErrorInfo, FieldViolation, GrpcOSError, error_info, field_violations, retry_delay
from grpc_os.resources import (
    AccessToken,
    ApiToken,
    AuditRecord,
    Identity,
    LogLine,
    Process,
    ProcessStatus,
    Role,
    Session,
    System,
    User,
)
from grpc_os.v1.error_reasons import ErrorReason

__all__ = [
    "AccessToken",
    "ApiToken",
    "AuditRecord",
    "ErrorInfo",
    "ErrorReason",
    "FieldViolation",
    "GrpcOSClient",
    "GrpcOSError",
    "Identity",
    "LogLine",
    "Process",
    "ProcessStatus",
    "Role",
    "Session",
    "System",
    "User",
    "error_info",
    "field_violations",
    "retry_delay",
]
