"""What is sent again while the daemon is away, and that it is carried out once."""

import asyncio
import uuid

import grpc
import pytest
from grpc_os import ErrorReason, GrpcOSClient, GrpcOSError, Rule, calls
from grpc_os.errors import from_rpc_error
from grpc_os.v1 import event_services_pb2, filesystem_services_pb2, process_services_pb2

CHANGES = {
    "CreateProcess": lambda client: client.create_process("web", "true"),
    "UpdateProcess": lambda client: client.update_process("web", command="true"),
    "DeleteProcess": lambda client: client.delete_process("web"),
    "StartProcess": lambda client: client.start_process("web"),
    "StopProcess": lambda client: client.stop_process("web"),
    "RestartProcess": lambda client: client.restart_process("web"),
    "CreateUser": lambda client: client.create_user("alice"),
    "DeleteUser": lambda client: client.delete_user("alice"),
    "DisableUser": lambda client: client.disable_user("alice"),
    "EnableUser": lambda client: client.enable_user("alice"),
    "GrantRole": lambda client: client.grant_role("alice", "viewer"),
    "RevokeRole": lambda client: client.revoke_role("alice", "viewer"),
    "CreateRole": lambda client: client.create_role("ops", [Rule("object.read", "/config", allow=False)]),
    "UpdateRole": lambda client: client.update_role("ops", [Rule("*")]),
    "DeleteRole": lambda client: client.delete_role("ops"),
    "EndSession": lambda client: client.end_session("5"),
    "CreateObject": lambda client: client.create_object("a", b"x"),
    "PutObject": lambda client: client.put_object("a", b"x"),
    "UpdateObject": lambda client: client.update_object("a"),
    "DeleteObject": lambda client: client.delete_object("a"),
    "UndeleteObject": lambda client: client.undelete_object("a"),
    "MoveObject": lambda client: client.move_object("a", "b"),
    "MoveFolder": lambda client: client.move_folder("/a", "/b"),
    "CopyObject": lambda client: client.copy_object("a", "b"),
    "CreateFolder": lambda client: client.create_folder("d"),
    "TransactObjects": lambda client: client.transact_objects(filesystem_services_pb2.TransactObjectsRequest()),
    "StartUpload": lambda client: client.start_upload("a"),
    "SetQuota": lambda client: client.set_quota("/d/", max_objects=1),
    "DeleteQuota": lambda client: client.delete_quota("/d/"),
}


