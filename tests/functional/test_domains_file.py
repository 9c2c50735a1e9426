"""domains.conf: the domains that an operator writes down, whole or not at all."""

import os

import pytest
from domains_api import ACTIVE, domains_of
from expectations import refused, until


def write(system, text):
    path = system.home / "domains.conf"
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)
    return str(path)


async def reload(domains, **fields):
    done = await domains.call("ReloadDomains", **fields)
    return list(done.created), list(done.changed), list(done.removed), done.unchanged


async def revision(domains):
    return (await domains.raw.call("ProcessService", "ListProcesses")).revision


def entry(name, process="web", **keys):
    return f"domain {name} {{\n    process: {process}\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items()) + "}\n"


@pytest.fixture
async def domains(system):
    async with domains_of(system) as made:
        yield made


async def in_state(domains, name, state, message=""):
    async def there():
        domain = await domains.get(name) if name in await domains.names() else None
        return domain if domain and domain.status.state == state and message in domain.status.message else None

    return await until(there, f"{name} is in state {state} {message}")


async def test_a_reload_says_the_difference_and_applies_it_in_one_revision(system, domains):
    await domains.run("web")
    path = write(system, entry("a.example.com") + entry("b.example.com") + entry("later.example.com", "later"))
    before = await revision(domains)
    assert await reload(domains, validate_only=True) == (["a.example.com", "b.example.com", "later.example.com"], [], [], 0)
    assert await domains.names() == [] and await revision(domains) == before
    done = await domains.call("ReloadDomains")
    assert (done.file, list(done.created)) == (path, ["a.example.com", "b.example.com", "later.example.com"])
    events = [event for event in await changes_after(system, before) if event[0] != "status"]
    assert {event[2] for event in events} == {before + 1}, events
    await in_state(domains, "a.example.com", ACTIVE)
    write(system, entry("a.example.com") + entry("b.example.com", hold="5s") + entry("*.c.example.com"))
    assert await reload(domains, validate_only=True) == (["*.c.example.com"], ["b.example.com"], ["later.example.com"], 1)
    before = await revision(domains)
    assert await reload(domains) == (["*.c.example.com"], ["b.example.com"], ["later.example.com"], 1)
    found = [event for event in await changes_after(system, before) if event[0] != "status"]
    assert sorted(event[:2] for event in found) == [
        *(("created", "*.c.example.com"), ("deleted", "later.example.com"), ("updated", "b.example.com")),
    ]
    assert len({event[2] for event in found}) == 1, found
    assert (await in_state(domains, "b.example.com", ACTIVE)).spec.hold.seconds == 5
    await in_state(domains, "*.c.example.com", ACTIVE)
    assert await domains.served_by("x.c.example.com") == "web"
    # A line that moved is no change of what is served.
    write(system, "# a comment\n" + entry("a.example.com"))
    created, changed, removed, _ = await reload(domains)
    assert (created, removed) == ([], ["*.c.example.com", "b.example.com"])
    assert (await domains.get("a.example.com")).status.managed_by == "domains.conf:2"
    os.unlink(path)
    assert await reload(domains) == ([], [], ["a.example.com"], 0)
    assert await domains.names() == []


async def changes_after(system, after):
    """(action, name, revision) of domains, of what is kept until now."""
    client = await system.client()
    found = []
    async for message in client.watch_messages(from_revision=after, kinds=["domain"]):
        found += [(event.action, event.name, event.revision) for event in message.events]
        if message.synced:
            return found


