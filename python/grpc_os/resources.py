"""What the API speaks of, as Python values. Each keeps its message as `proto`, which has the fields not named here."""

from __future__ import annotations

import dataclasses
import datetime
import typing

from google.protobuf import duration_pb2, timestamp_pb2
from grpc_os.v1 import (
    auth_services_pb2,
    deploy_services_pb2,
    filesystem_services_pb2,
    process_services_pb2,
    system_services_pb2,
    volume_services_pb2,
)


def to_time(timestamp: timestamp_pb2.Timestamp) -> datetime.datetime:
    time: datetime.datetime = timestamp.ToDatetime(tzinfo=datetime.timezone.utc)
    return time


def to_duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration


def _word(enum: typing.Any, value: int, prefix: str) -> str:
    """ "STATE_CRASH_LOOPING" -> "crash_looping"; a value newer than this client becomes its number."""
    try:
        name: str = enum.Name(value)
        return name.removeprefix(prefix).lower()
    except ValueError:
        return str(value)


class ProcessStatus:
    """What is so. `str(status)` is the state."""

    def __init__(self, proto: process_services_pb2.ProcessStatus) -> None:
        self.proto = proto

    @property
    def state(self) -> str:
        """ "running", "stopped", …: grpc_os.v1.Process.State in lower case."""
        return _word(process_services_pb2.Process.State, self.proto.state, "STATE_")

    @property
    def ready(self) -> bool:
        return self.proto.ready

    @property
    def pid(self) -> int:
        """Of the main process, to look at; 0 if there is none."""
        return self.proto.pid

    @property
    def port(self) -> int:
        """What it listens on; 0 if that is not known."""
        return self.proto.port

    @property
    def restart_count(self) -> int:
        return self.proto.restart_count

    @property
    def message(self) -> str:
        return self.proto.message

    @property
    def start_time(self) -> datetime.datetime | None:
        return to_time(self.proto.start_time) if self.proto.HasField("start_time") else None

    @property
    def last_exit(self) -> process_services_pb2.ExitReport | None:
        return self.proto.last_exit if self.proto.HasField("last_exit") else None

    def __str__(self) -> str:
        return self.state

    def __repr__(self) -> str:
        return f"<ProcessStatus {self.state} ready={self.ready} pid={self.pid}>"


class Process:
    """A process: what is wanted and what is so."""

    def __init__(self, proto: process_services_pb2.Process) -> None:
        self.proto = proto

    @property
    def id(self) -> str:
        return self.proto.id

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def command(self) -> str:
        return self.proto.spec.command

    @property
    def environment(self) -> dict[str, str]:
        """Values of secret variables are ""."""
        return dict(self.proto.spec.environment)

    @property
    def secret_environment(self) -> list[str]:
        """Names of the variables whose values are never shown."""
        return list(self.proto.spec.secret_environment)

    @property
    def status(self) -> str:
        """The state in a word, as "running"; `details` has more."""
        return self.details.state

    @property
    def details(self) -> ProcessStatus:
        return ProcessStatus(self.proto.status)

    @property
    def desired_state(self) -> str:
        """ "running", "stopped" or "completed"."""
        return _word(process_services_pb2.Process.DesiredState, self.proto.desired_state, "DESIRED_STATE_")

    @property
    def etag(self) -> str:
        return self.proto.etag

    @property
    def generation(self) -> int:
        return self.proto.generation

    @property
    def revision(self) -> int:
        return self.proto.revision

    def __repr__(self) -> str:
        return f"<Process {self.id} {self.name!r} {self.status}>"


class Revision:
    """What a process was to run, from one deploy to the next."""

    def __init__(self, proto: deploy_services_pb2.Revision) -> None:
        self.proto = proto

    @property
    def process(self) -> str:
        """The name."""
        return self.proto.process

    @property
    def process_id(self) -> str:
        return self.proto.process_id

    @property
    def number(self) -> int:
        """From 1."""
        return self.proto.number

    @property
    def spec(self) -> process_services_pb2.ProcessSpec:
        return self.proto.spec

    @property
    def state(self) -> str:
        """ "deploying", "deployed" or "failed"."""
        return _word(deploy_services_pb2.Revision.State, self.proto.state, "STATE_")

    @property
    def step(self) -> str:
        """While it is being deployed: "releasing", "starting" or "rolling_back"; else "unspecified"."""
        return _word(deploy_services_pb2.Revision.Step, self.proto.step, "STEP_")

    @property
    def message(self) -> str:
        """Why it failed, and what the process has now."""
        return self.proto.message

    @property
    def previous(self) -> int:
        """What the process had before; 0: nothing."""
        return self.proto.previous

    @property
    def rollback_of(self) -> int:
        """Which one it repeats; 0: none."""
        return self.proto.rollback_of

    @property
    def current(self) -> bool:
        """Whether the process has this one now."""
        return self.proto.current

    @property
    def changed(self) -> bool:
        """Whether the process was updated since."""
        return self.proto.changed

    @property
    def owner(self) -> str:
        """Who deployed it."""
        return self.proto.owner

    @property
    def create_time(self) -> datetime.datetime:
        return to_time(self.proto.create_time)

    def __repr__(self) -> str:
        return f"<Revision {self.number} of {self.process!r} {self.state}>"


