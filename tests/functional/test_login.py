"""Who may call: accounts of the machine, tokens, log-out, and that every method asks."""

import asyncio
import contextlib
import os
import pathlib
import pwd
import socket

import grpc
import grpc.aio
import pytest
from expectations import refused, until
from google.protobuf import message_factory
from grpc_os import error_info
from grpc_os.v1 import (
    auth_services_pb2,
    auth_services_pb2_grpc,
    event_services_pb2,
    options_pb2,
    process_services_pb2,
    system_services_pb2,
)

PASSWORD = "correct horse battery"
METHODS = [
    method
    for module in (auth_services_pb2, process_services_pb2, event_services_pb2, system_services_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
LOGIN_PEER = auth_services_pb2.DESCRIPTOR.services_by_name["AuthService"].methods_by_name["LoginPeer"]


async def call(address, method, metadata=(), request=None):
    """Calls any method with an empty request; awaits its first message if it is a stream."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    request = request or message_factory.GetMessageClass(method.input_type)()
    parse = message_factory.GetMessageClass(method.output_type).FromString
    async with grpc.aio.insecure_channel(address) as channel:
        if method.server_streaming:
            stub = channel.unary_stream(path, type(request).SerializeToString, parse)
            return await stub(request, metadata=metadata, timeout=20).read()
        stub = channel.unary_unary(path, type(request).SerializeToString, parse)
        return await stub(request, metadata=metadata, timeout=20)


def test_there_are_methods_and_each_names_its_permission():
    assert len(METHODS) >= 16
    for method in METHODS:
        assert method.GetOptions().Extensions[options_pb2.permission], method.full_name


async def test_every_method_but_login_refuses_a_caller_without_token(system):
    for method in METHODS:
        if method.GetOptions().Extensions[options_pb2.permission] == "none":
            assert method.name in ("LoginPeer", "Login", "RefreshToken"), method.full_name
            continue
        with refused("NOT_LOGGED_IN"):
            await call(system.address, method)


@pytest.mark.parametrize(
    "authorization",
    ["Bearer ", "Bearer nonsense", "Bearer a.b.c", "Basic YWRtaW46YWRtaW4=", "nonsense", "Bearer " + "x" * 5000, "bearer x", "Bearer"],
)
async def test_every_method_refuses_a_token_that_is_none(system, authorization):
    for method in METHODS:
        if method.GetOptions().Extensions[options_pb2.permission] == "none":
            continue
        with pytest.raises(grpc.RpcError) as caught:
            await call(system.address, method, [("authorization", authorization)])
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED, method.full_name


async def test_an_altered_token_is_refused_at_every_byte(system, client):
    token = client.token
    other = system.anonymous()
    for index in range(len(token)):
        changed = "A" if token[index] != "A" else "B"
        # The last character of a base64 group has bits that mean nothing.
        if index + 1 == len(token) or token[index + 1] == ".":
            changed = "." if token[index] != "." else "A"
        other.token = token[:index] + changed + token[index + 1 :]
        with pytest.raises(grpc.RpcError) as caught:
            await other.whoami()
        # Altered in its issuer, it may name another system.
        assert error_info(caught.value).reason in ("TOKEN_INVALID", "TOKEN_OF_OTHER_SYSTEM")
    other.token = token
    assert (await other.whoami()).name == "admin"


async def test_a_peer_is_admin(client):
    user = await client.whoami()
    assert user.name == "admin"
    assert user.proto.login_method == "peer"
    assert user.proto.peer_uid == os.getuid()
    assert user.roles


async def test_the_log_in_says_who_and_how_long(system):
    anonymous = system.anonymous()
    user = await anonymous.login_peer()
    assert user.name == "admin"
    assert len(anonymous.token) <= 4096
    async with grpc.aio.insecure_channel(system.address) as channel:
        stub = auth_services_pb2_grpc.AuthServiceStub(channel)
        response = await stub.WhoAmI(auth_services_pb2.WhoAmIRequest(), metadata=anonymous.metadata)
        sent = await stub.WhoAmI(auth_services_pb2.WhoAmIRequest(), metadata=anonymous.metadata)
    assert response.expire_time == sent.expire_time
    assert response.expire_time.seconds > 0


@pytest.mark.parametrize("local", [True, False])
async def test_a_client_that_brings_a_ticket_is_told_to_be_renewed(system, local):
    reader, writer = await asyncio.open_unix_connection(system.data / "run/peer.sock")
    request = auth_services_pb2.LoginPeerRequest(ticket=(await reader.readline()).decode().removesuffix("\n"))
    assert request.ticket and not await reader.read()
    writer.close()
    with refused("TICKET_INVALID") as refusal:
        await call(system.address if local else f"localhost:{system.port}", LOGIN_PEER, request=request)
    assert "install" in refusal.message and (await system.anonymous().login_peer()).name == "admin"


async def test_a_log_out_holds_at_once_everywhere_and_for_nobody_else(system, client):
    other = await system.client()
    stale = system.anonymous(token=client.token)
    over_tcp = system.anonymous(f"localhost:{system.port}", token=client.token)
    assert (await over_tcp.whoami()).name == "admin"
    await client.logout()
    for gone in (stale, over_tcp):
        with refused("TOKEN_INVALID"):
            await gone.whoami()
    assert (await other.whoami()).name == "admin"


async def test_a_session_outlives_the_daemon_and_a_log_out_does_too(system, client):
    ended = await system.client()
    stale = system.anonymous(token=ended.token)
    await ended.logout()
    system.kill_daemon()
    assert (await client.whoami()).name == "admin"
    with refused("TOKEN_INVALID"):
        await stale.whoami()


async def test_over_tcp_nobody_logs_in_by_uid(system, client):
    with refused("PERMISSION_MISSING") as refusal:
        await system.anonymous(f"localhost:{system.port}").login_peer()
    assert "run/api.sock" in refusal.message and refusal.code == grpc.StatusCode.PERMISSION_DENIED


async def test_tcp_is_on_loopback_alone(system):
    listening = [line.split()[1:4] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening += [line.split()[1:4] for line in pathlib.Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    port = f"{system.port:04X}"
    here = [local for local, _, state in listening if state == "0A" and local.endswith(":" + port)]
    # 127.0.0.1, or the same as an IPv6 address.
    assert here in ([f"0100007F:{port}"], [f"0000000000000000FFFF00000100007F:{port}"])


@contextlib.asynccontextmanager
async def relayed(system, uid):
    """An address that leads to the system's socket, connected to by this account, for which the directories are opened."""
    for path in (system.home, system.data, system.data / "run"):
        path.chmod(0o711)

    async def pump(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def take(reader, writer):
        connection = socket.socket(socket.AF_UNIX)
        os.seteuid(uid)
        try:
            connection.connect(str(system.data / "run/api.sock"))
        finally:
            os.seteuid(0)
        there = await asyncio.open_unix_connection(sock=connection)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer), return_exceptions=True)

    async with await asyncio.start_unix_server(take, system.home / "relay"):
        yield f"unix:{system.home}/relay"


@pytest.mark.skipif(os.getuid() != 0, reason="becoming another account takes root")
async def test_another_account_is_itself(system, client):
    """It comes as far as the socket, and is refused; what it guesses is its own."""
    await client.create_user("ada", password=PASSWORD)
    nobody = pwd.getpwnam("nobody").pw_uid
    async with relayed(system, nobody) as address:
        stranger = system.anonymous(address)
        with refused("PERMISSION_MISSING") as refusal:
            await stranger.login_peer()
        assert refusal.metadata["uid"] == str(nobody)
        for _ in range(6):
            with refused("LOGIN_FAILED"):
                await stranger.login("ada", "wrong")
        with refused("LOGIN_THROTTLED"):
            await stranger.login("ada", PASSWORD)
        assert (await system.anonymous().login("ada", PASSWORD)).identity.user == "ada"
        await client.login_peer()
        await stranger.close()

    async def refusals():
        found = [one async for one in client.list_audit_records()]
        return {one.proto.reason for one in found if one.proto.source == f"uid {nobody}"} == {
            "PERMISSION_MISSING", "LOGIN_FAILED", "LOGIN_THROTTLED"
        }  # fmt: skip

    await until(refusals, "the audit names the account")


async def test_the_directory_of_the_socket_decides_who_connects(system):
    assert (system.data / "run/api.sock").stat().st_mode & 0o777 == 0o666
    assert (system.data / "run").stat().st_mode & 0o777 == 0o700


async def test_secrets_are_for_the_account_alone(system):
    key = system.data / "secrets/jwt.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.stat().st_size == 32
    assert key.parent.stat().st_mode & 0o077 == 0
