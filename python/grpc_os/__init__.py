"""Client of gRPC OS."""

from grpc_os.client import GrpcOSClient
from grpc_os.errors import ErrorInfo, FieldViolation, error_info, field_violations
from grpc_os.resources import LogLine, Process, ProcessStatus, System, User

__all__ = [
    "ErrorInfo",
    "FieldViolation",
    "GrpcOSClient",
    "LogLine",
    "Process",
    "ProcessStatus",
    "System",
    "User",
    "error_info",
    "field_violations",
]
