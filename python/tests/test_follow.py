"""Watches with names, actions and times, and those that go on over a gap."""

import datetime

import grpc
import pytest
from grpc_os import Gap, GrpcOSError, Synced
from grpc_os.v1 import event_services_pb2


def message(revision, *events, synced=False):
    told = [event_services_pb2.Event(revision=r, action=action, name=name) for r, action, name in events]
    return event_services_pb2.WatchResponse(events=told, revision=revision, synced=synced)


def short(each):
    return each if isinstance(each, (Gap, Synced)) else (each.action, each.name)


async def test_what_is_asked_for_comes_to_the_daemon(client, daemon):
    daemon.watch_messages = {0: []}
    then = datetime.datetime(2026, 11, 30, 9, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    assert [event async for event in client.watch(from_time=then, names=["web"], actions=["exited"])] == []
    request = daemon.requests[-1]
    assert request.from_time.ToJsonString() == "2026-11-30T08:00:00Z" and request.from_revision == 0
    assert (list(request.names), list(request.actions)) == (["web"], ["exited"])
    with pytest.raises(ValueError, match="time zone"):
        client.watch(from_time=datetime.datetime(2026, 11, 30))


async def test_what_began_at_a_time_goes_on_at_a_revision(client, daemon):
    daemon.watch_messages = {0: [message(4, (4, "exited", "web")), message(5, (5, "exited", "web"))], 4: []}
    daemon.stream_breaks = [(1, False)]
    then = datetime.datetime.now(datetime.timezone.utc)
    assert [event.revision async for event in client.watch(from_time=then)] == [4]
    assert [(request.from_revision, request.HasField("from_time")) for request in daemon.requests] == [(0, True), (4, False)]


@pytest.mark.parametrize("breaks", range(5))
async def test_a_follower_hears_the_end_of_what_there_is_once(client, daemon, breaks):
    snapshot = [message(0, (1, "snapshot", "a")), message(4, (3, "snapshot", "b")), message(4, synced=True)]
    changes = [message(5, (5, "deleted", "a"))]
    daemon.watch_messages = {0: snapshot + changes, 4: [message(4, synced=True), *changes], 5: []}
    daemon.stream_breaks = [(breaks, False)]
    told = [short(each) async for each in client.follow()]
    assert told == [("snapshot", "a"), ("snapshot", "b"), Synced(4), ("deleted", "a")]


async def test_a_follower_begins_anew_after_a_gap(client, daemon):
    """What was deleted meanwhile is not in what there is, and no event tells of it."""
    daemon.watch_messages = {
        0: [message(90, (3, "snapshot", "b")), message(90, synced=True), message(91, (91, "created", "c"))],
    }
    daemon.oldest_revision = 80
    told = [short(each) async for each in client.follow(7, ["process"], names=["a", "b", "c"])]
    assert told == [Gap(7, 80, 99), ("snapshot", "b"), Synced(90), ("created", "c")]
    assert [list(request.names) for request in daemon.requests] == [["a", "b", "c"]] * 2
    with pytest.raises(GrpcOSError) as refused:
        [event async for event in client.watch(7)]
    assert refused.value.code() == grpc.StatusCode.OUT_OF_RANGE


async def test_a_follower_of_objects_lists_them_anew_after_a_gap(client, daemon):
    for name in ("d/a", "d/b"):
        await client.create_object(name)
    at = (await client.list_objects_page("/d/")).revision
    daemon.watch_messages = {at: [message(at + 1, (at + 1, "updated", "/d/a"))]}
    daemon.oldest_revision = at
    told = [short(each) async for each in client.follow_objects("/d/", 1)]
    listed = [("snapshot", "/d/a"), ("snapshot", "/d/b")]
    assert told == [Gap(1, at, 99), *listed, Synced(at), ("updated", "/d/a")]
    told = [short(each) async for each in client.follow_objects("/d/")]
    assert told == [*listed, Synced(at), ("updated", "/d/a")]


async def test_what_no_watch_lists_is_not_followed(client):
    with pytest.raises(ValueError, match="object, quota"):
        client.follow(kinds=["process", "quota", "object"])
