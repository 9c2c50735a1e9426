"""Roles that users make: their life, and what a role by path prefix lets do with objects, method by method."""

import asyncio
import base64
import contextlib
import os
import signal

import grpc.aio
import pytest
from expectations import refused
from grpc_os.v1 import auth_services_pb2, event_services_pb2, event_services_pb2_grpc
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import Change, Objects, compared, crc32c, creating, deleting, getting, objects_of, putting, when
from raw_calls import RawCalls
from running_system import PATIENCE_S, is_alive, poll
from uploads_api import MIB, Uploads, content

PASSWORD = "a password of some length"
ALLOW, DENY = auth_services_pb2.Role.EFFECT_ALLOW, auth_services_pb2.Role.EFFECT_DENY
Rule = auth_services_pb2.Role.Rule


def allow(permission, prefix=""):
    return Rule(effect=ALLOW, permission=permission, prefix=prefix)


def deny(permission, prefix=""):
    return Rule(effect=DENY, permission=permission, prefix=prefix)


# What one of a team may do.
TEAM_A = [
    allow("object.read", "/team-a"),
    allow("object.write", "/team-a/"),
    deny("object.read", "/team-a/secret"),
    deny("object.write", "/team-a/secret"),
    allow("event.read"),
]


class Roles:
    """AuthService's calls about roles, in few words."""

    def __init__(self, raw):
        self.raw = raw

    async def create(self, name, rules=(), request_id="", description=""):
        role = {"name": name, "rules": rules, "description": description}
        return await self.raw.auth("CreateRole", role=role, request_id=request_id)

    async def update(self, name, rules=(), request_id="", description="", etag=""):
        role = {"name": name, "rules": rules, "description": description, "etag": etag}
        return await self.raw.auth("UpdateRole", role=role, request_id=request_id)

    async def get(self, name):
        return await self.raw.auth("GetRole", name=name)

    async def delete(self, name, etag="", request_id=""):
        return await self.raw.auth("DeleteRole", name=name, etag=etag, request_id=request_id)

    async def names(self):
        return [role.name for role in (await self.raw.auth("ListRoles")).roles]


@contextlib.asynccontextmanager
async def calls_of(system, token=None):
    raw = RawCalls(system.address, token or (await system.client()).token)
    yield raw
    await raw.close()


@pytest.fixture
async def roles(system):
    async with calls_of(system) as raw:
        yield Roles(raw)


@contextlib.asynccontextmanager
async def objects_with(system, token):
    async with grpc.aio.insecure_channel(system.address) as channel:
        yield Objects(channel, [("authorization", f"Bearer {token}")])


async def make_ann(roles, rules=TEAM_A):
    """The token of a session of a user who has one role, `team`."""
    await roles.create("team", rules)
    await roles.raw.auth("CreateUser", user={"name": "ann", "roles": ["team"]}, password=PASSWORD)
    return await log_in(roles)


async def log_in(roles, user="ann"):
    return (await roles.raw.auth("Login", user=user, password=PASSWORD)).access_token


@pytest.fixture
async def admin(system):
    async with objects_of(system) as objects:
        yield objects


@pytest.fixture
async def ann(system, roles, admin):
    """The objects as ann sees them."""
    for name in ("/team-a/a", "/team-a/b/c", "/team-a/secret/s", "/team-ab/x", "/team-b/y", "/team-a/secrets"):
        await admin.put(name, name.encode())
    async with objects_with(system, await make_ann(roles)) as objects:
        yield objects


# Names that ann may not know of, there and not.
HIDDEN = ["/team-a/secret", "/team-a/secret/", "/team-a/secret/s", "/team-a/secret/none", "/team-ab/x", "/team-ab/none"]
HIDDEN += ["/team-b/y", "/team-b", "/team-b/", "/nowhere", "/proc/none/status", "/sys/version", "/obj_1"]


# The life of a role.


async def test_a_role_is_made_changed_and_deleted(roles):
    rules = [allow("object.read", "/config/"), deny("audit.read")]
    made = await roles.create("reader", rules, description="reads what is configured")
    assert list(made.rules) == rules
    assert list(made.permissions) == ["object.read"]
    assert (made.name, made.description, made.built_in) == ("reader", "reads what is configured", False)
    assert made.etag and made.create_time == made.update_time
    assert await roles.get("reader") == made
    assert await roles.names() == ["admin", "operator", "viewer", "reader"]
    changed = await roles.update("reader", [allow("process.read")], etag=made.etag, description="another")
    assert list(changed.rules) == [allow("process.read")]
    assert changed.description == "another"
    assert changed.etag != made.etag and changed.create_time == made.create_time
    with refused("ETAG_MISMATCH"):
        await roles.update("reader", rules, etag=made.etag)
    with refused("ETAG_MISMATCH"):
        await roles.delete("reader", etag=made.etag)
    assert await roles.get("reader") == changed
    await roles.delete("reader", etag=changed.etag)
    with refused("ROLE_NOT_FOUND"):
        await roles.get("reader")
    with refused("ROLE_NOT_FOUND"):
        await roles.update("reader", rules)
    with refused("ROLE_NOT_FOUND"):
        await roles.delete("reader")
    made_again = await roles.create("reader", rules)
    assert made_again.etag not in (made.etag, changed.etag)


