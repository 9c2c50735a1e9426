"""Deploys: revisions of a process with the bundles that they run in."""

import io
import os
import pathlib
import tarfile

import grpc.aio
import pytest
from deploys_api import COMMAND, app, archive, copies, deploys_of
from expectations import refused, texts, until
from running_system import poll
from test_uploads_disk_full import full
from test_volumes import allow, user_of, user_with
from test_weather import MOUNTS, mounted_tmpfs

DEPLOYED, FAILED, DEPLOYING = 2, 3, 1


@pytest.fixture
async def deploys(system):
    async with deploys_of(system) as made:
        yield made


def bundles(system):
    return sorted(entry.name for entry in (system.data / "bundles").iterdir())


async def test_a_second_revision_takes_the_place_of_the_first(system, deploys):
    first = await deploys.deploy("web", app("one"), version="1.0")
    assert (first.number, first.state, first.current, first.message) == (1, DEPLOYED, True, "")
    assert await deploys.answer("web") == "one"
    before = await deploys.process("web")
    second = await deploys.deploy("web", app("two"))
    assert (second.number, second.state, second.previous) == (2, DEPLOYED, 1)
    assert await deploys.answer("web") == "two"
    after = await deploys.process("web")
    assert after.id == before.id and after.status.pid != before.status.pid
    assert after.status.deployed_revision == 2 and after.status.port == before.status.port
    assert copies() == [after.status.pid]
    assert [(one.number, one.current) for one in await deploys.revisions("web")] == [(2, True), (1, False)]


async def test_where_nothing_differs_nothing_is_done(deploys):
    await deploys.deploy("web", app("one"))
    pid = (await deploys.process("web")).status.pid
    again = await deploys.deploy("web", app("one"))
    assert again.number == 1
    assert (await deploys.process("web")).status.pid == pid
    planned = await deploys.call(
        "DeployProcess", process="web", spec={"command": "sleep 5", "auto_port": True}, validate_only=True
    )
    assert planned.number == 2 and planned.state == 0
    assert len(await deploys.revisions("web")) == 1


async def test_what_is_not_ready_is_rolled_back_with_its_log(deploys):
    await deploys.deploy("web", app("one"))
    failed = await deploys.deploy("web", app("two", **{"broken.txt": ""}), timeout_s=1)
    assert failed.state == FAILED and not failed.current
    assert "rolled back: the process has revision 1" in failed.message and "cannot do it" in failed.message
    assert await deploys.answer("web") == "one"
    assert len(copies()) == 1
    kept = await deploys.deploy("web", app("three", **{"broken.txt": ""}), timeout_s=1, no_rollback=True)
    assert kept.state == FAILED and kept.current
    assert (await deploys.process("web")).status.deployed_revision == 3


async def test_what_ends_at_once_is_rolled_back(deploys):
    await deploys.deploy("web", app("one"))
    failed = await deploys.deploy("web", app("two"), command="sh -c 'echo gone; exit 3'", restart_policy="RESTART_POLICY_NEVER")
    assert failed.state == FAILED and "gone" in failed.message
    assert await deploys.answer("web") == "one"
    missing = await deploys.deploy("web", app("three"), command="no-such-program")
    assert missing.state == FAILED and "no-such-program" in missing.message
    assert await deploys.answer("web") == "one"


async def test_a_first_one_that_fails(deploys):
    missing = await deploys.deploy("web", app("one"), command="no-such-program")
    assert missing.state == FAILED and "no-such-program" in missing.message
    with refused("PROCESS_NOT_FOUND"):
        await deploys.process("web")
    assert [one.number for one in await deploys.revisions("web")] == [1]
    failed = await deploys.deploy("web", app("one", **{"broken.txt": ""}), timeout_s=1)
    assert failed.number == 2 and "stopped" in failed.message
    assert (await deploys.process("web")).desired_state == 2
    assert (await deploys.deploy("web", app("one"))).state == DEPLOYED


async def test_one_that_runs_to_its_end_is_deployed(deploys):
    done = await deploys.deploy("job", command="true", restart_policy="RESTART_POLICY_ON_FAILURE", auto_port=False)
    assert done.state == DEPLOYED


