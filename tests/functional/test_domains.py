"""Domains: what is assigned is served, and how."""

import asyncio
import base64
import collections
import os

import grpc
import grpc.aio
import pytest
from domains_api import ACTIVE, STOPPED, UP, domains_of, free_port
from expectations import SLEEP, refused, until
from running_system import command_line, descendants, poll


@pytest.fixture
async def domains(system):
    async with domains_of(system) as made:
        yield made


async def test_what_is_assigned_is_served_and_what_is_unassigned_is_not(system, domains):
    """By name with a port, by id without one, by the PORT of an environment; unassigned whole, by process and by path."""
    one = await domains.run("one")
    two = await domains.run("two", environment={"PORT": str(free_port())})
    assigned = await domains.assign("example.com", "one", one.status.port)
    assert (assigned.status.state, assigned.status.active_generation, assigned.generation) == (ACTIVE, 1, 1)
    assert await domains.served_by("example.com") == "one"
    await domains.assign("two.example.com", two.id)
    assert await domains.served_by("two.example.com:80") == "two"
    await domains.assign("two.example.com", "one", path="/one")
    assert (await domains.served_by("two.example.com", "/one/x"), await domains.served_by("Two.Example.Com")) == ("one", "two")
    assert domains.system.edge_port() == int(assigned.status.url.split(":")[-1].rstrip("/"))

    assert not (await domains.call("UnassignDomain", name="two.example.com", process="two")).deleted
    assert (await domains.fetch("two.example.com")).status == 404
    assert await domains.served_by("two.example.com", "/one") == "one"
    await domains.assign("two.example.com", "two")
    assert not (await domains.call("UnassignDomain", name="two.example.com", path="/one")).deleted
    assert await domains.served_by("two.example.com", "/one") == "two"
    with refused("DOMAIN_NOT_FOUND") as refusal:
        await domains.call("UnassignDomain", name="two.example.com", process="one")
    assert "does not lead to 'one'" in refusal.message
    with refused("DOMAIN_NOT_FOUND"):
        await domains.call("UnassignDomain", name="two.example.com", path="/one")
    assert (await domains.call("UnassignDomain", name="two.example.com", process=two.id, path="/")).deleted
    assert (await domains.call("UnassignDomain", name=assigned.id)).deleted
    assert await domains.names() == []


async def test_the_edge_outlives_its_last_domain_until_the_next_daemon_finds_none(system, domains):
    def nginx():
        return [pid for pid in descendants() if "".join(command_line(pid)).startswith("nginx: master process")]

    await domains.run("one")
    await domains.assign("a.example.com", "one")
    port = system.edge_port()
    await domains.assign("b.example.com", "one")
    await domains.call("UnassignDomain", name="a.example.com")
    page = await domains.fetch("a.example.com")
    assert page.status == 404 and b"No domain of this name" in page.body
    for kind in ("application/json", "text/html"):
        page = await domains.fetch("nobody.example.com", Accept=kind)
        assert page.status == 404 and page.headers["Content-Type"].startswith(kind)
    before = nginx()
    await domains.call("UnassignDomain", name="b.example.com")
    assert (await domains.fetch("b.example.com")).status == 404
    await domains.assign("b.example.com", "one")
    await domains.call("UnassignDomain", name="b.example.com")
    assert before and nginx() == before
    system.kill_daemon()
    poll(lambda: not nginx(), "nginx ends")
    with pytest.raises(ConnectionRefusedError):
        await domains.fetch("b.example.com")
    await domains.assign("b.example.com", "one")
    assert system.edge_port() == port and await domains.served_by("b.example.com") == "one"


