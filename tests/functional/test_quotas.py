"""Quotas: what may lie below a prefix, whatever the way it comes there."""

import asyncio
import contextlib
import subprocess

import grpc
import pytest
from expectations import refused
from grpc_os.v1 import auth_services_pb2 as auth_messages
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import crc32c, creating, deleting, objects_of, putting
from raw_calls import RawCalls
from running_system import PATIENCE_S, RunningSystem


class Quotas:
    def __init__(self, objects):
        self._call = objects.call

    async def set(self, prefix, max_objects=0, max_bytes=0, request_id=""):
        quota = messages.Quota(prefix=prefix, max_objects=max_objects, max_bytes=max_bytes)
        return await self._call("SetQuota", messages.SetQuotaRequest(quota=quota, request_id=request_id))

    async def delete(self, prefix, request_id=""):
        return await self._call("DeleteQuota", messages.DeleteQuotaRequest(prefix=prefix, request_id=request_id))

    async def list(self):
        """{prefix: (objects, bytes)}"""
        found = await self._call("ListQuotas", messages.ListQuotasRequest())
        return {one.prefix: (one.objects, one.bytes) for one in found.quotas}


@pytest.fixture
async def objects(system):
    async with objects_of(system) as objects:
        yield objects


@pytest.fixture
async def quotas(objects):
    return Quotas(objects)


def checked(system):
    """What `grpc-osd --check` says of the stopped system."""
    return subprocess.run(
        [system.bin / "grpc-osd", "--check", system.data], capture_output=True, text=True, timeout=60
    )


async def test_a_quota_bounds_what_lies_below_its_prefix(objects, quotas):
    await objects.create("/q/one", b"12345")
    await objects.mkdir("/q/folder")
    await objects.create("/q-beside", b"12345")
    quota = await quotas.set("/q", max_objects=2, max_bytes=10)
    assert (quota.prefix, quota.max_objects, quota.max_bytes) == ("/q/", 2, 10)
    assert (quota.objects, quota.bytes) == (1, 5)
    with refused("QUOTA_EXCEEDED") as refusal:
        await objects.create("/q/two", b"123456")
    assert refusal.metadata["prefix"] == "/q/" and refusal.metadata["quota"] == "bytes"
    assert refusal.metadata["used"] == "5" and refusal.metadata["limit"] == "10"
    await objects.create("/q/folder/two", b"12345")
    with refused("QUOTA_EXCEEDED") as refusal:
        await objects.create("/q/three")
    assert refusal.metadata["quota"] == "objects"
    with refused("QUOTA_EXCEEDED"):
        await objects.put("/q/one", b"123456")
    await objects.put("/q/one", b"1")
    await objects.create("/r/any", b"x" * 1000)
    assert await quotas.list() == {"/q/": (2, 6)}


async def test_the_total_and_nested_ones_all_hold(objects, quotas):
    await quotas.set("/", max_objects=3)
    await quotas.set("/a/", max_bytes=10)
    await quotas.set("/a/b", max_objects=1)
    await objects.create("/a/b/1", b"12345")
    with refused("QUOTA_EXCEEDED") as refusal:
        await objects.create("/a/b/2")
    assert refusal.metadata["prefix"] == "/a/b/"
    with refused("QUOTA_EXCEEDED") as refusal:
        await objects.create("/a/2", b"123456")
    assert refusal.metadata["prefix"] == "/a/"
    await objects.create("/x")
    await objects.create("/y")
    with refused("QUOTA_EXCEEDED") as refusal:
        await objects.create("/z")
    assert refusal.metadata["prefix"] == "/"
    assert await quotas.list() == {"/": (3, 5), "/a/": (1, 5), "/a/b/": (1, 5)}


