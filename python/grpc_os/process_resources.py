"""Processes and what belongs to them, as Python values: revisions, volumes, log lines, tasks. See resources.py."""

from __future__ import annotations

import dataclasses
import datetime

from grpc_os.resources import to_time, word_of
from grpc_os.v1 import deploy_services_pb2, process_services_pb2, volume_services_pb2


class ProcessStatus:
    """What is so. `str(status)` is the state."""

    def __init__(self, proto: process_services_pb2.ProcessStatus) -> None:
        self.proto = proto

    @property
    def state(self) -> str:
        """ "running", "stopped", …: grpc_os.v1.Process.State in lower case."""
        return word_of(process_services_pb2.Process.State, self.proto.state, "STATE_")

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
        return word_of(process_services_pb2.Process.DesiredState, self.proto.desired_state, "DESIRED_STATE_")

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
        return word_of(deploy_services_pb2.Revision.State, self.proto.state, "STATE_")

    @property
    def step(self) -> str:
        """While it is being deployed: "releasing", "starting" or "rolling_back"; else "unspecified"."""
        return word_of(deploy_services_pb2.Revision.Step, self.proto.step, "STEP_")

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
            stream=word_of(process_services_pb2.LogLine.Stream, proto.stream, "STREAM_"),
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
        return cls(word_of(process_services_pb2.LogLine.Stream, proto.stream, "STREAM_"), proto.data)


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