async def test_the_bundle_is_its_directory_and_cannot_be_written(system, deploys):
    script = "import os; print(os.getcwd()); print(os.environ['GRPC_OS_STATE_DIR']); open(os.environ['GRPC_OS_STATE_DIR'] + '/kept', 'a').write('x'); print(os.path.getsize(os.environ['GRPC_OS_STATE_DIR'] + '/kept')); print(oct(os.stat('lib').st_mode)); import time; time.sleep(1000)"
    files = {"main.py": script, "lib/a.txt": "a"}
    revision = await deploys.deploy("one", files, command="python3 -u main.py", auto_port=False)
    assert revision.state == DEPLOYED, revision.message
    await deploys.deploy("one", {**files, "more": ""}, command="python3 -u main.py", auto_port=False, working_directory="/app")
    client = await system.client()
    lines = await texts(client, "one")
    place = system.data / "bundles" / revision.spec.bundle
    assert lines[:4] == [str(place), str(system.data / "processes" / "one"), "1", "0o40555"]
    assert lines[6] == "2", "what it keeps outlives revisions"
    below = await deploys.deploy("two", files, command="cat a.txt", working_directory="/app/lib", restart_policy="RESTART_POLICY_NEVER", auto_port=False)
    assert below.state == DEPLOYED, below.message


async def test_a_volume_in_the_bundle_outlives_revisions(system, deploys):
    command = "sh -c 'cat data/kept; date >> data/kept; exec sleep 1000'"
    uses = [{"name": "data", "path": "/app/data"}]
    for version in ("one", "two"):
        revision = await deploys.deploy("db", app(version), command=command, volumes=uses, auto_port=False)
        assert revision.state == DEPLOYED, revision.message
    assert len((system.data / "volumes" / "data" / "kept").read_text().splitlines()) == 2
    refusal = await deploys.upload({"data/full": "x", **app("three")})
    with refused("BUNDLE_REFUSED") as why:
        await deploys.call("DeployProcess", process="db", spec={"command": command, "volumes": uses, "bundle": refusal})
    assert "'data'" in why.message or '"data"' in why.message
    for path in ("/data", "/app", "/app/../x", "app/data"):
        with refused("FIELD_INVALID"):
            await deploys.call(
                "DeployProcess", process="db", spec={"command": command, "bundle": refusal, "volumes": [{"name": "data", "path": path}]}
            )


async def test_the_release_runs_once_before(system, deploys):
    await deploys.deploy("web", app("one"))
    files = app("two", **{"migrate.sh": "echo migrating $(cat version.txt) in $GRPC_OS_STATE_DIR; exit $CODE"})
    failed = await deploys.deploy("web", files, release="sh migrate.sh", environment={"CODE": "3"})
    assert failed.state == FAILED
    assert "exit code 3" in failed.message and "migrating two" in failed.message and "nothing was changed" in failed.message
    assert await deploys.answer("web") == "one"
    done = await deploys.deploy("web", files, release="sh migrate.sh", environment={"CODE": "0"})
    assert done.state == DEPLOYED, done.message
    assert await deploys.answer("web") == "two"


async def test_rollbacks_are_revisions_too(deploys):
    for version in ("one", "two"):
        await deploys.deploy("web", app(version))
    back = await deploys.end(await deploys.call("RollbackProcess", process="web"))
    assert (back.number, back.rollback_of, back.state) == (3, 1, DEPLOYED)
    assert await deploys.answer("web") == "one"
    forth = await deploys.end(await deploys.call("RollbackProcess", process="web", number=2))
    assert forth.number == 4 and await deploys.answer("web") == "two"
    with refused("REVISION_NOT_FOUND"):
        await deploys.call("RollbackProcess", process="web", number=9)
    with refused("PROCESS_NOT_FOUND"):
        await deploys.call("RollbackProcess", process="none")


async def test_a_rollback_to_a_bundle_that_is_gone_unpacks_it_again(system, deploys):
    first = await deploys.deploy("web", app("one"))
    await deploys.deploy("web", app("two"))
    place = system.data / "bundles" / first.spec.bundle
    place.chmod(0o700)
    for entry in place.iterdir():
        entry.unlink()
    place.rmdir()
    back = await deploys.end(await deploys.call("RollbackProcess", process="web"))
    assert back.state == DEPLOYED and await deploys.answer("web") == "one"
    second = (await deploys.revisions("web"))[1]
    place = system.data / "bundles" / second.spec.bundle
    place.chmod(0o700)
    for entry in place.iterdir():
        entry.unlink()
    place.rmdir()
    await deploys.objects.delete(f"/bundles/{second.spec.bundle}", purge=True)
    with refused("OBJECT_NOT_FOUND"):
        await deploys.call("RollbackProcess", process="web", number=2)
    assert await deploys.answer("web") == "one"


