"""What happens, as it happens."""

from __future__ import annotations

import contextlib
import typing

from grpc_os.calls import Calls
from grpc_os.v1 import event_services_pb2, event_services_pb2_grpc

_EVENTS = event_services_pb2_grpc.EventServiceStub


class EventCalls(Calls):
    """EventService."""

    def watch(
        self, from_revision: int = 0, kinds: typing.Sequence[str] = (), prefix: str = ""
    ) -> typing.AsyncGenerator[event_services_pb2.Event, None]:
        """What there is (from_revision 0) or what changed after a revision, then every change: in order, each once, also
        over a restart of the daemon and a renewed token.

        A revision is told only when it has come whole, and the snapshot likewise, because that is where a watch that
        broke off is taken up again.

        With a `prefix` only objects whose names begin with it; of objects there is no snapshot: `watch_objects` makes one.
        """
        return self._watch(from_revision, kinds, prefix)

    async def _watch(
        self, from_revision: int, kinds: typing.Sequence[str], prefix: str
    ) -> typing.AsyncGenerator[event_services_pb2.Event, None]:
        revision = from_revision
        held: list[event_services_pb2.Event] = []

        def go_on() -> typing.AsyncGenerator[event_services_pb2.WatchResponse, None]:
            held.clear()
            return self.watch_messages(revision, kinds, prefix)

        async with contextlib.aclosing(self._resumed(go_on)) as messages:
            async for message in messages:
                held.extend(message.events)
                whole = 0
                # A part of the snapshot has no revision.
                if message.revision > 0 or message.synced:
                    while whole < len(held) and held[whole].revision <= message.revision:
                        whole += 1
                ready = held[:whole]
                del held[:whole]
                for event in ready:
                    yield event
                revision = max(revision, message.revision)

    async def watch_messages(
        self, from_revision: int = 0, kinds: typing.Sequence[str] = (), prefix: str = ""
    ) -> typing.AsyncGenerator[event_services_pb2.WatchResponse, None]:
        """As watch, but one stream and its messages as they come: with the revision to resume from, `synced` and
        heartbeats."""
        request = event_services_pb2.WatchRequest(from_revision=from_revision, kinds=kinds, prefix=prefix)
        async with contextlib.aclosing(self._stream(_EVENTS, "Watch", request, None)) as messages:
            async for message in messages:
                yield message
