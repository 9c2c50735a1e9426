"""The audit: every change and every refusal, by whom and from where, written with what it tells of."""

import asyncio
import os

import grpc.aio
import pytest
from expectations import refused
from google.protobuf import timestamp_pb2
from grpc_os import Condition
from grpc_os.v1 import auth_services_pb2 as auth
from grpc_os.v1 import auth_services_pb2_grpc as auth_services
from grpc_os.v1 import process_services_pb2 as processes
from grpc_os.v1 import process_services_pb2_grpc as process_services
from running_system import PATIENCE_S


@pytest.fixture
async def audit(system, client):
    """Reads the newest records; `until` waits for those that no transaction carries."""

    class Audit:
        def __init__(self, channel):
            self._stub = auth_services.AuthServiceStub(channel)

        async def read(self, metadata=None, **query):
            request = auth.ListAuditRecordsRequest(**query)
            return await self._stub.ListAuditRecords(request, metadata=metadata or client.metadata, timeout=20)

        async def until(self, condition):
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    found = [record for record in (await self.read()).records if condition(record)]
                    if found:
                        return found
                    await asyncio.sleep(0.01)

    async with grpc.aio.insecure_channel(system.address) as channel:
        yield Audit(channel)


async def call(system, method, request, metadata=()):
    async with grpc.aio.insecure_channel(system.address) as channel:
        stub = process_services.ProcessServiceStub(channel)
        return await getattr(stub, method)(request, metadata=metadata, timeout=20)


async def test_a_change_is_there_as_soon_as_it_is_answered(system, client, audit):
    metadata = [*client.metadata, ("x-request-id", "call-7")]
    spec = processes.ProcessSpec(command="sleep 1000", environment={"PASSWORD": "hunter2hunter2"})
    creation = processes.CreateProcessRequest(process=processes.Process(name="web", spec=spec))
    await call(system, "CreateProcess", creation, metadata)
    record = (await audit.read()).records[0]
    assert record.method == "grpc_os.v1.ProcessService/CreateProcess"
    assert (record.user, record.resource, record.result, record.reason) == ("admin", "web", "OK", "")
    assert (record.call_id, record.count) == ("call-7", 1)
    assert record.source.startswith("uid ")
    assert record.session_id and record.time.seconds > 1_700_000_000
    assert "hunter2" not in str((await audit.read()).records)


async def test_reading_leaves_nothing(client, audit):
    before = (await audit.read()).records[0].id
    assert [process async for process in client.list_processes()] == []
    assert (await audit.read()).records[0].id == before


async def test_refusals_are_told_with_their_reason(system, client, audit):
    with refused("PROCESS_NOT_FOUND"):
        await call(system, "StartProcess", processes.StartProcessRequest(name="missing"), client.metadata)
    [record] = await audit.until(lambda record: record.resource == "missing")
    assert (record.result, record.reason, record.user) == ("NOT_FOUND", "PROCESS_NOT_FOUND", "admin")


async def test_strangers_are_told_too_and_alike_ones_together(system, audit):
    for _ in range(50):
        with refused("TOKEN_INVALID"):
            await call(system, "GetProcess", processes.GetProcessRequest(name="web"), [("authorization", "Bearer x")])

    def is_it(record):
        return record.reason == "TOKEN_INVALID"

    async with asyncio.timeout(PATIENCE_S):
        while sum(record.count for record in await audit.until(is_it)) < 50:
            await asyncio.sleep(0.01)
    found = await audit.until(is_it)
    assert sum(record.count for record in found) == 50
    assert {(record.user, record.result, record.source) for record in found} == {
        ("", "UNAUTHENTICATED", f"uid {os.getuid()}")
    }


async def test_what_changes_nothing_is_told_too(system, client, audit):
    await client.create_process("web", "sleep 1000")
    await client.start_process("web")
    await audit.until(lambda record: record.method.endswith("/StartProcess") and record.result == "OK")
    await client.signal_process("web", "CONT")
    await audit.until(lambda record: record.method.endswith("/SignalProcess") and record.result == "OK")


