"""What the API speaks of, as Python values. Each keeps its message as `proto`, which has the fields not named here."""

from __future__ import annotations

import dataclasses
import datetime
import typing

from google.protobuf import duration_pb2, timestamp_pb2
from grpc_os.v1 import auth_services_pb2, filesystem_services_pb2, system_services_pb2


def to_time(timestamp: timestamp_pb2.Timestamp) -> datetime.datetime:
    time: datetime.datetime = timestamp.ToDatetime(tzinfo=datetime.timezone.utc)
    return time


def to_duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration


def word_of(enum: typing.Any, value: int, prefix: str) -> str:
    """ "STATE_CRASH_LOOPING" -> "crash_looping"; a value newer than this client becomes its number."""
    try:
        name: str = enum.Name(value)
        return name.removeprefix(prefix).lower()
    except ValueError:
        return str(value)


class Identity:
    """Who a token stands for."""

    def __init__(self, proto: auth_services_pb2.Identity) -> None:
        self.proto = proto

    @property
    def user(self) -> str:
        return self.proto.user

    name = user

    @property
    def roles(self) -> list[str]:
        """Those in force."""
        return list(self.proto.roles)

    @property
    def login_method(self) -> str:
        """ "peer", "password" or "token"."""
        return self.proto.login_method

    @property
    def session_id(self) -> str:
        return self.proto.session_id

    def __repr__(self) -> str:
        return f"<Identity {self.user!r} by {self.login_method}>"


class AccessToken(str):
    """A token, usable wherever a string is, and what is known about it. Its repr does not show it."""

    identity: Identity
    expires_at: datetime.datetime

    @classmethod
    def from_proto(cls, proto: auth_services_pb2.LoginResponse) -> AccessToken:
        token = cls(proto.access_token)
        token.identity = Identity(proto.identity)
        token.expires_at = to_time(proto.expire_time)
        return token

    def __repr__(self) -> str:
        return f"<AccessToken of {self.identity.user!r} until {self.expires_at:%H:%M:%S} UTC>"


class User:
    """An account of gRPC OS."""

    def __init__(self, proto: auth_services_pb2.User) -> None:
        self.proto = proto

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def roles(self) -> list[str]:
        return list(self.proto.roles)

    @property
    def disabled(self) -> bool:
        return self.proto.disabled

    @property
    def has_password(self) -> bool:
        return self.proto.has_password

    @property
    def etag(self) -> str:
        return self.proto.etag

    @property
    def create_time(self) -> datetime.datetime:
        return to_time(self.proto.create_time)

    def __repr__(self) -> str:
        return f"<User {self.name!r}>"


@dataclasses.dataclass(frozen=True)
class Rule:
    """A sentence of a role: what it allows, or denies, which wins."""

    permission: str
    """ "object.read", "process.write", …; "*": all."""
    prefix: str = ""
    """Of object.read and object.write: which objects; empty: all."""
    allow: bool = True

    def to_proto(self) -> auth_services_pb2.Role.Rule:
        effect = auth_services_pb2.Role.EFFECT_ALLOW if self.allow else auth_services_pb2.Role.EFFECT_DENY
        return auth_services_pb2.Role.Rule(effect=effect, permission=self.permission, prefix=self.prefix)

    @classmethod
    def from_proto(cls, proto: auth_services_pb2.Role.Rule) -> Rule:
        return cls(proto.permission, proto.prefix, proto.effect == auth_services_pb2.Role.EFFECT_ALLOW)


class Role:
    """What its holders may do."""

    def __init__(self, proto: auth_services_pb2.Role) -> None:
        self.proto = proto

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def description(self) -> str:
        return self.proto.description

    @property
    def permissions(self) -> list[str]:
        """ "process.read", …; "*": all."""
        return list(self.proto.permissions)


    @property
    def rules(self) -> list[Rule]:
        return [Rule.from_proto(rule) for rule in self.proto.rules]

    @property
    def built_in(self) -> bool:
        return self.proto.built_in

    @property
    def etag(self) -> str:
        return self.proto.etag

    @property
    def built_in(self) -> bool:
        """admin, operator, viewer: neither changed nor deleted."""
        return self.proto.built_in

    @property
    def etag(self) -> str:
        return self.proto.etag

    def __repr__(self) -> str:
        return f"<Role {self.name!r}>"


