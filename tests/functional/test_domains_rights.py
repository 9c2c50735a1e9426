"""Rights on domains by their names, their events, audit records, and /domains."""

import asyncio

import grpc.aio
import pytest
from domains_api import ACTIVE, domains_of, free_port
from expectations import SLEEP, refused, until
from objects_api import objects_of
from raw_calls import SERVICES
from running_system import PATIENCE_S
from test_rights import logged_in, make, rule
from test_watch import Watcher, until_synced

SHOP = [
    *(rule("domain.read", "shop-"), rule("domain.write", "shop-"), rule("process.read", "shop"), rule("process.write", "shop")),
    *(rule("event.read"), rule("object.read", "/domains/")),
]
SPEC = {"routes": [{"targets": [{"process": "shop"}]}]}


@pytest.fixture
async def domains(system):
    async with domains_of(system) as made:
        for name in ("shop", "web"):
            await made.process("CreateProcess", process={"name": name, "spec": {"command": SLEEP, "port": free_port()}})
        yield made


async def tail(raw, name):
    method = SERVICES["DomainService"].methods_by_name["TailDomainLogs"]
    call = raw.begin(method, raw.request("DomainService", "TailDomainLogs", name=name))
    while await call.read() is not grpc.aio.EOF:
        pass


def calls(name, change=True):
    """Each method about one domain, with its fields."""
    changes = [
        ("CreateDomain", {"domain": {"name": name, "spec": SPEC}}),
        ("UpdateDomain", {"domain": {"name": name, "spec": SPEC}}),
        ("AssignDomain", {"name": name, "process": "shop"}),
        ("UnassignDomain", {"name": name}),
        ("DeleteDomain", {"name": name}),
    ]
    return [("GetDomain", {"name": name}), *(changes if change else [])]


async def test_a_role_covers_the_names_of_its_prefix_alone(system, domains):
    await domains.assign("web.example.com", "web")
    hidden = await domains.assign("secret.example.com", "web")
    await make(domains.raw, "shop", SHOP)
    async with logged_in(system, "ada") as ada:
        made = await ada.call("DomainService", "AssignDomain", name="shop-1.example.com", process="shop")
        assert made.status.state == ACTIVE and made.owner == "ada"
        assert [one.name for one in (await ada.call("DomainService", "ListDomains", page_size=1)).domains] == ["shop-1.example.com"]
        for name in ("web.example.com", "none.example.com", "www.shop-1.example.com", "*.shop-1.example.com"):
            for method, fields in calls(name):
                with refused("PERMISSION_MISSING"):
                    await ada.call("DomainService", method, **fields)
            with refused("PERMISSION_MISSING"):
                await tail(ada, name)
            with refused("PERMISSION_MISSING"):
                await ada.call("FilesystemService", "GetObject", name=f"/domains/{name}")
        for id_ in (hidden.id, "dom_0000000000000000"):
            for method in ("GetDomain", "UnassignDomain", "DeleteDomain"):
                with refused("DOMAIN_NOT_FOUND"):
                    await ada.call("DomainService", method, name=id_)
            with refused("DOMAIN_NOT_FOUND"):
                await tail(ada, id_)
        with refused("PERMISSION_MISSING"):
            await ada.call("DomainService", "ReloadDomains")
        page = await ada.call("FilesystemService", "ListObjects", prefix="/domains/")
        assert [entry.name for entry in page.objects] == ["/domains/shop-1.example.com"]
        # A process gets a domain from those who may write the domain, too.
        spec = {"command": SLEEP, "domains": ["web-2.example.com"]}
        with refused("PERMISSION_MISSING"):
            await ada.call("ProcessService", "CreateProcess", process={"name": "shop-2", "spec": spec})
        with refused("PERMISSION_MISSING"):
            await ada.call("DeployService", "DeployProcess", process="shop-2", spec=spec)
        with refused("PERMISSION_MISSING"):
            await ada.call("ProcessService", "UpdateProcess", process={"name": "shop", "spec": spec}, update_mask={"paths": ["spec.domains"]})
        spec["domains"] = ["shop-2.example.com"]
        await ada.call("ProcessService", "CreateProcess", process={"name": "shop-2", "spec": spec})
        await until(lambda: has(domains, "shop-2.example.com"), "its domain is there")
        watch = ada.begin(SERVICES["EventService"].methods_by_name["Watch"], ada.request("EventService", "Watch", kinds=["domain"]), timeout=60)
        seen = []
        async with asyncio.timeout(PATIENCE_S):
            while not (message := await watch.read()).synced:
                seen += message.events
            await domains.assign("web-3.example.com", "web")
            await domains.assign("shop-3.example.com", "web")
            while not any(event.name == "shop-3.example.com" for event in seen):
                seen += (await watch.read()).events
        assert {event.name for event in seen} == {f"shop-{number}.example.com" for number in (1, 2, 3)}
        watch.cancel()
        await ada.call("DomainService", "UnassignDomain", name=made.id)
    await domains.raw.auth("UpdateRole", role={"name": "shop", "rules": [rule("domain.read", "shop-")]})
    async with logged_in(system, "ada") as ada:
        for method, fields in calls("shop-3.example.com")[1:]:
            with refused("PERMISSION_MISSING"):
                await ada.call("DomainService", method, **fields)
        assert (await ada.call("DomainService", "GetDomain", name="shop-3.example.com")).name == "shop-3.example.com"


