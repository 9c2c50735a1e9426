"""The Python client and the real daemon: log-in over TCP, tokens, people, and what a restart of the daemon does to both."""

import ast
import asyncio
import contextlib
import datetime
import hashlib
import inspect
import pathlib
import re
import types

import grpc.aio
import pytest
from deploys_api import archive
from expectations import SLEEP, await_line, refused, shell
from grpc_os import ErrorReason, GrpcOSClient, GrpcOSError, TaskExit, error_info
from grpc_os.v1 import auth_services_pb2, auth_services_pb2_grpc
from running_system import PATIENCE_S, is_alive, poll

README = pathlib.Path(__file__).parents[2] / "README.md"
PASSWORD = "correct horse battery staple"


def admin_password(system):
    return (system.data / "secrets/admin.password").read_text().strip()


@pytest.fixture
async def over_tcp(system):
    """Logged in with the password of the first start."""
    client = system.anonymous(f"localhost:{system.port}")
    await client.login("admin", admin_password(system))
    return client


def alter_token(client):
    """What the daemon refuses as it refuses an expired one."""
    credentials = client._credentials
    credentials._grant = credentials._grant._replace(token=credentials.token[:-4] + "AAAA")


# ---- Log-in --------------------------------------------------------------------------------------------------------------


async def test_the_first_password_is_for_the_account_alone(system):
    path = system.data / "secrets/admin.password"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(admin_password(system)) >= 12


async def test_a_log_in_over_tcp(system):
    client = system.anonymous(f"localhost:{system.port}")
    token = await client.login("admin", admin_password(system))
    assert token == client.token and token.identity.roles == ["admin"]
    lifetime = token.expires_at - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=14) < lifetime < datetime.timedelta(minutes=16)
    who = await client.whoami()
    assert (who.user, who.login_method) == ("admin", "password")
    await client.logout()
    with refused("NOT_LOGGED_IN"):
        await client.whoami()


async def test_a_wrong_password_and_a_wrong_name_look_alike(system):
    client = system.anonymous(f"localhost:{system.port}")
    with refused("LOGIN_FAILED") as wrong_password:
        await client.login("admin", "not the right one")
    with refused("LOGIN_FAILED") as wrong_name:
        await client.login("nobody-at-all", "not the right one")
    assert wrong_password.message == wrong_name.message


async def test_too_many_wrong_passwords_wait(system):
    client = system.anonymous(f"localhost:{system.port}")
    for _ in range(200):
        with pytest.raises(GrpcOSError) as caught:
            await client.login("admin", "not the right one")
        if caught.value.reason != ErrorReason.LOGIN_FAILED:
            break
    assert caught.value.reason == ErrorReason.LOGIN_THROTTLED
    assert caught.value.retry_delay > 0


async def test_a_refused_token_is_renewed_once_for_all(over_tcp):
    for _ in range(3):
        alter_token(over_tcp)
        altered = over_tcp.token
        await asyncio.gather(*(over_tcp.whoami() for _ in range(30)))
        assert over_tcp.token != altered
    # Had a refresh token been sent twice, the session would have ended.
    assert (await over_tcp.whoami()).user == "admin"


async def test_a_refresh_token_used_twice_ends_its_session(system):
    async with grpc.aio.insecure_channel(f"localhost:{system.port}") as channel:
        stub = auth_services_pb2_grpc.AuthServiceStub(channel)
        first = await stub.Login(auth_services_pb2.LoginRequest(user="admin", password=admin_password(system)))
        refresh = auth_services_pb2.RefreshTokenRequest(refresh_token=first.refresh_token)
        second = await stub.RefreshToken(refresh)
        client = system.anonymous(token=second.access_token)
        assert (await client.whoami()).user == "admin"
        with refused("TOKEN_INVALID"):
            await stub.RefreshToken(refresh)
        with refused("TOKEN_INVALID"):
            await client.whoami()


async def test_an_api_token_from_the_environment(system, over_tcp, monkeypatch):
    made = await over_tcp.create_token("ci", ttl=3600, roles=["viewer"])
    monkeypatch.setenv("GRPC_OS_TOKEN", made.token)
    script = system.anonymous(f"localhost:{system.port}")
    who = await script.whoami()
    assert (who.user, who.roles, who.login_method, who.session_id) == ("admin", ["viewer"], "token", made.session.id)
    with refused("PERMISSION_MISSING"):
        await script.create_process("web", SLEEP)
    with refused("PERMISSION_MISSING"):
        await script.create_token("another")
    assert "ci" in [session.label async for session in over_tcp.list_sessions()]
    await over_tcp.end_session(made.session.id)
    with refused("TOKEN_INVALID"):
        await script.whoami()
    with refused("SESSION_NOT_FOUND"):
        await over_tcp.end_session(made.session.id)