class Session:
    """A log-in or an API token that has not ended."""

    def __init__(self, proto: auth_services_pb2.Session) -> None:
        self.proto = proto

    @property
    def id(self) -> str:
        return self.proto.id

    @property
    def user(self) -> str:
        return self.proto.user

    @property
    def login_method(self) -> str:
        """ "peer", "password" or "token"."""
        return self.proto.login_method

    @property
    def source(self) -> str:
        """Where it was opened from: "uid 1000" or an address."""
        return self.proto.source

    @property
    def label(self) -> str:
        """Of a token."""
        return self.proto.label

    @property
    def roles(self) -> list[str]:
        """Of a token."""
        return list(self.proto.roles)

    @property
    def current(self) -> bool:
        """Whether it is the one that asked."""
        return self.proto.current

    @property
    def create_time(self) -> datetime.datetime:
        return to_time(self.proto.create_time)

    @property
    def expire_time(self) -> datetime.datetime:
        return to_time(self.proto.expire_time)

    def __repr__(self) -> str:
        return f"<Session {self.id} of {self.user!r} by {self.login_method}>"


@dataclasses.dataclass(frozen=True)
class ApiToken:
    """A new API token; `token` is never shown again."""

    token: str = dataclasses.field(repr=False)
    session: Session


class AuditRecord:
    """One call, or several alike that were refused within a second."""

    def __init__(self, proto: auth_services_pb2.AuditRecord) -> None:
        self.proto = proto

    @property
    def id(self) -> int:
        return self.proto.id

    @property
    def time(self) -> datetime.datetime:
        return to_time(self.proto.time)

    @property
    def user(self) -> str:
        return self.proto.user

    @property
    def source(self) -> str:
        return self.proto.source

    @property
    def method(self) -> str:
        """ "grpc_os.v1.ProcessService/StartProcess"."""
        return self.proto.method

    @property
    def resource(self) -> str:
        return self.proto.resource

    @property
    def result(self) -> str:
        """ "OK", "PERMISSION_DENIED", …"""
        return self.proto.result

    @property
    def reason(self) -> str:
        """The ErrorReason of a refusal."""
        return self.proto.reason

    @property
    def count(self) -> int:
        return self.proto.count

    def __repr__(self) -> str:
        return f"<AuditRecord {self.id} {self.user!r} {self.method} {self.result}>"


def log_level_word(level: int) -> str:
    return word_of(system_services_pb2.LogLevel, level, "LOG_LEVEL_")


class System:
    """The system itself."""

    def __init__(self, proto: system_services_pb2.System) -> None:
        self.proto = proto

    @property
    def version(self) -> str:
        return self.proto.version

    @property
    def start_time(self) -> datetime.datetime:
        return to_time(self.proto.start_time)

    @property
    def revision(self) -> int:
        return self.proto.revision

    @property
    def held_reason(self) -> str:
        """Why its processes are held until `resume`; empty: they are not."""
        return self.proto.held_reason

    @property
    def problems(self) -> list[str]:
        """What is wrong with the system just now, each as a sentence with its cure."""
        return list(self.proto.problems)

    @property
    def log_level(self) -> str:
        """ "debug", "info", "warning" or "error"."""
        return log_level_word(self.proto.log_level)

    @property
    def storage(self) -> filesystem_services_pb2.StorageUsage | None:
        """Where the room of the data directory went; None where the store cannot be read just now."""
        return self.proto.storage if self.proto.HasField("storage") else None

    def __repr__(self) -> str:
        return f"<System {self.version}>"
