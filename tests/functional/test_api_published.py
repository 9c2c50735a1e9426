"""The API through the edge: over TLS with a certificate that was given, and each client by its own address."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess

import grpc
import grpc.aio
import pytest
from certificates import Authority, serial_of
from domains_api import ACTIVE, domains_of
from expectations import SLEEP, refused, until
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_os import GrpcOSClient
from raw_calls import SERVICES, RawCalls
from running_system import RunningSystem, is_alive, poll
from test_grpcurl import GRPCURL, password

NAME = "os.example.com"


@pytest.fixture
async def system():
    """Whose edge believes what a proxy on this machine says of its clients: so one has any address that a test wants."""
    with RunningSystem() as system:
        system.start(environment={"EDGE_TRUSTED_PROXIES": "127.0.0.1"})
        yield system
        await system.close_clients()


@pytest.fixture
def authority(system):
    return Authority(system.home / "certificates")


def publish(system, files, *more, name=NAME):
    chain, key = files
    return system.cli("assign", "--api", name, "--certificate", str(chain), "--key", str(key), *more)


@pytest.fixture
def files(system, authority):
    """The API is published with these."""
    files = authority.sign(NAME)
    done = publish(system, files)
    assert done.returncode == 0, done.stderr
    assert f"{NAME} → the API is served: grpc-os --address https://{NAME}:{system.edge_port('https')} login USER" in done.stdout
    return files


@pytest.fixture
async def outside(system, authority):
    """Makes a channel to the edge, as a client elsewhere has it."""
    channels = []

    def make():
        channel = grpc.aio.secure_channel(
            f"127.0.0.1:{system.edge_port('https')}",
            grpc.ssl_channel_credentials(authority.ca.read_bytes()),
            options=(*RawCalls.OPTIONS, ("grpc.ssl_target_name_override", NAME)),
        )
        channels.append(channel)
        return channel

    yield make
    for channel in channels:
        await channel.close()


def tls_to(system, authority, name=NAME):
    context = ssl.create_default_context(cafile=authority.ca)
    connection = socket.create_connection(("127.0.0.1", system.edge_port("https")), timeout=20)
    return context.wrap_socket(connection, server_hostname=name)


async def log_in(raw, password, address, user="admin", **headers):
    """From this address."""
    metadata = [("x-forwarded-for", address), *((name.replace("_", "-"), value) for name, value in headers.items())]
    method = raw.request("AuthService", "Login", user=user, password=password)
    return await raw.begin(SERVICES["AuthService"].methods_by_name["Login"], method, metadata=metadata)


async def last_log_in(raw):
    """The audit's newest record of one: who, from where, what came of it."""
    for record in (await raw.auth("ListAuditRecords")).records:
        if record.method.endswith("/Login"):
            return record.user, record.source, record.result
    raise AssertionError("there is no log-in in the audit")


async def test_everything_works_through_it(system, files, outside):
    """Log-in by password, who one is, changes, a stream, an upload, health; as by the local socket."""
    domain = json.loads(system.cli("domain-status", NAME, "-o", "json").stdout)
    assert domain["status"]["state"] == "STATE_ACTIVE"
    assert domain["status"]["url"] == f"https://{NAME}:{system.edge_port('https')}/"
    client = GrpcOSClient(outside(), token="")
    await client.login("admin", password(system))
    assert (await client.whoami()).user == "admin"
    watch = client.watch()
    await client.create_process("web", SLEEP)
    async with asyncio.timeout(20):
        async for event in watch:
            if "web" in str(event):
                break
    file = system.home / "file"
    file.write_bytes(os.urandom(9 << 20))
    await client.upload_object("/big", file)
    await client.download_object("/big", system.home / "back")
    assert (system.home / "back").read_bytes() == file.read_bytes()
    with refused("PROCESS_NOT_FOUND"):
        await client.get_process("nobody")
    health = await health_pb2_grpc.HealthStub(outside()).Check(health_pb2.HealthCheckRequest())
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    await client.close()


async def test_grpcurl_speaks_to_it(system, files, authority):
    def run(*words):
        return subprocess.run(
            [GRPCURL, "-cacert", authority.ca, "-authority", NAME, *words], capture_output=True, text=True, timeout=60
        )

    address = f"127.0.0.1:{system.edge_port('https')}"
    assert "grpc_os.v1.AuthService" in run(address, "list").stdout
    assert run(address, "describe", "grpc_os.v1.AuthService").returncode == 0
    login = run("-d", json.dumps({"user": "admin", "password": password(system)}), address, "grpc_os.v1.AuthService/Login")
    assert login.returncode == 0, login.stderr
    assert json.loads(login.stdout)["access_token"]


