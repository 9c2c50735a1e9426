"""What is below the synchronous client: an asynchronous one, on an event loop in another thread."""

from __future__ import annotations

import asyncio
import atexit
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
    # Of `_now` and of the clients. No finalizer may take it, nor any other lock: it may interrupt who has it.
    _lock = threading.Lock()

    def __init__(self) -> None:
        ready = threading.Event()

        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            self._ended = asyncio.Event()
            ready.set()
            await self._ended.wait()

        self._workers: set[_Worker] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._process = os.getpid()
        # A daemon, so that a program that closes no client ends all the same: they close then.
        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), name="grpc-os", daemon=True)
        self._thread.start()
        ready.wait()

    @classmethod
    def join(cls, worker: _Worker) -> _Loop:
        with cls._lock:
            if cls._now is None or not cls._now.is_here():
                cls._now = cls()
            cls._now._workers.add(worker)
            return cls._now

    def end(self, worker: _Worker) -> concurrent.futures.Future[bool]:
        """Has it end there. Takes no lock and does not wait; gives whether the loop ends with it."""
        ended: concurrent.futures.Future[bool] = concurrent.futures.Future()

        async def leave() -> None:
            try:
                await worker.end()
            finally:
                with self._lock:
                    self._workers.discard(worker)
                    is_last = not self._workers
                    if is_last:
                        _Loop._now = None
                        self._ended.set()
                ended.set_result(is_last)

        self.loop.call_soon_threadsafe(lambda: self._endings.add(self.loop.create_task(leave())))
        return ended

    def wait(self) -> None:
        """Until it has ended."""
        self._thread.join()

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def is_here(self) -> bool:
        """A forked process does not have the thread."""
        return self._process == os.getpid()

    @classmethod
    def end_all(cls) -> None:
        """When the program ends."""
        if (loop := cls._now) is not None and loop.is_here():
            for worker in list(loop._workers):
                worker.close()
            loop.wait()


atexit.register(_Loop.end_all)


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
        task: asyncio.Task[_Result] | None = None

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

        def give_up() -> None:
            if task is not None:
                task.cancel()
            else:  # it was not handed over, and will not be
                coroutine.close()
                call.set_exception(concurrent.futures.CancelledError())

        try:
            self._submit(begin)
            return call.result()
        except RuntimeError:
            coroutine.close()
            raise
        except BaseException:
            if self._loop is None:
                coroutine.close()
            elif not call.done():
                self._loop.loop.call_soon_threadsafe(give_up)
                concurrent.futures.wait([call])
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
        """Has a generator end, in whatever thread it is thrown away: takes no lock and does not wait."""

        async def close() -> None:
            self._streams.discard(items)
            await items.aclose()

        def begin(loop: asyncio.AbstractEventLoop) -> None:
            task = loop.create_task(close())
            self._tasks.add(task)
            task.add_done_callback(end)

        def end(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled():
                task.exception()  # nobody asks for it

        if self._loop is not None and self._loop.is_here():
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the generator with it
                self._loop.loop.call_soon_threadsafe(begin, self._loop.loop)

    def close(self) -> None:
        """Calls that go on in other threads end as CANCELLED."""
        with self._lock:
            ended = self.leave()
        if ended is not None and self._loop is not None and not self._loop.is_current() and ended.result():
            self._loop.wait()

    def leave(self) -> concurrent.futures.Future[bool] | None:
        """Without a lock only where nobody can call any more. None: there is nothing to wait for."""
        if self._closed:
            return None
        self._closed = True
        return self._loop.end(self) if self._loop is not None and self._loop.is_here() else None

    async def end(self) -> None:
        """On the loop."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for items in list(self._streams):
            with contextlib.suppress(Exception):
                await items.aclose()
        await self._client.close()

    def _submit(self, begin: typing.Callable[[asyncio.AbstractEventLoop], None]) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("the client is closed")
            if self._loop is None:
                self._loop = _Loop.join(self)
            if not self._loop.is_here():
                raise RuntimeError("the client was used before this process was forked; make one after the fork")
            if self._loop.is_current():
                raise RuntimeError("a client cannot be called from a callback of one; call it from another thread")
            self._loop.loop.call_soon_threadsafe(begin, self._loop.loop)


class Background:
    """Carries out the methods of an asynchronous client."""

    def __init__(self, channel: grpc.Channel | str, client: GrpcOSClient) -> None:
        if isinstance(channel, grpc.aio.Channel):
            raise TypeError("a grpc.aio.Channel belongs to an event loop; give the address, or a grpc.Channel")
        self._client = client
        self._worker = _Worker(client)
        # When nobody has this any more.
        self._thrown_away = weakref.finalize(self, self._worker.leave)
        self._thrown_away.atexit = False  # see _Loop.end_all

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what goes on, and closes the channel if this client opened it."""
        self._thrown_away.detach()
        self._worker.close()

    def _run(self, coroutine: typing.Coroutine[typing.Any, typing.Any, _Result]) -> _Result:
        return self._worker.run(coroutine)

    def _each(self, items: typing.AsyncGenerator[_Item, None]) -> typing.Generator[_Item, None, None]:
        """Has the client, so that it is not closed before."""
        yield from self._worker.each(items)

    if not typing.TYPE_CHECKING:

        def __getattr__(self, name: str) -> typing.Any:
            raise NoSuchOperation(name)