async def test_roles_that_are_too_large_for_one_message_are_listed_in_pages(system, roles):
    rules = [allow("object.read", "/".join([f"/{number:03}", *["x" * 190] * 4])) for number in range(100)]
    made = [f"r{number:02}" for number in range(60)]
    for name in made:
        await roles.create(name, rules)
    page = await roles.raw.auth("ListRoles", page_size=1000)
    assert page.next_page_token and 2 * MIB < page.ByteSize() < 4 * MIB
    listed = await (await system.client()).list_roles()
    assert [role.name for role in listed] == ["admin", "operator", "viewer", *made]
    assert sum(role.proto.ByteSize() for role in listed) > 4 * MIB
    assert system.cli("role", "ls", "-o", "name").stdout.split() == ["admin", "operator", "viewer", *made]


async def test_a_repeat_with_the_same_request_id_does_nothing_twice(roles):
    made = await roles.create("reader", [allow("process.read")], request_id="one")
    assert await roles.create("reader", [allow("process.read")], request_id="one") == made
    with refused("REQUEST_ID_REUSED"):
        await roles.create("reader", [allow("*")], request_id="one")
    with refused("ROLE_EXISTS"):
        await roles.create("reader", [allow("process.read")], request_id="two")
    changed = await roles.update("reader", [allow("event.read")], etag=made.etag, request_id="three")
    assert await roles.update("reader", [allow("event.read")], etag=made.etag, request_id="three") == changed
    await roles.delete("reader", request_id="four")
    await roles.delete("reader", request_id="four")


@pytest.mark.parametrize("name", ["admin", "operator", "viewer"])
async def test_what_is_built_in_stays(roles, name):
    before = await roles.get(name)
    assert before.built_in and not before.etag
    with refused("ROLE_BUILT_IN"):
        await roles.update(name, [])
    with refused("ROLE_BUILT_IN"):
        await roles.delete(name)
    with refused("ROLE_EXISTS"):
        await roles.create(name, [])
    assert await roles.get(name) == before


async def test_a_role_that_somebody_has_is_not_deleted(system, roles):
    await make_ann(roles)
    with refused("ROLE_IN_USE") as refusal:
        await roles.delete("team")
    assert "ann" in refusal.message
    await roles.raw.auth("DisableUser", name="ann")
    with refused("ROLE_IN_USE"):
        await roles.delete("team")
    await roles.raw.auth("DeleteUser", name="ann")
    token = (await roles.raw.auth("CreateToken", label="narrow", roles=["team"])).session.id
    with refused("ROLE_IN_USE"):
        await roles.delete("team")
    await roles.raw.auth("EndSession", id=token)
    await roles.delete("team")


@pytest.mark.parametrize("name", ["", "A", "1a", "../x", "a/b", "a b", "a\nb", "a" * 64, "łódź", "*", "-a"])
async def test_hostile_names_are_refused(roles, name):
    with refused("FIELD_INVALID", fields=["role.name"]):
        await roles.create(name, [])
    with refused("FIELD_INVALID", fields=["name"]):
        await roles.get(name)
    with refused("FIELD_INVALID", fields=["name"]):
        await roles.delete(name)


async def test_every_wrong_field_of_a_role_is_named(roles):
    wrong = [
        (Rule(effect=0, permission="process.read"), "effect"),
        (Rule(effect=7, permission="process.read"), "effect"),
        (allow(""), "permission"),
        (allow("none"), "permission"),
        (allow("authenticated"), "permission"),
        (allow("object.*"), "permission"),
        (allow("object.read\x1b[31m"), "permission"),
        (allow("process.read", "/a"), "prefix"),
        (allow("*", "/a"), "prefix"),
        (allow("object.read", "a"), "prefix"),
        (allow("object.read", "/a/../b"), "prefix"),
        (allow("object.read", "/a//b"), "prefix"),
        (allow("object.read", "/a\nb"), "prefix"),
        (allow("object.read", "/" + "a" * 256), "prefix"),
        (deny("object.read", "/te*"), "prefix"),
        (allow("object.read", "/te?t/"), "prefix"),
    ]
    for some in (wrong[:7], wrong[7:]):  # at most twelve are named
        fields = [f"role.rules[{i}].{field}" for i, (_, field) in enumerate(some)]
        with refused("FIELD_INVALID", fields=[*fields, "role.description"]) as refusal:
            await roles.create("reader", [rule for rule, _ in some], description="a\x1bb")
        assert "\x1b" not in refusal.message
    with refused("FIELD_INVALID", fields=["role.rules"]):
        await roles.create("reader", [allow("process.read")] * 101)
    assert "reader" not in await roles.names()