async def test_a_damaged_bundle_is_not_run_and_who_runs_in_it_lives_on(system, deploys):
    first = await deploys.deploy("web", app("one"))
    await deploys.deploy("other", app("one"))
    place = system.data / "bundles" / first.spec.bundle
    (place / "version.txt").chmod(0o644)
    (place / "version.txt").write_text("damaged")
    with refused("BUNDLE_DAMAGED") as why:
        await deploys.begin("third", app("one"))
    assert first.spec.bundle in why.message
    assert len(copies()) == 2 and await deploys.answer("web")


@MOUNTS
async def test_a_full_disk_leaves_the_old_one(idle_system):
    idle_system.data.mkdir(parents=True)
    with mounted_tmpfs(idle_system.data, "48m"):
        idle_system.start()
        async with deploys_of(idle_system) as deploys:
            await deploys.deploy("web", app("one"))
            digest = await deploys.upload(app("two", **{"large": os.urandom(48 << 10)}))
            spec = {"command": COMMAND, "auto_port": True, "bundle": digest}
            with full(idle_system), refused("DISK_FULL"):
                await deploys.call("DeployProcess", process="web", spec=spec)
            assert await deploys.answer("web") == "one"
            assert len(bundles(idle_system)) == 1
            assert (await deploys.end(await deploys.call("DeployProcess", process="web", spec=spec))).state == DEPLOYED
            assert await deploys.answer("web") == "two"
        idle_system.stop_all()


async def test_with_the_process_its_revisions_and_bundles_go(system, deploys):
    first = await deploys.deploy("web", app("one"))
    await deploys.deploy("web", app("two"), volumes=[{"name": "data", "path": "/app/data"}])
    await deploys.deploy("other", app("one"))
    await deploys.raw.call("ProcessService", "DeleteProcess", name="web", force=True)
    poll(lambda: bundles(system) == [first.spec.bundle], "only what the other one has is left")

    async def its_archive_alone():
        return await deploys.objects.list("/bundles/") == [f"/bundles/{first.spec.bundle}"]

    await until(its_archive_alone, "the archive of the other one alone is left")
    with refused("PROCESS_NOT_FOUND"):
        await deploys.revisions("web")
    assert (await deploys.deploy("web", app("two"))).number == 1


async def test_ten_revisions_are_kept(system, deploys):
    for number in range(13):
        await deploys.deploy("one", {"n": str(number)}, command="true", restart_policy="RESTART_POLICY_ON_FAILURE", auto_port=False)

    async def only_the_last():
        return [one.number for one in await deploys.revisions("one")] == list(range(13, 3, -1))

    await until(only_the_last, "the others are removed")
    poll(lambda: len(bundles(system)) == 10, "the bundles of the others are removed")
    page = await deploys.call("ListRevisions", process="one", page_size=4)
    assert [one.number for one in page.revisions] == [13, 12, 11, 10]
    page = await deploys.call("ListRevisions", process="one", page_size=4, page_token=page.next_page_token)
    assert [one.number for one in page.revisions] == [9, 8, 7, 6]


async def test_what_is_no_bundle_is_refused(system, deploys):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("../out")
        tar.addfile(info)
    for content, reason in (
        (raw.getvalue(), "BUNDLE_REFUSED"),
        (b"no archive", "BUNDLE_REFUSED"),
        (archive({"link": ("/etc/passwd",)}), "BUNDLE_REFUSED"),
    ):
        digest = await deploys.upload(content)
        with refused(reason):
            await deploys.call("DeployProcess", process="web", spec={"command": "true", "bundle": digest})
    with refused("OBJECT_NOT_FOUND"):
        await deploys.call("DeployProcess", process="web", spec={"command": "true", "bundle": "0" * 64})
    await deploys.objects.put("/bundles/" + "1" * 64, b"another content")
    with refused("BUNDLE_DAMAGED"):
        await deploys.call("DeployProcess", process="web", spec={"command": "true", "bundle": "1" * 64})
    for digest in ("../../etc", "A" * 64, "1" * 63):
        with refused("FIELD_INVALID"):
            await deploys.call("DeployProcess", process="web", spec={"command": "true", "bundle": digest})
    assert bundles(system) == []


