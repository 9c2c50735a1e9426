"""Folders of any size in parts, old versions without their object, and times to live, by the running system."""

import asyncio
import datetime
import re
import subprocess

import pytest
from expectations import refused, until
from google.protobuf import duration_pb2, timestamp_pb2
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import Change, creating, objects_of, when
from test_roles import Roles, allow, calls_of, deny, make_ann, objects_with
from uploads_api import Uploads, content

PART = 1000


@pytest.fixture
async def objects(system):
    async with objects_of(system) as objects:
        yield objects


async def fill(objects, folder, count, first=10_000):
    names = [f"{folder}/{first + i}" for i in range(count)]
    for at in range(0, count, 128):
        await objects.transact(success=[creating(name, b"x") for name in names[at : at + 128]])
    return names


def moving(name, destination, request_id=""):
    return messages.MoveFolderRequest(name=name, destination=destination, request_id=request_id)


# ---- Parts ----------------------------------------------------------------------------------------------------------


async def test_the_shell_moves_and_deletes_more_than_one_revision_takes(system, objects):
    await fill(objects, "/big", 10_001)
    with refused("LIMIT_REACHED"):
        await objects.move("/big", "/other")
    moved = system.cli("mv", "/big", "/other")
    assert (moved.returncode, moved.stdout, moved.stderr) == (0, "moved /big to /other/\n", "")
    assert await objects.measure("/big/") == (0, 0, 0, 0)
    assert (await objects.measure("/other/"))[0] == 10_001
    with refused("LIMIT_REACHED"):
        await objects.delete("/other", recursive=True)
    deleted = system.cli("rm", "-r", "-y", "/other")
    assert (deleted.returncode, deleted.stdout) == (0, "deleted /other, 10001 objects\n"), deleted.stderr
    assert (await objects.measure("/other/"))[:3] == (0, 0, 10_001)
    dropped = system.cli("rm", "-r", "-y", "--versions", "/other")
    assert (dropped.returncode, dropped.stdout) == (0, "deleted 10001 versions of /other\n"), dropped.stderr
    assert await objects.measure("/other/") == (0, 0, 0, 0)


async def test_a_part_is_one_revision_and_its_request_is_carried_out_once(objects):
    names = await fill(objects, "/big", PART + 500)
    first = await objects.call("MoveFolder", moving("/big", "/other", "part-1"))
    assert (first.moved_count, first.more) == (PART, True)
    assert await objects.call("MoveFolder", moving("/big", "/other", "part-1")) == first
    assert (await objects.get("/other/10000")).revision == first.revision
    assert (await objects.get("/other/10999")).revision == first.revision
    assert (await objects.list("/big"))[0] == names[PART]
    last = await objects.call("MoveFolder", moving("/big", "/other"))
    assert (last.moved_count, last.more) == (500, False)
    part = await objects.delete("/other", recursive=True, in_parts=True, request_id="part-2")
    assert (part.deleted_count, part.more) == (PART, True)
    assert await objects.delete("/other", recursive=True, in_parts=True, request_id="part-2") == part
    assert (await objects.measure("/other/"))[0] == 500
    with refused("FIELD_INVALID", fields=["in_parts"]):
        await objects.delete("/other", in_parts=True)
    with refused("FIELD_INVALID"):
        await objects.transact(
            success=[Change(delete=messages.DeleteObjectRequest(name="/other", recursive=True, in_parts=True))]
        )


async def test_python_goes_on_where_the_daemon_was_killed_between_parts(system, objects):
    names = await fill(objects, "/big", 2 * PART + 1)
    client = await system.client()
    told = []

    def kill_once(done):
        told.append(done)
        if len(told) == 1:
            system.kill_daemon()

    assert await client.move_folder("/big", "/other", progress=kill_once) == len(names)
    assert told == [PART, 2 * PART, 2 * PART + 1]
    async with objects_of(system) as after:
        assert await after.list("/other") == [name.replace("/big", "/other") for name in names]
        assert await after.list("/big") == []
    told.clear()
    assert await client.delete_folder("/other", progress=kill_once) == len(names)
    assert told == [PART, 2 * PART, 2 * PART + 1]


async def test_two_at_once_share_the_work(system, objects):
    await fill(objects, "/big", 3 * PART)
    clients = [await system.client(), await system.client()]
    counts = await asyncio.gather(*(client.move_folder("/big", "/other") for client in clients))
    assert sum(counts) == 3 * PART
    counts = await asyncio.gather(*(client.delete_folder("/other") for client in clients))
    assert sum(counts) == 3 * PART


async def test_what_a_role_does_not_let_stops_the_part_that_it_is_in(system, objects):
    await fill(objects, "/team-a/big", PART)
    await objects.create("/team-a/big/secret/1")
    async with calls_of(system) as raw:
        rules = [allow("object.read"), allow("object.write"), deny("object.write", "/team-a/big/secret")]
        ann = await make_ann(Roles(raw), rules)
    async with objects_with(system, ann) as hers:
        first = await hers.call("MoveFolder", moving("/team-a/big", "/team-a/new"))
        assert (first.moved_count, first.more) == (PART, True)
        with refused("PERMISSION_MISSING") as refusal:
            await hers.call("MoveFolder", moving("/team-a/big", "/team-a/new"))
        assert refusal.metadata["name"] == "/team-a/big/secret/1"
        with refused("PERMISSION_MISSING"):
            await hers.delete("/team-a/big", recursive=True, in_parts=True)
        with refused("PERMISSION_MISSING"):
            await hers.call("MoveFolder", moving("/team-a/new", "/team-a/big/secret"))
    assert await objects.list("/team-a/big", recursive=True) == ["/team-a/big/secret/1"]