# ---- People --------------------------------------------------------------------------------------------------------------


async def test_the_life_of_a_user(system, over_tcp):
    alice = await over_tcp.create_user("alice", roles=["viewer"], password=PASSWORD)
    assert (alice.name, alice.roles, alice.disabled, alice.has_password) == ("alice", ["viewer"], False, True)
    assert [user.name async for user in over_tcp.list_users(page_size=1)] == ["admin", "alice"]

    theirs = system.anonymous(f"localhost:{system.port}")
    await theirs.login("alice", PASSWORD)
    with refused("PERMISSION_MISSING"):
        await theirs.create_process("web", SLEEP)
    with refused("PERMISSION_MISSING"):
        [user async for user in theirs.list_users()]
    granted = await over_tcp.grant_role("alice", "operator", etag=alice.etag)
    assert granted.roles == ["operator", "viewer"]
    await theirs.create_process("web", "true", restart="never")
    with refused("ETAG_MISMATCH"):
        await over_tcp.revoke_role("alice", "operator", etag=alice.etag)
    await over_tcp.revoke_role("alice", "operator")
    with refused("PERMISSION_MISSING"):
        await theirs.start_process("web")

    await theirs.set_password("another " + PASSWORD, old_password=PASSWORD)
    assert (await theirs.whoami()).user == "alice"
    assert (await over_tcp.disable_user("alice")).disabled
    with refused("TOKEN_INVALID"):
        await theirs.whoami()
    with refused("LOGIN_FAILED"):
        await theirs.login("alice", "another " + PASSWORD)
    await over_tcp.enable_user("alice")
    await theirs.login("alice", "another " + PASSWORD)
    await over_tcp.delete_user("alice")
    with refused("USER_NOT_FOUND"):
        await over_tcp.get_user("alice")


async def test_roles_are_listed(over_tcp):
    roles = {role.name: role.permissions for role in await over_tcp.list_roles()}
    assert sorted(roles) == ["admin", "operator", "viewer"]
    assert roles["admin"] == ["*"] and set(roles["viewer"]) < set(roles["operator"])


async def test_the_audit_tells_what_was_done_and_refused(system, over_tcp):
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    await over_tcp.create_user("alice", roles=["viewer"], password=PASSWORD)
    theirs = system.anonymous(f"localhost:{system.port}")
    await theirs.login("alice", PASSWORD)
    with refused("PERMISSION_MISSING"):
        await theirs.create_user("mallory", roles=["admin"])

    async def records():
        # Refusals are written a moment later.
        found = [record async for record in over_tcp.list_audit_records(since=since, page_size=1)]
        return found if any(record.reason == "PERMISSION_MISSING" for record in found) else None

    async with asyncio.timeout(PATIENCE_S):
        while (found := await records()) is None:
            await asyncio.sleep(0.05)
    told = {(record.user, record.method.rpartition("/")[2], record.result) for record in found}
    assert ("admin", "CreateUser", "OK") in told and ("alice", "CreateUser", "PERMISSION_DENIED") in told
    # A record has the time at which its call began, and its place by when it was written.
    changes = [record.id for record in found if record.id > 0]
    refusals = [-record.id for record in found if record.id < 0]
    for ids in (changes, refusals):
        assert ids == sorted(set(ids), reverse=True)
    assert {record.user async for record in over_tcp.list_audit_records(user="alice")} == {"alice"}


async def test_the_log_level(over_tcp):
    previous = await over_tcp.set_log_level("debug")
    assert (await over_tcp.get_system()).log_level == "debug"
    assert await over_tcp.set_log_level(previous) == "debug"


# ---- Deploys, volumes, tasks -------------------------------------------------------------------------------------------


