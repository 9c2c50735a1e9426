"""Processes and their logs."""

from __future__ import annotations

import contextlib
import time
import typing

from google.protobuf import field_mask_pb2
from grpc_os.calls import Calls
from grpc_os.resources import LogLine, Process, ProcessStatus, to_duration
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc

_PROCESSES = process_services_pb2_grpc.ProcessServiceStub

# Of one WaitProcess call; longer waits are several calls.
_WAIT_CALL_S = 20.0

_RESTART_POLICIES = {
    "always": process_services_pb2.ProcessSpec.RESTART_POLICY_ALWAYS,
    "on-failure": process_services_pb2.ProcessSpec.RESTART_POLICY_ON_FAILURE,
    "never": process_services_pb2.ProcessSpec.RESTART_POLICY_NEVER,
}

RestartPolicy = typing.Literal["always", "on-failure", "never"]
Port = int | typing.Literal["auto"]
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
        working_directory: str = "",
        caller_directory: str = "",
        account: str = "",
        restart: RestartPolicy | None = None,
        stop_timeout: float | None = None,
        stop_signal: str = "",
        log_max_bytes: int = 0,
        secret_environment: typing.Iterable[str] = (),
        port: Port = 0,
        ready: str = "",
        ready_timeout: float | None = None,
        liveness: str = "",
        liveness_period: float | None = None,
        liveness_timeout: float | None = None,
        liveness_failures: int = 0,
        timeout: float | None = None,
        request_id: str = "",
    ) -> Process:
        """Stores and starts a process; answers once its command was executed. Times are in seconds.

        `secret_environment` names variables of `environment` whose values are never shown again. `port` is a number or
        "auto". `ready` is "http:/path", "http:8081/path", "tcp", "tcp:8081", "notify", "delay:2" (seconds) or
        "default"; `liveness` is one of the first four, or "none".
        """
        spec = _spec(command, environment, working_directory, account, restart, stop_timeout, stop_signal, log_max_bytes)
        spec.secret_environment.extend(secret_environment)
        _set_port(spec, port)
        _set_ready(spec, ready, ready_timeout)
        _set_liveness(spec, liveness, liveness_period, liveness_timeout, liveness_failures)
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

    def list_processes(self, page_size: int = 0) -> typing.AsyncGenerator[Process, None]:
        """All processes in the order of their names, fetched page by page."""
        request = process_services_pb2.ListProcessesRequest(page_size=page_size)
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
        working_directory: str | None = None,
        account: str | None = None,
        restart: RestartPolicy | None = None,
        stop_timeout: float | None = None,
        stop_signal: str | None = None,
        log_max_bytes: int | None = None,
        secret_environment: typing.Iterable[str] | None = None,
        port: Port | None = None,
        ready: str | None = None,
        ready_timeout: float | None = None,
        liveness: str | None = None,
        liveness_period: float | None = None,
        liveness_timeout: float | None = None,
        liveness_failures: int = 0,
        etag: str = "",
        request_id: str = "",
    ) -> Process:
        """Changes what is given, from the next restart on; `environment` replaces the whole one, in which "" keeps the
        value of a secret variable. Their times go with `ready` and `liveness`, which are replaced as a whole."""
        spec = _spec(
            command or "",
            environment,
            working_directory or "",
            account or "",
            restart,
            stop_timeout,
            stop_signal or "",
            log_max_bytes or 0,
        )
        spec.secret_environment.extend(secret_environment or ())
        _set_port(spec, port or 0)
        _set_ready(spec, ready or "", ready_timeout)
        _set_liveness(spec, liveness or "", liveness_period, liveness_timeout, liveness_failures)
        given = {
            "command": command,
            "environment": environment,
            "working_directory": working_directory,
            "account": account,
            "restart_policy": restart,
            "stop_timeout": stop_timeout,
            "stop_signal": stop_signal,
            "log_max_bytes": log_max_bytes,
            "secret_environment": secret_environment,
            "port": port,
            "auto_port": port,
            "ready": ready,
            "liveness": liveness,
        }
        process = process_services_pb2.Process(spec=spec, etag=etag)
        # A name never looks like an id.
        if name.startswith("proc_"):
            process.id = name
        else:
            process.name = name
        request = process_services_pb2.UpdateProcessRequest(
            process=process,
            update_mask=field_mask_pb2.FieldMask(
                paths=[f"spec.{field}" for field, value in given.items() if value is not None]
            ),
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
            part = min(max(end - time.monotonic(), 0.001), _WAIT_CALL_S)
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


def _spec(
    command: str,
    environment: typing.Mapping[str, str] | None,
    working_directory: str,
    account: str,
    restart: RestartPolicy | None,
    stop_timeout: float | None,
    stop_signal: str,
    log_max_bytes: int,
) -> process_services_pb2.ProcessSpec:
    if restart is not None and restart not in _RESTART_POLICIES:
        raise ValueError(f"restart is {restart!r}; expected one of {', '.join(_RESTART_POLICIES)}")
    return process_services_pb2.ProcessSpec(
        command=command,
        environment=environment,
        working_directory=working_directory,
        account=account,
        restart_policy=None if restart is None else _RESTART_POLICIES[restart],
        stop_timeout=None if stop_timeout is None else to_duration(stop_timeout),
        stop_signal=stop_signal,
        log_max_bytes=log_max_bytes,
    )


def _set_port(spec: process_services_pb2.ProcessSpec, port: Port) -> None:
    spec.auto_port = port == "auto"
    spec.port = 0 if isinstance(port, str) else port


def _set_target(probe: process_services_pb2.ReadyProbe | process_services_pb2.LivenessProbe, text: str) -> bool:
    kind, _, rest = text.partition(":")
    number, slash, path = rest.partition("/")
    if kind == "http" and slash and (not number or number.isdigit()):
        probe.http.path = slash + path
        probe.http.port = int(number or 0)
    elif kind == "tcp" and not slash and (not number or number.isdigit()):
        probe.tcp.port = int(number or 0)
    else:
        return False
    return True


def _set_ready(spec: process_services_pb2.ProcessSpec, ready: str, timeout: float | None) -> None:
    if timeout is not None:
        spec.ready.timeout.CopyFrom(to_duration(timeout))
    kind, _, rest = ready.partition(":")
    if ready == "notify":
        spec.ready.notify.SetInParent()
    elif kind == "delay" and rest:
        spec.ready.delay.CopyFrom(to_duration(float(rest)))
    elif ready not in ("", "default") and not _set_target(spec.ready, ready):
        raise ValueError(f"ready is {ready!r}; expected http:/PATH, tcp, notify, delay:SECONDS or default")


def _set_liveness(
    spec: process_services_pb2.ProcessSpec,
    liveness: str,
    period: float | None,
    timeout: float | None,
    failures: int,
) -> None:
    if liveness in ("", "none"):
        return
    if not _set_target(spec.liveness, liveness):
        raise ValueError(f"liveness is {liveness!r}; expected http:/PATH, tcp or none")
    spec.liveness.failures = failures
    if period is not None:
        spec.liveness.period.CopyFrom(to_duration(period))
    if timeout is not None:
        spec.liveness.timeout.CopyFrom(to_duration(timeout))
