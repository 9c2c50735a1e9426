"""Domains by the Python client and the real daemon: every call once."""

import asyncio
import contextlib
import json
import urllib.request

from domains_api import backend
from expectations import refused
from grpc_os import DomainRoute, DomainTarget
from running_system import PATIENCE_S

def get(system, host, path="/"):
    request = urllib.request.Request(f"http://127.0.0.1:{system.edge_port()}{path}", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


async def test_the_life_of_a_domain(system, client):
    for name in ("web", "api"):
        await client.create_process(name, backend("http", name), port="auto")
        await client.wait_process(name, "ready")
    routes = [DomainRoute([DomainTarget("web")]), DomainRoute(path="/api", strip=True, targets=[DomainTarget("api", weight=3)])]
    made = await client.create_domain("example.com", routes, hold=5, max_body_bytes=1000, request_id="r1")
    assert (await client.create_domain("example.com", routes, hold=5, max_body_bytes=1000, request_id="r1")).id == made.id
    assert made.id.startswith("dom_") and made.owner == "admin" and [route.path for route in made.routes] == ["/", "/api"]
    served = await client.assign_process_to_domain("example.com", "api", path="/more", weight=2, read_timeout=90)
    assert served.state == "active" and served.proto.spec.hold.seconds == 5 and served.proto.spec.read_timeout.seconds == 90
    assert [(one.path, one.process, one.weight) for one in served.targets] == [("/", "web", 1), ("/api", "api", 3), ("/more", "api", 2)]
    assert (await asyncio.to_thread(get, system, "example.com", "/api/x"))["target"] == "/x"
    with refused("DOMAIN_EXISTS"):
        await client.assign_process_to_domain("example.com", "api")
    assert (await client.assign_process_to_domain("example.com", "api", replace=True)).targets[0].process == "api"
    with refused("ETAG_MISMATCH"):
        await client.update_domain("example.com", routes, etag=made.etag)
    updated = await client.update_domain("example.com", routes[:1], grpc=False)
    assert [route.path for route in updated.routes] == ["/"] and updated.proto.spec.hold.seconds == 30
    await client.assign_process_to_domain("other.example.com", "web")
    assert [each.name async for each in client.list_domains(page_size=1)] == ["example.com", "other.example.com"]
    assert (await client.list_domains_page()).edge_problem == ""
    assert await client.unassign_domain("example.com", "web")
    with refused("DOMAIN_NOT_FOUND"):
        await client.get_domain("example.com")
    await client.delete_domain("other.example.com")
    assert [each async for each in client.list_domains()] == []


async def test_the_file_and_the_log(system, client):
    await client.create_process("web", backend("http", "web"), port="auto")
    await client.wait_process("web", "ready")
    (system.home / "domains.conf").write_text("domain file.example.com {\n  process: web\n}\n")
    planned = await client.reload_domains(validate_only=True)
    assert planned.created == ["file.example.com"] and [each async for each in client.list_domains()] == []
    done = await client.reload_domains()
    assert (done.created, done.changed, done.removed, done.unchanged) == (["file.example.com"], [], [], 0)
    with refused("DOMAIN_MANAGED"):
        await client.delete_domain("file.example.com")
    await client.assign_process_to_domain("log.example.com", "web")
    await asyncio.to_thread(get, system, "log.example.com", "/first")
    log = client.tail_domain_logs("log.example.com", follow=True)
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(log):
        assert json.loads((await anext(log)).text)["uri"] == "/first"
        system.kill_daemon()
        await asyncio.to_thread(get, system, "log.example.com", "/second")
        assert json.loads((await anext(log)).text)["uri"] == "/second"
        await client.login_peer()
        assert await client.unassign_domain("log.example.com")
        assert [line async for line in log] == []
