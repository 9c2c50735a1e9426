"""Processes and their logs."""

from __future__ import annotations

import contextlib
import time
import typing

from google.protobuf import field_mask_pb2
from grpc_os.calls import WAIT_CALL_S, Calls
from grpc_os.process_resources import LogLine, Process, ProcessStatus, TaskExit, TaskOutput
from grpc_os.resources import to_duration
from grpc_os.specs import SpecFields, to_spec
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc

_PROCESSES = process_services_pb2_grpc.ProcessServiceStub

Condition = typing.Literal["running", "ready", "exited"]


class ProcessCalls(Calls):
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

    async def get_process(self, name: str) -> Process:
        request = process_services_pb2.GetProcessRequest(name=name)
        return Process(await self._read(_PROCESSES, "GetProcess", request))

    async def get_process_status(self, name: str) -> ProcessStatus:
        return (await self.get_process(name)).details

    def list_processes(self, page_size: int = 0, *, system: bool = False) -> typing.AsyncGenerator[Process, None]:
        """All processes in the order of their names, fetched page by page; with `system`, those of gRPC OS itself."""
        request = process_services_pb2.ListProcessesRequest(page_size=page_size, system=system)
        return self._pages(_PROCESSES, "ListProcesses", request, "processes", Process)

    async def list_processes_page(
        self, page_size: int = 0, page_token: str = ""
    ) -> process_services_pb2.ListProcessesResponse:
        request = process_services_pb2.ListProcessesRequest(page_size=page_size, page_token=page_token)
        page: process_services_pb2.ListProcessesResponse = await self._read(_PROCESSES, "ListProcesses", request)
        return page

    async def update_process(
        self,
        name: str,
        *,
        command: str | None = None,
        environment: typing.Mapping[str, str] | None = None,
        etag: str = "",
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
        return Process(await self._change(_PROCESSES, "UpdateProcess", request, request_id))

    async def delete_process(
        self, name: str, *, etag: str = "", force: bool = False, request_id: str = ""
    ) -> int:
        """Forgets a stopped process, or with `force` any, and its logs; gives the revision of the deletion."""
        request = process_services_pb2.DeleteProcessRequest(name=name, etag=etag, force=force)
        response: process_services_pb2.DeleteProcessResponse = await self._change(
            _PROCESSES, "DeleteProcess", request, request_id
        )
        return response.revision

    async def start_process(
        self, name: str, *, etag: str = "", timeout: float | None = None, request_id: str = ""
    ) -> Process:
        """Wants it running; answers once its command was executed. A running one is left alone."""
        request = process_services_pb2.StartProcessRequest(name=name, etag=etag)
        return Process(await self._change(_PROCESSES, "StartProcess", request, request_id, timeout))

    async def stop_process(
        self, name: str, *, etag: str = "", timeout: float | None = None, request_id: str = ""
    ) -> Process:
        """Wants it stopped; answers once nothing of it is left."""
        request = process_services_pb2.StopProcessRequest(name=name, etag=etag)
        return Process(await self._change(_PROCESSES, "StopProcess", request, request_id, timeout))

    kill_process = stop_process

    async def restart_process(
        self, name: str, *, etag: str = "", timeout: float | None = None, request_id: str = ""
    ) -> Process:
        """Stops and starts it with its newest spec, or starts what is stopped."""
        request = process_services_pb2.RestartProcessRequest(name=name, etag=etag)
        return Process(await self._change(_PROCESSES, "RestartProcess", request, request_id, timeout))

    async def signal_process(self, name: str, signal: str | int) -> int:
        """Sends "HUP", "SIGHUP" or 1 to the main process; gives the pid that got it."""
        request = process_services_pb2.SignalProcessRequest(name=name, signal=str(signal))
        response: process_services_pb2.SignalProcessResponse = await self._once(_PROCESSES, "SignalProcess", request)
        return response.pid

    async def wait_process(self, name: str, condition: Condition, timeout: float = 30.0) -> Process:
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

    async def tail_log_messages(
        self, name: str, lines: int = 100, *, follow: bool = False, cursor: str = ""
    ) -> typing.AsyncGenerator[process_services_pb2.TailLogsResponse, None]:
        """As tail_logs, but one stream and its messages as they come: with the cursors to go on from, gaps and
        heartbeats."""
        request = process_services_pb2.TailLogsRequest(name=name, lines=lines or -1, follow=follow, cursor=cursor)
        # One that does not follow ends by itself.
        timeout = None if follow else self._timeout
        async with contextlib.aclosing(self._stream(_PROCESSES, "TailLogs", request, timeout)) as messages:
            async for message in messages:
                yield message

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
        request = process_services_pb2.RunTaskRequest(name=name, command=command, environment=environment)
        if timeout is not None:
            request.timeout.CopyFrom(to_duration(timeout))
        async with contextlib.aclosing(self._stream(_PROCESSES, "RunTask", request, None)) as messages:
            async for message in messages:
                if message.HasField("output"):
                    yield TaskOutput.from_proto(message.output)
                elif message.HasField("exited"):
                    yield TaskExit(message.exited)