async def test_a_bundle_is_changed_by_a_deploy_alone(deploys):
    await deploys.deploy("web", app("one"), volumes=[{"name": "data", "path": "/app/data"}])
    digest = await deploys.upload(app("two"))
    with refused("FIELD_INVALID"):
        await deploys.raw.call("ProcessService", "CreateProcess", process={"name": "other", "spec": {"command": "true", "bundle": digest}})
    for spec, path in (({"bundle": digest}, "spec.bundle"), ({"volumes": []}, "spec.volumes")):
        with refused("FIELD_INVALID"):
            await deploys.raw.call(
                "ProcessService", "UpdateProcess", process={"name": "web", "spec": spec}, update_mask={"paths": [path]}
            )
    await deploys.raw.call("ProcessService", "UpdateProcess", process={"name": "web", "spec": {"labels": {"team": "a"}}})
    (revision,) = await deploys.revisions("web")
    assert revision.current and revision.changed


async def test_who_may_deploy(system, deploys):
    await deploys.deploy("web", app("one"))
    async with deploys_of(system, await user_of(deploys, "viewer")) as viewer:
        assert len(await viewer.revisions("web")) == 1
        with refused("PERMISSION_MISSING"):
            await viewer.call("DeployProcess", process="web", spec={"command": "true"})
        with refused("PERMISSION_MISSING"):
            await viewer.call("RollbackProcess", process="web")


async def test_a_copy_has_volumes_of_its_own(idle_system):
    idle_system.start()
    uses = [{"name": "data", "path": "/app/deep/data"}]
    async with deploys_of(idle_system) as deploys:
        revision = await deploys.deploy("db", app("one"), volumes=uses)
        assert revision.state == DEPLOYED, revision.message
    idle_system.stop_all()
    copy = idle_system.copy_data()
    (view,) = (copy / "bundles").glob("*-proc_*")
    assert (view / "deep" / "data").resolve() == copy / "volumes" / "data"


async def test_a_place_that_is_gone_is_made_again(system, deploys):
    first = await deploys.deploy("web", app("one"))
    place = system.data / "bundles" / first.spec.bundle

    def lose():
        place.chmod(0o700)
        for entry in place.iterdir():
            entry.unlink()
        place.rmdir()

    lose()
    again = await deploys.deploy("web", app("one"))
    assert again.number == 1 and (place / "app.py").exists()
    lose()
    system.kill_daemon()
    system.await_api()
    poll(lambda: (place / "app.py").exists(), "the next daemon makes it")


async def test_no_name_that_the_deployer_may_not_know_is_told(system, deploys, tmp_path):
    hidden = await deploys.deploy("hidden", app("one"))
    async with deploys_of(system, await user_with(deploys, allow("process.read", "web"), allow("process.write", "web"))) as ann:
        spec = {"command": "sleep 1000", "port": (await deploys.process(hidden.process)).status.port}
        with refused("PORT_TAKEN") as why:
            await ann.call("DeployProcess", process="web", spec=spec)
        assert "hidden" not in why.message
    # Who deploys waits for nobody any more when this is found out, and so it names nobody.
    await deploys.raw.call("ProcessService", "StopProcess", name="hidden")
    release = f"sh -c 'until [ -e {tmp_path}/go ]; do sleep 0.02; done'"
    slow = await deploys.begin("web", command="sleep 1000", auto_port=False, release=release, port=spec["port"])
    await deploys.raw.call("ProcessService", "StartProcess", name="hidden")
    (tmp_path / "go").touch()
    failed = await deploys.end(slow)
    assert failed.state == FAILED and str(spec["port"]) in failed.message and "hidden" not in failed.message


async def test_what_is_refused_leaves_nothing(system, deploys):
    digest = await deploys.upload(b"no archive")
    with refused("BUNDLE_REFUSED"):
        await deploys.call("DeployProcess", process="web", spec={"command": "true", "bundle": digest})

    async def gone():
        return await deploys.objects.list("/bundles/") == []

    await until(gone, "what is no bundle is removed")
    with refused("PROCESS_NOT_FOUND"):
        await deploys.call("DeployProcess", process="web", etag="old", spec={"command": "true", "volumes": [{"name": "new"}]})
    with refused("VOLUME_NOT_FOUND"):
        await deploys.raw.call("VolumeService", "GetVolume", name="new")