async def test_a_deploy_with_a_bundle_and_a_rollback(client):
    content = archive({"version.txt": "one\n"})
    digest = hashlib.sha256(content).hexdigest()
    await client.put_object(f"/bundles/{digest}", content)
    ready = {"restart": "always", "ready": "delay:0.1", "ready_timeout": 20}
    first = await client.deploy_process("web", shell("cat version.txt; exec sleep 3600"), bundle=digest, version="1.0", labels={"a": "b"}, **ready)
    assert (first.process, first.number, first.state, first.spec.bundle) == ("web", 1, "deploying", digest)
    first = await client.wait_revision("web", first.number, timeout=PATIENCE_S)
    assert (first.state, first.current, first.previous, first.owner) == ("deployed", True, 0, "admin"), first.message
    assert (first.spec.version, dict(first.spec.labels)) == ("1.0", {"a": "b"})
    await await_line(client, "web", "one")

    planned = await client.deploy_process("web", "false", validate_only=True)
    assert planned.number == 2 and [each.number async for each in client.list_revisions("web")] == [1]
    second = await client.deploy_process("web", "false", restart="never", ready="delay:10", ready_timeout=20)
    second = await client.wait_revision("web", second.number)
    assert second.state == "failed" and second.message and not second.current
    third = await client.deploy_process("web", SLEEP, **ready)
    third = await client.wait_revision("web", third.number)
    fourth = await client.wait_revision("web", (await client.rollback_process("web", 1)).number)
    assert (fourth.state, fourth.rollback_of, fourth.previous) == ("deployed", 1, third.number), fourth.message
    listed = [(each.number, each.state) async for each in client.list_revisions("web", page_size=1)]
    assert listed == [(4, "deployed"), (3, "deployed"), (2, "failed"), (1, "deployed")]
    assert (await client.get_revision("web")).number == 4 and (await client.get_revision("web", 2)).state == "failed"
    with refused("REVISION_NOT_FOUND"):
        await client.get_revision("web", 5)
    with refused("OBJECT_NOT_FOUND"):
        await client.deploy_process("web", SLEEP, bundle="0" * 64)


async def test_the_life_of_a_volume(client):
    made = await client.create_volume("data", shared=True)
    assert (made.name, made.shared, made.account, made.processes, made.owner) == ("data", True, "", [], "admin")
    assert made.path.endswith("/volumes/data") and made.size >= 0 and made.size_time and not made.size_partial
    await client.create_process("db", SLEEP, labels={"tier": "1"})
    web = await client.create_process("web", SLEEP, volumes=["data", "own"], depends_on=["db:started"], version="7")
    assert [use.name for use in web.proto.spec.volumes] == ["data", "own"] and web.proto.spec.version == "7"
    assert [(each.name, each.processes) async for each in client.list_volumes(page_size=1)] == [("data", ["web"]), ("own", ["web"])]
    with refused("VOLUME_IN_USE"):
        await client.delete_volume("data")
    updated = await client.update_process("web", volumes=[], depends_on=["db:completed"], labels={"a": "b"})
    assert not updated.proto.spec.volumes and dict(updated.proto.spec.labels) == {"a": "b"} and updated.proto.spec.version == "7"
    with refused("ETAG_MISMATCH"):
        await client.update_volume("data", shared=False, etag="none")
    assert not (await client.update_volume("data", shared=False, etag=made.etag)).shared
    await client.delete_volume("data")
    with refused("VOLUME_NOT_FOUND"):
        await client.get_volume("data")


async def test_a_task(client):
    await client.create_process("web", SLEEP, {"A": "1"})
    task = [each async for each in client.run_task("web", shell("echo $A $B; echo wrong >&2; exit 7"), {"B": "2"})]
    said = {stream: b"".join(each.data for each in task[:-1] if each.stream == stream) for stream in ("stdout", "stderr")}
    assert said == {"stdout": b"1 2\n", "stderr": b"wrong\n"}
    assert isinstance(task[-1], TaskExit) and (task[-1].status, task[-1].report.exit_code) == (7, 7)
    (late,) = [each async for each in client.run_task("web", SLEEP, timeout=0.5)]
    assert late.timed_out and late.status == 143
    async with contextlib.aclosing(client.run_task("web", shell("echo $$; exec sleep 3600"))) as left:
        pid = int((await anext(left)).data)
    await asyncio.to_thread(poll, lambda: not is_alive(pid), "it has ended with the generator")
    with refused("EXEC_FAILED"):
        [each async for each in client.run_task("web", "/no/such/program")]


# ---- Over a restart of the daemon --------------------------------------------------------------------------------------


@pytest.fixture
async def local(system):
    """By the local socket, which has the same name after a restart; --grpc-port 0 has not."""
    client = system.anonymous()
    await client.login("admin", admin_password(system))
    return client


async def test_changes_are_carried_out_once_while_the_daemon_dies(system, local):
    names = [f"p{number}" for number in range(60)]

    async def create(number, name):
        await asyncio.sleep(number * 0.01)
        return await local.create_process(name, SLEEP)

    created, _ = await asyncio.gather(
        asyncio.gather(*(create(number, name) for number, name in enumerate(names))), asyncio.to_thread(system.kill_daemon)
    )
    listed = {process.name: process.id async for process in local.list_processes()}
    # A repeat that was taken for a new call would have been refused: the name is taken.
    assert listed == {process.name: process.id for process in created} and sorted(listed) == sorted(names)


