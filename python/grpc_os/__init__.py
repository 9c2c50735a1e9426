"""Client of gRPC OS."""

from grpc_os.client import GrpcOSClient
from grpc_os.domain_resources import (
    Domain,
    DomainChanges,
    DomainRoute,
    DomainTarget,
    DomainTargetStatus,
    DomainTraffic,
)
from grpc_os.errors import ErrorInfo, FieldViolation, GrpcOSError, error_info, field_violations, retry_delay
from grpc_os.events import Followed, Gap, Synced
from grpc_os.object_resources import Object, Quota, StoredBytes, Upload
from grpc_os.objects import Condition
from grpc_os.process_resources import LogLine, Process, ProcessStatus, Revision, TaskExit, TaskOutput, Volume
from grpc_os.resources import AccessToken, ApiToken, AuditRecord, Identity, Role, Rule, Session, System, User
from grpc_os.v1.error_reasons import ErrorReason

__all__ = [
    "AccessToken",
    "ApiToken",
    "AuditRecord",
    "Condition",
    "Domain",
    "DomainChanges",
    "DomainRoute",
    "DomainTarget",
    "DomainTargetStatus",
    "DomainTraffic",
    "ErrorInfo",
    "ErrorReason",
    "FieldViolation",
    "Followed",
    "Gap",
    "GrpcOSClient",
    "GrpcOSError",
    "Identity",
    "LogLine",
    "Object",
    "Process",
    "ProcessStatus",
    "Quota",
    "Revision",
    "Role",
    "Rule",
    "Session",
    "StoredBytes",
    "Synced",
    "System",
    "TaskExit",
    "TaskOutput",
    "Upload",
    "User",
    "Volume",
    "error_info",
    "field_violations",
    "retry_delay",
]
