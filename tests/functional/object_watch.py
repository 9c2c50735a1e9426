"""A watch of objects, read in the background, and what must be true of any."""

import asyncio
import contextlib
import json

import grpc
import grpc.aio
from google.protobuf.json_format import MessageToDict
from grpc_os.v1 import event_services_pb2 as pb
from grpc_os.v1 import event_services_pb2_grpc as services
from running_system import PATIENCE_S


def request_of(prefix="", from_revision=0, kinds=None):
    kinds = ([] if prefix else ["object"]) if kinds is None else kinds
    return pb.WatchRequest(prefix=prefix, from_revision=from_revision, kinds=kinds)


def stream_of(channel, metadata, request):
    return services.EventServiceStub(channel).Watch(request, metadata=metadata)


def told(event):
    """All that an event says, to be compared."""
    return json.dumps(MessageToDict(event), sort_keys=True)


def in_short(events):
    return [(event.action, event.name) for event in events]


def check_order(messages, after=0):
    """Ordered, unique, atomic and bookmarked, as the messages of one stream must be."""
    reached, held = after, None
    for message in messages:
        # What there is was made at any time.
        revisions = [event.revision for event in message.events if event.action != "snapshot"]
        assert len(revisions) <= 256
        assert revisions == sorted(revisions), "revisions fall"
        if revisions:
            assert revisions[0] > reached, "what was delivered whole comes again"
            assert held in (None, revisions[0]), f"revision {held} was to go on"
        if message.more_of_revision:
            assert len(revisions) == 256 and len({*revisions}) == 1, "a revision is split that need not be"
            assert message.revision < revisions[-1]
        else:
            assert message.revision >= max(revisions, default=0)
        held = revisions[-1] if message.more_of_revision else None
        assert message.revision >= reached or held is not None, "the bookmark falls"
        reached = max(reached, message.revision)
    assert [message.synced for message in messages].count(True) <= 1


class Watch:
    """`async with Watch(channel, metadata, request_of("/a/")) as watch:`"""

    def __init__(self, channel, metadata, request):
        self.request = request
        self.messages, self.events = [], []
        self.error = None
        self._changed = asyncio.Condition()
        self._call = stream_of(channel, metadata, request)
        self._task = asyncio.create_task(self._read())

    @property
    def synced(self):
        return any(message.synced for message in self.messages)

    @property
    def revision(self):
        return self.messages[-1].revision if self.messages else self.request.from_revision

    async def _read(self):
        error = None
        try:
            async for message in self._call:
                async with self._changed:
                    self.messages.append(message)
                    self.events += message.events
                    self._changed.notify_all()
        except grpc.RpcError as caught:
            error = caught
        async with self._changed:
            self.error = error or asyncio.IncompleteReadError(b"", None)
            self._changed.notify_all()

    async def until(self, condition, what):
        """Waits; raises what the stream ended with."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._changed:
                await self._changed.wait_for(lambda: condition(self) or self.error is not None)
        except TimeoutError:
            raise AssertionError(f"still not: {what}; told were {in_short(self.events)[-20:]}") from None
        if not condition(self):
            raise self.error
        return self

    async def until_ended(self):
        await self.until(lambda watch: watch.error is not None, "the stream has ended")
        return self.error

    async def until_revision(self, revision):
        return await self.until(lambda watch: watch.revision >= revision, f"revision {revision} is reached")

    async def until_told(self, name, action=None):
        return await self.until(
            lambda watch: any(event.name == name and action in (None, event.action) for event in watch.events),
            f"{name} is told of",
        )

    async def close(self):
        self._call.cancel()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def __aenter__(self):
        return await self.until(lambda watch: watch.synced, "the watch is synced")

    async def __aexit__(self, kind, *_):
        await self.close()
        if kind is None:
            check_order(self.messages, self.request.from_revision)


async def read_log(channel, metadata, request):
    """All messages up to SYNCED."""
    async with Watch(channel, metadata, request) as watch:
        end = next(i for i, message in enumerate(watch.messages) if message.synced)
        return watch.messages[: end + 1]


async def log_of(channel, metadata, request):
    return [event for message in await read_log(channel, metadata, request) for event in message.events]
