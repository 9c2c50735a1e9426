"""How the client calls: with its token, again where that is safe, never longer than the caller waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
import typing
import uuid

import grpc
import grpc.aio
from grpc_os.credentials import Credentials
from grpc_os.errors import GrpcOSError, is_busy
from grpc_os.transport import transport_for

_BACKOFF_FIRST_S = 0.05
_BACKOFF_MAX_S = 1.6
_ATTEMPTS = 8

# Of one call that waits for something; longer waits are several calls.
WAIT_CALL_S = 20.0

_Message = typing.TypeVar("_Message")
_Resource = typing.TypeVar("_Resource")


class _Deadline:
    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    @property
    def left(self) -> float | None:
        """None: for ever."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.001)


class Repeats:
    """When to try again: exponential, with jitter, so that a hundred clients do not come back in the same moment."""

    def __init__(self, timeout: float | None, attempts: int | None = _ATTEMPTS, retry: bool = True) -> None:
        """Within `timeout`; `attempts` None: as often as fit into it. Where no place was free for a call it was not
        carried out, so that is no attempt. Without `retry`, never again."""
        self.deadline = _Deadline(timeout)
        self._attempts_left = attempts
        self._retry = retry
        self._delay = _BACKOFF_FIRST_S

    def next_delay(self, error: GrpcOSError) -> float:
        """Not shorter than what the daemon asked for."""
        delay, self._delay = self._delay, min(self._delay * 2, _BACKOFF_MAX_S)
        return max(delay * random.uniform(0.5, 1.5), error.retry_delay or 0.0)

    async def again(self, error: GrpcOSError) -> bool:
        """Whether to try again; if so, it is time."""
        if not self._retry:
            return False
        if not is_busy(error):
            if self._attempts_left is not None:
                self._attempts_left -= 1
            if error.code() != grpc.StatusCode.UNAVAILABLE or self._attempts_left == 0:
                return False
        delay = self.next_delay(error)
        left = self.deadline.left
        if left is not None and delay >= left:
            return False
        await asyncio.sleep(delay)
        return True


class Calls:
    """What the parts of the client share."""

    def __init__(
        self,
        channel: grpc.aio.Channel | grpc.Channel | str,
        *,
        token: str | None = None,
        timeout: float | None = 30.0,
        retry: bool = True,
    ) -> None:
        self._transport = transport_for(channel)
        if token is None:
            token = os.environ.get("GRPC_OS_TOKEN")
        self._credentials = Credentials(token or None)
        self._timeout = timeout
        self._retry = retry

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channel if this client opened it."""
        await self._credentials.settle()
        await self._transport.close()

    @property
    def token(self) -> str | None:
        """Comes with each call; set by a log-in, and may be set."""
        return self._credentials.token

    @token.setter
    def token(self, token: str | None) -> None:
        self._credentials.token = token

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What a logged-in call carries."""
        return _metadata(self.token)

    # ---- Unary calls -------------------------------------------------------------------------------------------------

    async def _once(self, stub: type, method: str, request: typing.Any, timeout: float | None = None) -> typing.Any:
        """A call that must not be made twice."""
        return await self._call(stub, method, request, timeout, attempts=1)

    async def _change(
        self, stub: type, method: str, request: typing.Any, request_id: str, timeout: float | None = None
    ) -> typing.Any:
        """A change that the daemon carries out once, however often it is sent with the same request_id."""
        request.request_id = request_id or str(uuid.uuid4())
        return await self._call(stub, method, request, timeout, attempts=_ATTEMPTS)

    async def _read(self, stub: type, method: str, request: typing.Any, timeout: float | None = None) -> typing.Any:
        """A call that changes nothing."""
        return await self._call(stub, method, request, timeout, attempts=_ATTEMPTS)

    async def _call(
        self, stub: type, method: str, request: typing.Any, timeout: float | None, attempts: int
    ) -> typing.Any:
        """Tried again while the daemon is UNAVAILABLE or has no place for it, all within one `timeout`; and once with a
        renewed token, because what was refused for its token was not looked at."""
        repeats = Repeats(self._timeout if timeout is None else timeout, attempts, self._retry)
        renewed = False
        while True:
            token = await self._credentials.current()
            try:
                return await self._transport.unary(stub, method, request, repeats.deadline.left, _metadata(token))
            except GrpcOSError as error:
                if not renewed and await self._credentials.renewed_after(error, token):
                    renewed = True
                elif not await repeats.again(error):
                    raise

    def _longer(self, timeout: float | None, wait_s: float) -> float | None:
        """For a call that the daemon may answer so much later, unless the caller says how long it may take."""
        return timeout if timeout is not None or self._timeout is None else self._timeout + wait_s

    async def _pages(
        self, stub: type, method: str, request: typing.Any, field: str, resource: typing.Callable[[typing.Any], _Resource]
    ) -> typing.AsyncGenerator[_Resource, None]:
        """All things of a List method, fetched page by page."""
        while True:
            page = await self._read(stub, method, request)
            for proto in getattr(page, field):
                yield resource(proto)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    # ---- Streams -----------------------------------------------------------------------------------------------------

    async def _stream(
        self, stub: type, method: str, request: typing.Any, timeout: float | None
    ) -> typing.AsyncGenerator[typing.Any, None]:
        """One stream, to its end or its error."""
        token = await self._credentials.current()
        stream = self._transport.stream(stub, method, request, timeout, _metadata(token))
        async with contextlib.aclosing(stream) as messages:
            async for message in messages:
                yield message

    async def _client_stream(self, stub: type, method: str, requests: typing.Any, token: str | None) -> typing.Any:
        """One stream of requests and its answer. `requests.error` is what kept it from giving all, or None."""
        try:
            return await self._transport.client_stream(stub, method, requests, self._timeout, _metadata(token))
        finally:
            if requests.error is not None:
                raise requests.error from None

    async def _resumed(
        self, open_stream: typing.Callable[[], typing.AsyncGenerator[_Message, None]]
    ) -> typing.AsyncGenerator[_Message, None]:
        """The messages of a stream and of those that go on where it broke off. `open_stream` opens one after the last
        message that was taken. Ends when a stream ends well; gives up when for `timeout` seconds no message came
        because the daemon was UNAVAILABLE or had no place for it."""
        repeats, renewed = self._patience(), False
        while True:
            token = await self._credentials.current()
            try:
                async with contextlib.aclosing(open_stream()) as messages:
                    async for message in messages:
                        repeats, renewed = self._patience(), False
                        yield message
                    return
            except GrpcOSError as error:
                if not renewed and await self._credentials.renewed_after(error, token):
                    renewed = True
                elif not await repeats.again(error):
                    raise

    def _patience(self) -> Repeats:
        return Repeats(self._timeout, None, self._retry)


def _metadata(token: str | None) -> list[tuple[str, str]]:
    return [] if token is None else [("authorization", f"Bearer {token}")]