async def test_it_is_read_by_page_by_user_and_by_time(system, client, audit):
    for number in range(5):
        await client.create_process(f"web-{number}", "sleep 1000")
    first = await audit.read(page_size=3)
    rest = await audit.read(page_size=1000, page_token=first.next_page_token)
    ids = [record.id for record in [*first.records, *rest.records]]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids) >= 5
    with refused("PAGE_TOKEN_INVALID"):
        await audit.read(page_token=first.next_page_token, user="ada")
    assert not (await audit.read(user="ada")).records
    future = timestamp_pb2.Timestamp(seconds=first.records[0].time.seconds + 3600)
    assert not (await audit.read(since=future)).records
    assert (await audit.read(user="admin", since=timestamp_pb2.Timestamp(seconds=1))).records


async def test_log_ins_and_log_outs_are_told(system, audit):
    other = await system.client()
    await other.logout()
    [login, *_] = await audit.until(lambda record: record.method.endswith("/LoginPeer"))
    assert (login.user, login.result) == ("admin", "OK")
    await audit.until(lambda record: record.method.endswith("/Logout"))


async def test_a_refusal_keeps_what_it_was_about(system, client, audit):
    """Also of who may do no such thing at all, and of what was never looked at."""
    await client.create_process("web", "sleep 1000")
    await client.create_user("vera", password="a password of some length", roles=["viewer"])
    viewer = system.anonymous()
    await viewer.login("vera", "a password of some length")

    async def resource_of(method, result):
        records = await audit.until(lambda record: record.method.endswith(f"/{method}") and record.result == result)
        return [record.resource for record in records]

    with refused("PERMISSION_MISSING"):
        await viewer.stop_process("web")
    assert await resource_of("StopProcess", "PERMISSION_DENIED") == ["web"]
    with refused("PERMISSION_MISSING"):
        await viewer.create_process("mine", "sleep 1000")
    assert await resource_of("CreateProcess", "PERMISSION_DENIED") == ["mine"]
    with refused("PERMISSION_MISSING"):
        await viewer.set_quota("/a/", max_objects=5)
    assert await resource_of("SetQuota", "PERMISSION_DENIED") == ["/a/"]
    with refused("FIELD_INVALID"):
        await client.create_process("other", "")
    assert await resource_of("CreateProcess", "INVALID_ARGUMENT") == ["other"]
    with refused("FIELD_INVALID"):
        await client.create_user("bob", password="x")
    assert await resource_of("CreateUser", "INVALID_ARGUMENT") == ["bob"]
    assert "a password" not in str((await audit.read()).records)


async def test_what_was_given_by_an_id_is_kept_with_its_name(system, client, audit):
    """So that one knows what it was called, also once it is deleted."""
    ids = []

    async def resources_of(method, result="OK"):
        records = await audit.until(lambda record: record.method.endswith(f"/{method}") and record.result == result)
        return [record.resource for record in records]

    for _ in range(2):  # the name is given again
        process = await client.create_process("web", "sleep 1000")
        ids.append(process.id)
        await client.signal_process(process.id, "CONT")
        with refused("ETAG_MISMATCH"):
            await client.stop_process(process.id, etag="other")
        await client.stop_process(process.id)
        await client.delete_process(process.id)
    named = [f"web ({identity})" for identity in reversed(ids)]
    assert await resources_of("DeleteProcess") == await resources_of("StopProcess") == named
    await audit.until(lambda record: record.method.endswith("/SignalProcess") and record.resource == named[0])
    assert await resources_of("StopProcess", "ABORTED") == named
    with refused("PROCESS_NOT_FOUND"):
        await client.stop_process(ids[0])
    assert await resources_of("StopProcess", "NOT_FOUND") == [ids[0]]

    made = await client.put_object("/a b", b"1")
    with refused("PRECONDITION_FAILED"):
        await client.put_object(made.id, b"2", condition=Condition(generation=1))
    assert await resources_of("PutObject", "FAILED_PRECONDITION") == [f"/a b ({made.id})"]
    await client.delete_object(made.id)
    assert await resources_of("DeleteObject") == [f"/a b ({made.id})"]
    await client.delete_object(made.id, purge=True)
    assert await resources_of("DeleteObject") == [f"/a b ({made.id})"] * 2

    token = await client.create_token("ci")
    await client.end_session(token.session.id)
    assert await resources_of("EndSession") == [f"ci ({token.session.id})"]