async def test_who_may_not_write_roles_reads_them(system, roles):
    async with calls_of(system, await make_ann(roles)) as raw:
        ann = Roles(raw)
        assert (await ann.get("team")).name == "team"
        for name in ("team", "none", "\x01"):
            with refused("PERMISSION_MISSING"):
                await ann.create(name, [])
            with refused("PERMISSION_MISSING"):
                await ann.update(name, [])
            with refused("PERMISSION_MISSING"):
                await ann.delete(name)


async def test_nobody_hands_out_what_they_have_not(system, roles):
    """Who keeps the users of a team makes no admin of anyone, least of all of themselves."""
    keeper = [allow("user.write"), allow("role.write"), allow("object.read", "/team-a"), deny("object.read", "/team-a/secret")]
    async with calls_of(system, await make_ann(roles, keeper)) as raw:
        ann = Roles(raw)
        await ann.create("reader", [allow("object.read", "/team-a/b")])
        for rules in (
            [allow("*")],
            [allow("process.read")],
            [allow("object.write", "/team-a")],
            [allow("object.read")],
            [allow("object.read", "/team-a")],
            [allow("object.read", "/team-a/secret/x")],
        ):
            with refused("PERMISSION_MISSING"):
                await ann.create("more", rules)
            with refused("PERMISSION_MISSING"):
                await ann.update("reader", rules)
            with refused("PERMISSION_MISSING"):
                await ann.update("team", [*keeper[:2], *rules])
        for role in ("admin", "operator", "viewer"):
            with refused("PERMISSION_MISSING"):
                await raw.auth("GrantRole", user="ann", role=role)
            with refused("PERMISSION_MISSING"):
                await raw.auth("CreateUser", user={"name": "eve", "roles": [role]}, password=PASSWORD)
            with refused("PERMISSION_MISSING"):
                await raw.auth("CreateToken", roles=[role])
        with refused("PERMISSION_MISSING"):
            await raw.auth("SetPassword", name="admin", password=PASSWORD)
        with refused("PERMISSION_MISSING"):
            # Without what it denies, its holders could read the secret by another role.
            await ann.update("team", keeper[:3])
        await raw.auth("CreateUser", user={"name": "eve", "roles": ["reader"]}, password=PASSWORD)
    assert list((await roles.get("team")).rules) == keeper
    assert "more" not in await roles.names()


async def test_a_token_of_few_rights_does_not_open_its_owners_account(system, roles):
    await roles.create("porter", [allow("user.write")])
    made = await roles.raw.auth("CreateToken", roles=["porter"])
    async with calls_of(system, made.token) as raw:
        for name in ("", "admin"):
            with refused("PERMISSION_MISSING"):
                await raw.auth("SetPassword", name=name, password=PASSWORD)


# What a role by prefix lets do.


async def test_reading(ann):
    assert await ann.data("/team-a/a") == b"/team-a/a"
    assert await ann.data("/team-a/secrets") == b"/team-a/secrets", "not below /team-a/secret"
    assert (await ann.read("/team-a/b/c"))[2] == b"/team-a/b/c"
    assert (await ann.get("/team-a")).folder
    for name in HIDDEN:
        for call in (ann.get(name), ann.get(name, generation=1), ann.read(name), ann.versions(name)):
            with refused("PERMISSION_MISSING") as refusal:
                await call
            assert refusal.metadata["permission"] == "object.read"


async def test_writing(ann, admin):
    before = {name: await admin.data(name) for name in await admin.list("/team", recursive=True)}
    made = await ann.put("/team-a/a", b"changed")
    assert (await ann.create("/team-a/new", b"x")).owner == "ann"
    await ann.update("/team-a/a", mask=["metadata"], metadata={"k": "v"})
    await ann.mkdir("/team-a/d")
    assert (await ann.delete("/team-a/new")).deleted_count == 1
    assert (await ann.undelete("/team-a/new")).name == "/team-a/new"
    assert (await ann.versions("/team-a/a"))[0].generation == made.generation
    for name in HIDDEN:
        for call in (
            ann.put(name, b"x"),
            ann.put(name, b"x", preconditions=when(generation_match=1)),
            ann.create(name, b"x"),
            ann.update(name),
            ann.delete(name),
            ann.delete(name, recursive=True),
            ann.delete(name, purge=True),
            ann.undelete(name),
            ann.mkdir(name),
            ann.move(name, "/team-a/moved"),
            ann.move("/team-a/a", name),
            ann.copy("/team-a/a", name),
            ann.copy(name, "/team-a/copied"),
            ann.transact(success=[putting(name, b"x")]),
            ann.transact(success=[creating(name, b"x")]),
            ann.transact(success=[deleting(name)]),
            ann.transact(success=[getting(name)]),
            ann.transact(failure=[putting(name, b"x")]),
            ann.transact(success=[putting("/team-a/a", b"x"), deleting(name)]),
            ann.transact(success=[Change(update=messages.UpdateObjectRequest(object=messages.Object(name=name)))]),
            ann.transact(compare=[compared(name, generation_match=0)], success=[putting("/team-a/a", b"x")]),
            ann.call("StartUpload", messages.StartUploadRequest(object=messages.Object(name=name))),
        ):
            with refused("PERMISSION_MISSING") as refusal:
                await call
            assert refusal.metadata["name"].startswith(name.rstrip("/"))
    assert await admin.data("/team-a/a") == b"changed"
    for name in before.keys() - {"/team-a/a"}:
        assert await admin.data(name) == before[name]


