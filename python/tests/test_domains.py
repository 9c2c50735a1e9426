import datetime

import grpc
import pytest
from grpc_os import Domain, DomainChanges, DomainRoute, DomainTarget, DomainTraffic, GrpcOSError, error_info
from grpc_os.v1 import domain_services_pb2 as pb
from grpc_os.v1 import process_services_pb2


async def test_a_process_is_assigned_and_unassigned(client, daemon):
    domain = await client.assign_process_to_domain("example.com", "proc_123")
    assert (domain.name, domain.state, domain.url) == ("example.com", "active", "http://example.com:8880/")
    request = daemon.requests[0]
    assert (request.process, request.port, request.weight, request.path) == ("proc_123", 0, 0, "")
    assert not any(request.HasField(field) for field in ("strip", "grpc", "hold", "drain", "read_timeout"))
    await client.assign_process_to_domain(
        "example.com",
        "web",
        8080,
        path="/api",
        strip=False,
        weight=3,
        replace=True,
        grpc=True,
        hold=0,
        drain=0.5,
        max_body_bytes=1,
        read_timeout=60,
    )
    request = daemon.requests[1]
    assert (request.port, request.path, request.weight, request.replace) == (8080, "/api", 3, True)
    assert request.HasField("strip") and not request.strip and request.grpc
    assert request.HasField("hold") and request.hold.ToMilliseconds() == 0
    assert (request.drain.ToMilliseconds(), request.read_timeout.seconds, request.max_body_bytes) == (500, 60, 1)
    assert not await client.unassign_domain("example.com", "web", path="/api")
    assert (daemon.requests[2].process, daemon.requests[2].path) == ("web", "/api")
    assert await client.unassign_domain("example.com")


async def test_an_assignment_may_take_as_long_as_the_daemon_waits(client, daemon):
    await client.assign_process_to_domain("example.com", "web")
    await client.unassign_domain("example.com")
    await client.assign_process_to_domain("example.com", "web", timeout=5)
    await client.get_domain("example.com")
    remaining = daemon.time_remaining
    assert remaining[0] > 35 and remaining[1] > 35 and remaining[2] < 10 and remaining[3] < 35


async def test_an_assignment_whose_answer_is_lost_is_made_once(client, daemon):
    daemon.lose_answers = 1
    assert (await client.assign_process_to_domain("example.com", "web")).generation == 1


async def test_domains_are_made_listed_changed_and_deleted(client, daemon):
    routes = [
        DomainRoute([DomainTarget("blue", 8080, 9), DomainTarget("green")]),
        DomainRoute([DomainTarget("api")], "/api", strip=True),
    ]
    domain = await client.create_domain("b.example", routes, hold=5, grpc=None)
    spec = daemon.requests[0].domain.spec
    assert (spec.hold.seconds, spec.HasField("drain"), spec.grpc) == (5, False, False)
    assert [(route.path, route.strip) for route in spec.routes] == [("/", False), ("/api", True)]
    assert (spec.routes[0].targets[0].process, spec.routes[0].targets[0].port, spec.routes[0].targets[0].weight) == (
        "blue",
        8080,
        9,
    )
    assert [list(route.targets) for route in domain.routes] == [list(route.targets) for route in routes]
    await client.create_domain("a.example", [])
    assert [domain.name async for domain in client.list_domains()] == ["a.example", "b.example"]
    page = await client.list_domains_page()
    assert (page.edge_problem, page.next_page_token) == ("nginx is missing", "1")
    changed = await client.update_domain("b.example", domain.routes[:1], etag="e1", grpc=True)
    assert daemon.requests[-1].domain.etag == "e1"
    assert (changed.generation, changed.active_generation, changed.grpc, len(changed.routes)) == (2, 2, True, 1)
    await client.delete_domain("b.example", etag="e2")
    assert (daemon.requests[-1].name, daemon.requests[-1].etag) == ("b.example", "e2")
    with pytest.raises(GrpcOSError) as error:
        await client.get_domain("none.example")
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert error_info(error.value).reason == "DOMAIN_NOT_FOUND"
    with pytest.raises(TypeError, match="'holds'"):
        await client.create_domain("c.example", [], holds=1)


async def test_what_a_domain_says():
    domain = Domain(pb.Domain(name="example.com", owner="eva", generation=2))
    status = domain.proto.status
    status.state = pb.DomainStatus.STATE_REJECTED
    status.message, status.next_step, status.managed_by = "unknown variable", "correct it", "domains.conf:12"
    status.traffic.requests_per_second = 2.5
    status.traffic.latency_p95.nanos = 45_000_000
    target = status.targets.add(process="web", process_id="proc_1", port=8080, weight=1, state="STATE_AWAY", in_flight=3)
    assert (domain.state, domain.message, domain.next_step) == ("rejected", "unknown variable", "correct it")
    assert (domain.managed_by, domain.owner, domain.active_generation) == ("domains.conf:12", "eva", 0)
    assert domain.traffic == DomainTraffic(2.5, 0.0, 0.045, 0, 0, 0)
    one = domain.targets[0]
    assert (one.path, one.process, one.state, one.in_flight, one.since) == ("/", "web", "away", 3, None)
    target.since.seconds = 86_400
    assert domain.targets[0].since == datetime.datetime(1970, 1, 2, tzinfo=datetime.timezone.utc)
    assert repr(domain) == "<Domain 'example.com' rejected>"


async def test_domains_conf_is_reloaded(client, daemon):
    assert await client.reload_domains() == DomainChanges("/etc/domains.conf", ["a"], [], ["b", "c"], 4)
    await client.reload_domains(validate_only=True)
    assert [request.validate_only for request in daemon.requests] == [False, True]


async def test_an_access_log_is_followed_over_a_cut(client, daemon):
    daemon.log_messages = [
        process_services_pb2.TailLogsResponse(
            lines=[{"stream": "STREAM_STDOUT", "text": f'{{"u":"/{n}"}}', "time": {"seconds": n}}], cursor=f"1:{n}"
        )
        for n in range(4)
    ]
    daemon.stream_breaks = [(2, False)]
    lines = [line async for line in client.tail_domain_logs("example.com", 0, follow=True)]
    assert [line.text for line in lines] == ['{"u":"/0"}', '{"u":"/1"}', '{"u":"/2"}', '{"u":"/3"}']
    assert lines[1].time_ns == 10**9 and lines[1].stream == "stdout"
    assert [(request.lines, request.follow, request.cursor) for request in daemon.requests] == [
        (-1, True, ""),
        (-1, True, "1:1"),
    ]