async def test_a_quota_refuses_the_part_that_does_not_fit(objects):
    await fill(objects, "/big", PART + 10)
    await objects.call("SetQuota", messages.SetQuotaRequest(quota=messages.Quota(prefix="/q", max_objects=PART + 5)))
    assert (await objects.call("MoveFolder", moving("/big", "/q/big"))).more
    with refused("QUOTA_EXCEEDED"):
        await objects.call("MoveFolder", moving("/big", "/q/big"))
    assert (await objects.measure("/big/"))[0] == 10
    [quota] = (await objects.call("ListQuotas", messages.ListQuotasRequest())).quotas
    assert quota.objects == PART


async def test_what_the_shell_could_not_finish_it_says_how_to(system, objects):
    names = await fill(objects, "/big", 10_001)
    await objects.create("/other/19999", b"in the way")
    stopped = system.cli("mv", "--merge", "/big", "/other")
    assert stopped.returncode != 0
    assert "mv /big: moved 9000 so far; `grpc-os mv --merge /big /other` goes on" in stopped.stderr
    assert "the name '/other/19999' is taken" in stopped.stderr
    await objects.delete("/other/19999")
    assert system.cli("mv", "--merge", "/big", "/other").returncode == 0
    assert (await objects.measure("/other/"))[0] == len(names)


# ---- Versions -------------------------------------------------------------------------------------------------------


async def test_versions_count_in_a_quota_that_says_so_and_go_without_their_object(system, objects):
    set_quota = system.cli("quota", "set", "/v", "--objects", "3", "--versions")
    assert set_quota.stdout == "/v/ may hold 3 objects; it holds 0 objects, 0B, with old versions\n", set_quota.stderr
    for data in (b"1", b"22", b"333"):
        await objects.put("/v/a", data)
    with refused("QUOTA_EXCEEDED"):
        await objects.put("/v/a", b"4444")
    assert re.search(r"/v/ +3 +3 +6B +- +counted", system.cli("quota", "ls").stdout)
    assert system.cli("rm", "--versions", "-y", "/v/a").stdout == "deleted 2 versions of /v/a\n"
    assert await objects.data("/v/a") == b"333"
    client = await system.client()
    [quota] = await client.list_quotas()
    assert (quota.objects, quota.bytes, quota.include_versions) == (1, 3, True)
    await objects.put("/v/a", b"4444")
    assert await client.delete_versions("/v/a") == 1
    await objects.delete("/v/a")
    [quota] = await client.list_quotas()
    assert (quota.objects, quota.bytes) == (1, 4)
    system.stop_all()
    checked = subprocess.run(
        [system.bin / "grpc-osd", "--check", system.data], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stdout


# ---- Times to live --------------------------------------------------------------------------------------------------


def ttl(seconds):
    return duration_pb2.Duration(seconds=seconds)


def lives_ms(made):
    return (made.expire_time.ToNanoseconds() - made.update_time.ToNanoseconds()) // 1_000_000


async def test_a_time_to_live_counts_from_the_change_by_the_servers_clock(system, objects):
    assert lives_ms(await objects.create("/a", ttl=ttl(300))) == 300_000
    assert lives_ms(await objects.put("/a", b"x", ttl=ttl(60))) == 60_000
    kept = await objects.put("/a", b"y")
    assert kept.HasField("expire_time") and not kept.HasField("ttl"), "what is not given stays"
    for mask in ("ttl", "expire_time", "*"):
        assert lives_ms(await objects.update("/a", [mask], ttl=ttl(10))) == 10_000
    assert not (await objects.update("/a", ["ttl"])).HasField("expire_time")
    put = messages.PutObjectRequest(object=messages.Object(name="/a", ttl=ttl(20)))
    [done] = (await objects.transact(success=[Change(put=put)])).objects
    assert lives_ms(done) == 20_000
    for wrong in (ttl(0), ttl(-1), ttl(101 * 365 * 86_400)):
        with refused("FIELD_INVALID", fields=["object.ttl"]):
            await objects.put("/a", b"x", ttl=wrong)
    both = {"ttl": ttl(5), "expire_time": timestamp_pb2.Timestamp(seconds=4_000_000_000)}
    with refused("FIELD_INVALID", fields=["object.ttl"]):
        await objects.create("/b", **both)
    with refused("FIELD_INVALID", fields=["object.ttl"]):
        await objects.update("/a", ["expire_time"], **both)
    client = await system.client()
    made = await client.put_object("/c", b"x", expires=datetime.timedelta(minutes=5))
    assert lives_ms(made.proto) == 300_000
    assert system.cli("touch", "/d", "x", "--expire", "5m").returncode == 0
    assert lives_ms(await objects.get("/d")) == 300_000


async def test_of_an_upload_it_counts_from_the_finish(system, objects):
    uploads = Uploads(objects)
    started = await uploads.start("/big", ttl=ttl(60))
    await uploads.write(started.upload_id, content(100_000))
    system.kill_daemon()
    async with objects_of(system) as after:
        made = await Uploads(after).finish(started.upload_id)
    assert lives_ms(made) == 60_000


async def test_what_has_lived_its_time_goes(objects):
    await objects.put("/a", b"x", ttl=duration_pb2.Duration(nanos=200_000_000))

    async def gone():
        return "/a" not in await objects.list("/")

    await until(gone, "it has expired")
    await objects.put("/a", b"y", preconditions=when(generation_match=0))
