"""Roles bound to the names of single things other than objects: what they cover may be read and changed, of the rest
nothing is known."""

import asyncio
import contextlib

import grpc
import grpc.aio
import pytest
from expectations import refused
from raw_calls import SERVICES, RawCalls
from running_system import PATIENCE_S

PASSWORD = "a password of some length"
ALLOW, DENY = 1, 2


def rule(permission, prefix="", effect=ALLOW):
    return {"effect": effect, "permission": permission, "prefix": prefix}


OPS_WEB = [
    rule("process.read", "web-"),
    rule("process.write", "web-"),
    rule("process.write", "web-secret", DENY),
    rule("event.read"),
    rule("object.read", "/proc/"),
]


@contextlib.asynccontextmanager
async def logged_in(system, user):
    raw = RawCalls(system.address)
    await raw.log_in(user, PASSWORD)
    yield raw
    await raw.close()


@pytest.fixture
async def admin(system):
    raw = RawCalls(system.address, (await system.client()).token)
    yield raw
    await raw.close()


async def make(admin, role, rules, user="ada"):
    await admin.auth("CreateRole", role={"name": role, "rules": rules})
    await admin.auth("CreateUser", user={"name": user, "roles": [role]}, password=PASSWORD)


@pytest.fixture
async def ada(system, admin):
    """Of the role ops-web; web-1, web-secret and db are there."""
    await make(admin, "ops-web", OPS_WEB)
    for name in ("web-1", "web-secret", "db"):
        await run(admin, name)
    async with logged_in(system, "ada") as raw:
        yield raw


async def run(raw, name):
    process = {"name": name, "spec": {"command": "sleep 1000"}}
    return await raw.call("ProcessService", "CreateProcess", process=process)


async def process_names(raw, size=0):
    names, token = [], ""
    while True:
        page = await raw.call("ProcessService", "ListProcesses", page_size=size, page_token=token)
        names += [process.name for process in page.processes]
        if not (token := page.next_page_token):
            return names


READS = [
    ("GetProcess", {}),
    ("WaitProcess", {"condition": 1, "timeout": {"seconds": 1}}),
]
CHANGES = [
    ("StartProcess", {}),
    ("StopProcess", {}),
    ("RestartProcess", {}),
    ("DeleteProcess", {"force": True}),
    ("SignalProcess", {"signal": "CONT"}),
]


async def test_what_the_role_covers_is_read_and_changed(ada):
    assert (await run(ada, "web-2")).name == "web-2"
    assert await process_names(ada) == ["web-1", "web-2", "web-secret"]
    assert await process_names(ada, size=1) == ["web-1", "web-2", "web-secret"]
    for method, fields in READS + CHANGES[:3] + CHANGES[-1:]:
        await ada.call("ProcessService", method, name="web-2", **fields)
    await ada.call("ProcessService", "DeleteProcess", name="web-2", force=True)
    assert await process_names(ada) == ["web-1", "web-secret"]


@pytest.mark.parametrize("name", ["db", "none"])
async def test_what_it_does_not_cover_and_what_is_not_there_answer_alike(ada, name):
    for method, fields in READS + CHANGES:
        with refused("PERMISSION_MISSING"):
            await ada.call("ProcessService", method, name=name, **fields)
    with refused("PERMISSION_MISSING"):
        await run(ada, name)
    with refused("PERMISSION_MISSING"):
        await ada.call("ProcessService", "UpdateProcess", process={"name": name, "spec": {"command": "true"}})
    with refused("PERMISSION_MISSING"):
        await read_logs(ada, name)
    with refused("PERMISSION_MISSING"):
        await ada.call("FilesystemService", "GetObject", name=f"/proc/{name}/status")


async def read_logs(raw, name):
    call = raw.begin(
        SERVICES["ProcessService"].methods_by_name["TailLogs"],
        raw.request("ProcessService", "TailLogs", name=name),
    )
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_an_id_tells_nothing_of_what_is_not_covered(ada, admin):
    hidden = (await admin.call("ProcessService", "GetProcess", name="db")).id
    for process in (hidden, "proc_00000000000000000"):
        for method, fields in READS + CHANGES:
            with refused("PROCESS_NOT_FOUND"):
                await ada.call("ProcessService", method, name=process, **fields)
        with refused("PROCESS_NOT_FOUND"):
            await read_logs(ada, process)
    web = await ada.call("ProcessService", "GetProcess", name="web-1")
    assert (await ada.call("ProcessService", "StopProcess", name=web.id)).name == "web-1"


async def test_a_denial_of_some_holds(ada):
    assert (await ada.call("ProcessService", "GetProcess", name="web-secret")).name == "web-secret"
    for method, fields in CHANGES:
        with refused("PERMISSION_MISSING"):
            await ada.call("ProcessService", method, name="web-secret", **fields)