async def test_its_account_is_changed_by_a_deploy_alone(deploys):
    await deploys.deploy("web", app("one"))
    with refused("FIELD_INVALID"):
        await deploys.raw.call("ProcessService", "UpdateProcess", process={"name": "web", "spec": {"account": "nobody"}})


async def test_two_at_once(deploys):
    await deploys.deploy("web", app("one"))
    slow = await deploys.begin("web", app("two"), release="sleep 1000")
    with refused("DEPLOY_IN_PROGRESS") as why:
        await deploys.begin("web", app("three"))
    assert "revision 2" in why.message
    assert slow.step == 1


async def test_secrets_outlive_deploys_and_are_not_shown(deploys):
    spec = {"environment": {"TOKEN": "s3cret"}, "secret_environment": ["TOKEN"]}
    await deploys.deploy("web", app("one"), **spec)
    second = await deploys.deploy("web", app("two"), environment={"MODE": "fast"})
    assert dict(second.spec.environment) == {"TOKEN": "", "MODE": "fast"}
    pid = (await deploys.process("web")).status.pid
    assert b"TOKEN=s3cret" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_request_id_deploys_once(deploys):
    fields = {"process": "web", "spec": {"command": "sleep 1000"}, "request_id": "deploy-1"}
    first = await deploys.call("DeployProcess", **fields)
    again = await deploys.call("DeployProcess", **fields)
    assert first.number == again.number == 1
    await deploys.end(again)
    assert len(await deploys.revisions("web")) == 1


KILLED_AT = [
    "osd.bundle.fetched",
    "osd.deploy.prepared",
    "osd.deploy.recorded",
    "osd.deploy.released",
    "osd.process.committed",
    "osd.deploy.started",
    "osd.deploy.waited",
    "osd.deploy.rolling_back",
    "osd.deploy.finished",
]


ROUNDS = 22 if os.environ.get("GRPC_OS_LONG") == "1" else 2  # 20 kills and more, or 200


async def killed_at(system, failpoints, failpoint, versions):
    """Deploys over what runs, and kills the daemon there. Then there is one copy, and the API tells which."""
    broken = {"broken.txt": ""} if failpoint == "osd.deploy.rolling_back" else {}
    old, new, last = versions
    async with deploys_of(system) as deploys:
        first = await deploys.deploy("web", app(old))
        assert first.state == DEPLOYED, first.message
        (failpoints / failpoint).touch()
        pid = system.daemon_pid()
        with pytest.raises(grpc.aio.AioRpcError):
            await deploys.deploy("web", app(new, **broken), release="true", timeout_s=2 if broken else 20)
            while True:
                await deploys.process("web")
    (failpoints / f"{failpoint}.hit").unlink()
    poll(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the killed daemon")
    system.await_api()
    async with deploys_of(system) as deploys:

        async def ended():
            revisions = await deploys.revisions("web")
            return revisions if all(one.state != DEPLOYING for one in revisions) else None

        revisions = await until(ended, "the deploy has ended")
        (current,) = [one for one in revisions if one.current]
        assert current.number in (first.number, first.number + 1)
        expected = old if current.number == first.number else new

        async def answers():
            try:
                return await deploys.answer("web") == expected
            except OSError:
                return False

        await until(answers, f"it answers as revision {current.number}")
        assert len(copies()) == 1
        if revisions[0].number > current.number:
            assert revisions[0].state == FAILED and revisions[0].message
        # And it can be deployed again.
        assert (await deploys.deploy("web", app(last))).state == DEPLOYED
        assert await deploys.answer("web") == last and len(copies()) == 1


@pytest.mark.parametrize("failpoint", KILLED_AT)
@pytest.mark.timeout(60 + 15 * ROUNDS)
async def test_killed_at_each_step_there_is_one_copy_and_the_api_tells_which(idle_system, tmp_path, failpoint):
    idle_system.start(environment={"GRPC_OS_FAILPOINT_DIR": str(tmp_path)})
    for number in range(ROUNDS):
        await killed_at(idle_system, tmp_path, failpoint, [f"{number} {which}" for which in ("old", "new", "last")])
    # Of what was half done when the daemon died, nothing stays on the disk.
    async with deploys_of(idle_system) as deploys:
        known = {one.spec.bundle for one in await deploys.revisions("web")}
    idle_system.kill_daemon()
    idle_system.await_api()
    poll(lambda: set(bundles(idle_system)) <= known, "only what revisions have is left")