async def test_a_process_without_a_port_is_refused_until_one_is_named(domains):
    await domains.process("CreateProcess", process={"name": "quiet", "spec": {"command": SLEEP}})
    with refused("NO_PORT"):
        spec = {"routes": [{"targets": [{"process": "quiet"}]}]}
        await domains.call("CreateDomain", domain={"name": "example.com", "spec": spec})
    with refused("NO_PORT") as refusal:
        await domains.assign("example.com", "quiet")
    assert "assign DOMAIN quiet 8080" in refusal.message and refusal.metadata["process"] == "quiet"
    port = free_port()
    assigned = await domains.assign("example.com", "quiet", port)
    assert (assigned.spec.routes[0].targets[0].port, assigned.status.targets[0].port) == (port, port)
    await domains.process("WaitProcess", name="quiet", condition=2, timeout={"seconds": 20})
    again = await domains.assign("example.com", "quiet", port)
    assert f"nothing accepts connections on port {port}" in again.status.next_step
    await domains.process("StopProcess", name="quiet")
    stopped = await domains.get("example.com")
    assert stopped.status.targets[0].state == STOPPED and "start quiet" in stopped.status.next_step


async def test_its_status_is_live(system, domains):
    before = (await domains.run("one")).create_time.ToMilliseconds()
    assigned = await domains.assign("example.com", "one")
    assert assigned.status.targets[0].HasField("since")
    for number in range(20):
        assert (await domains.fetch("example.com", f"/sleep?{5 + number % 2}")).status == 200
    port = assigned.status.targets[0].port
    _, slow = await asyncio.open_connection("127.0.0.1", system.edge_port())
    slow.write(b"GET /sleep?20000 HTTP/1.1\r\nHost: example.com\r\n\r\n")

    async def counted():
        domain = await domains.get("example.com")
        return domain if domain.status.targets[0].in_flight == 1 and domain.status.traffic.requests >= 20 else None

    domain = await until(counted, "20 requests are counted, and one is in flight")
    status, target, traffic = domain.status, domain.status.targets[0], domain.status.traffic
    assert (status.state, status.message, status.active_generation, status.managed_by) == (ACTIVE, "", 1, "")
    assert (target.path, target.process, target.port, target.weight, target.state) == ("/", "one", port, 1, UP)
    assert target.process_id.startswith("proc_") and target.probe == "accepts connections"
    assert before <= target.since.ToMilliseconds() <= domain.update_time.ToMilliseconds() + 30_000
    assert (traffic.requests, traffic.errors, traffic.errors_per_second, traffic.waiting) == (20, 0, 0, 0)
    assert traffic.requests_per_second > 0 and 0.004 < traffic.latency_p95.ToMicroseconds() / 1e6 < 1
    [listed] = (await domains.call("ListDomains")).domains
    assert listed.status.traffic.requests == 20
    assert (domain.owner, domain.name, domain.id[:4], status.url) == (
        *("admin", "example.com", "dom_"),
        f"http://example.com:{system.edge_port()}/",
    )
    slow.close()
    assert await domains.get(domain.id) == await domains.get("example.com")

    await domains.process("StopProcess", name="one")
    stopped = await domains.get("example.com")
    assert stopped.status.targets[0].state == STOPPED and "refuse" in stopped.status.targets[0].probe.lower()
    assert stopped.status.state == ACTIVE and "start one" in stopped.status.next_step
    assert (await domains.fetch("example.com")).status == 503
    await domains.process("DeleteProcess", name="one", force=True)
    gone = await domains.get("example.com")
    assert gone.status.state != ACTIVE and "no process" in gone.status.message and "assign example.com" in gone.status.next_step