async def test_a_watch_and_proc_show_what_it_covers(ada, admin):
    page = await ada.call("FilesystemService", "ListObjects", prefix="/proc/")
    assert [entry.name for entry in page.objects] == ["/proc/web-1/", "/proc/web-secret/"]
    watch = ada.begin(SERVICES["EventService"].methods_by_name["Watch"], timeout=60)
    names = []
    async with asyncio.timeout(PATIENCE_S):
        while not (message := await watch.read()).synced:
            names += [event.name for event in message.events]
        assert sorted(names) == ["web-1", "web-secret"]
        await admin.call("ProcessService", "StopProcess", name="db")
        await admin.call("ProcessService", "StopProcess", name="web-1")
        seen = []
        while not any(event.action == "stopped" for event in seen):
            seen += (await watch.read()).events
    assert {event.name for event in seen} == {"web-1"}
    watch.cancel()


DB_ONLY = [rule("process.read", "db"), rule("process.write", "db"), rule("event.read")]


async def narrow(admin):
    await admin.auth("UpdateRole", role={"name": "ops-web", "rules": DB_ONLY})


async def test_open_logs_end_with_the_role(ada, admin):
    talker = {"name": "web-talker", "spec": {"command": "sh -c 'while :; do echo talk; sleep 0.1; done'"}}
    await admin.call("ProcessService", "CreateProcess", process=talker)
    method = SERVICES["ProcessService"].methods_by_name["TailLogs"]
    call = ada.begin(method, ada.request("ProcessService", "TailLogs", name="web-talker", follow=True), timeout=60)
    assert (await call.read()) is not grpc.aio.EOF
    await narrow(admin)
    with refused("PERMISSION_MISSING"):
        async with asyncio.timeout(PATIENCE_S):
            while await call.read() is not grpc.aio.EOF:
                pass


async def test_what_is_repeated_is_answered_with_the_rights_of_now(ada, admin):
    stop = {"name": "web-1", "request_id": "once"}
    await ada.call("ProcessService", "StopProcess", **stop)
    assert (await ada.call("ProcessService", "StopProcess", **stop)).name == "web-1"
    await narrow(admin)
    with refused("PROCESS_NOT_FOUND"):
        await ada.call("ProcessService", "StopProcess", **stop)


async def test_a_wished_id_that_is_taken_tells_not_by_whom(ada, admin):
    hidden = await admin.call("ProcessService", "GetProcess", name="db")
    process = {"name": "web-9", "spec": {"command": "sleep 1000"}}
    with refused("ID_TAKEN") as refusal:
        await ada.call("ProcessService", "CreateProcess", process=process, process_id=hidden.id)
    assert "'db'" not in refusal.message


async def test_users_and_roles_by_name(system, admin):
    rules = [rule("user.read", "team-"), rule("user.write", "team-"), rule("role.write", "team-"), rule("event.read")]
    await make(admin, "leads", rules)
    async with logged_in(system, "ada") as ada:
        await ada.auth("CreateRole", role={"name": "team-a", "rules": [rule("event.read")]})
        made = await ada.auth("CreateUser", user={"name": "team-eve", "roles": ["team-a"]})
        assert made.name == "team-eve"
        assert [user.name for user in (await ada.auth("ListUsers")).users] == ["team-eve"]
        for method, fields in (
            ("GetUser", {}),
            ("DisableUser", {}),
            ("EnableUser", {}),
            ("DeleteUser", {}),
            ("SetPassword", {"password": PASSWORD + "!"}),
        ):
            for name in ("ann", "nobody"):
                with refused("PERMISSION_MISSING"):
                    await ada.auth(method, name=name, **fields)
            await ada.auth(method, name="team-eve", **fields) if method != "SetPassword" else None
        with refused("PERMISSION_MISSING"):
            await ada.auth("GrantRole", user="ann", role="team-a")
        with refused("PERMISSION_MISSING"):
            await ada.auth("CreateRole", role={"name": "other", "rules": [rule("event.read")]})
        with refused("PERMISSION_MISSING"):
            await ada.auth("DeleteRole", name="leads")
        await ada.auth("DeleteRole", name="team-a")


async def test_quotas_by_path(system, admin):
    rules = [rule("quota.read", "/a"), rule("quota.write", "/a"), rule("object.read")]
    await make(admin, "keepers", rules)
    await admin.call("FilesystemService", "SetQuota", quota={"prefix": "/b/", "max_objects": 5})
    async with logged_in(system, "ada") as ada:
        await ada.call("FilesystemService", "SetQuota", quota={"prefix": "/a/x/", "max_objects": 5})
        assert [one.prefix for one in (await ada.call("FilesystemService", "ListQuotas")).quotas] == ["/a/x/"]
        for prefix in ("/b/", "/none/"):
            with refused("PERMISSION_MISSING"):
                await ada.call("FilesystemService", "SetQuota", quota={"prefix": prefix, "max_objects": 5})
            with refused("PERMISSION_MISSING"):
                await ada.call("FilesystemService", "DeleteQuota", prefix=prefix)
        await ada.call("FilesystemService", "DeleteQuota", prefix="/a/x/")


@pytest.mark.parametrize(
    "permission, prefix",
    [("system.read", "x"), ("audit.read", "x"), ("*", "web-"), ("process.read", "/a"), ("process.write", "web-*"), ("quota.read", "a")],
)
async def test_a_prefix_that_does_not_fit_is_refused(admin, permission, prefix):
    with refused("FIELD_INVALID", fields={"role.rules[0].prefix"}):
        await admin.auth("CreateRole", role={"name": "odd", "rules": [rule(permission, prefix)]})
