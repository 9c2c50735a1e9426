"""Calls over any kind of channel, awaitable in each."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import pathlib
import typing

import grpc
import grpc.aio
from grpc_os.errors import from_rpc_error

Metadata = typing.Sequence[tuple[str, str]]

# A daemon that was restarted answers again in a fraction of a second: do not wait gRPC's default second to ask it. The
# daemon is never behind a proxy of the environment.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    # Named so, it is how long one attempt to connect may take: a busy daemon may need more than a moment.
    ("grpc.min_reconnect_backoff_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
    # A connection of its own for each client: gRPC would share one, and the daemon takes 128 calls at once on each.
    ("grpc.use_local_subchannel_pool", 1),
)


# Asks for no log-in, and a daemon that has no such method answers too.
_PROBE = "/grpc.health.v1.Health/Check"


_HTTPS = "https://"

# The daemon bounds how many there are; a client that did would have the next one wait without a word.
_STREAMS_MAX = 1 << 16


def _authorities() -> bytes | None:
    """PEM: whose certificates are taken; None: gRPC's own list."""
    path = os.environ.get("GRPC_OS_CA")
    if not path:
        return None
    try:
        text = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"GRPC_OS_CA names {path}, which cannot be read: {error.strerror}") from None
    if b"BEGIN CERTIFICATE" not in text:
        raise ValueError(f"GRPC_OS_CA names {path}, which holds no certificate")
    return text


class Transport(typing.Protocol):
    """Makes calls by the name of a stub class and of its method. Errors of calls are GrpcOSError."""

    async def unary(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.Any: ...

    def stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.AsyncGenerator[typing.Any, None]: ...

    async def client_stream(
        self,
        stub: type,
        method: str,
        requests: typing.Iterable[typing.Any],
        timeout: float | None,
        metadata: Metadata,
    ) -> typing.Any:
        """Sends all of `requests`, which must not raise."""

    async def connect(self, timeout: float | None) -> None:
        """Returns once something answers, whatever it says; GrpcOSError (DEADLINE_EXCEEDED) if nothing does."""

    async def close(self) -> None: ...


class AioTransport:
    """Over a grpc.aio channel, or over one that it opens to an address at the first call and closes itself."""

    def __init__(self, channel: grpc.aio.Channel | None = None, address: str | None = None) -> None:
        self._channel = channel
        self._address = address
        self._stubs: dict[type, typing.Any] = {}

    def _opened(self) -> grpc.aio.Channel:
        if self._channel is None:
            # Here and not in the constructor: a grpc.aio channel belongs to the running event loop.
            assert self._address is not None
            if self._address.startswith(_HTTPS):
                credentials = grpc.ssl_channel_credentials(_authorities())
                self._channel = grpc.aio.secure_channel(self._address[len(_HTTPS) :], credentials, options=_OPTIONS)
            else:
                self._channel = grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        return self._channel

    def _stub(self, stub: type) -> typing.Any:
        if stub not in self._stubs:
            self._stubs[stub] = stub(self._opened())
        return self._stubs[stub]

    async def unary(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.Any:
        try:
            return await getattr(self._stub(stub), method)(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    async def stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.AsyncGenerator[typing.Any, None]:
        call = getattr(self._stub(stub), method)(request, timeout=timeout, metadata=metadata)
        try:
            while True:
                try:
                    response = await call.read()
                except grpc.RpcError as error:
                    raise from_rpc_error(error) from None
                if response is grpc.aio.EOF:
                    return
                yield response
        finally:
            call.cancel()

    async def client_stream(
        self,
        stub: type,
        method: str,
        requests: typing.Iterable[typing.Any],
        timeout: float | None,
        metadata: Metadata,
    ) -> typing.Any:
        return await self.unary(stub, method, iter(requests), timeout, metadata)

    async def connect(self, timeout: float | None) -> None:
        probe: typing.Any = self._opened().unary_unary(_PROBE)
        try:
            await probe(b"", timeout=timeout, wait_for_ready=True)
        except grpc.RpcError as error:
            _raise_if_silent(error)

    async def close(self) -> None:
        if self._address is not None and self._channel is not None:
            channel, self._channel = self._channel, None
            self._stubs.clear()
            await channel.close()


class ThreadTransport:
    """Over a synchronous channel. A stream, while it waits, takes a thread."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._threads = self._no_threads()
        self._stubs: dict[type, typing.Any] = {}

    def _stub(self, stub: type) -> typing.Any:
        if stub not in self._stubs:
            self._stubs[stub] = stub(self._channel)
        return self._stubs[stub]

    async def unary(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.Any:
        call = getattr(self._stub(stub), method).future(request, timeout=timeout, metadata=metadata)
        await _ended(call)
        try:
            return call.result()
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    async def stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.AsyncGenerator[typing.Any, None]:
        call = getattr(self._stub(stub), method)(request, timeout=timeout, metadata=metadata)
        end = object()
        try:
            while True:
                try:
                    # StopIteration cannot leave a coroutine.
                    response = await asyncio.get_running_loop().run_in_executor(self._threads, next, call, end)
                except grpc.RpcError as error:
                    raise from_rpc_error(error) from None
                if response is end:
                    return
                yield response
        finally:
            call.cancel()

    async def client_stream(
        self,
        stub: type,
        method: str,
        requests: typing.Iterable[typing.Any],
        timeout: float | None,
        metadata: Metadata,
    ) -> typing.Any:
        return await self.unary(stub, method, iter(requests), timeout, metadata)

    async def connect(self, timeout: float | None) -> None:
        probe: typing.Any = self._channel.unary_unary(_PROBE)
        call = probe.future(b"", timeout=timeout, wait_for_ready=True)
        await _ended(call)
        if call.code() != grpc.StatusCode.OK:
            _raise_if_silent(call)

    async def close(self) -> None:
        # The channel is the caller's, and may be used again.
        threads, self._threads = self._threads, self._no_threads()
        threads.shutdown(wait=False)

    @staticmethod
    def _no_threads() -> concurrent.futures.ThreadPoolExecutor:
        """For as many as there will be streams; the event loop's executor has a few."""
        return concurrent.futures.ThreadPoolExecutor(_STREAMS_MAX, "grpc-os-stream")


async def _ended(call: typing.Any) -> None:
    """Waits for a call of a synchronous channel, and takes no thread for that."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wake(_: typing.Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(ended.set)

    call.add_done_callback(wake)
    try:
        await ended.wait()
    except asyncio.CancelledError:
        call.cancel()
        raise


def _raise_if_silent(error: grpc.RpcError) -> None:
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        raise from_rpc_error(error) from None


def transport_for(channel: grpc.aio.Channel | grpc.Channel | str) -> Transport:
    if isinstance(channel, str):
        return AioTransport(address=channel)
    if isinstance(channel, grpc.aio.Channel):
        return AioTransport(channel=channel)
    if isinstance(channel, grpc.Channel):
        return ThreadTransport(channel)
    raise TypeError(
        f"expected a grpc.aio.Channel, a grpc.Channel or an address such as 'localhost:50051', got {type(channel).__name__}"
    )
