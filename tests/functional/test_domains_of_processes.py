"""`domains:` of processes: the names that their specs have, served with them and gone with them."""

import asyncio
import sqlite3

import grpc.aio
import pytest
from deploys_api import app, deploys_of
from domains_api import ACTIVE, domains_of, free_port
from expectations import SLEEP, refused, until


@pytest.fixture
async def domains(system):
    async with domains_of(system) as made:
        yield made


@pytest.fixture
async def deploys(system):
    async with deploys_of(system) as made:
        yield made


async def served(domains, host, text):
    async def answers():
        if host not in await domains.names() or (await domains.get(host)).status.state != ACTIVE:
            return False
        answer = await domains.fetch(host)
        return answer.status == 200 and answer.body.decode() == text

    return await until(answers, f"{host} answers {text}")


async def gone(domains, name):
    async def is_gone():
        return name not in await domains.names()

    await until(is_gone, f"{name} is gone")


async def active(domains, name):
    async def is_active():
        domain = await domains.get(name) if name in await domains.names() else None
        return domain if domain and domain.status.state == ACTIVE else None

    return await until(is_active, f"{name} is active")


async def test_a_deploy_brings_its_names_and_takes_those_that_it_has_no_more(domains, deploys):
    await deploys.deploy("web", app("one"), domains=["web.example.com", "www.example.com"])
    await served(domains, "web.example.com", "one")
    await served(domains, "www.example.com", "one")
    domain = await domains.get("web.example.com")
    assert domain.status.managed_by == "process web" and domain.status.targets[0].process == "web"
    for attempt in (
        lambda: domains.assign("web.example.com", "web"),
        lambda: domains.assign("web.example.com", "web", path="/x", replace=True),
        lambda: domains.call("UnassignDomain", name="web.example.com"),
        lambda: domains.call("UnassignDomain", name="web.example.com", process="web"),
        lambda: domains.call("DeleteDomain", name="web.example.com"),
        lambda: domains.call("UpdateDomain", domain={"name": "web.example.com", "spec": {"routes": [{"path": "/x", "targets": [{"process": "web"}]}]}}),
    ):
        with refused("DOMAIN_MANAGED") as refusal:
            await attempt()
        assert "process web" in refusal.message and "process.yml" in refusal.message, refusal.message
        assert refusal.metadata["managed_by"] == "process web"
    await deploys.deploy("web", app("two"), domains=["web.example.com"])
    await gone(domains, "www.example.com")
    await served(domains, "web.example.com", "two")
    await deploys.call("RollbackProcess", process="web", number=1)
    await served(domains, "www.example.com", "one")
    await domains.process("DeleteProcess", name="web", force=True)
    await gone(domains, "www.example.com")
    assert await domains.names() == []
    await domains.run("other")
    assert (await domains.assign("www.example.com", "other")).status.state == ACTIVE


async def test_a_name_that_another_has_refuses_the_deploy_and_changes_nothing(system, domains, deploys):
    await domains.run("other")
    await domains.assign("taken.example.com", "other")
    spec = {"command": SLEEP, "domains": ["free.example.com", "taken.example.com"]}
    for attempt in (
        lambda: deploys.call("DeployProcess", process="web", spec=spec),
        lambda: domains.process("CreateProcess", process={"name": "web", "spec": spec}),
    ):
        with refused("DOMAIN_EXISTS") as refusal:
            await attempt()
        assert "'taken.example.com'" in refusal.message and "'other'" in refusal.message
    assert await domains.names() == ["taken.example.com"]
    await deploys.deploy("web", app("one"), domains=["web.example.com"])
    with refused("DOMAIN_EXISTS") as refusal:
        await deploys.call("DeployProcess", process="third", spec={"command": SLEEP, "domains": ["web.example.com"]})
    assert "'web'" in refusal.message
    with refused("DOMAIN_EXISTS"):
        await deploys.begin("web", app("two"), domains=["web.example.com", "taken.example.com"])
    await served(domains, "web.example.com", "one")
    for name in ("a b", "co.uk", "EXAMPLE", "*", "1.2.3.4"):
        with refused("FIELD_INVALID"):
            await deploys.call("DeployProcess", process="third", spec={"command": SLEEP, "domains": [name]})
    # A conflict with domains.conf, too.
    (system.home / "domains.conf").write_text("domain file.example.com {\n  process: other\n}\n")
    await domains.call("ReloadDomains")
    with refused("DOMAIN_MANAGED") as refusal:
        await deploys.call("DeployProcess", process="third", spec={"command": SLEEP, "domains": ["file.example.com"]})
    assert f"{system.home}/domains.conf:1" in refusal.message
    (system.home / "domains.conf").write_text("\n\ndomain web.example.com {\n  process: other\n}\n")
    with refused("DOMAINS_FILE") as refusal:
        await domains.call("ReloadDomains")
    assert "line 3" in refusal.message and "web.example.com" in refusal.message
    await served(domains, "web.example.com", "one")


async def test_a_failed_deploy_leaves_the_names_as_they_were(domains, deploys):
    await deploys.deploy("web", app("one"), domains=["web.example.com"])
    await served(domains, "web.example.com", "one")
    failed = await deploys.deploy("web", app("two", **{"broken.txt": ""}), timeout_s=1, domains=["new.example.com"])
    assert "rolled back" in failed.message
    await served(domains, "web.example.com", "one")
    await gone(domains, "new.example.com")


async def test_an_update_changes_the_names(domains):
    port = free_port()
    await domains.run("web", port=port, domains=["a.example.com"])
    await active(domains, "a.example.com")

    async def update(*names):
        fields = {"process": {"name": "web", "spec": {"domains": names}}, "update_mask": {"paths": ["spec.domains"]}}
        await domains.process("UpdateProcess", **fields)

    await update("b.example.com")
    await active(domains, "b.example.com")
    await gone(domains, "a.example.com")
    assert await domains.served_by("b.example.com") == "web"
    await update()
    await gone(domains, "b.example.com")


async def test_names_of_an_older_data_directory_get_rows_at_the_start(system, domains):
    """Before there were domains, names lay in specs alone."""
    await domains.run("web", port=free_port(), domains=["old.example.com"])
    await active(domains, "old.example.com")
    system.stop()
    with sqlite3.connect(system.data / "grpc-os.db") as store:
        store.execute("DELETE FROM resources WHERE kind = 'domain'")
    store.close()
    system.start()
    async with domains_of(system) as after:
        assert (await active(after, "old.example.com")).status.managed_by == "process web"
        assert await after.served_by("old.example.com") == "web"


async def test_of_a_process_and_an_assignment_at_once_one_gets_the_name(system, domains):
    """Who is answered that it has the name has it, and it has its row."""
    await domains.run("api", ready=False)
    for number in range(40):
        name, process = f"race-{number}.example.com", f"web-{number}"
        spec = {"command": SLEEP, "port": free_port(), "domains": [name]}
        calls = [lambda: domains.process("CreateProcess", process={"name": process, "spec": spec}), lambda: domains.assign(name, "api")]
        # Who is sent first alternates.
        answers = await asyncio.gather(*(call() for call in calls[:: 1 if number % 2 else -1]), return_exceptions=True)
        won = [not isinstance(answer, grpc.aio.AioRpcError) for answer in answers]
        assert sum(won) == 1, (number, answers)
        by_process = won[0] == bool(number % 2)
        row = await active(domains, name)
        assert (row.status.managed_by == f"process {process}") == by_process
    assert "are not stored" not in (system.data / "logs/system/osd.jsonl").read_text()
