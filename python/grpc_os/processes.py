"""Processes by the words of their specs, waits, logs that are followed, tasks."""

from __future__ import annotations

import contextlib
import time
import typing

from google.protobuf import field_mask_pb2
from grpc_os.calls import WAIT_CALL_S
from grpc_os.resources import LogLine
from grpc_os.specs import SpecFields, to_spec
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc
from grpc_os.v1.methods import ProcessServiceMethods
from grpc_os.v1.resources import Process, ProcessStatus, TaskExit, TaskOutput
from grpc_os.values import texts, to_duration

_PROCESSES = process_services_pb2_grpc.ProcessServiceStub

WaitCondition = typing.Literal["running", "ready", "exited"]


class ProcessCalls(ProcessServiceMethods):
    """ProcessService. Each `name` takes the id or the name."""

    async def create_process(
        self,
        name: str,
        command: str,
        environment: typing.Mapping[str, str] | None = None,
        *,
        process_id: str = "",
        caller_directory: str = "",
        timeout: float | None = None,
        request_id: str = "",
        **fields: typing.Unpack[SpecFields],
    ) -> Process:
        """Stores and starts a process; answers once its command was executed, or with the status "pending" if it has to
        wait for what it depends on. `timeout` is in seconds."""
        spec, _ = to_spec(command, environment, fields)
        request = process_services_pb2.CreateProcessRequest(
            process=process_services_pb2.Process(name=name, spec=spec),
            process_id=process_id,
            caller_directory=caller_directory,
        )
        return Process(await self._change(_PROCESSES, "CreateProcess", request, request_id, timeout))

    async def get_process_status(self, name: str) -> ProcessStatus:
        """The `details` of the process: what is so."""
        return (await self.get_process(name)).details

    async def update_process(
        self,
        name: str,
        *,
        command: str | None = None,
        environment: typing.Mapping[str, str] | None = None,
        etag: str = "",
        timeout: float | None = None,
        request_id: str = "",
        **fields: typing.Unpack[SpecFields],
    ) -> Process:
        """Changes what is given, from the next restart on; `environment` replaces the whole one, in which "" keeps the
        value of a secret variable."""
        spec, paths = to_spec(command, environment, fields)
        process = process_services_pb2.Process(spec=spec, etag=etag)
        # A name never looks like an id.
        if name.startswith("proc_"):
            process.id = name
        else:
            process.name = name
        request = process_services_pb2.UpdateProcessRequest(
            process=process,
            update_mask=field_mask_pb2.FieldMask(paths=[f"spec.{path}" for path in paths]),
        )
        return Process(await self._change(_PROCESSES, "UpdateProcess", request, request_id, timeout))

    async def wait_process(self, name: str, condition: WaitCondition, timeout: float = 30.0) -> Process:
        """Waits until the condition holds; TimeoutError after `timeout` seconds."""
        end = time.monotonic() + timeout
        while True:
            part = min(max(end - time.monotonic(), 0.001), WAIT_CALL_S)
            request = process_services_pb2.WaitProcessRequest(
                name=name, condition=f"CONDITION_{condition.upper()}", timeout=to_duration(part)
            )
            response = await self._read(_PROCESSES, "WaitProcess", request, part + 10.0)
            if response.satisfied:
                return Process(response.process)
            if time.monotonic() >= end:
                raise TimeoutError(f"{name} is {Process(response.process).status}, not {condition}, after {timeout:g} s")

    async def tail_logs(
        self, name: str, lines: int = 100, *, follow: bool = False, cursor: str = "", join: bool = False
    ) -> typing.AsyncGenerator[LogLine, None]:
        """The last `lines` lines (0: none) or those after `cursor`; with `follow` then every new one, also over a restart
        of the daemon and a renewed token, until the process is stopped, has run to its end or is deleted.

        `join` puts the parts of a long line together; it keeps them in memory until the end of the line has come.
        """
        parts: dict[str, bytes] = {}
        place = cursor
        messages = self._resumed(lambda: self.tail_log_messages(name, lines, follow=follow, cursor=place))
        async with contextlib.aclosing(messages):
            async for message in messages:
                for proto in message.lines:
                    line = LogLine.from_proto(proto)
                    if join:
                        data = parts.pop(line.stream, b"") + line.data
                        if line.partial:
                            parts[line.stream] = data
                            continue
                        line = LogLine(line.time_ns, line.stream, False, data)
                    yield line
                place = message.cursor or place

    async def run_task(
        self,
        name: str,
        command: str,
        environment: typing.Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> typing.AsyncGenerator[TaskOutput | TaskExit, None]:
        """Runs a command once beside a process, with its account, working directory and environment, on top of which
        `environment` comes: what it writes, as it writes it, and last how it ended. It is ended after `timeout` seconds
        (None: 24 hours), and when this generator is closed: leave it early with contextlib.aclosing.

        NOT_FOUND (PROCESS_NOT_FOUND), FAILED_PRECONDITION (EXEC_FAILED, ACCOUNT_REFUSED, HELD), RESOURCE_EXHAUSTED
        (LIMIT_REACHED), UNAVAILABLE: what became of it is not known. It is not run again by itself.
        """
        request = process_services_pb2.RunTaskRequest(
            name=name, command=command, environment=texts("environment", environment or {})
        )
        if timeout is not None:
            request.timeout.CopyFrom(to_duration(timeout))
        async with contextlib.aclosing(self._stream(_PROCESSES, "RunTask", request, None)) as messages:
            async for message in messages:
                if message.HasField("output"):
                    yield TaskOutput.from_proto(message.output)
                elif message.HasField("exited"):
                    yield TaskExit(message.exited)
