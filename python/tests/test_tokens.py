"""Log-in, the token that comes with each call, and its renewal."""

import asyncio

import grpc
import pytest
from grpc_os import ErrorReason, GrpcOSClient, GrpcOSError
from grpc_os.v1 import auth_services_pb2


async def test_a_login_gives_the_token_and_keeps_it(client, daemon):
    token = await client.login("alice", "ecila")
    assert token == client.token == "access-1" and f"Bearer {token}" == "Bearer access-1"
    assert token.identity.user == "alice" and token.expires_at.tzinfo is not None
    assert "access-1" not in repr(token)
    await client.whoami()
    assert daemon.metadata[-1]["authorization"] == "Bearer access-1"


async def test_a_login_is_never_tried_again(client, daemon):
    daemon.unavailable = 1
    with pytest.raises(GrpcOSError) as refused:
        await client.login("alice", "ecila")
    assert refused.value.reason == ErrorReason.SHUTTING_DOWN
    with pytest.raises(GrpcOSError) as refused:
        await client.login("alice", "wrong")
    assert refused.value.reason == "LOGIN_FAILED"
    assert len(daemon.requests) == 2 and client.token is None


async def test_an_expired_token_is_renewed_once_for_all(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    await asyncio.gather(*(client.whoami() for _ in range(20)), client.create_process("web", "true"))
    assert daemon.refreshes == ["refresh-1"]
    assert client.token == "access-2"
    daemon.expire_access_tokens()
    await asyncio.gather(*(client.whoami() for _ in range(20)))
    assert daemon.refreshes == ["refresh-1", "refresh-2"]


async def test_a_token_is_renewed_before_it_expires(client, daemon, monkeypatch):
    await client.login("alice", "ecila")
    await client.whoami()
    assert daemon.refreshes == []
    monkeypatch.setattr(client._credentials, "_renew_at", 0.0)  # as 15 minutes later
    daemon.requests.clear()
    await asyncio.gather(*(client.whoami() for _ in range(20)))
    assert daemon.refreshes == ["refresh-1"]
    assert len(daemon.requests) == 20  # none was refused first


async def test_a_clock_that_is_wrong_renews_nothing_early(client, daemon):
    daemon.lifetime_s = -3600
    await client.login("alice", "ecila")
    await client.whoami()
    await client.whoami()
    assert daemon.refreshes == []


async def test_who_gives_up_waiting_does_not_lose_the_token_for_the_others(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    impatient = asyncio.create_task(client.whoami())
    async with asyncio.timeout(20):
        while not daemon.refreshes:
            await asyncio.sleep(0.005)
    impatient.cancel()
    await client.whoami()
    assert daemon.refreshes == ["refresh-1"] and client.token == "access-2"


async def test_a_session_that_ended_is_over(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    daemon.logged_in.clear()
    for _ in range(2):
        with pytest.raises(GrpcOSError) as refused:
            await client.whoami()
        assert refused.value.reason == ErrorReason.TOKEN_INVALID
    assert daemon.refreshes == ["refresh-1"]  # a dead one is not sent again


async def test_a_refresh_that_the_daemon_could_not_write_is_sent_again(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    daemon.refresh_errors = [(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")]
    assert (await client.whoami()).user == "admin"
    assert daemon.refreshes == ["refresh-1", "refresh-1"]


async def test_a_refresh_whose_answer_was_lost_is_not_sent_again(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    daemon.refresh_errors = [(grpc.StatusCode.UNAVAILABLE, None)]
    with pytest.raises(GrpcOSError):
        await client.whoami()
    with pytest.raises(GrpcOSError) as refused:
        await client.whoami()
    assert refused.value.reason == ErrorReason.TOKEN_INVALID
    assert daemon.refreshes == ["refresh-1"]


async def test_a_refresh_token_is_not_sent_again_to_another_system(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    daemon.refresh_errors = [(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_OF_OTHER_SYSTEM")]
    with pytest.raises(GrpcOSError) as refused:
        await client.whoami()
    assert refused.value.reason == ErrorReason.TOKEN_OF_OTHER_SYSTEM
    with pytest.raises(GrpcOSError):
        await client.whoami()
    assert daemon.refreshes == ["refresh-1"]


async def test_a_refresh_waits_for_a_daemon_that_is_away(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    client._credentials._renew_at = 0.0
    await daemon.server.stop(None)
    call = asyncio.create_task(client.whoami())
    await asyncio.sleep(0.3)
    daemon.server = await daemon.serve(daemon.address)
    assert (await call).user == "admin"
    assert daemon.refreshes == ["refresh-1"]


async def test_a_login_during_a_renewal_stays(client, daemon):
    await client.login("alice", "ecila")
    daemon.expire_access_tokens()
    waiting = asyncio.create_task(client.whoami())
    async with asyncio.timeout(20):
        while not daemon.refreshes:
            await asyncio.sleep(0.005)
    token = await client.login("bob", "bob")
    await asyncio.wait([waiting])
    assert client.token == token


async def test_a_peer_logs_in_again_when_its_time_is_over_but_not_when_it_was_ended(daemon):
    async with GrpcOSClient(daemon.address) as client:
        await client.login_peer()
        client._credentials._renew_at = 0.0
        await client.whoami()
        assert client.token == "access-2"
        daemon.expire_access_tokens()
        with pytest.raises(GrpcOSError) as refused:
            await client.whoami()
        assert refused.value.reason == ErrorReason.TOKEN_INVALID
    logins = [r for r in daemon.requests if isinstance(r, auth_services_pb2.LoginPeerRequest)]
    assert len(logins) == 2


async def test_a_log_out_forgets_everything(client, daemon):
    await client.login("alice", "ecila")
    await client.logout()
    assert client.token is None
    daemon.expire_access_tokens()
    with pytest.raises(GrpcOSError):
        await client.whoami()
    assert "authorization" not in daemon.metadata[-1] and daemon.refreshes == []


async def test_a_token_that_is_given_is_not_renewed(daemon, monkeypatch):
    daemon.access_tokens = {"api-1"}
    monkeypatch.setenv("GRPC_OS_TOKEN", "api-1")
    async with GrpcOSClient(daemon.address) as client:
        assert (await client.whoami()).user == "admin"
    async with GrpcOSClient(daemon.address, token="other") as client:
        with pytest.raises(GrpcOSError) as refused:
            await client.whoami()
        assert refused.value.reason == ErrorReason.TOKEN_INVALID
    async with GrpcOSClient(daemon.address, token="") as client:
        assert client.token is None
    assert daemon.refreshes == []
