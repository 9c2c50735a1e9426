"""Volumes: directories that outlive the processes that have them."""

import contextlib
import os
import pathlib
import re
import subprocess

import grpc.aio
import pytest
from expectations import refused, until
from grpc_os.v1 import auth_services_pb2
from raw_calls import RawCalls
from running_system import PATIENCE_S, poll

PASSWORD = "a password of some length"
Rule = auth_services_pb2.Role.Rule
HOSTILE = ["..", ".", "", "a/b", "../up", ".removed", ".new-x", "-x", "a\nb", "a b", "ü", "x" * 64, "proc_1234567890abcdef"]


class Volumes:
    """VolumeService's calls, and those of processes that have volumes, in few words."""

    def __init__(self, raw):
        self.raw = raw

    async def create(self, name, request_id="", **spec):
        return await self.raw.call("VolumeService", "CreateVolume", volume={"name": name, "spec": spec}, request_id=request_id)

    async def update(self, name, **spec):
        return await self.raw.call("VolumeService", "UpdateVolume", volume={"name": name, "spec": spec})

    async def get(self, name):
        return await self.raw.call("VolumeService", "GetVolume", name=name)

    async def delete(self, name, etag=""):
        return await self.raw.call("VolumeService", "DeleteVolume", name=name, etag=etag)

    async def names(self):
        return [volume.name for volume in (await self.raw.call("VolumeService", "ListVolumes")).volumes]

    async def start(self, name, *volumes, command="sleep 1000", **fields):
        """Each volume: a name, or a dict of VolumeUse."""
        uses = [use if isinstance(use, dict) else {"name": use} for use in volumes]
        process = {"name": name, "spec": {"command": command, "volumes": uses, **fields}}
        return await self.raw.call("ProcessService", "CreateProcess", process=process)

    async def give(self, name, *volumes):
        process = {"name": name, "spec": {"volumes": [{"name": volume} for volume in volumes]}}
        return await self.raw.call(
            "ProcessService", "UpdateProcess", process=process, update_mask={"paths": ["spec.volumes"]}
        )

    async def end(self, name):
        return await self.raw.call("ProcessService", "DeleteProcess", name=name, force=True)


@contextlib.asynccontextmanager
async def volumes_of(system, token=None):
    raw = RawCalls(system.address, token or (await system.client()).token)
    yield Volumes(raw)
    await raw.close()


@pytest.fixture
async def volumes(system):
    async with volumes_of(system) as made:
        yield made


async def user_with(volumes, *rules):
    await volumes.raw.auth("CreateRole", role={"name": "some", "rules": rules})
    return await user_of(volumes, "some")


async def user_of(volumes, role):
    await volumes.raw.auth("CreateUser", user={"name": "ann", "roles": [role]}, password=PASSWORD)
    return (await volumes.raw.auth("Login", user="ann", password=PASSWORD)).access_token


def allow(permission, prefix=""):
    return Rule(effect=auth_services_pb2.Role.EFFECT_ALLOW, permission=permission, prefix=prefix)


async def test_a_volume_is_made_shown_changed_and_removed(system, volumes):
    made = await volumes.create("data")
    path = pathlib.Path(made.status.path)
    assert path == system.data / "volumes" / "data" and path.stat().st_mode & 0o7777 == 0o700
    assert (made.spec.account, made.spec.shared, list(made.status.processes), made.owner) == ("", False, [], "admin")
    got = await volumes.get("data")
    got.status.size_time.CopyFrom(made.status.size_time)
    assert got == made
    with refused("VOLUME_EXISTS"):
        await volumes.create("data")
    shared = await volumes.update("data", shared=True)
    assert shared.spec.shared and shared.etag != made.etag
    with refused("VOLUME_ACCOUNT"):
        await volumes.update("data", account="nobody")
    with refused("ETAG_MISMATCH"):
        await volumes.delete("data", etag=made.etag)
    (path / "file").write_text("text")
    await volumes.delete("data")
    assert not path.exists() and await volumes.names() == []
    poll(lambda: not os.listdir(system.data / "volumes" / ".removed"), "the end of the removal")
    with refused("VOLUME_NOT_FOUND"):
        await volumes.delete("data")


def du(path):
    return int(subprocess.run(["du", "-s", "--block-size=1", path], check=True, capture_output=True, text=True).stdout.split()[0])


