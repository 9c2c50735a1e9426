"""What is below the synchronous client: an asynchronous one, on an event loop in another thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
import typing
import weakref

import grpc
import grpc.aio
from grpc_os.client import GrpcOSClient
from grpc_os.errors import GrpcOSError, NoSuchOperation

_Result = typing.TypeVar("_Result")
_Item = typing.TypeVar("_Item")

_END: typing.Any = object()


class _Loop:
    """One for all clients of the process, while any works: grpc 1.51 logs errors where there are two."""

    _now: _Loop | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        ready = threading.Event()

        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            self._ended = asyncio.Event()
            ready.set()
            await self._ended.wait()

        self._users = 0
        self._process = os.getpid()
        # A daemon, so that a program that closes no client ends all the same: they close then.
        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), name="grpc-os", daemon=True)
        self._thread.start()
        ready.wait()

    @classmethod
    def join(cls) -> _Loop:
        with cls._lock:
            if cls._now is None or not cls._now.is_here():
                cls._now = cls()
            cls._now._users += 1
            return cls._now

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
            _Loop._now = None
            self.loop.call_soon_threadsafe(self._ended.set)
        if not self.is_current():
            self._thread.join()

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def is_here(self) -> bool:
        """A forked process does not have the thread."""
        return self._process == os.getpid()


class _Worker:
    """What one client does on the loop, from its first call to its end."""

    def __init__(self, client: GrpcOSClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._closed = False
        self._loop: _Loop | None = None
        self._tasks: set[asyncio.Task[typing.Any]] = set()
        self._streams: set[typing.AsyncGenerator[typing.Any, None]] = set()

    def run(self, coroutine: typing.Coroutine[typing.Any, typing.Any, _Result]) -> _Result:
        """Waits for it. Who is interrupted in that (by Ctrl-C) cancels it, and goes on once it has ended."""
        call: concurrent.futures.Future[_Result] = concurrent.futures.Future()
        task: asyncio.Task[_Result]

        def begin(loop: asyncio.AbstractEventLoop) -> None:
            nonlocal task
            task = loop.create_task(coroutine)
            self._tasks.add(task)
            task.add_done_callback(end)

        def end(task: asyncio.Task[_Result]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                call.set_exception(GrpcOSError(grpc.StatusCode.CANCELLED, "the client was closed before the call ended"))
            elif error := task.exception():
                call.set_exception(error)
            else:
                call.set_result(task.result())

        try:
            loop = self._submit(begin)
        except RuntimeError:
            coroutine.close()
            raise
        try:
            return call.result()
        except BaseException:
            if not call.done():
                loop.call_soon_threadsafe(lambda: task.cancel())
                call.exception()
            raise

    def each(self, items: typing.AsyncGenerator[_Item, None]) -> typing.Generator[_Item, None, None]:
        async def following() -> _Item:
            self._streams.add(items)
            return await anext(items, _END)

        try:
            while (item := self.run(following())) is not _END:
                yield item
        finally:
            self._leave(items)

    def _leave(self, items: typing.AsyncGenerator[typing.Any, None]) -> None:
        """Ends a generator, in whatever thread it is thrown away."""

        async def close() -> None:
            self._streams.discard(items)
            await items.aclose()

        if self._loop is not None and self._loop.is_current():
            self._loop.loop.create_task(close())
            return
        with contextlib.suppress(RuntimeError):  # the client is closed, or this process is forked
            self.run(close())

    def stop(self) -> None:
        """Calls that go on in other threads end as CANCELLED."""
        with self._lock:
            loop, begun = self._loop, not self._closed and self._loop is not None
            self._closed = True
        if not begun or loop is None or not loop.is_here():
            return
        ended = asyncio.run_coroutine_threadsafe(self._end(), loop.loop)
        if loop.is_current():
            ended.add_done_callback(lambda _: loop.leave())
            return
        try:
            ended.result()
        finally:
            loop.leave()

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for items in list(self._streams):
            with contextlib.suppress(Exception):
                await items.aclose()
        await self._client.close()

    def _submit(self, begin: typing.Callable[[asyncio.AbstractEventLoop], None]) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise RuntimeError("the client is closed")
            if self._loop is None:
                self._loop = _Loop.join()
            if not self._loop.is_here():
                raise RuntimeError("the client was used before this process was forked; make one after the fork")
            if self._loop.is_current():
                raise RuntimeError("a client cannot be called from a callback of one; call it from another thread")
            self._loop.loop.call_soon_threadsafe(begin, self._loop.loop)
            return self._loop.loop


class Background:
    """Carries out the methods of an asynchronous client."""

    def __init__(self, channel: grpc.Channel | str, client: GrpcOSClient) -> None:
        if isinstance(channel, grpc.aio.Channel):
            raise TypeError("a grpc.aio.Channel belongs to an event loop; give the address, or a grpc.Channel")
        self._client = client
        self._worker = _Worker(client)
        # Also when nobody has this any more, and when the program ends.
        self._stop = weakref.finalize(self, self._worker.stop)

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what goes on, and closes the channel if this client opened it."""
        self._stop()

    def _run(self, coroutine: typing.Coroutine[typing.Any, typing.Any, _Result]) -> _Result:
        return self._worker.run(coroutine)

    def _each(self, items: typing.AsyncGenerator[_Item, None]) -> typing.Generator[_Item, None, None]:
        """Has the client, so that it is not closed before."""
        yield from self._worker.each(items)

    if not typing.TYPE_CHECKING:

        def __getattr__(self, name: str) -> typing.Any:
            raise NoSuchOperation(name)
