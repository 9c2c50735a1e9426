"""Users, roles, sessions, tokens, the audit, the log level."""

import datetime

import pytest
from grpc_os import Rule
from grpc_os.v1 import auth_services_pb2, system_services_pb2


async def test_users(client, daemon):
    user = await client.get_user("alice")
    assert (user.name, user.roles, user.etag, user.has_password, user.disabled) == ("alice", ["viewer"], "e1", True, False)
    assert [user.name async for user in client.list_users()] == ["a", "b", "c"]
    await client.create_user("alice", roles=["viewer", "operator"], password="a long enough one")
    assert list(daemon.requests[-1].user.roles) == ["viewer", "operator"]
    assert daemon.requests[-1].password == "a long enough one"
    assert (await client.disable_user("alice", etag="e1")).name == "alice"
    assert daemon.requests[-1].etag == "e1"
    assert (await client.enable_user("alice")).name == "alice"
    assert (await client.set_password("another long one", old_password="x")).name == "admin"
    assert (await client.set_password("another long one", name="alice")).name == "alice"
    await client.delete_user("alice", etag="e2")
    assert (daemon.requests[-1].name, daemon.requests[-1].etag) == ("alice", "e2")


async def test_roles(client, daemon):
    assert [(role.name, role.permissions) for role in await client.list_roles()] == [("viewer", ["process.read"]), ("mine", [])]
    for change in (client.grant_role, client.revoke_role):
        assert (await change("alice", "viewer", etag="e")).name == "alice"
        assert (daemon.requests[-1].user, daemon.requests[-1].role, daemon.requests[-1].etag) == ("alice", "viewer", "e")


async def test_roles_that_are_made(client, daemon):
    rules = [Rule("object.read", "/team-a"), Rule("process.read"), Rule("object.read", "/team-a/secret", allow=False)]
    assert (await client.get_role("team-a")).etag == "e1"
    for role in (
        await client.create_role("team-a", rules, "for the team", request_id="one"),
        await client.update_role("team-a", rules, "for the team", etag="e1"),
    ):
        assert not role.built_in
        assert (role.name, role.description, role.rules) == ("team-a", "for the team", rules)
        assert [rule.effect for rule in role.proto.rules] == [
            auth_services_pb2.Role.EFFECT_ALLOW,
            auth_services_pb2.Role.EFFECT_ALLOW,
            auth_services_pb2.Role.EFFECT_DENY,
        ]
    assert daemon.requests[-1].role.etag == "e1" and daemon.requests[-1].request_id
    await client.delete_role("team-a", etag="e2")
    assert (daemon.requests[-1].name, daemon.requests[-1].etag) == ("team-a", "e2")


async def test_sessions_and_tokens(client, daemon):
    (session,) = [session async for session in client.list_sessions("alice")]
    assert (session.id, session.user, session.current) == ("5", "alice", True)
    await client.end_session("5")
    made = await client.create_token("ci", ttl=3600, roles=["viewer"])
    assert (made.token, made.session.label) == ("api-1", "ci") and "api-1" not in repr(made)
    assert daemon.requests[-1].ttl.seconds == 3600 and list(daemon.requests[-1].roles) == ["viewer"]
    await client.create_token()
    assert not daemon.requests[-1].HasField("ttl")


async def test_the_audit_goes_over_all_pages(client, daemon):
    since = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    records = [record.id async for record in client.list_audit_records(user="alice", since=since, page_size=2)]
    assert records == [6, 5, 4, 3, 2, 1]
    assert {(request.user, request.since.ToDatetime().year, request.page_size) for request in daemon.requests} == {
        ("alice", 2026, 2)
    }
    with pytest.raises(ValueError, match="time zone"):
        client.list_audit_records(since=datetime.datetime(2026, 1, 1))


async def test_resume_gives_how_many_processes_start(client):
    assert await client.resume() == 2


async def test_the_log_level(client, daemon):
    assert await client.set_log_level("debug") == "info"
    assert daemon.requests[-1].level == system_services_pb2.LOG_LEVEL_DEBUG
    with pytest.raises(ValueError, match="warning"):
        await client.set_log_level("loud")