async def test_over_it_by_lowering_deleting_is_allowed_and_bringing_back_is_not(objects, quotas):
    for name in ("/q/1", "/q/2", "/q/3"):
        await objects.create(name, b"12345")
    await quotas.set("/q/", max_objects=1, max_bytes=5)
    with refused("QUOTA_EXCEEDED"):
        await objects.create("/q/4")
    await objects.put("/q/1", b"54321")  # no more than before
    await objects.put("/q/1", b"4321")
    with refused("QUOTA_EXCEEDED"):
        await objects.put("/q/1", b"54321")
    await objects.update("/q/1", mask=["content_type"], content_type="text/plain")
    await objects.move("/q/1", "/q/in/1")
    await objects.delete("/q/3")
    with refused("QUOTA_EXCEEDED"):
        await objects.undelete("/q/3")
    assert await quotas.list() == {"/q/": (2, 9)}
    await objects.delete("/q", recursive=True)
    assert await quotas.list() == {"/q/": (0, 0)}
    await objects.undelete("/q/3")
    assert await quotas.list() == {"/q/": (1, 5)}


async def test_what_is_moved_and_copied_is_charged_where_it_comes(objects, quotas):
    for name in ("/a/in/1", "/a/in/2", "/b/1"):
        await objects.create(name, b"12345")
    for prefix in ("/a/", "/b/"):
        await quotas.set(prefix, max_objects=2)
    with refused("QUOTA_EXCEEDED"):
        await objects.move("/a/in", "/b/in")
    with refused("QUOTA_EXCEEDED"):
        await objects.copy("/b/1", "/a/1")
    await objects.copy("/a/in/1", "/b/2")
    assert await quotas.list() == {"/a/": (2, 10), "/b/": (2, 10)}
    await objects.delete("/b/1", purge=True)
    await objects.move("/a/in/2", "/b/3")
    assert await quotas.list() == {"/a/": (1, 5), "/b/": (2, 10)}
    await objects.move("/a/in", "/c")
    assert await quotas.list() == {"/a/": (0, 0), "/b/": (2, 10)}


async def test_a_transaction_is_charged_whole_or_not_at_all(objects, quotas):
    await quotas.set("/q/", max_objects=2)
    await objects.create("/q/1")
    with refused("QUOTA_EXCEEDED") as refusal:
        await objects.transact(success=[creating("/r"), putting("/q/2"), putting("/q/3")])
    assert refusal.metadata["index"] == "1"
    assert await objects.list("/", recursive=True) == ["/config/", "/q/1"]
    await objects.transact(success=[putting("/q/2"), putting("/q/3"), deleting("/q/1")])
    assert await quotas.list() == {"/q/": (2, 0)}


async def test_two_at_once_never_exceed_it(system, objects, quotas):
    await quotas.set("/q/", max_objects=20)

    async def create(name):
        with contextlib.suppress(grpc.RpcError):
            await objects.create(name, b"1")
            return True
        return False

    assert sum(await asyncio.gather(*(create(f"/q/{i % 60}") for i in range(120)))) == 20
    assert await quotas.list() == {"/q/": (20, 20)}
    assert len(await objects.list("/q/")) == 20


async def test_what_expires_is_not_charged_any_more(objects, quotas):
    await quotas.set("/q/", max_objects=1)
    with refused("QUOTA_EXCEEDED"):
        await objects.transact(success=[putting("/q/1"), putting("/q/2")])
    now = (await objects.create("/now")).create_time
    soon = type(now)(seconds=now.seconds + 1, nanos=now.nanos)
    await objects.create("/q/1", expire_time=soon)

    async with asyncio.timeout(PATIENCE_S):
        while await quotas.list() != {"/q/": (0, 0)}:
            await asyncio.sleep(0.02)
    await objects.create("/q/2")


def restarted(system):
    system.stop()
    system.start()


async def test_the_counts_are_exact_after_a_restart_and_a_kill(idle_system):
    system = idle_system.start()
    async with objects_of(system) as objects:
        await Quotas(objects).set("/q/", max_objects=1000)

    async def write(objects, prefix):
        """Until the daemon is gone."""
        with contextlib.suppress(grpc.RpcError):
            for i in range(100_000):
                await objects.put(f"/q/{prefix}{i % 7}", b"x" * (i % 50))
                if i % 5 == 0:
                    await objects.delete(f"/q/{prefix}{i % 7}")

    for end in (restarted, RunningSystem.kill_daemon, RunningSystem.kill_daemon):
        async with objects_of(system) as objects:
            writers = [asyncio.ensure_future(write(objects, prefix)) for prefix in "abcd"]
            while (await Quotas(objects).list())["/q/"][0] < 5:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(end, system)
            await asyncio.gather(*writers)
        async with objects_of(system) as objects:
            measured = await objects.measure("/q/")
            assert await Quotas(objects).list() == {"/q/": measured[:2]}
            assert measured[0] > 0
    await system.close_clients()
    system.stop()
    report = checked(system)
    assert report.returncode == 0, report.stdout + report.stderr
    assert " 1 quotas" in report.stdout