async def test_the_audit_has_the_clients_address(system, files, outside):
    raw = RawCalls(None, channel=outside())
    raw.token = (await log_in(raw, password(system), "203.0.113.7")).access_token
    assert await last_log_in(raw) == ("admin", "203.0.113.7", "OK")
    raw.token = (await log_in(raw, password(system), "2001:db8::7")).access_token
    assert await last_log_in(raw) == ("admin", "2001:db8::7", "OK")
    raw.token = (await raw.auth("Login", user="admin", password=password(system))).access_token
    assert await last_log_in(raw) == ("admin", "127.0.0.1", "OK"), "and no uid: that would be nginx's"
    sessions = (await raw.auth("ListSessions")).sessions
    assert {session.source for session in sessions} >= {"203.0.113.7", "2001:db8::7", "127.0.0.1"}


async def test_what_a_client_says_to_be_the_edge_is_not_believed(system, files, outside):
    """Through the edge it is replaced; of a client that comes to grpc-osd itself it is nothing."""
    secret = (system.data / "secrets/edge.key").read_bytes().hex()
    through = RawCalls(None, channel=outside())
    local = RawCalls(system.address, (await system.client()).token)
    tcp = RawCalls(f"127.0.0.1:{system.port}")
    for wrong in ("", "0" * 64, secret[:-1], secret.upper()):
        await log_in(through, password(system), "203.0.113.7", x_grpc_os_edge=wrong)
        assert await last_log_in(local) == ("admin", "203.0.113.7", "OK")
        await log_in(tcp, password(system), "203.0.113.7", x_grpc_os_edge=wrong)
        assert await last_log_in(local) == ("admin", f"127.0.0.1 uid {os.getuid()}", "OK"), wrong
    await log_in(local, password(system), "203.0.113.7", x_grpc_os_edge="0" * 64)
    assert await last_log_in(local) == ("admin", "unknown", "OK")
    # Who knows it is the edge: so it is the secret that keeps the others out.
    await log_in(tcp, password(system), "203.0.113.9", x_grpc_os_edge=secret)
    assert await last_log_in(local) == ("admin", "203.0.113.9", "OK")
    for raw in (local, tcp):
        await raw.close()


async def test_nobody_logs_in_through_it_without_a_password(system, files, outside):
    through, beside = RawCalls(None, channel=outside()), RawCalls(f"unix:{system.data}/edge/os.sock")
    for raw in (through, beside):
        with refused("PERMISSION_MISSING") as refusal:
            await raw.auth("LoginPeer")
        assert "`login NAME`" in refusal.message
    await beside.close()
    local = RawCalls(system.address)
    assert (await local.auth("LoginPeer")).access_token, "who is on this machine may"
    await local.close()


async def test_guessing_is_slowed_down_by_the_clients_address(system, files, outside):
    raw = RawCalls(None, channel=outside())
    for _ in range(6):
        with refused("LOGIN_FAILED"):
            await log_in(raw, "wrong", "203.0.113.7")
    with refused("LOGIN_THROTTLED"):
        await log_in(raw, password(system), "203.0.113.7")
    assert (await log_in(raw, password(system), "203.0.113.8")).access_token


async def test_one_address_has_so_many_calls_at_a_time(system, files, outside):
    """nginx says so in gRPC's words. Here it is two, by a change of its file that grpc-osd knows nothing of."""
    [conf] = system.data.glob("edge/conf/live/d/*.conf")
    conf.write_text(re.sub(r"(limit_conn dom_\w+_api) \d+;", r"\1 2;", conf.read_text()))
    nginx = (await (await system.client()).get_process("grpc-os-nginx")).details.pid
    os.kill(nginx, signal.SIGHUP)
    raw = RawCalls(None, channel=outside())
    await raw.log_in("admin", password(system))
    watch = SERVICES["EventService"].methods_by_name["Watch"]

    async def third_is_refused():
        fresh = RawCalls(None, raw.token, channel=outside())  # an old worker keeps its connections
        held = [fresh.begin(watch) for _ in range(2)]
        try:
            for call in held:
                await call.read()
            await fresh.auth("WhoAmI")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
            return error.details() == "There are too many calls at a time, of your address or of all."
        finally:
            for call in held:
                call.cancel()

    await until(third_is_refused, "the third call is refused")


async def test_each_client_has_bounds_of_its_own(system, files, outside):
    """nginx has a connection to grpc-osd for each call; of one user there are 256 at most."""
    raw = RawCalls(None, channel=outside())
    await raw.log_in("admin", password(system))
    watch = SERVICES["EventService"].methods_by_name["Watch"]
    held = []
    for address in ("203.0.113.7", "203.0.113.8", "203.0.113.9"):
        client = RawCalls(None, channel=outside())
        metadata = [("authorization", f"Bearer {raw.token}"), ("x-forwarded-for", address)]
        held += [client.begin(watch, metadata=metadata, timeout=60) for _ in range(90)]
    await asyncio.gather(*(call.read() for call in held))
    assert (await raw.auth("WhoAmI")).identity.user == "admin"
    for call in held:
        call.cancel()