async def test_streams_go_on_over_a_killed_daemon(system, local):
    await local.create_process("web", shell("i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"))
    events, numbers = [], []

    async def watch():
        async with contextlib.aclosing(local.watch()) as stream:
            async for event in stream:
                events.append((event.revision, event.name, event.action))
                if (event.name, event.action) == ("last", "created"):
                    return

    async def follow():
        async with contextlib.aclosing(local.tail_logs("web", 1_000_000, follow=True, join=True)) as stream:
            async for line in stream:
                if line.stream == "stdout":
                    numbers.append(int(line.text))
                if len(numbers) == 200:
                    return

    async with asyncio.timeout(4 * PATIENCE_S):
        streams = [asyncio.create_task(watch()), asyncio.create_task(follow())]
        for number in range(3):
            while len(numbers) < 10 * (number + 1):
                await asyncio.sleep(0.01)
            await local.create_process(f"p{number}", "true", restart="never")
            alter_token(local)
            await asyncio.to_thread(system.kill_daemon)
        await local.create_process("last", "true", restart="never")
        await asyncio.gather(*streams)
    assert numbers == list(range(200))
    assert [name for _, name, action in events if action == "created"] == ["p0", "p1", "p2", "last"]
    assert len(set(events)) == len(events)
    revisions = [revision for revision, _, action in events if action != "snapshot"]
    assert revisions == sorted(revisions)


# ---- What is refused before a handler sees it: the table of docs/API.md ------------------------------------------------


@pytest.mark.parametrize(
    ("method", "request_bytes", "metadata", "code"),
    [
        ("Nothing", b"", (), "UNIMPLEMENTED"),
        ("GetProcess", b"\x0a\x84\x80\x80\x02" + bytes(4 << 20), (), "RESOURCE_EXHAUSTED"),
        ("GetProcess", b"", (("x-more", "a" * 20_000),), "RESOURCE_EXHAUSTED"),
    ],
    ids=["no such method", "too large", "too much metadata"],
)
async def test_errors_of_the_transport(system, client, method, request_bytes, metadata, code):
    async with grpc.aio.insecure_channel(f"localhost:{system.port}") as channel:
        call = channel.unary_unary(f"/grpc_os.v1.ProcessService/{method}")
        with pytest.raises(grpc.RpcError) as caught:
            await call(request_bytes, metadata=metadata, timeout=20)
    assert caught.value.code().name == code
    assert error_info(caught.value) is None
    assert (await client.whoami()).user == "admin"


NOT_UTF8, NOT_PROTOBUF = b"\x0a\x02\xff\xfe", b"\xff\xff\xff"


@pytest.mark.parametrize("request_bytes", [NOT_UTF8, NOT_PROTOBUF], ids=["not UTF-8", "not protobuf"])
async def test_what_is_no_request_is_refused_once_its_sender_is_known(system, client, request_bytes):
    async with grpc.aio.insecure_channel(system.address) as channel:
        unary = channel.unary_unary("/grpc_os.v1.ProcessService/GetProcess")
        with refused("NOT_LOGGED_IN"):
            await unary(request_bytes, timeout=20)
        with refused("FIELD_INVALID", fields=["request"]) as refusal:
            await unary(request_bytes, metadata=client.metadata, timeout=20)
        assert "grpc_os.v1.GetProcessRequest" in refusal.message
        with refused("FIELD_INVALID", fields=["request"]):
            tail = channel.unary_stream("/grpc_os.v1.ProcessService/TailLogs")
            await anext(aiter(tail(request_bytes, metadata=client.metadata, timeout=20)))
        with refused("FIELD_INVALID", fields=["request"]):
            write = channel.stream_unary("/grpc_os.v1.FilesystemService/WriteUpload")
            await write([request_bytes], metadata=client.metadata, timeout=20)


# ---- What is written about it ------------------------------------------------------------------------------------------


async def test_the_program_of_the_readme(system, capsys):
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "GrpcOSClient" in b]
    assert "unix:./data/run/api.sock" in block
    source = block.replace("unix:./data/run/api.sock", system.address).replace("asyncio.run(main())", "await main()")
    code = compile(source, "README", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = types.FunctionType(code, {})()
    assert inspect.isawaitable(result)
    await result
    assert re.fullmatch(r"proc_\w+ \d+\nb'\{\"port\": 8080\}'\n", capsys.readouterr().out)


async def test_a_synchronous_channel_of_the_first_documentation(system):
    with grpc.insecure_channel(f"localhost:{system.port}") as channel:
        client = GrpcOSClient(channel)
        token = await client.login("admin", admin_password(system))
        assert f"Bearer {token}" == client.metadata[0][1]
        process = await client.create_process(name="web-server", command=SLEEP, environment={"PORT": "8080"})
        await client.kill_process(process.id)
        assert str(await client.get_process_status(process.id)) == "stopped"