async def test_folders_with_something_hidden_in_them(roles, ann, admin):
    await roles.create("elsewhere", [allow("object.read", "/else"), allow("object.write", "/else")])
    await roles.raw.auth("GrantRole", user="ann", role="elsewhere")
    for call in (
        ann.delete("/team-a", recursive=True),
        ann.move("/team-a", "/else"),
        ann.move("/team-a/", "/else/where/"),
        ann.copy("/team-a/a", "/team-a/secret/"),
        ann.move("/team-a/a", "/team-a/secret/"),
    ):
        with refused("PERMISSION_MISSING") as refusal:
            await call
        assert "/team-a/secret/s" not in refusal.message
    assert "/team-a/secret/s" in await admin.list("/team-a", recursive=True)
    assert (await ann.delete("/team-a/b", recursive=True)).deleted_count == 1
    # A folder that would bring something to where nothing may be brought.
    await ann.put("/team-a/m/secret/x", b"")
    with refused("PERMISSION_MISSING"):
        await ann.move("/team-a/m", "/team-b")
    await ann.put("/team-a/into/x", b"")
    with refused("PERMISSION_MISSING"):
        await ann.move("/team-a/m/secret", "/team-a")


async def test_an_id_tells_nothing_of_what_is_hidden(ann, admin):
    there = (await admin.get("/team-b/y")).id
    absent = "obj_nowhere"
    calls = [
        lambda one: ann.get(one),
        lambda one: ann.read(one),
        lambda one: ann.put(one, b"x"),
        lambda one: ann.update(one),
        lambda one: ann.delete(one),
        lambda one: ann.delete(one, purge=True),
        lambda one: ann.undelete(one),
        lambda one: ann.move(one, "/team-a/moved"),
        lambda one: ann.copy(one, "/team-a/copied"),
        lambda one: ann.transact(success=[getting(one)]),
        lambda one: ann.transact(success=[deleting(one)]),
    ]
    for call in calls:
        said = []
        for one in (there, absent):
            with refused("OBJECT_NOT_FOUND") as refusal:
                await call(one)
            said.append(refusal.message.replace(one, "ID"))
        assert said[0] == said[1]
    assert await ann.versions(there) == await ann.versions(absent) == []
    sha256 = (await admin.get(there)).sha256
    assert not (await ann.transact(compare=[compared(there, sha256=sha256)])).succeeded
    with refused("ID_TAKEN") as refusal:
        wished = await admin.create("/team-b/wished", object_id="obj_wished")
        await ann.create("/team-a/wished", object_id=wished.id)
    assert "/team-b" not in refusal.message
    # What may be read but not written is refused as such.
    await admin.data("/team-b/y")


async def start_upload(objects, name, size=None, request_id=""):
    target = messages.Object(name=name)
    request = messages.StartUploadRequest(object=target, size_bytes=size, request_id=request_id)
    return await objects.call("StartUpload", request)


async def set_quota(objects, prefix, **bounds):
    quota = messages.Quota(prefix=prefix, **bounds)
    return await objects.call("SetQuota", messages.SetQuotaRequest(quota=quota))


async def test_the_start_of_an_upload_tells_nothing_of_a_hidden_id(ann, admin):
    """Not even by the quota that the object lies below."""
    for prefix in ("/team-b", "/team-a/secret", "/team-a/b"):
        await set_quota(admin, prefix, max_bytes=20)
    for name in ("/team-b/y", "/team-a/secret/s"):
        for one in ((await admin.get(name)).id, "obj_nowhere"):
            for size in (MIB, 0):
                with refused("OBJECT_NOT_FOUND") as refusal:
                    await start_upload(ann, one, size)
                assert refusal.metadata["name"] == one
    with refused("QUOTA_EXCEEDED") as refusal:
        await start_upload(ann, (await ann.get("/team-a/b/c")).id, MIB)
    assert refusal.metadata["prefix"] == "/team-a/b/"