async def test_one_error_in_line_500_refuses_the_whole(system, domains):
    await domains.run("web")
    write(system, entry("kept.example.com"))
    await reload(domains)
    kept = await in_state(domains, "kept.example.com", ACTIVE)
    lines = "".join(f"domain d{number}.example.com {{ process: web }}\n" for number in range(1, 500))
    path = write(system, lines + "domain bad..example.com { process: web }\n" + "domain z.example.com { process: web }\n")
    before = await revision(domains)
    for fields in ({}, {"validate_only": True}):
        with refused("DOMAINS_FILE") as refusal:
            await domains.call("ReloadDomains", **fields)
        assert "line 500, column 8" in refusal.message and "two dots" in refusal.message and path in refusal.message, refusal.message
    assert {event[0] for event in await changes_after(system, before)} <= {"status"}
    assert await domains.names() == ["kept.example.com"]
    assert await domains.served_by("kept.example.com") == "web"
    assert (await domains.get("kept.example.com")).etag == kept.etag
    assert (await domains.get("kept.example.com")).status.state == ACTIVE, "what is served is served"
    assert "line 500" in (await domains.call("ListDomains")).edge_problem
    system.kill_daemon()
    async with domains_of(system) as after:
        assert await after.names() == ["kept.example.com"] and await after.served_by("kept.example.com") == "web"

        async def said():
            return "line 500" in (await after.call("ListDomains")).edge_problem

        await until(said, "the start says what is wrong with the file")
        write(system, lines)
        created, _, removed, _ = await reload(after)
        assert len(created) == 499 and removed == ["kept.example.com"]
        await in_state(after, "d499.example.com", ACTIVE)
        assert (await after.call("ListDomains")).edge_problem == "" and await after.served_by("d250.example.com") == "web"


async def test_all_errors_come_at_once_with_their_lines(system, domains):
    own = system.port
    write(
        system,
        entry("a.example.com", "a b")
        + entry("co.uk")
        + entry("b.example.com", port=own)
        + "domain c.example.com {\n    process: web\n    path /x {\n        prozess: web\n    }\n}\n"
        + entry("b.example.com")
        + "domian d.example.com { }\n",
    )
    with refused("DOMAINS_FILE") as refusal:
        await domains.call("ReloadDomains")
    for said in ("line 2, ", "line 14, column 9", "prozess", "line 17, ", "comes twice", "line 20, "):
        assert said in refusal.message, (said, refusal.message)
    write(system, entry("co.uk") + entry("b.example.com", port=own))
    with refused("DOMAINS_FILE") as refusal:
        await domains.call("ReloadDomains")
    assert "line 1: " in refusal.message and "public suffix" in refusal.message, refusal.message
    assert "line 4: " in refusal.message and "gRPC OS itself" in refusal.message, refusal.message


async def test_names_have_one_owner(system, domains):
    await domains.run("web")
    await domains.assign("mine.example.com", "web")
    write(system, entry("a.example.com") + "\n" + entry("mine.example.com"))
    with refused("DOMAINS_FILE") as refusal:
        await domains.call("ReloadDomains")
    assert "line 5" in refusal.message and "belongs to a user" in refusal.message and "unassign mine.example.com" in refusal.message
    assert await domains.names() == ["mine.example.com"]
    assert (await domains.call("UnassignDomain", name="mine.example.com")).deleted
    assert (await reload(domains))[0] == ["a.example.com", "mine.example.com"]
    spec = {"routes": [{"path": "/x", "targets": [{"process": "web"}]}]}
    for method, fields in (
        ("AssignDomain", {"name": "mine.example.com", "process": "web", "replace": True}),
        ("AssignDomain", {"name": "mine.example.com", "process": "web", "path": "/x"}),
        ("UpdateDomain", {"domain": {"name": "mine.example.com", "spec": spec}}),
        ("UnassignDomain", {"name": "mine.example.com"}),
        ("UnassignDomain", {"name": "mine.example.com", "process": "web"}),
        ("DeleteDomain", {"name": "mine.example.com"}),
    ):
        with refused("DOMAIN_MANAGED") as refusal:
            await domains.call(method, **fields)
        assert f"{system.home}/domains.conf:5" in refusal.message and "`reload`" in refusal.message, refusal.message
    with refused("DOMAIN_EXISTS"):
        await domains.call("CreateDomain", domain={"name": "mine.example.com", "spec": spec})


async def test_a_file_that_cannot_be_read_is_said(system, domains):
    await domains.run("web")
    path = write(system, entry("a.example.com"))
    await reload(domains)
    os.unlink(path)
    os.mkdir(path)
    with refused("DOMAINS_FILE") as refusal:
        await domains.call("ReloadDomains")
    assert path in refusal.message and "not a file" in refusal.message
    os.rmdir(path)
    write(system, "#" * ((1 << 20) + 1))
    with refused("DOMAINS_FILE") as refusal:
        await domains.call("ReloadDomains")
    assert "1 MiB" in refusal.message
    with open(path, "wb") as file:
        file.write(b"domain a.example.com {\n  process: \xff\n}\n")
    with refused("DOMAINS_FILE"):
        await domains.call("ReloadDomains")
    assert await domains.names() == ["a.example.com"]