async def test_sizes_are_those_of_du(system, volumes):
    made = await volumes.create("data")
    assert made.status.HasField("size_time") and (made.status.size_bytes, made.status.size_partial) == (du(made.status.path), False)
    path = pathlib.Path(made.status.path)
    (path / "file").write_bytes(b"x" * (5 << 20))
    os.link(path / "file", path / "again")

    async def measured(calls):
        (listed,) = (await calls.raw.call("VolumeService", "ListVolumes")).volumes
        size = listed.status.size_bytes
        return listed.status if listed.status.HasField("size_time") and 5 << 20 < size < 6 << 20 and size == du(path) else None

    status = await until(lambda: measured(volumes), "the new size")
    assert not status.size_partial and status.size_time.ToMilliseconds() > made.status.size_time.ToMilliseconds()
    system.kill_daemon()
    async with volumes_of(system) as after:
        await until(lambda: measured(after), "the size after a start")
        deep = path
        for _ in range(64):
            deep /= "d"
            deep.mkdir()

        async def partial():
            return (await after.get("data")).status.size_partial

        await until(partial, "what is too deep is said")


async def test_a_request_is_carried_out_once(volumes):
    made = await volumes.create("data", request_id="r1")
    assert await volumes.create("data", request_id="r1") == made


async def test_what_a_process_writes_outlives_it_and_all_restarts(system, volumes):
    command = "sh -c 'echo $RANDOM-written >> $GRPC_OS_VOLUME_MY_DATA/log; exec sleep 1000'"
    started = await volumes.start("one", {"name": "my-data"}, command=command)
    assert [(use.name, use.path) for use in started.spec.volumes] == [("my-data", "")]
    log = pathlib.Path((await volumes.get("my-data")).status.path) / "log"
    poll(lambda: log.exists() and log.read_text().count("written") == 1, "the first line")
    await volumes.raw.call("ProcessService", "RestartProcess", name="one")
    poll(lambda: log.read_text().count("written") == 2, "the second line")
    system.kill_daemon()
    async with volumes_of(system) as after:
        assert list((await after.get("my-data")).status.processes) == ["one"]
        with refused("VOLUME_IN_USE"):
            await after.start("two", "my-data")
        await after.end("one")
        assert list((await after.get("my-data")).status.processes) == []
        await after.start("two", "my-data", command=command)
        poll(lambda: log.read_text().count("written") == 3, "the third line")


async def test_an_exclusive_volume_is_of_one_process_and_a_shared_one_of_many(volumes):
    await volumes.start("one", "data", {"name": "media", "shared": True})
    with refused("VOLUME_IN_USE") as refusal:
        await volumes.start("two", "data")
    assert refusal.metadata["process"] == "one" and "'one'" in refusal.message
    await volumes.start("two", "media")
    assert list((await volumes.get("media")).status.processes) == ["one", "two"]
    with refused("VOLUME_IN_USE"):
        await volumes.update("media", shared=False)
    with refused("VOLUME_IN_USE"):
        await volumes.give("two", "data", "media")
    await volumes.give("one", "media")
    await volumes.give("two", "data")
    with refused("VOLUME_IN_USE") as refusal:
        await volumes.delete("data")
    assert "'two'" in refusal.message
    await volumes.raw.call("ProcessService", "StopProcess", name="two")
    with refused("VOLUME_IN_USE"):
        await volumes.delete("data")
    await volumes.give("two")
    await volumes.delete("data")


async def test_a_process_that_cannot_start_leaves_the_volume_free(volumes):
    with refused("EXEC_FAILED"):
        await volumes.start("one", "data", command="/no/such/program")
    await volumes.start("two", "data")


async def test_what_lies_in_its_place_already_is_refused(system, volumes):
    (system.data / "volumes" / "data").mkdir()
    with refused("VOLUME_DIRECTORY") as refusal:
        await volumes.start("one", "data")
    assert "move it away" in refusal.message
    (system.data / "volumes" / "link").symlink_to("/etc")
    with refused("VOLUME_DIRECTORY"):
        await volumes.create("link")
    assert await volumes.names() == []


async def test_another_account_than_the_daemons_needs_the_shield(volumes):
    with refused("VOLUME_DIRECTORY") as refusal:
        await volumes.create("data", account="nobody")
    assert "--user" in refusal.message


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_are_refused_and_touch_nothing(system, volumes, name):
    before = sorted(os.listdir(system.data / "volumes"))
    with refused("FIELD_INVALID", fields={"volume.name"}):
        await volumes.create(name)
    with refused("FIELD_INVALID", fields={"name"}):
        await volumes.delete(name)
    with refused("FIELD_INVALID", fields={"process.spec.volumes[0].name"}):
        await volumes.start("one", name)
    assert sorted(os.listdir(system.data / "volumes")) == before