async def test_a_finished_upload_tells_no_hidden_name(ann, admin):
    """One that was moved out of sight is shown as one that is gone."""

    async def finished(name):
        started = await start_upload(ann, name)
        piece = messages.WriteUploadRequest(upload_id=started.upload_id, data=b"mine", crc32c=crc32c(b"mine"))
        await ann.call("WriteUpload", iter([piece]))
        made = await ann.call("FinishUpload", messages.FinishUploadRequest(upload_id=started.upload_id))
        return started.upload_id, made.id

    async def get(upload_id):
        return await ann.call("GetUpload", messages.GetUploadRequest(upload_id=upload_id))

    (moved, moved_id), (gone, gone_id) = [await finished(name) for name in ("/team-a/moved", "/team-a/gone")]
    assert [(await get(one)).name for one in (moved, gone)] == ["/team-a/moved", "/team-a/gone"]
    await admin.move("/team-a/moved", "/team-b/moved")
    await admin.delete("/team-a/gone")
    for upload_id, object_id in ((moved, moved_id), (gone, gone_id)):
        shown = await get(upload_id)
        assert (shown.name, shown.finished, shown.persisted_bytes, shown.crc32c) == (object_id, True, 0, 0)
    await admin.move("/team-b/moved", "/team-a/back")
    assert (await get(moved)).name == "/team-a/back"


async def test_pages_of_versions_tell_nothing_of_what_is_hidden(ann, admin):
    for data in (b"1", b"2", b"3"):
        await admin.put("/team-b/y", data)

    async def page(name, token=""):
        request = messages.ListVersionsRequest(name=name, page_size=1, page_token=token)
        return await ann.call("ListVersions", request)

    for one in ((await admin.get("/team-b/y")).id, "obj_nowhere"):
        found = await page(one)
        assert (len(found.objects), found.next_page_token) == (0, "")
    # Hidden ones between readable ones, and at the end.
    made = await admin.create("/team-b/wanders", b"1")
    await admin.move("/team-b/wanders", "/team-a/wanders")
    readable = [await ann.put("/team-a/wanders", data) for data in (b"2", b"3")]
    await admin.move("/team-a/wanders", "/team-b/wanders")
    await admin.put("/team-b/wanders", b"4")
    await admin.put("/team-b/wanders", b"5")
    await admin.move("/team-b/wanders", "/team-a/wanders")
    readable += [await ann.put("/team-a/wanders", data) for data in (b"6", b"7")]
    seen, token, pages = [], "", 0
    while True:
        found = await page(made.id, token)
        assert len(found.objects) == 1
        seen += [one.generation for one in found.objects]
        token = found.next_page_token
        pages += 1
        if not token:
            break
        told = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        assert str(seen[-1]) in told
    everything = {one.generation: one.name for one in await admin.versions(made.id)}
    assert seen == [one for one, name in everything.items() if name == "/team-a/wanders"]
    assert pages == len(seen) < len(everything) and seen[0] == readable[-1].generation


async def test_a_version_from_another_name_is_hidden_with_it(ann, admin):
    first = await admin.put("/team-a/secret/moved", b"one")
    await admin.put("/team-a/secret/moved", b"two")
    await admin.move("/team-a/secret/moved", "/team-a/moved")
    await ann.put("/team-a/moved", b"three")
    assert {one.name for one in await ann.versions("/team-a/moved")} == {"/team-a/moved"}
    with refused("OBJECT_NOT_FOUND"):
        await ann.get("/team-a/moved", generation=first.generation)
    with refused("OBJECT_NOT_FOUND"):
        await ann.copy("/team-a/moved", "/team-a/copy", generation=first.generation)
    assert {one.name for one in await admin.versions("/team-a/moved")} >= {"/team-a/secret/moved"}


async def test_lists_show_what_may_be_read_page_by_page(ann, admin):
    for number in range(12):
        await admin.put(f"/team-a/l/secret-{number:02}", b"")
        await admin.put(f"/team-a/secret/{number:02}", b"")
        await admin.put(f"/team-a/t{number:02}", b"")
    everything = await admin.list("/", recursive=True)
    readable = [one for one in everything if one.startswith("/team-a/") and not one.startswith("/team-a/secret/")]
    assert len(readable) > 24
    for page_size in (0, 1, 3, 7):
        assert await ann.list("/", page_size=page_size, recursive=True) == readable
        assert await ann.list("/team-a/secret", page_size=page_size) == []
        assert await ann.list("/team-b", page_size=page_size) == []
    # Pages are full, and their tokens name only what may be read.
    token, seen = "", []
    while True:
        page = await ann.page("/", recursive=True, page_size=5, page_token=token)
        seen += [one.name for one in page.objects]
        token = page.next_page_token
        if not token:
            break
        assert len(page.objects) == 5
        told = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        assert seen[-1] in told and "/team-a/secret/" not in told and "/team-b" not in told
    assert seen == readable
    names = await ann.list("/team-a", page_size=2)
    assert "/team-a/secret/" not in names
    assert {"/team-a/a", "/team-a/b/", "/team-a/secrets", "/team-a/t11"} <= set(names)
    assert "/proc/" not in await ann.list("/") and "/sys/" not in await ann.list("/") and "/domains/" not in await ann.list("/")


