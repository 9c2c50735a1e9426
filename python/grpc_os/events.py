"""What happens, as it happens."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import typing

from grpc_os.errors import GrpcOSError
from grpc_os.v1 import event_services_pb2, event_services_pb2_grpc
from grpc_os.v1.error_reasons import ErrorReason
from grpc_os.v1.methods import EventServiceMethods
from grpc_os.v1.resources import Event
from grpc_os.values import several, to_timestamp

_EVENTS = event_services_pb2_grpc.EventServiceStub


@dataclasses.dataclass(frozen=True)
class Synced:
    """All that there is was told, as of this revision; changes follow. What you knew before a Gap and were not told
    since is gone."""

    revision: int


@dataclasses.dataclass(frozen=True)
class Gap:
    """The changes after revision `reached` and up to `oldest` are not kept any more; `newest` is the newest. What there is
    follows, up to Synced."""

    reached: int
    oldest: int
    newest: int


Told = Event | Synced
Followed = Event | Synced | Gap


def request_of(
    from_revision: int = 0,
    kinds: typing.Sequence[str] = (),
    prefix: str = "",
    from_time: datetime.datetime | None = None,
    names: typing.Sequence[str] = (),
    actions: typing.Sequence[str] = (),
) -> event_services_pb2.WatchRequest:
    request = event_services_pb2.WatchRequest(
        from_revision=from_revision,
        kinds=several("kinds", kinds),
        prefix=prefix,
        names=several("names", names),
        actions=several("actions", actions),
    )
    if from_time is not None:
        request.from_time.CopyFrom(to_timestamp("from_time", from_time))
    return request


async def events_of(
    told: typing.AsyncGenerator[Told, None],
) -> typing.AsyncGenerator[Event, None]:
    async with contextlib.aclosing(told):
        async for each in told:
            if not isinstance(each, Synced):
                yield each


async def over_gaps(
    begin: typing.Callable[[bool], typing.AsyncGenerator[Told, None]],
) -> typing.AsyncGenerator[Followed, None]:
    """What `begin(False)` tells, and after each Gap what `begin(True)` does, which begins with what there is."""
    anew = False
    while True:
        try:
            async with contextlib.aclosing(begin(anew)) as told:
                async for each in told:
                    yield each
            return
        except GrpcOSError as error:
            if error.reason != ErrorReason.REVISION_UNAVAILABLE or error.info is None:
                raise
            of = error.info.metadata
            gap = Gap(reached=int(of["revision"]), oldest=int(of["oldest"]), newest=int(of["newest"]))
        yield gap
        anew = True


class EventCalls(EventServiceMethods):
    """EventService."""

    def watch(
        self,
        from_revision: int = 0,
        kinds: typing.Sequence[str] = (),
        prefix: str = "",
        *,
        from_time: datetime.datetime | None = None,
        names: typing.Sequence[str] = (),
        actions: typing.Sequence[str] = (),
    ) -> typing.AsyncGenerator[Event, None]:
        """What there is (from_revision 0), or what changed after a revision or from a time on, then every change: in order,
        each once, also over a restart of the daemon and a renewed token.

        A revision is told only when it has come whole, and the snapshot likewise, because that is where a watch that
        broke off is taken up again.

        With a `prefix` only objects whose names begin with it; of objects there is no snapshot: `watch_objects` makes one.
        With `names` (or ids) and `actions` only what is about these. Ends with REVISION_UNAVAILABLE when what comes next is
        not kept any more; `follow` goes on.
        """
        return events_of(self._told(request_of(from_revision, kinds, prefix, from_time, names, actions)))

    def follow(
        self,
        from_revision: int = 0,
        kinds: typing.Sequence[str] = (),
        *,
        names: typing.Sequence[str] = (),
    ) -> typing.AsyncGenerator[Followed, None]:
        """As `watch`, for whoever keeps a picture of what there is: Synced follows what there was when it began, and a
        Gap says that changes are not kept any more; what there is follows then, up to Synced. Of objects: `follow_objects`.
        """
        unlisted = {"object", "quota", "revision"}.intersection(kinds)
        if unlisted:
            raise ValueError(f"no watch begins with a list of these: {', '.join(sorted(unlisted))}")
        return over_gaps(lambda anew: self._told(request_of(0 if anew else from_revision, kinds, names=names)))

    async def _told(self, request: event_services_pb2.WatchRequest) -> typing.AsyncGenerator[Told, None]:
        held: list[event_services_pb2.Event] = []
        synced = False

        def go_on() -> typing.AsyncGenerator[event_services_pb2.WatchResponse, None]:
            held.clear()
            return self._stream(_EVENTS, "Watch", request, None)

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
                    yield Event(event)
                if message.revision > request.from_revision:
                    request.from_revision = message.revision
                    request.ClearField("from_time")
                if message.synced and not synced:
                    synced = True
                    yield Synced(message.revision)