def test_every_change_with_a_request_id_is_here():
    from grpc_os.v1 import auth_services_pb2, system_services_pb2

    methods = [
        method.name
        for module in (auth_services_pb2, filesystem_services_pb2, process_services_pb2, system_services_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if "request_id" in method.input_type.fields_by_name
    ]
    assert sorted(methods) == sorted(CHANGES)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_change_whose_answer_is_lost_is_repeated_with_its_request_id(client, daemon, change):
    daemon.lose_answers = 2
    await change(client)
    sent = [request.request_id for request in daemon.requests]
    assert len(sent) == 3 and len(set(sent)) == 1 and uuid.UUID(sent[0]).version == 4
    assert len(daemon.carried_out) == 1
    if "create" not in type(daemon.requests[0]).__name__.lower():
        await change(client)
        assert len(daemon.carried_out) == 2  # a new change has a new one


async def test_a_request_id_can_be_given(client, daemon):
    await client.start_process("web", request_id="mine")
    assert daemon.requests[0].request_id == "mine"


WITHOUT_REQUEST_ID = [
    lambda client: client.signal_process("web", "HUP"),
    lambda client: client.set_password("long enough a one"),
    lambda client: client.create_token("ci"),
    lambda client: client.set_log_level("debug"),
    lambda client: client.resume(),
    lambda client: client.logout(),
]


@pytest.mark.parametrize("call", WITHOUT_REQUEST_ID)
async def test_a_change_without_a_request_id_is_not_repeated(client, daemon, call):
    daemon.unavailable = 1
    with pytest.raises(GrpcOSError) as refused:
        await call(client)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert len(daemon.requests) == 1
    await call(client)


async def test_only_unavailable_is_repeated(client, daemon):
    with pytest.raises(GrpcOSError) as refused:
        await client.get_process("nobody")
    assert refused.value.reason == ErrorReason.PROCESS_NOT_FOUND
    assert len(daemon.requests) == 1


async def test_repeats_are_bounded(client, daemon, monkeypatch):
    monkeypatch.setattr(calls, "_BACKOFF_MAX_S", 0.05)
    daemon.unavailable = 1000
    with pytest.raises(GrpcOSError) as refused:
        await client.start_process("web")
    assert refused.value.reason == ErrorReason.SHUTTING_DOWN
    assert len(daemon.requests) == calls._ATTEMPTS


async def test_repeats_can_be_switched_off(daemon):
    daemon.unavailable = 1000
    async with GrpcOSClient(daemon.address, retry=False) as client:
        for call in (client.whoami(), client.start_process("web"), anext(client.watch())):
            with pytest.raises(GrpcOSError):
                await call
    assert len(daemon.requests) == 3


async def test_the_daemon_says_how_long_to_wait(daemon, monkeypatch):
    waits = []
    sleep = asyncio.sleep

    async def note(delay):
        waits.append(delay)
        await sleep(0)

    daemon.unavailable, daemon.retry_delay_s = 3, 0.9
    async with GrpcOSClient(daemon.address) as client:
        monkeypatch.setattr(calls.asyncio, "sleep", note)
        await client.whoami()
    assert [wait for wait in waits if wait] and all(wait >= 0.9 for wait in waits if wait)


@pytest.mark.parametrize(
    "call",
    [
        *WITHOUT_REQUEST_ID,
        lambda client: client.whoami(),
        lambda client: client.start_process("web"),
        lambda client: client.login("alice", "ecila"),
        lambda client: client.login_peer(),
    ],
)
async def test_what_there_was_no_place_for_comes_again_when_the_daemon_says(daemon, monkeypatch, call):
    """It was not carried out; so it is no attempt, and what must not be made twice is made once."""
    waits = []
    sleep = asyncio.sleep

    async def note(delay):
        waits.append(delay)
        await sleep(0)

    daemon.busy, daemon.retry_delay_s = 2 * calls._ATTEMPTS, 0.4
    async with GrpcOSClient(daemon.address) as client:
        monkeypatch.setattr(calls.asyncio, "sleep", note)
        await call(client)
    assert len(daemon.requests) == 2 * calls._ATTEMPTS + 1
    waits = [wait for wait in waits if wait]
    assert len(waits) == 2 * calls._ATTEMPTS and min(waits) >= 0.4


async def test_a_stream_that_there_was_no_place_for_comes_again(client, daemon):
    daemon.busy, daemon.retry_delay_s = 2, 0.01
    daemon.log_messages = [log_message("c1", (False, b"one"))]
    assert [line.text async for line in client.tail_logs("web")] == ["one"]


@pytest.mark.parametrize("options", [{"timeout": 0.3}, {"retry": False}], ids=["its time is over", "it is not to"])
async def test_no_place_is_waited_for_beyond(daemon, options):
    daemon.busy, daemon.retry_delay_s = 1000, 0.1
    async with GrpcOSClient(daemon.address, **options) as client:
        with pytest.raises(GrpcOSError) as refused:
            await client.whoami()
    assert refused.value.reason == ErrorReason.LIMIT_REACHED
    assert len(daemon.requests) == 1 if "retry" in options else 1 < len(daemon.requests) < 5


async def test_a_limit_without_a_delay_is_the_end(client, daemon):
    """A quota, a count: nothing changes by itself. It may even have been carried out."""
    daemon.busy = 1
    with pytest.raises(GrpcOSError) as refused:
        await client.start_process("web")
    assert refused.value.reason == ErrorReason.LIMIT_REACHED and len(daemon.requests) == 1


async def test_an_error_tells_its_retry_delay(daemon):
    daemon.unavailable, daemon.retry_delay_s = 1, 0.5
    async with GrpcOSClient(daemon.address, retry=False) as client:
        with pytest.raises(GrpcOSError) as refused:
            await client.whoami()
    assert refused.value.retry_delay == 0.5
    assert str(refused.value) == "UNAVAILABLE (SHUTTING_DOWN): shutting down"


async def test_waits_grow_and_differ():
    unavailable = GrpcOSError(grpc.StatusCode.UNAVAILABLE, "away")
    series = [[repeats.next_delay(unavailable) for _ in range(7)] for repeats in [calls.Repeats(None) for _ in range(50)]]
    assert len({round(delays[3], 9) for delays in series}) > 10
    for step, expected in enumerate([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6]):
        assert all(0.5 * expected <= delays[step] <= 1.5 * expected for delays in series)


# ---- Streams -----------------------------------------------------------------------------------------------------------


def log_message(cursor, *lines):
    return process_services_pb2.TailLogsResponse(
        cursor=cursor, lines=[process_services_pb2.LogLine(stream=1, partial=p, text=t) for p, t in lines]
    )


@pytest.mark.parametrize("expired", [False, True], ids=["unavailable", "expired"])
async def test_a_log_goes_on_where_it_broke_off(client, daemon, expired):
    await client.login("alice", "ecila")
    daemon.log_messages = [
        log_message("c1", (False, b"one"), (True, b"t")),
        log_message("c1"),  # a heartbeat
        log_message("c2", (False, b"wo")),
        log_message("c3", (False, b"three")),
    ]
    daemon.log_messages[1].cursor = "c1b"
    daemon.stream_breaks = [(0, expired), (2, expired), (1, expired)]
    lines = [line.text async for line in client.tail_logs("web", follow=True, join=True)]
    assert lines == ["one", "two", "three"]
    assert len(daemon.refreshes) == (3 if expired else 0)


def watch_message(revision, *events, more=False, synced=False):
    return event_services_pb2.WatchResponse(
        events=[event_services_pb2.Event(revision=r, action=a) for r, a in events],
        revision=revision,
        more_of_revision=more,
        synced=synced,
    )


@pytest.mark.parametrize("breaks", range(6))
async def test_a_watch_goes_on_where_it_broke_off(client, daemon, breaks):
    snapshot = [
        watch_message(0, (0, "snapshot"), (3, "snapshot"), (1, "snapshot")),
        watch_message(4, (2, "snapshot")),
        watch_message(4, synced=True),
    ]
    changes = [
        watch_message(5, (5, "a"), (6, "b"), more=True),
        watch_message(6, (6, "c")),
        watch_message(6),
        watch_message(7, (7, "d")),
    ]
    daemon.watch_messages = {0: snapshot + changes, 4: changes, 5: [watch_message(6, (6, "b"), (6, "c"))] + changes[2:]}
    daemon.watch_messages |= {6: changes[2:], 7: []}
    daemon.stream_breaks = [(breaks, False)]
    events = [(event.revision, event.action) async for event in client.watch()]
    assert events == [(0, "snapshot"), (3, "snapshot"), (1, "snapshot"), (2, "snapshot"), (5, "a"), (6, "b"), (6, "c"), (7, "d")]


async def test_a_stream_gives_up_in_the_end(daemon):
    daemon.unavailable = 1000
    async with GrpcOSClient(daemon.address, timeout=0.3) as client:
        with pytest.raises(GrpcOSError) as refused:
            await anext(client.watch())
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE and len(daemon.requests) > 1


async def test_one_stream_is_just_that(client, daemon):
    daemon.log_messages = [log_message("c1", (False, b"one"))]
    daemon.stream_breaks = [(1, False)]
    with pytest.raises(GrpcOSError):
        [message async for message in client.tail_log_messages("web")]


def test_a_connection_lost_while_sending_counts_as_unavailable():
    """grpc.aio calls it INTERNAL if it notices before the call's end comes."""
    none = grpc.aio.Metadata()
    lost = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, none, none, details="Internal error from Core")
    assert from_rpc_error(lost).code() == grpc.StatusCode.UNAVAILABLE
    of_the_daemon = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, none, none, details="something is broken")
    assert from_rpc_error(of_the_daemon).code() == grpc.StatusCode.INTERNAL