async def test_other_paths_and_names_are_not_there(system, files, authority):
    for path in ("/", "/grpc_os.v1", "/grpc_os.v2.AuthService/Login", "/metrics", "/grpc.healthy"):
        connection = http.client.HTTPConnection(NAME)
        connection.sock = tls_to(system, authority)
        connection.request("GET", path)
        assert connection.getresponse().status == 404, path
        connection.close()
    with pytest.raises(ssl.SSLError, match="unrecognized name|UNRECOGNIZED_NAME"):
        tls_to(system, authority, "other.example.com")


async def test_unassigning_it_ends_it(system, files, authority):
    tls_to(system, authority).close()
    done = system.cli("unassign", NAME)
    assert (done.returncode, done.stdout) == (0, f"{NAME} is not served any more\n")
    with pytest.raises(ssl.SSLError, match="unrecognized name|UNRECOGNIZED_NAME"):
        tls_to(system, authority)
    assert not list(system.data.glob("edge/conf/live/d/*"))


async def test_another_certificate_takes_its_place(system, files, authority):
    def served():
        with tls_to(system, authority) as connection:
            return int(connection.getpeercert()["serialNumber"], 16)

    assert served() == serial_of(files[0])
    another = authority.sign(NAME, days=3, label="-2")
    done = publish(system, another)
    assert done.returncode == 0, done.stderr
    assert f"its certificate ends within 14 days; give another: `grpc-os assign --api {NAME}" in done.stderr
    assert served() == serial_of(another[0])


async def test_what_does_not_fit_is_refused_and_what_was_there_stays(system, files, authority):
    chain, key = files
    other_chain, other_key = authority.sign("other.example.com")
    for wrong, said in (
        ((chain, other_key), "not the key of the first certificate"),
        ((other_chain, other_key), f"is not for {NAME}"),
        ((key, key), "give a certificate as PEM"),
        ((chain, chain), "give a private key as PEM"),
    ):
        done = publish(system, wrong)
        assert (done.returncode != 0) and said in done.stderr, (wrong, done.stderr)
    assert "the API has one name" in publish(system, files, name="*.example.com").stderr
    async with domains_of(system) as domains:
        await domains.run("web")
        with refused("DOMAIN_EXISTS") as refusal:
            await domains.assign(NAME, "web")
        assert "leads to the API" in refusal.message
        with refused("FIELD_INVALID", fields={"api"}):
            await domains.assign(NAME, "web", api=True, certificate={"chain": chain.read_text(), "private_key": key.read_text()})
        with refused("FIELD_INVALID", fields={"certificate"}):
            await domains.assign("web.example.com", "web", certificate={"chain": chain.read_text()})
        assert (await domains.get(NAME)).generation == 1
    tls_to(system, authority).close()


async def test_a_key_is_shown_to_nobody_and_may_be_left_out_of_an_update(system, files, outside):
    """It is in the store and beside nginx's file, which nginx alone reads."""
    words = "".join(files[1].read_text().split("\n")[1:-2])[20:60]
    async with domains_of(system) as domains:
        got = await domains.get(NAME)
        assert got.spec.certificate.chain == files[0].read_text()
        assert got.spec.certificate.expire_time.seconds > got.create_time.seconds
        updated = await domains.call("UpdateDomain", domain={"name": NAME, "spec": got.spec, "etag": got.etag})
        assert updated.generation == 1, "nothing differs"
        shown = f"{got}{await domains.call('ListDomains')}{await domains.raw.auth('ListAuditRecords')}"
    for command in (("domains", "-o", "json"), ("domain-status", NAME, "-o", "yaml"), ("cat", f"/domains/{NAME}")):
        shown += system.cli(*command).stdout
    assert words not in shown and "PRIVATE" not in shown
    with_it = set()
    secret = (system.data / "secrets/edge.key").read_bytes().hex().encode()
    for path in system.data.rglob("*"):
        if path.is_file() and (words.encode() in (text := path.read_bytes()) or secret in text):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            with_it.add(path.suffix)
    assert {".conf", ".pem"} < with_it <= {".conf", ".pem", ".db", ".db-wal"}


async def test_grpc_osd_may_die_and_its_edge_goes_on_with_the_same_words(system, files, outside):
    raw = RawCalls(None, channel=outside())
    raw.token = (await log_in(raw, password(system), "203.0.113.7")).access_token
    live = os.readlink(system.data / "edge/conf/live")
    pid = system.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    poll(lambda: not is_alive(pid), "grpc-osd is dead")
    system.await_api()
    assert (await raw.auth("WhoAmI")).identity.user == "admin"
    await log_in(raw, password(system), "203.0.113.8")
    assert await last_log_in(raw) == ("admin", "203.0.113.8", "OK")
    async with domains_of(system) as domains:
        assert (await domains.get(NAME)).status.state == ACTIVE
    assert os.readlink(system.data / "edge/conf/live") == live, "nothing was reloaded"