async def test_only_what_may_be_read_is_measured(ann, admin):
    assert await ann.measure("/team-a/b/") == (1, len("/team-a/b/c"), 0, 0)
    assert await admin.measure("/team-a/") == (4, 51, 0, 0)
    # "/team-a" is the beginning of /team-ab too; below "/team-a/" lies the secret.
    for prefix in ("", "/", "/team-a", "/team-a/", "/team-a/sec", "/team-a/secret", "/team-a/secret/", "/team-b", "/nowhere"):
        with refused("PERMISSION_MISSING"):
            await ann.measure(prefix)


async def test_who_may_only_write_reads_nothing(system, roles, admin):
    await admin.put("/drop/there", b"secret")
    rules = [allow("object.write", "/drop"), allow("object.read", "/mine"), allow("object.write", "/mine")]
    async with objects_with(system, await make_ann(roles, rules)) as ann:
        await ann.put("/drop/new", b"x")
        for call in (
            ann.get("/drop/there"),
            ann.copy("/drop/there", "/mine/there"),
            ann.move("/drop/there", "/mine/there"),
            ann.move("/drop", "/mine/drop"),
            ann.transact(compare=[compared("/drop/there", sha256="00" * 32)]),
            ann.transact(success=[putting("/drop/there", b""), getting("/drop/there")]),
        ):
            with refused("PERMISSION_MISSING"):
                await call
        assert await ann.list("/", recursive=True) == []
    assert await admin.data("/drop/there") == b"secret"


async def test_a_denial_wins_over_every_other_role(system, roles, admin):
    await admin.put("/team-a/secret/s", b"")
    await roles.create("no-secrets", [deny("object.read", "/team-a/secret")])
    await roles.raw.auth(
        "CreateUser", user={"name": "bob", "roles": ["admin", "no-secrets", "viewer"]}, password=PASSWORD
    )
    async with objects_with(system, await log_in(roles, "bob")) as bob:
        with refused("PERMISSION_MISSING"):
            await bob.get("/team-a/secret/s")
        assert "/team-a/secret/s" not in await bob.list("/", recursive=True)
        await bob.put("/team-a/secret/s", b"written")
    assert await admin.data("/team-a/secret/s") == b"written"


async def test_a_token_does_what_its_roles_and_its_users_allow(system, roles, admin):
    await admin.put("/team-a/a", b"")
    await admin.put("/team-b/y", b"")
    await make_ann(roles)
    await roles.create("narrow", [allow("object.read", "/team-a/a"), allow("object.read", "/team-b")])
    await roles.raw.auth("GrantRole", user="ann", role="narrow")
    async with calls_of(system, await log_in(roles)) as raw:
        token = (await raw.auth("CreateToken", roles=["narrow"])).token
    async with objects_with(system, token) as narrow:
        assert await narrow.list("/", recursive=True) == ["/team-a/a", "/team-b/y"]
        with refused("PERMISSION_MISSING"):
            await narrow.put("/team-a/a", b"")
        await roles.raw.auth("RevokeRole", user="ann", role="narrow")
        assert await narrow.list("/", recursive=True) == ["/team-a/a"], "what ann may no more, her token may not"
        await roles.update("narrow", [allow("object.read", "/nowhere")])
        assert await narrow.list("/", recursive=True) == []


# Changes of roles.


async def test_a_changed_role_holds_at_once(system, roles, ann):
    assert await ann.data("/team-a/a") == b"/team-a/a"
    for _ in range(3):
        await roles.update("team", [allow("object.read", "/team-b")])
        with refused("PERMISSION_MISSING"):
            await ann.get("/team-a/a")
        assert await ann.data("/team-b/y") == b"/team-b/y"
        await roles.update("team", TEAM_A)
        assert await ann.data("/team-a/a") == b"/team-a/a"
        with refused("PERMISSION_MISSING"):
            await ann.get("/team-b/y")
    await roles.raw.auth("RevokeRole", user="ann", role="team")
    with refused("PERMISSION_MISSING"):
        await ann.get("/team-a/a")