async def test_quotas_are_repeated_deleted_and_recorded(system, objects, quotas):
    one = await quotas.set("/q/", max_objects=5, request_id="r1")
    await objects.create("/q/1", b"123")
    again = await quotas.set("/q/", max_objects=5, request_id="r1")
    assert (again.objects, again.bytes) == (1, 3) and again.max_objects == one.max_objects
    with refused("REQUEST_ID_REUSED"):
        await quotas.set("/q/", max_objects=6, request_id="r1")
    await quotas.delete("/q", request_id="r2")
    await quotas.delete("/q", request_id="r2")
    with refused("QUOTA_NOT_FOUND") as refusal:
        await quotas.delete("/q/")
    assert refusal.metadata["prefix"] == "/q/"
    assert await quotas.list() == {}
    audit = RawCalls(system.address, (await system.client()).token)
    records = (await audit.auth("ListAuditRecords")).records
    told = [(one.method.rpartition("/")[2], one.resource, one.reason) for one in records if "Quota" in one.method]
    assert ("SetQuota", "/q/", "") in told and ("DeleteQuota", "/q/", "") in told
    assert ("DeleteQuota", "/q/", "QUOTA_NOT_FOUND") in told
    await audit.close()


async def test_malformed_quotas_name_their_fields(quotas):
    for prefix in ("", "/a/../b", "/proc/", "obj_1", "/sys"):
        with refused("FIELD_INVALID", fields={"quota.prefix"}):
            await quotas.set(prefix, max_objects=1)
    with refused("FIELD_INVALID", fields={"quota"}):
        await quotas.set("/q/")
    with refused("FIELD_INVALID", fields={"quota.max_objects", "quota.max_bytes"}):
        await quotas.set("/q/", max_objects=-1, max_bytes=-1)
    with refused("FIELD_INVALID", fields={"prefix"}):
        await quotas.delete("//")


async def test_quotas_are_listed_in_pages(system, quotas):
    prefixes = sorted(f"/q{number}/" for number in range(12))
    for prefix in prefixes:
        await quotas.set(prefix, max_objects=1)
    admin = RawCalls(system.address, (await system.client()).token)
    paged, sizes, token = [], [], ""
    while token or not sizes:
        page = await admin.call("FilesystemService", "ListQuotas", page_size=5, page_token=token)
        paged += [one.prefix for one in page.quotas]
        sizes.append(len(page.quotas))
        token = page.next_page_token
    assert (paged, sizes) == (prefixes, [5, 5, 2])
    with refused("PAGE_TOKEN_INVALID"):
        await admin.call("FilesystemService", "ListQuotas", page_token="nonsense")
    with refused("FIELD_INVALID", fields=["page_size"]):
        await admin.call("FilesystemService", "ListQuotas", page_size=-1)
    assert [quota.prefix for quota in await (await system.client()).list_quotas()] == prefixes
    assert system.cli("quota", "ls", "-o", "name").stdout.split() == prefixes
    await admin.close()


async def test_who_may(system, quotas):
    admin = RawCalls(system.address, (await system.client()).token)
    for role in ("operator", "viewer"):
        await admin.auth("CreateUser", user={"name": role, "roles": [role]}, password="a password of some length")
        raw = RawCalls(system.address)
        await raw.log_in(role, "a password of some length")
        await quotas.set("/q/", max_objects=5)
        assert [one.prefix for one in (await raw.call("FilesystemService", "ListQuotas")).quotas] == ["/q/"]
        with refused("PERMISSION_MISSING"):
            await raw.call("FilesystemService", "SetQuota", quota={"prefix": "/q/", "max_objects": 6})
        with refused("PERMISSION_MISSING"):
            await raw.call("FilesystemService", "DeleteQuota", prefix="/q/")
        await raw.close()
    await admin.close()


