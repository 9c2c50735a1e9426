"""Calls over any kind of channel, awaitable in each."""

from __future__ import annotations

import asyncio
import typing

import grpc
import grpc.aio

Metadata = typing.Sequence[tuple[str, str]]
_Response = typing.TypeVar("_Response")

# A daemon that was restarted answers again in a fraction of a second: do not wait gRPC's default second to ask it. The
# daemon is never behind a proxy of the environment.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
)


class Transport(typing.Protocol):
    """Makes calls by the name of a stub class and of its method."""

    async def unary(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.Any: ...

    def stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.AsyncGenerator[typing.Any, None]: ...

    async def close(self) -> None: ...


class AioTransport:
    """Over a grpc.aio channel, or over one that it opens to an address at the first call and closes itself."""

    def __init__(self, channel: grpc.aio.Channel | None = None, address: str | None = None) -> None:
        self._channel = channel
        self._address = address
        self._stubs: dict[type, typing.Any] = {}

    def _stub(self, stub: type) -> typing.Any:
        if self._channel is None:
            # Here and not in the constructor: a grpc.aio channel belongs to the running event loop.
            assert self._address is not None
            self._channel = grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        if stub not in self._stubs:
            self._stubs[stub] = stub(self._channel)
        return self._stubs[stub]

    async def unary(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.Any:
        return await getattr(self._stub(stub), method)(request, timeout=timeout, metadata=metadata)

    async def stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.AsyncGenerator[typing.Any, None]:
        call = getattr(self._stub(stub), method)(request, timeout=timeout, metadata=metadata)
        try:
            async for response in call:
                yield response
        finally:
            call.cancel()

    async def close(self) -> None:
        if self._address is not None and self._channel is not None:
            channel, self._channel = self._channel, None
            self._stubs.clear()
            await channel.close()


class ThreadTransport:
    """Over a synchronous channel: each call waits in a thread of the event loop's executor."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._stubs: dict[type, typing.Any] = {}

    def _stub(self, stub: type) -> typing.Any:
        if stub not in self._stubs:
            self._stubs[stub] = stub(self._channel)
        return self._stubs[stub]

    async def unary(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.Any:
        call = getattr(self._stub(stub), method).future(request, timeout=timeout, metadata=metadata)
        try:
            return await asyncio.to_thread(call.result)
        except asyncio.CancelledError:
            call.cancel()
            raise

    async def stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, metadata: Metadata
    ) -> typing.AsyncGenerator[typing.Any, None]:
        call = getattr(self._stub(stub), method)(request, timeout=timeout, metadata=metadata)
        end = object()
        try:
            while True:
                # StopIteration cannot leave a coroutine.
                response = await asyncio.to_thread(next, call, end)
                if response is end:
                    return
                yield response
        finally:
            call.cancel()

    async def close(self) -> None:
        pass  # the channel is the caller's


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