class Watch:
    """What a watch of objects tells, in the background."""

    def __init__(self, channel, metadata, prefix="", from_revision=0):
        stub = event_services_pb2_grpc.EventServiceStub(channel)
        request = event_services_pb2.WatchRequest(kinds=["object"], prefix=prefix, from_revision=from_revision)
        self.call = stub.Watch(request, metadata=metadata)
        self.told = []
        self.synced = asyncio.Event()
        self._changed = asyncio.Condition()
        self._task = asyncio.create_task(self._read())

    async def _read(self):
        async for message in self.call:
            async with self._changed:
                self.told += [(event.action, event.name, event.attributes.get("from", "")) for event in message.events]
                self._changed.notify_all()
            if message.synced:
                self.synced.set()

    async def until(self, name):
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: any(one[1] == name for one in self.told))
        told, self.told = self.told, []
        return told

    async def end(self):
        async with asyncio.timeout(PATIENCE_S):
            await self._task

    async def close(self):
        self.call.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@contextlib.asynccontextmanager
async def watching(system, token, **options):
    async with grpc.aio.insecure_channel(system.address) as channel:
        watch = Watch(channel, [("authorization", f"Bearer {token}")], **options)
        await asyncio.wait_for(watch.synced.wait(), PATIENCE_S)
        yield watch
        await watch.close()


async def test_a_watch_tells_of_what_may_be_read(system, roles, admin):
    async with watching(system, await make_ann(roles)) as watch:
        for name in ("/team-b/x", "/team-a/secret/x", "/team-a/1", "/team-ab/x", "/team-a/2"):
            await admin.put(name, b"")
        assert await watch.until("/team-a/2") == [("created", "/team-a/1", ""), ("created", "/team-a/2", "")]
        await admin.move("/team-a/1", "/team-a/secret/1")
        await admin.move("/team-a/secret/x", "/team-a/x")
        await admin.move("/team-a/2", "/team-a/3")
        assert await watch.until("/team-a/3") == [
            ("deleted", "/team-a/1", ""),
            ("renamed", "/team-a/x", ""),
            ("renamed", "/team-a/3", "/team-a/2"),
        ]


async def test_a_watch_that_is_open_follows_its_role(system, roles, admin):
    async with watching(system, await make_ann(roles)) as watch:
        await admin.put("/team-a/1", b"")
        assert await watch.until("/team-a/1") == [("created", "/team-a/1", "")]
        await roles.update("team", [allow("object.read", "/team-b"), allow("event.read")])
        await admin.put("/team-a/2", b"")
        await admin.put("/team-b/1", b"")
        assert await watch.until("/team-b/1") == [("created", "/team-b/1", "")]
        await roles.update("team", TEAM_A)
        await admin.put("/team-b/2", b"")
        await admin.put("/team-a/3", b"")
        assert await watch.until("/team-a/3") == [("created", "/team-a/3", "")]
        await roles.update("team", [allow("event.read")])
        with refused("PERMISSION_MISSING"):
            await watch.end()


async def test_a_watch_from_an_old_revision_is_filtered_by_the_roles_of_now(system, roles, admin):
    token = await make_ann(roles)
    revision = (await admin.put("/team-a/0", b"")).revision
    await admin.put("/team-a/secret/1", b"")
    await admin.put("/team-a/1", b"")
    async with watching(system, token, from_revision=revision) as watch:
        assert await watch.until("/team-a/1") == [("created", "/team-a/1", "")]
    await roles.update("team", [allow("object.read", "/team-a")])
    with refused("PERMISSION_MISSING"):
        async with grpc.aio.insecure_channel(system.address) as channel:
            await Watch(channel, [("authorization", f"Bearer {token}")], from_revision=revision).end()


async def test_an_upload_is_finished_by_who_still_may(system, roles, admin):
    token = await make_ann(roles)
    async with objects_with(system, token) as ann:

        async def upload(name):
            started = await ann.call("StartUpload", messages.StartUploadRequest(object=messages.Object(name=name)))
            piece = messages.WriteUploadRequest(upload_id=started.upload_id, data=b"x" * 100_000)
            piece.crc32c = crc32c(piece.data)
            assert (await ann.call("WriteUpload", iter([piece]))).persisted_bytes == 100_000
            return messages.FinishUploadRequest(upload_id=started.upload_id)

        refused_later, finished, by_admin = [await upload(f"/team-a/{n}") for n in range(3)]
        assert (await ann.call("FinishUpload", finished)).name == "/team-a/1"
        await roles.update("team", [allow("object.read", "/team-a"), allow("object.write", "/team-b")])
        with refused("PERMISSION_MISSING"):
            await ann.call("FinishUpload", refused_later)
        with refused("UPLOAD_NOT_FOUND"):
            await admin.call("FinishUpload", by_admin)
    assert await admin.list("/team-a") == ["/team-a/1"]


# Restarts.