async def test_the_port_of_another_process_is_not_published(domains, system):
    secret = (await domains.process("GetProcess", name="web")).spec.port
    by_environment = free_port()
    await domains.process("CreateProcess", process={"name": "hidden", "spec": {"command": SLEEP, "environment": {"PORT": str(by_environment)}}})
    await make(domains.raw, "shop", SHOP)
    async with logged_in(system, "ada") as ada:
        for port in (secret, by_environment):
            routes = [{"targets": [{"process": "shop", "port": port}]}]
            for method, fields in (
                ("AssignDomain", {"name": "shop-1.example.com", "process": "shop", "port": port}),
                ("CreateDomain", {"domain": {"name": "shop-1.example.com", "spec": {"routes": routes}}}),
            ):
                with refused("PORT_TAKEN") as refusal:
                    await ada.call("DomainService", method, **fields)
                assert f"port {port} is that of another process" in refusal.message and "'web'" not in refusal.message
    with refused("PORT_TAKEN") as refusal:
        await domains.assign("shop-1.example.com", "shop", secret)
    assert "`assign DOMAIN web`" in refusal.message
    # Its own, and what is no process of ours.
    own = (await domains.process("GetProcess", name="shop")).spec.port
    for port in (own, free_port()):
        assert (await domains.assign("shop-1.example.com", "shop", port)).spec.routes[0].targets[0].port == port


async def has(domains, name):
    return name in await domains.names()


async def test_each_change_is_an_event_and_a_record(system, domains):
    client = await system.client()
    first = await domains.assign("a.example.com", "web")
    watcher = Watcher(client, kinds=["domain"])
    async with watcher:
        assert [(event.action, event.name, event.resource_id) for event in watcher.events] == [("snapshot", "a.example.com", first.id)]
        await domains.assign("b.example.com", "web")
        await domains.assign("b.example.com", "shop", replace=True)
        await domains.call("UnassignDomain", name="b.example.com")
        await watcher.until_action("deleted", "b.example.com")
        seen = [event.action for event in watcher.events if event.name == "b.example.com"]
        assert [action for action in seen if action != "status"] == ["created", "updated", "deleted"]
        assert seen.count("status") == 2, "each generation is served once"
    by_default, _ = await until_synced(client.watch_messages())
    assert ("domain", "a.example.com") in {(event.kind, event.name) for event in by_default}

    (system.home / "domains.conf").write_text("domain c.example.com {\n  process: web\n}\n")
    await domains.call("ReloadDomains")
    with refused("DOMAIN_MANAGED"):
        await domains.call("UnassignDomain", name="c.example.com")

    async def recorded():
        records = (await domains.raw.auth("ListAuditRecords", page_size=100)).records
        found = [
            (record.method.rpartition("/")[2], record.resource, record.result, record.reason)
            for record in records
            if "DomainService" in record.method
        ]
        return found[::-1] if found[0][3] == "DOMAIN_MANAGED" else None

    records = await until(recorded, "the refusal is recorded")
    assert all(record.user == "admin" for record in (await domains.raw.auth("ListAuditRecords", page_size=20)).records[:5])
    assert records == [
        ("AssignDomain", "a.example.com", "OK", ""),
        ("AssignDomain", "b.example.com", "OK", ""),
        ("AssignDomain", "b.example.com", "OK", ""),
        ("UnassignDomain", "b.example.com", "OK", ""),
        ("ReloadDomains", str(system.home / "domains.conf"), "OK", ""),
        ("UnassignDomain", "c.example.com", "FAILED_PRECONDITION", "DOMAIN_MANAGED"),
    ]


async def test_domains_are_objects_that_nobody_writes(system, domains):
    made = await domains.assign("a.example.com", "web", path="/api", strip=True, weight=7)
    await domains.assign("*.example.com", "shop", hold={"seconds": 0})
    async with objects_of(system) as objects:
        names = [entry.name for entry in (await domains.raw.call("FilesystemService", "ListObjects", prefix="/domains/")).objects]
        assert names == ["/domains/*.example.com", "/domains/a.example.com"]
        assert any(entry.name == "/domains/" for entry in (await domains.raw.call("FilesystemService", "ListObjects", prefix="/")).objects)

        async def told():
            lines = (await objects.data("/domains/a.example.com")).decode().splitlines()
            return dict(line.split(": ", 1) for line in lines if ": " in line)

        text = await told()
        assert (text["id"], text["name"], text["state"], text["active_generation"]) == (made.id, "a.example.com", "active", "1")
        assert text["target"] == f"/api strip {made.spec.routes[0].targets[0].process} port 0 weight 7" and text["hold_ms"] == "30000"
        assert b"hold_ms: 0\n" in await objects.data("/domains/*.example.com")
        for attempt in (
            lambda: objects.create("/domains/b.example.com", b"x"),
            lambda: objects.put("/domains/a.example.com", b"x"),
            lambda: domains.raw.call("FilesystemService", "DeleteObject", name="/domains/a.example.com"),
        ):
            with refused("SYSTEM_OBJECT"):
                await attempt()
        await domains.call("UnassignDomain", name="a.example.com")
        with refused("OBJECT_NOT_FOUND"):
            await objects.data("/domains/a.example.com")
    listed = system.cli("ls", "/domains")
    assert listed.returncode == 0 and "*.example.com" in listed.stdout, listed.stdout + listed.stderr
    assert "state: active" in system.cli("cat", "/domains/*.example.com").stdout