async def test_two_volumes_of_one_variable_are_refused(volumes):
    with refused("FIELD_INVALID", fields={"process.spec.volumes[1].name"}):
        await volumes.start("one", "my-data", "my.data")


async def test_a_viewer_sees_and_changes_nothing(system, volumes):
    await volumes.create("data")
    async with volumes_of(system, await user_of(volumes, "viewer")) as viewer:
        assert await viewer.names() == ["data"]
        for change in (viewer.create("x"), viewer.update("data", shared=True), viewer.delete("data")):
            with refused("PERMISSION_MISSING"):
                await change


async def test_a_role_by_prefix_is_about_its_volumes_alone(system, volumes):
    await volumes.start("secret", "web-data")
    await volumes.create("other")
    rules = [allow("volume.read", "web-"), allow("volume.write", "web-"), allow("process.write", "web-")]
    rules += [allow("process.read", "web-")]
    async with volumes_of(system, await user_with(volumes, *rules)) as ann:
        assert await ann.names() == ["web-data"]
        assert list((await ann.get("web-data")).status.processes) == []
        for call in (ann.get("other"), ann.create("new"), ann.delete("other"), ann.start("web-1", "other")):
            with refused("PERMISSION_MISSING"):
                await call
        with refused("PERMISSION_MISSING"):
            await ann.start("web-1", "new")
        with refused("VOLUME_IN_USE") as refusal:
            await ann.start("web-1", "web-data")
        assert "secret" not in refusal.message and "process" not in refusal.metadata
        await ann.start("web-1", "web-new")
        with refused("PERMISSION_MISSING"):
            await ann.give("web-1", "other")
    assert await volumes.names() == ["other", "web-data", "web-new"]


@pytest.mark.parametrize("failpoint", ["osd.volume.created", "osd.volume.leaving", "osd.volume.deleted"])
async def test_killed_in_between_row_and_directory_agree_again(idle_system, tmp_path, failpoint):
    idle_system.start(environment={"GRPC_OS_FAILPOINT_DIR": str(tmp_path)})
    root = idle_system.data / "volumes"
    async with volumes_of(idle_system) as volumes:
        if failpoint != "osd.volume.created":
            (pathlib.Path((await volumes.create("data")).status.path) / "file").write_text("text")
        (tmp_path / failpoint).touch()
        pid = idle_system.daemon_pid()
        with pytest.raises(grpc.aio.AioRpcError):
            await (volumes.create("data") if failpoint == "osd.volume.created" else volumes.delete("data"))
    assert (tmp_path / f"{failpoint}.hit").exists()
    poll(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the killed daemon")
    idle_system.await_api()
    async with volumes_of(idle_system) as volumes:
        names = [] if failpoint == "osd.volume.deleted" else ["data"]
        assert await volumes.names() == names
        poll(lambda: not os.listdir(root / ".removed"), "the end of the removal", PATIENCE_S)
        assert sorted(os.listdir(root)) == [".removed", *names]
        if failpoint == "osd.volume.leaving":
            assert (root / "data" / "file").read_text() == "text"


def test_the_shell_knows_them(idle_system):
    idle_system.start()
    cli = idle_system.cli
    assert "made the volume data" in cli("volume", "create", "data").stdout
    listed = cli("volume", "ls").stdout
    assert "exclusive" not in listed and re.search(r"^NAME +SIZE .*\ndata +[0-9.]+(Ki)?B ", listed), listed
    started = cli("start", "one", "sleep 1000", "--volume", "data", "--volume", "media:shared")
    assert started.returncode == 0, started.stderr
    shown = cli("volume", "show", "data").stdout
    assert re.search(r"^size +[0-9.]+(Ki)?B\nmeasured +20", shown, re.M), shown
    assert str(idle_system.data / "volumes" / "data") in shown and "one" in shown
    refusal = cli("volume", "rm", "data", "-y")
    assert refusal.returncode != 0 and "'one'" in refusal.stderr
    assert cli("update", "one", "--volume", "media").returncode == 0
    assert cli("volume", "rm", "data", "-y").returncode == 0
    assert cli("update", "one", "--volume", "").returncode == 0
    assert cli("volume", "rm", "media", "-y").returncode == 0
    assert cli("start", "two", "sleep 1", "--volume", "data:app").returncode == 2