async def test_changes_are_generations_with_etags_and_happen_once(domains):
    await domains.run("one")
    await domains.run("two")
    spec = {"routes": [{"targets": [{"process": "one"}]}]}
    made = await domains.call("CreateDomain", domain={"name": "example.com", "spec": spec}, request_id="r1")
    again = await domains.call("CreateDomain", domain={"name": "example.com", "spec": spec}, request_id="r1")
    assert (again.id, again.etag, again.generation, made.generation) == (made.id, made.etag, 1, 1)
    with refused("DOMAIN_EXISTS"):
        await domains.call("CreateDomain", domain={"name": "example.com", "spec": spec}, request_id="r2")
    same = await domains.assign("example.com", "one")
    assert (same.generation, same.etag) == (1, made.etag)
    changed = await domains.call("UpdateDomain", domain={"name": "example.com", "spec": {**spec, "hold": {"seconds": 5}}, "etag": made.etag})
    assert changed.generation == 2 and changed.etag != made.etag and changed.spec.hold.seconds == 5
    for method, fields in (
        ("UpdateDomain", {"domain": {"name": "example.com", "spec": spec, "etag": made.etag}}),
        ("DeleteDomain", {"name": "example.com", "etag": made.etag}),
    ):
        with refused("ETAG_MISMATCH"):
            await domains.call(method, **fields)
    with refused("DOMAIN_EXISTS") as refusal:
        await domains.assign("example.com", "two")
    assert refusal.metadata["process"] == "one" and "'one'" in refusal.message and "--replace" in refusal.message
    replaced = await domains.assign("example.com", "two", replace=True, request_id="r3")
    assert replaced.generation == 3 and replaced.spec.hold.seconds == 5
    assert (await domains.assign("example.com", "two", replace=True, request_id="r3")).generation == 3
    with refused("REQUEST_ID_REUSED"):
        await domains.assign("example.com", "one", replace=True, request_id="r3")
    assert await domains.served_by("example.com") == "two"
    assert (await domains.call("UnassignDomain", name="example.com", request_id="r4")).deleted
    assert (await domains.call("UnassignDomain", name="example.com", request_id="r4")).deleted
    with refused("DOMAIN_NOT_FOUND"):
        await domains.call("UnassignDomain", name="example.com", request_id="r5")


async def test_two_at_once_are_both_carried_out_or_one_is_refused(domains):
    await domains.run("one")
    await domains.run("two")
    for round_ in range(5):
        name = f"r{round_}.example.com"
        results = await asyncio.gather(
            domains.assign(name, "one"), domains.assign(name, "two"), return_exceptions=True
        )
        refusals = [result for result in results if isinstance(result, grpc.RpcError)]
        assert len(refusals) == 1 and refusals[0].code() == grpc.StatusCode.ALREADY_EXISTS, results
        [winner] = [result for result in results if not isinstance(result, Exception)]
        assert await domains.served_by(name) == winner.status.targets[0].process
    both = await asyncio.gather(*(domains.assign("all.example.com", name, path=f"/{name}") for name in ("one", "two")))
    assert max(one.generation for one in both) == 2
    assert [await domains.served_by("all.example.com", f"/{name}") for name in ("one", "two")] == ["one", "two"]


async def test_weights_paths_and_wildcards_choose(domains):
    for name in ("one", "two", "three"):
        await domains.run(name, ready=False)
    for name in ("one", "two", "three"):
        await domains.process("WaitProcess", name=name, condition=2, timeout={"seconds": 20})
    await domains.assign("example.com", "one", weight=3)
    shared = await domains.assign("example.com", "two", weight=1)
    assert [(target.process, target.weight) for target in shared.status.targets] == [("one", 3), ("two", 1)]
    counted = collections.Counter([await domains.served_by("example.com") for _ in range(100)])
    assert 70 <= counted["one"] <= 80 and counted["one"] + counted["two"] == 100, counted
    await domains.assign("example.com", "two", weight=3)
    counted = collections.Counter([await domains.served_by("example.com") for _ in range(20)])
    assert 8 <= counted["one"] <= 12, counted

    await domains.assign("example.com", "three", path="/api")
    await domains.assign("example.com", "one", path="/api/old", strip=True)
    for path, name, seen in (
        ("/api", "three", "/api"),
        ("/api/x?y=1", "three", "/api/x?y=1"),
        ("/api/old", "one", "/"),
        ("/api/old/a%20b?c=%2F", "one", None),
        ("/api/older", "three", "/api/older"),
    ):
        answer = (await domains.fetch("example.com", path)).json
        assert answer["name"] == name and seen in (None, answer["target"]), (path, answer)
    stripped = (await domains.fetch("example.com", "/api/old/a%20b?c=%2F")).json["target"]
    assert stripped == "/a%20b?c=%2F"
    assert (await domains.served_by("example.com", "/apis")) in ("one", "two")
    kept = await domains.assign("example.com", "one", path="/api/old", strip=False)
    assert kept.spec.routes[-1].path == "/api/old" and not kept.spec.routes[-1].strip
    assert (await domains.fetch("example.com", "/api/old/x")).json["target"] == "/api/old/x"

    await domains.assign("*.example.com", "three")
    await domains.assign("known.example.com", "one")
    assert await domains.served_by("any.example.com") == "three"
    assert await domains.served_by("known.example.com") == "one"
    assert (await domains.fetch("two.labels.example.com")).status == 404
    assert (await domains.fetch("example.com.evil.org")).status == 404
    assert (await domains.get("*.example.com")).status.url.startswith("http://NAME.example.com:")


