import asyncio
import contextlib

import grpc
import pytest
from grpc_os import GrpcOSClient, TaskOutput, error_info, field_violations
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


async def test_a_closed_client_leaves_the_channel_to_the_caller(daemon):
    with grpc.insecure_channel(daemon.address) as channel:
        for client in [GrpcOSClient(channel)] * 2:
            assert (await anext(client.watch(1))).revision == 2
            await client.close()


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
        secret_environment=["S"],
        port=8080,
        ready="http:/health",
        ready_timeout=2,
        liveness="tcp:81",
        liveness_period=0.5,
        liveness_timeout=3,
        liveness_failures=4,
        volumes=["data", "media:/app/media:shared", "more:shared", "other:/app/other"],
        depends_on=["db", "cache:started", "migrate:completed"],
        labels={"team": "shop"},
        version="1.0",
        release="migrate",
        domains=["example.com"],
    )
    request = daemon.requests[0]
    assert (request.process_id, request.caller_directory) == ("proc_x", "/c")
    spec = request.process.spec
    assert (spec.working_directory, spec.account, spec.stop_signal, spec.log_max_bytes) == ("/w", "nobody", "INT", 65536)
    assert spec.restart_policy == process_services_pb2.ProcessSpec.RESTART_POLICY_ON_FAILURE
    assert spec.stop_timeout.ToMilliseconds() == 1500
    assert (list(spec.secret_environment), spec.port, spec.auto_port) == (["S"], 8080, False)
    assert (spec.ready.http.path, spec.ready.timeout.ToMilliseconds()) == ("/health", 2000)
    live = spec.liveness
    assert (live.tcp.port, live.period.ToMilliseconds(), live.timeout.ToMilliseconds(), live.failures) == (81, 500, 3000, 4)
    assert [(use.name, use.path, use.shared) for use in spec.volumes] == [
        ("data", "", False),
        ("media", "/app/media", True),
        ("more", "", True),
        ("other", "/app/other", False),
    ]
    Dependency = process_services_pb2.ProcessSpec.Dependency
    assert [(each.process, each.condition) for each in spec.depends_on] == [
        ("db", Dependency.CONDITION_READY),
        ("cache", Dependency.CONDITION_STARTED),
        ("migrate", Dependency.CONDITION_COMPLETED),
    ]
    assert (dict(spec.labels), spec.version, spec.release) == ({"team": "shop"}, "1.0", "migrate")
    assert list(spec.domains) == ["example.com"]


@pytest.mark.parametrize(
    "fields",
    [
        {"ready": "http"},
        {"liveness": "notify"},
        {"volumes": ["data:app"]},
        {"volumes": [":/app/data"]},
        {"volumes": ["data:shared:/app/data"]},
        {"depends_on": ["db:running"]},
        {"depends_on": ["db:"]},
        {"depends_on": [":started"]},
    ],
)
async def test_a_field_of_a_wrong_form_is_refused(daemon, fields):
    async with GrpcOSClient(daemon.address) as client:
        with pytest.raises(ValueError, match="expected"):
            await client.create_process("web", "true", **fields)
    assert daemon.requests == []


async def test_a_field_that_there_is_not_is_a_type_error(client, daemon):
    for call in (client.create_process, client.deploy_process):
        with pytest.raises(TypeError, match="'volume'"):
            await call("web", "true", volume="data")
    with pytest.raises(TypeError, match="'bundle'"):
        await client.update_process("web", bundle="0")
    assert daemon.requests == []


async def test_an_unknown_restart_policy_is_refused(client):
    with pytest.raises(ValueError, match="on-failure"):
        await client.create_process("web", "true", restart="sometimes")


async def test_the_stop_scope_is_a_word(client, daemon):
    await client.create_process("web", "true", stop_scope="group")
    assert daemon.requests[-1].process.spec.stop_scope == 2
    with pytest.raises(ValueError, match="main, group or all"):
        await client.create_process("api", "true", stop_scope="everyone")


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
    # The last try may end by the time that is left.
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
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
    await client.update_process("web", command=None, port="auto", ready="default", volumes=[], depends_on=[], labels={}, version="")
    first, second, third = daemon.requests
    fields = ["port", "auto_port", "ready", "volumes", "depends_on", "labels", "version"]
    assert list(third.update_mask.paths) == [f"spec.{field}" for field in fields] and third.process.spec.auto_port
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


async def test_a_deploy_sends_the_whole_spec_and_is_waited_for_over_several_calls(client, daemon):
    revision = await client.deploy_process("web", "run", {"A": "1"}, bundle="0" * 64, version="2", etag="e", no_rollback=True)
    assert (revision.number, revision.state) == (1, "deploying")
    (request,) = daemon.requests
    assert (request.process, request.etag, request.no_rollback, request.validate_only) == ("web", "e", True, False)
    spec = request.spec
    assert (spec.command, dict(spec.environment), spec.bundle, spec.version) == ("run", {"A": "1"}, "0" * 64, "2")
    assert (await client.wait_revision("web", revision.number)).state == "failed"
    waits = daemon.requests[1:]
    assert [(wait.process, wait.number, wait.timeout.ToMilliseconds()) for wait in waits] == [("web", 1, 20_000)] * 2


async def test_a_wait_for_a_deploy_that_is_over_raises(client):
    with pytest.raises(TimeoutError, match="revision 3 of web"):
        await client.wait_revision("web", 3, timeout=0)


async def test_a_task_gives_its_output_and_its_end(client, daemon):
    Task = process_services_pb2.RunTaskResponse
    daemon.task_messages = [
        Task(started={"pid": 7}),
        Task(output={"stream": "STREAM_STDERR", "data": b"\xff"}),
        Task(),
        Task(output={"stream": "STREAM_STDOUT", "data": b"out"}),
        Task(exited={"status": 143, "timed_out": True, "exit": {"signal": "TERM"}}),
    ]
    *output, end = [each async for each in client.run_task("web", "echo", {"A": "1"}, timeout=1.5)]
    assert output == [TaskOutput("stderr", b"\xff"), TaskOutput("stdout", b"out")]
    assert (end.status, end.timed_out, end.report.signal) == (143, True, "TERM")
    (request,) = daemon.requests
    assert (request.name, request.command, dict(request.environment)) == ("web", "echo", {"A": "1"})
    assert request.timeout.ToMilliseconds() == 1500
    assert daemon.time_remaining[0] is None or daemon.time_remaining[0] > 1000, "the call itself has no deadline"


async def test_a_task_that_is_left_is_cancelled(client, daemon):
    daemon.task_messages = [process_services_pb2.RunTaskResponse(output={"stream": "STREAM_STDOUT", "data": b"out"})]
    daemon.task_hangs = True
    async with contextlib.aclosing(client.run_task("web", "cat")) as task:
        assert (await anext(task)).data == b"out"
    async with asyncio.timeout(10):
        while not daemon.streams_cancelled:
            await asyncio.sleep(0.01)


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


async def test_login_peer_asks_the_daemon(client):
    assert (await client.login_peer()).name == "admin"
    assert client.token == "access-1"


def test_other_channels_are_refused():
    with pytest.raises(TypeError, match="grpc.Channel"):
        GrpcOSClient(42)
