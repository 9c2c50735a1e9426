import asyncio

import grpc
import pytest
from grpc_os import GrpcOSClient, error_info, field_violations
from grpc_os.v1 import process_services_pb2


async def test_a_process_is_created_and_read(client, daemon):
    process = await client.create_process(name="web", command="python app.py", environment={"PORT": "8080"})
    assert (process.id, process.name, process.command) == ("proc_0", "web", "python app.py")
    assert process.environment == {"PORT": "8080"}
    assert process.status == "running"
    status = await client.get_process_status("web")
    assert str(status) == "running" and status.pid == 77 and status.start_time is None and status.last_exit is None
    sent = daemon.requests[0].process.spec
    assert not sent.HasField("stop_timeout") and sent.restart_policy == 0


async def test_all_of_a_spec_is_sent(client, daemon):
    await client.create_process(
        "web",
        "true",
        process_id="proc_x",
        working_directory="/w",
        caller_directory="/c",
        account="nobody",
        restart="on-failure",
        stop_timeout=1.5,
        stop_signal="INT",
        log_max_bytes=65536,
    )
    request = daemon.requests[0]
    assert (request.process_id, request.caller_directory) == ("proc_x", "/c")
    spec = request.process.spec
    assert (spec.working_directory, spec.account, spec.stop_signal, spec.log_max_bytes) == ("/w", "nobody", "INT", 65536)
    assert spec.restart_policy == process_services_pb2.ProcessSpec.RESTART_POLICY_ON_FAILURE
    assert spec.stop_timeout.ToMilliseconds() == 1500


async def test_an_unknown_restart_policy_is_refused(client):
    with pytest.raises(ValueError, match="on-failure"):
        await client.create_process("web", "true", restart="sometimes")


async def test_an_error_keeps_its_details(client):
    await client.create_process("web", "true")
    with pytest.raises(grpc.RpcError) as refused:
        await client.create_process("web", "true")
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert refused.value.details() == "taken"
    info = error_info(refused.value)
    assert (info.reason, info.domain, info.metadata) == ("NAME_TAKEN", "grpc-os", {"name": "web"})
    assert [(v.field, v.description) for v in field_violations(refused.value)] == [("process.name", "taken")]


async def test_an_error_of_the_transport_has_no_details(client):
    with pytest.raises(grpc.RpcError) as refused:
        await client.get_system()  # the fake has no such method
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error_info(refused.value) is None
    assert field_violations(refused.value) == []


async def test_reads_are_tried_again_while_the_daemon_is_unavailable(client, daemon):
    daemon.unavailable = 2
    assert (await client.whoami()).name == "admin"
    assert len(daemon.requests) == 3


async def test_reads_give_up_in_the_end(daemon):
    daemon.unavailable = 1000
    async with GrpcOSClient(daemon.address, timeout=0.5) as client:
        with pytest.raises(grpc.RpcError) as refused:
            await client.whoami()
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert len(daemon.requests) > 1


async def test_every_call_has_a_deadline(client, daemon):
    await client.whoami()
    assert 20 < daemon.time_remaining[0] < 32  # it travels in rounded units


async def test_a_call_can_have_its_own_deadline(client, daemon):
    await client.stop_process("web", timeout=100)
    assert 90 < daemon.time_remaining[0] < 102


async def test_the_token_comes_with_each_call(client, daemon):
    client.token = "secret"
    await client.whoami()
    assert daemon.metadata[0]["authorization"] == "Bearer secret"
    await client.logout()
    assert client.token is None and client.metadata == []
    await client.whoami()
    assert "authorization" not in daemon.metadata[2]


async def test_lists_go_over_all_pages(client, daemon):
    for number in range(5):
        await client.create_process(f"p{number}", "true")
    assert [p.name async for p in client.list_processes(page_size=2)] == ["p0", "p1", "p2", "p3", "p4"]
    assert [r.page_token for r in daemon.requests[5:]] == ["", "2", "4"]


async def test_an_update_names_just_what_it_changes(client, daemon):
    await client.update_process("web", environment={}, stop_timeout=0, etag="e")
    await client.update_process("proc_1", command="true")
    first, second = daemon.requests
    assert list(first.update_mask.paths) == ["spec.environment", "spec.stop_timeout"]
    assert (first.process.name, first.process.id, first.process.etag) == ("web", "", "e")
    assert list(second.update_mask.paths) == ["spec.command"]
    assert (second.process.name, second.process.id) == ("", "proc_1")


async def test_states_are_words(client):
    assert (await client.kill_process("web")).status == "crash_looping"


async def test_a_wait_goes_on_over_several_calls(client, daemon):
    await client.wait_process("web", "running", timeout=60)
    assert len(daemon.requests) == 3
    assert daemon.requests[0].timeout.ToMilliseconds() == 20_000


async def test_a_wait_that_is_over_raises(client):
    with pytest.raises(TimeoutError, match="not exited"):
        await client.wait_process("web", "exited", timeout=0)


async def test_log_lines_are_joined_per_stream(client, daemon):
    def message(*lines):
        return process_services_pb2.TailLogsResponse(
            lines=[process_services_pb2.LogLine(stream=s, partial=p, **content) for s, p, content in lines]
        )

    daemon.log_messages = [
        message((1, True, {"text": "a"}), (2, False, {"text": "x"})),
        message(),
        message((1, False, {"text": "b"}), (1, False, {"raw": b"\xff"})),
    ]
    joined = [(line.stream, line.text) async for line in client.tail_logs("web", join=True)]
    assert joined == [("stderr", "x"), ("stdout", "ab"), ("stdout", "\ufffd")]
    parts = [(line.stream, line.partial, line.data) async for line in client.tail_logs("web", 0)]
    assert parts[:2] == [("stdout", True, b"a"), ("stderr", False, b"x")] and len(parts) == 4
    assert [request.lines for request in daemon.requests] == [100, -1]


async def test_a_watch_that_is_left_is_cancelled(client, daemon):
    events = client.watch(from_revision=6)
    async for event in events:
        if event.revision == 10:
            break
    await events.aclose()
    async with asyncio.timeout(20):
        while daemon.streams_cancelled == 0:
            await asyncio.sleep(0.01)


async def test_login_peer_takes_a_ticket_to_the_daemon(daemon, tmp_path):
    async def give_ticket(reader, writer):
        writer.write(b"ticket-1\n")
        writer.close()

    server = await asyncio.start_unix_server(give_ticket, tmp_path / "peer.sock")
    async with server, GrpcOSClient(daemon.address) as client:
        assert (await client.login_peer()).name == "admin"
        assert daemon.requests[0].ticket == "ticket-1"
        assert client.token == "access-1"


async def test_login_peer_says_what_is_missing(daemon):
    with pytest.raises(ValueError, match="peer_socket"):
        await GrpcOSClient("localhost:1").login_peer()
    with pytest.raises(OSError):
        await GrpcOSClient(daemon.address).login_peer()


async def test_a_peer_socket_that_hangs_up_is_an_error(daemon, tmp_path):
    async def hang_up(reader, writer):
        writer.write(b"half a tick")
        writer.close()

    server = await asyncio.start_unix_server(hang_up, tmp_path / "peer.sock")
    async with server, GrpcOSClient(daemon.address) as client:
        with pytest.raises(ConnectionError):
            await client.login_peer()


def test_other_channels_are_refused():
    with pytest.raises(TypeError, match="grpc.Channel"):
        GrpcOSClient(42)