async def test_what_the_process_is_told_and_how_large_a_body_may_be(domains):
    await domains.run("one")
    await domains.assign("example.com", "one", max_body_bytes=1000)
    answer = (await domains.fetch("example.com", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https", Forwarded="for=6.6.6.6")).json
    headers = answer["headers"]
    assert headers["host"] == ["example.com"], headers
    assert headers["x-forwarded-for"] == ["127.0.0.1"] and headers["x-forwarded-proto"] == ["http"], headers
    assert headers["x-forwarded-host"] == ["example.com"] and "forwarded" not in headers, headers
    assert (await domains.fetch("example.com", "/", "POST", b"x" * 1000)).json["body"] == 1000
    assert (await domains.fetch("example.com", "/", "POST", b"x" * 1001)).status == 413
    await domains.assign("example.com", "one", max_body_bytes=1001)
    assert (await domains.fetch("example.com", "/", "POST", b"x" * 1001)).json["body"] == 1001


async def test_events_and_websockets_pass(system, domains):
    await domains.run("one")
    await domains.assign("example.com", "one")

    async def ask(path, *headers):
        reader, writer = await asyncio.open_connection("127.0.0.1", system.edge_port())
        writer.write("\r\n".join([f"GET {path} HTTP/1.1", "Host: example.com", *headers, "", ""]).encode())
        return reader, writer

    reader, writer = await ask("/events?20", "Accept: text/event-stream")
    async with asyncio.timeout(10):
        await reader.readuntil(b"data: 2\n\n")
    writer.close()
    key = base64.b64encode(os.urandom(16)).decode()
    reader, writer = await ask(
        "/", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"
    )
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        # A change of another domain reloads nginx: the websocket goes on.
        await domains.assign("other.example.com", "one")
        for text in (b"hello", b"again"):
            writer.write(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
            assert await reader.readexactly(2 + len(text)) == bytes([0x81, len(text)]) + text
    writer.close()


async def test_grpc_passes(system, domains):
    await domains.run("greeter", kind="grpc")
    assigned = await domains.assign("grpc.example.com", "greeter", grpc=True)
    port = system.edge_port("grpc")
    assert assigned.status.url == f"http://grpc.example.com:{port}/" and assigned.spec.grpc
    options = (("grpc.default_authority", "grpc.example.com"), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        unary = channel.unary_unary("/test.Echo/Unary")
        assert await unary(b"hello", timeout=20) == b"hello"

        async def requests():
            for number in range(100):
                yield b"%d" % number

        stream = channel.stream_stream("/test.Echo/Stream")
        assert [answer async for answer in stream(requests(), timeout=20)] == [b"%d" % n for n in range(100)]
        await domains.process("RestartProcess", name="greeter")
        assert await unary(b"after", timeout=20) == b"after"
    assert (await domains.fetch("grpc.example.com")).status == 404
    options = (("grpc.default_authority", "other.example.com"), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            await channel.unary_unary("/test.Echo/Unary")(b"x", timeout=20)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
