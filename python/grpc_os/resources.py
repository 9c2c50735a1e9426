"""What the API speaks of, as Python values. Each keeps its message as `proto`, which has the fields not named here."""

from __future__ import annotations

import dataclasses
import datetime
import typing

from google.protobuf import timestamp_pb2
from grpc_os.v1 import auth_services_pb2, process_services_pb2, system_services_pb2


def _time(timestamp: timestamp_pb2.Timestamp) -> datetime.datetime:
    time: datetime.datetime = timestamp.ToDatetime(tzinfo=datetime.timezone.utc)
    return time


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
    def restart_count(self) -> int:
        return self.proto.restart_count

    @property
    def message(self) -> str:
        return self.proto.message

    @property
    def start_time(self) -> datetime.datetime | None:
        return _time(self.proto.start_time) if self.proto.HasField("start_time") else None

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
        return dict(self.proto.spec.environment)

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

    def __repr__(self) -> str:
        return f"<User {self.name!r}>"


class System:
    """The system itself."""

    def __init__(self, proto: system_services_pb2.System) -> None:
        self.proto = proto

    @property
    def version(self) -> str:
        return self.proto.version

    @property
    def start_time(self) -> datetime.datetime:
        return _time(self.proto.start_time)

    @property
    def revision(self) -> int:
        return self.proto.revision

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
            data=proto.text,
        )