class Volume:
    """A directory that outlives the processes that have it."""

    def __init__(self, proto: volume_services_pb2.Volume) -> None:
        self.proto = proto

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def account(self) -> str:
        """Of the machine, for life; empty: the daemon's own."""
        return self.proto.spec.account

    @property
    def shared(self) -> bool:
        """Whether several processes may have it at a time."""
        return self.proto.spec.shared

    @property
    def path(self) -> str:
        return self.proto.status.path

    @property
    def processes(self) -> list[str]:
        """The names of those that have it, and that you may see."""
        return list(self.proto.status.processes)

    @property
    def size(self) -> int | None:
        """In bytes, as `du` has it; None: not measured yet."""
        return self.proto.status.size_bytes if self.proto.status.HasField("size_time") else None

    @property
    def size_partial(self) -> bool:
        """There is more, which is not counted."""
        return self.proto.status.size_partial

    @property
    def size_time(self) -> datetime.datetime | None:
        """When it was measured."""
        return to_time(self.proto.status.size_time) if self.proto.status.HasField("size_time") else None

    @property
    def etag(self) -> str:
        return self.proto.etag

    @property
    def owner(self) -> str:
        """Who made it."""
        return self.proto.owner

    @property
    def create_time(self) -> datetime.datetime:
        return to_time(self.proto.create_time)

    def __repr__(self) -> str:
        return f"<Volume {self.name!r}>"


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
        """Where it was opened from: "uid 1000", "unix" or an address."""
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
    return _word(system_services_pb2.LogLevel, level, "LOG_LEVEL_")


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
    def log_level(self) -> str:
        """ "debug", "info", "warning" or "error"."""
        return log_level_word(self.proto.log_level)

    @property
    def storage(self) -> filesystem_services_pb2.StorageUsage | None:
        """Where the room of the data directory went; None where the store cannot be read just now."""
        return self.proto.storage if self.proto.HasField("storage") else None

    def __repr__(self) -> str:
        return f"<System {self.version}>"


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line of a process's log, or with `partial` a part of one that goes on in the next of the same stream."""

    time_ns: int
    """Since 1970, UTC."""
    stream: str
    """ "stdout", "stderr" or "system"."""
    partial: bool
    data: bytes
    """Without the newline."""

    @property
    def text(self) -> str:
        """The line as UTF-8, with replacement characters for what is none."""
        return self.data.decode(errors="replace")

    @classmethod
    def from_proto(cls, proto: process_services_pb2.LogLine) -> LogLine:
        return cls(
            time_ns=proto.time.ToNanoseconds(),
            stream=_word(process_services_pb2.LogLine.Stream, proto.stream, "STREAM_"),
            partial=proto.partial,
            data=proto.raw or proto.text.encode(),
        )


@dataclasses.dataclass(frozen=True)
class TaskOutput:
    """What a task wrote next. The order of the two streams among each other is not kept."""

    stream: str
    """ "stdout" or "stderr"."""
    data: bytes
    """At most 32 KiB, and not just whole lines."""

    @classmethod
    def from_proto(cls, proto: process_services_pb2.RunTaskResponse.Output) -> TaskOutput:
        return cls(_word(process_services_pb2.LogLine.Stream, proto.stream, "STREAM_"), proto.data)


class TaskExit:
    """How a task ended."""

    def __init__(self, proto: process_services_pb2.RunTaskResponse.Exited) -> None:
        self.proto = proto

    @property
    def status(self) -> int:
        """As shells say it: the exit code, or 128 + the number of the signal."""
        return self.proto.status

    @property
    def timed_out(self) -> bool:
        """It was ended because its time was over."""
        return self.proto.timed_out

    @property
    def report(self) -> process_services_pb2.ExitReport:
        return self.proto.exit

    def __repr__(self) -> str:
        return f"<TaskExit {self.status}>"