async def test_quotas_are_listed_to_who_may_read_all_below_them(system, quotas):
    prefixes = ["/", "/a/", "/a/b/", "/a/secret/", "/a/secret/in/", "/c/"]
    for prefix in prefixes:
        await quotas.set(prefix, max_objects=5)
    admin = RawCalls(system.address, (await system.client()).token)
    hides = {"effect": auth_messages.Role.EFFECT_DENY, "permission": "object.read", "prefix": "/a/secret"}
    sees = {"effect": auth_messages.Role.EFFECT_ALLOW, "permission": "object.read", "prefix": "/a/b"}
    lists = {"effect": auth_messages.Role.EFFECT_ALLOW, "permission": "quota.read"}
    for role, rules in (("no-secrets", [hides]), ("sees-b", [sees, lists]), ("lists", [lists])):
        await admin.auth("CreateRole", role={"name": role, "rules": rules})
    for number, (roles, shown) in enumerate(
        (
            (["viewer"], prefixes),
            (["operator", "no-secrets"], ["/a/b/", "/c/"]),
            (["sees-b"], ["/a/b/"]),
            (["lists"], []),
        )
    ):
        user = f"user{number}"
        await admin.auth("CreateUser", user={"name": user, "roles": roles}, password="a password of some length")
        raw = RawCalls(system.address)
        await raw.log_in(user, "a password of some length")
        assert [one.prefix for one in (await raw.call("FilesystemService", "ListQuotas")).quotas] == shown
        await raw.close()
    await admin.close()


async def test_uploads_are_charged_when_they_begin_and_when_they_are_finished(objects, quotas):
    await quotas.set("/q/", max_objects=2, max_bytes=100)
    target = messages.Object(name="/q/1")
    with refused("QUOTA_EXCEEDED"):
        await objects.call("StartUpload", messages.StartUploadRequest(object=target, size_bytes=101))
    data = b"x" * 80

    async def uploaded(name):
        request = messages.StartUploadRequest(object=messages.Object(name=name), size_bytes=len(data))
        upload = await objects.call("StartUpload", request)
        piece = messages.WriteUploadRequest(upload_id=upload.upload_id, data=data, crc32c=crc32c(data))
        await objects.call("WriteUpload", iter([piece]))
        return upload.upload_id

    one, two = await uploaded("/q/1"), await uploaded("/q/2")
    await objects.call("FinishUpload", messages.FinishUploadRequest(upload_id=one))
    with refused("QUOTA_EXCEEDED"):
        await objects.call("FinishUpload", messages.FinishUploadRequest(upload_id=two))
    assert await quotas.list() == {"/q/": (1, 80)}
    # It is as large as what it replaces.
    again = await uploaded("/q/1")
    await objects.call("FinishUpload", messages.FinishUploadRequest(upload_id=again))
    await objects.delete("/q/1")
    await objects.call("FinishUpload", messages.FinishUploadRequest(upload_id=two))
    assert await quotas.list() == {"/q/": (1, 80)}


async def test_a_repeated_start_of_an_upload_finds_the_upload_whatever_room_there_is(objects, quotas):
    await quotas.set("/q/", max_bytes=100)

    async def start(name, request_id):
        target = messages.Object(name=name)
        request = messages.StartUploadRequest(object=target, size_bytes=80, request_id=request_id)
        return await objects.call("StartUpload", request)

    started = await start("/q/1", "r1")
    await objects.create("/q/2", b"x" * 50)
    assert await start("/q/1", "r1") == started
    for _ in range(2):  # what was refused left nothing
        with refused("QUOTA_EXCEEDED"):
            await start("/q/3", "r3")
    with refused("REQUEST_ID_REUSED"):
        await start("/q/3", "r1")
    await objects.delete("/q/2")
    assert (await start("/q/3", "r3")).upload_id != started.upload_id