@pytest.mark.parametrize("way", ["restart", "kill"])
async def test_roles_are_there_after_a_restart(system, way):
    async with calls_of(system) as raw, objects_of(system) as admin:
        roles = Roles(raw)
        token = await make_ann(roles)
        await admin.put("/team-a/a", b"a")
        await admin.put("/team-a/secret/s", b"s")
        made = await roles.get("team")
        await roles.create("gone")
        await roles.delete("gone")
    if way == "kill":
        system.kill_daemon()
    else:
        system.stop()
        system.start()
    async with calls_of(system) as raw, objects_with(system, token) as ann:
        assert await Roles(raw).get("team") == made
        assert await Roles(raw).names() == ["admin", "operator", "viewer", "team"]
        assert await ann.data("/team-a/a") == b"a"
        with refused("PERMISSION_MISSING"):
            await ann.get("/team-a/secret/s")
        with refused("ROLE_IN_USE"):
            await Roles(raw).delete("team")


async def test_what_was_answered_about_a_role_survives_a_kill(system):
    """The daemon is killed while one role is changed again and again: it then is as the last answer said, or one change
    further on; the grant beside it is there."""
    token = (await system.client()).token
    answered = 0
    for _ in range(3):
        async with calls_of(system, token) as raw:
            roles = Roles(raw)
            if not answered:
                await make_ann(roles, [allow("process.read")])
            pid = system.daemon_pid()
            asked = answered
            with contextlib.suppress(grpc.aio.AioRpcError):
                while True:
                    asked += 1
                    await roles.update("team", [allow("process.read")], description=f"change {asked}")
                    answered = asked
                    if answered % 20 == 0:
                        os.kill(pid, signal.SIGKILL)
        poll(lambda gone=pid: not is_alive(gone) and system.programs("grpc-osd"), "another grpc-osd")
        system.await_api()
        async with calls_of(system, token) as raw:
            now = int((await Roles(raw).get("team")).description.removeprefix("change "))
            assert answered <= now <= asked
            answered = now
            assert list((await raw.auth("GetUser", name="ann")).roles) == ["team"]


async def test_a_read_ends_when_its_role_does(system, roles, admin):
    uploads = Uploads(admin)
    started = await uploads.start("/team-a/large")
    await uploads.write(started.upload_id, content(32 * MIB))
    await admin.call("FinishUpload", messages.FinishUploadRequest(upload_id=started.upload_id))
    async with objects_with(system, await make_ann(roles)) as ann:
        read = ann.call("ReadObject", messages.ReadObjectRequest(name="/team-a/large"))
        size = len((await read.read()).data)
        await roles.update("team", [allow("object.read", "/team-b")])
        with refused("PERMISSION_MISSING"):
            while (message := await read.read()) is not grpc.aio.EOF:
                size += len(message.data)
        assert 0 < size < 32 * MIB


async def test_a_check_of_contents_ends_when_its_role_does(system, roles, admin):
    uploads = Uploads(admin)
    rest = content(64 * MIB)[1:]
    rules = [allow("system.read"), allow("object.read", "/team-a")]
    for number in range(5):  # it tells how far it has come after each 100 MiB
        started = await uploads.start(f"/team-a/{number}")
        await uploads.write(started.upload_id, bytes([number]) + rest)
        await admin.call("FinishUpload", messages.FinishUploadRequest(upload_id=started.upload_id))
    async with objects_with(system, await make_ann(roles, rules)) as ann:
        check = ann.call("CheckObjects", messages.CheckObjectsRequest(prefix="/team-a/"), 120)
        told = await check.read()
        await roles.update("team", [allow("system.read"), allow("object.read", "/team-a/0")])
        with refused("PERMISSION_MISSING"):
            while (message := await check.read()) is not grpc.aio.EOF:
                told = message
        assert not told.done


# As people type it.


async def test_the_shell(system, admin):
    def cli(*words, code=0):
        done = system.cli(*words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    await admin.put("/team-a/a", b"a")
    await admin.put("/team-a/secret/s", b"s")
    cli("role", "create", "team-a", "--allow", "read:/team-a", "--deny", "read:/team-a/secret", "-d", "the team")
    assert "team-a" in cli("role", "list")
    shown = cli("role", "show", "team-a")
    assert "object.read:/team-a\n" in shown and "object.read:/team-a/secret\n" in shown and "the team" in shown
    cli("user", "add", "ann", "--role", "team-a")
    token = cli("token", "create", "--role", "team-a", "-o", "name").strip()
    cli("role", "update", "team-a", "--drop", "read:/team-a/secret", "--allow", "process.read")
    assert "secret" not in cli("role", "show", "team-a")
    assert "process.wander" in cli("role", "update", "team-a", "--allow", "process.wander", code=2)
    assert "ann" in cli("role", "delete", "-y", "team-a", code=5)
    cli("user", "rm", "-y", "ann")
    assert "token" in cli("role", "delete", "-y", "team-a", code=5), token
    assert "built in" in cli("role", "delete", "-y", "viewer", code=5)
    assert "built in" in cli("role", "update", "viewer", "--allow", "*", code=5)
    cli("role", "show", "none", code=3)
