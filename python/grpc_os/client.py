"""The client: one method per call of the API."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import typing

import grpc
import grpc.aio
from google.protobuf import duration_pb2, field_mask_pb2
from grpc_os.resources import LogLine, Process, ProcessStatus, System, User
from grpc_os.transport import transport_for
from grpc_os.v1 import (
    auth_services_pb2,
    auth_services_pb2_grpc,
    event_services_pb2,
    event_services_pb2_grpc,
    process_services_pb2,
    process_services_pb2_grpc,
    system_services_pb2,
    system_services_pb2_grpc,
)

_AUTH = auth_services_pb2_grpc.AuthServiceStub
_EVENTS = event_services_pb2_grpc.EventServiceStub
_PROCESSES = process_services_pb2_grpc.ProcessServiceStub
_SYSTEM = system_services_pb2_grpc.SystemServiceStub

_RETRY_DELAYS_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

# Of one WaitProcess call; longer waits are several calls.
_WAIT_CALL_S = 20.0

_RESTART_POLICIES = {
    "always": process_services_pb2.ProcessSpec.RESTART_POLICY_ALWAYS,
    "on-failure": process_services_pb2.ProcessSpec.RESTART_POLICY_ON_FAILURE,
    "never": process_services_pb2.ProcessSpec.RESTART_POLICY_NEVER,
}

RestartPolicy = typing.Literal["always", "on-failure", "never"]
Condition = typing.Literal["running", "ready", "exited"]


class GrpcOSClient:
    """Speaks to one gRPC OS, on one event loop.

    `channel` is an address ("unix:/…/run/api.sock", "localhost:50051"), a grpc.aio channel, or a synchronous one; the
    methods are awaited with each. Errors are grpc.RpcError; `grpc_os.error_info` says more about one. A call ends after
    `timeout` seconds (None: never). Calls that only read are tried again while the daemon is UNAVAILABLE; no other is.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel | grpc.Channel | str,
        *,
        token: str | None = None,
        timeout: float | None = 30.0,
        peer_socket: str | os.PathLike[str] | None = None,
    ) -> None:
        """`peer_socket`: where login_peer asks; by default beside the socket that `channel` names."""
        self._transport = transport_for(channel)
        self._token = token
        self._timeout = timeout
        if peer_socket is None and isinstance(channel, str) and channel.startswith("unix:"):
            path = channel.removeprefix("unix:")
            # "unix:///a/b" is "unix:/a/b".
            path = path.removeprefix("//") if path.startswith("///") else path
            peer_socket = os.path.join(os.path.dirname(path), "peer.sock")
        self._peer_socket = peer_socket

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channel if this client opened it."""
        await self._transport.close()

    # ---- Log-in ------------------------------------------------------------------------------------------------------

    @property
    def token(self) -> str | None:
        """Comes with each call; set by login_peer, and may be set."""
        return self._token

    @token.setter
    def token(self, token: str | None) -> None:
        self._token = token

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What a logged-in call carries."""
        return [] if self._token is None else [("authorization", f"Bearer {self._token}")]

    async def fetch_peer_ticket(self) -> str:
        """Asks the local side socket for a ticket for this program's uid. OSError if nobody answers there."""
        if self._peer_socket is None:
            raise ValueError("login_peer needs peer_socket=…, the path of DATA_DIR/run/peer.sock, with this channel")
        async with asyncio.timeout(self._timeout):
            reader, writer = await asyncio.open_unix_connection(os.fspath(self._peer_socket))
            try:
                line = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        if not line.endswith(b"\n"):
            raise ConnectionError(f"{self._peer_socket} hung up without a ticket; try again")
        return line.decode().removesuffix("\n")

    async def login_peer(self) -> User:
        """Logs in as the local account that runs this program. The log-in holds for 15 minutes."""
        request = auth_services_pb2.LoginPeerRequest(ticket=await self.fetch_peer_ticket())
        response = await self._call(_AUTH, "LoginPeer", request)
        self._token = response.access_token
        return User(response.user)

    async def whoami(self) -> User:
        return User((await self._read(_AUTH, "WhoAmI", auth_services_pb2.WhoAmIRequest())).user)

    async def logout(self) -> None:
        """Ends the session; the token is refused from here on, and forgotten."""
        await self._call(_AUTH, "Logout", auth_services_pb2.LogoutRequest())
        self._token = None

    # ---- Processes ---------------------------------------------------------------------------------------------------

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
        timeout: float | None = None,
    ) -> Process:
        """Stores and starts a process; answers once its command was executed. `stop_timeout` is in seconds."""
        spec = _spec(command, environment, working_directory, account, restart, stop_timeout, stop_signal, log_max_bytes)
        request = process_services_pb2.CreateProcessRequest(
            process=process_services_pb2.Process(name=name, spec=spec),
            process_id=process_id,
            caller_directory=caller_directory,
        )
        return Process(await self._call(_PROCESSES, "CreateProcess", request, timeout))

    async def get_process(self, name: str) -> Process:
        """`name`: here and below, the id or the name."""
        request = process_services_pb2.GetProcessRequest(name=name)
        return Process(await self._read(_PROCESSES, "GetProcess", request))

    async def get_process_status(self, name: str) -> ProcessStatus:
        return (await self.get_process(name)).details

    async def list_processes(self, page_size: int = 0) -> typing.AsyncIterator[Process]:
        """All processes in the order of their names, fetched page by page."""
        page_token = ""
        while True:
            page = await self.list_processes_page(page_size, page_token)
            for process in page.processes:
                yield Process(process)
            page_token = page.next_page_token
            if not page_token:
                return

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
        etag: str = "",
    ) -> Process:
        """Changes what is given, from the next restart on; `environment` replaces the whole one."""
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
        given = {
            "command": command,
            "environment": environment,
            "working_directory": working_directory,
            "account": account,
            "restart_policy": restart,
            "stop_timeout": stop_timeout,
            "stop_signal": stop_signal,
            "log_max_bytes": log_max_bytes,
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
        return Process(await self._call(_PROCESSES, "UpdateProcess", request))

    async def delete_process(self, name: str, *, etag: str = "", force: bool = False) -> int:
        """Forgets a stopped process, or with `force` any, and its logs; gives the revision of the deletion."""
        request = process_services_pb2.DeleteProcessRequest(name=name, etag=etag, force=force)
        response: process_services_pb2.DeleteProcessResponse = await self._call(_PROCESSES, "DeleteProcess", request)
        return response.revision

    async def start_process(self, name: str, *, etag: str = "", timeout: float | None = None) -> Process:
        """Wants it running; answers once its command was executed. A running one is left alone."""
        request = process_services_pb2.StartProcessRequest(name=name, etag=etag)
        return Process(await self._call(_PROCESSES, "StartProcess", request, timeout))

    async def stop_process(self, name: str, *, etag: str = "", timeout: float | None = None) -> Process:
        """Wants it stopped; answers once nothing of it is left."""
        request = process_services_pb2.StopProcessRequest(name=name, etag=etag)
        return Process(await self._call(_PROCESSES, "StopProcess", request, timeout))

    kill_process = stop_process

    async def restart_process(self, name: str, *, etag: str = "", timeout: float | None = None) -> Process:
        """Stops and starts it with its newest spec, or starts what is stopped."""
        request = process_services_pb2.RestartProcessRequest(name=name, etag=etag)
        return Process(await self._call(_PROCESSES, "RestartProcess", request, timeout))

    async def signal_process(self, name: str, signal: str | int) -> int:
        """Sends "HUP", "SIGHUP" or 1 to the main process; gives the pid that got it."""
        request = process_services_pb2.SignalProcessRequest(name=name, signal=str(signal))
        response: process_services_pb2.SignalProcessResponse = await self._call(_PROCESSES, "SignalProcess", request)
        return response.pid

    async def wait_process(self, name: str, condition: Condition, timeout: float = 30.0) -> Process:
        """Waits until the condition holds; TimeoutError after `timeout` seconds."""
        end = time.monotonic() + timeout
        while True:
            part = min(max(end - time.monotonic(), 0.001), _WAIT_CALL_S)
            request = process_services_pb2.WaitProcessRequest(
                name=name, condition=f"CONDITION_{condition.upper()}", timeout=_duration(part)
            )
            response = await self._read(_PROCESSES, "WaitProcess", request, part + 10.0)
            if response.satisfied:
                return Process(response.process)
            if time.monotonic() >= end:
                raise TimeoutError(f"{name} is {Process(response.process).status}, not {condition}, after {timeout:g} s")

    # ---- Streams -----------------------------------------------------------------------------------------------------

    async def tail_logs(
        self, name: str, lines: int = 100, *, follow: bool = False, cursor: str = "", join: bool = False
    ) -> typing.AsyncIterator[LogLine]:
        """The last `lines` lines (0: none) or those after `cursor`; with `follow` then every new one.

        `join` puts the parts of a long line together; it keeps them in memory until the end of the line has come.
        """
        parts: dict[str, bytes] = {}
        async for message in self.tail_log_messages(name, lines, follow=follow, cursor=cursor):
            for proto in message.lines:
                line = LogLine.from_proto(proto)
                if join:
                    data = parts.pop(line.stream, b"") + line.data
                    if line.partial:
                        parts[line.stream] = data
                        continue
                    line = LogLine(line.time_ns, line.stream, False, data)
                yield line

    async def tail_log_messages(
        self, name: str, lines: int = 100, *, follow: bool = False, cursor: str = ""
    ) -> typing.AsyncIterator[process_services_pb2.TailLogsResponse]:
        """As tail_logs, but the messages as they come: with the cursors to go on from, gaps and heartbeats."""
        request = process_services_pb2.TailLogsRequest(name=name, lines=lines or -1, follow=follow, cursor=cursor)
        # One that does not follow ends by itself.
        timeout = None if follow else self._timeout
        async with contextlib.aclosing(self._stream(_PROCESSES, "TailLogs", request, timeout)) as messages:
            async for message in messages:
                yield message

    async def watch(
        self, from_revision: int = 0, kinds: typing.Sequence[str] = ()
    ) -> typing.AsyncIterator[event_services_pb2.Event]:
        """What there is (from_revision 0) or what changed after a revision, then every change."""
        async for message in self.watch_messages(from_revision, kinds):
            for event in message.events:
                yield event

    async def watch_messages(
        self, from_revision: int = 0, kinds: typing.Sequence[str] = ()
    ) -> typing.AsyncIterator[event_services_pb2.WatchResponse]:
        """As watch, but the messages as they come: with the revision to resume from, `synced` and heartbeats."""
        request = event_services_pb2.WatchRequest(from_revision=from_revision, kinds=kinds)
        async with contextlib.aclosing(self._stream(_EVENTS, "Watch", request, None)) as messages:
            async for message in messages:
                yield message

    # ---- The system --------------------------------------------------------------------------------------------------

    async def get_system(self) -> System:
        return System(await self._read(_SYSTEM, "GetSystem", system_services_pb2.GetSystemRequest()))

    # ---- Calls -------------------------------------------------------------------------------------------------------

    async def _call(self, stub: type, method: str, request: typing.Any, timeout: float | None = None) -> typing.Any:
        timeout = self._timeout if timeout is None else timeout
        return await self._transport.unary(stub, method, request, timeout, self.metadata)

    async def _read(self, stub: type, method: str, request: typing.Any, timeout: float | None = None) -> typing.Any:
        """A call that changes nothing: tried again while nobody answers, all within one `timeout`."""
        timeout = self._timeout if timeout is None else timeout
        end = None if timeout is None else time.monotonic() + timeout
        for delay in (*_RETRY_DELAYS_S, None):
            left = None if end is None else max(end - time.monotonic(), 0.001)
            try:
                return await self._transport.unary(stub, method, request, left, self.metadata)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or delay is None:
                    raise
                if end is not None and time.monotonic() + delay >= end:
                    raise
            await asyncio.sleep(delay)
        raise AssertionError("the last attempt returns or raises")

    def _stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None
    ) -> typing.AsyncGenerator[typing.Any, None]:
        return self._transport.stream(stub, method, request, timeout, self.metadata)


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration


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
        stop_timeout=None if stop_timeout is None else _duration(stop_timeout),
        stop_signal=stop_signal,
        log_max_bytes=log_max_bytes,
    )
