"""What the server says about itself: reflection, health, GetSystem; and what the transport refuses."""

import asyncio
import time

import grpc
import grpc.aio
import pytest
from expectations import SLEEP, refused
from google.protobuf import descriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc


@pytest.fixture(params=["unix", "tcp"])
def address(request, system):
    return system.address if request.param == "unix" else f"localhost:{system.port}"


async def test_reflection_lists_the_services_to_anybody(address):
    async with grpc.aio.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(timeout=20)
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        response = await call.read()
        found = {service.name for service in response.list_services_response.service}
        assert {f"grpc_os.v1.{name}Service" for name in ("Auth", "Process", "System", "Event")} <= found
        assert "grpc.health.v1.Health" in found

        symbol = "grpc_os.v1.ProcessService"
        await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol))
        assert (await call.read()).file_descriptor_response.file_descriptor_proto
        await call.done_writing()


async def test_health_is_serving_to_anybody(address):
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        response = await stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_an_unknown_method_is_unimplemented(address):
    async with grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            await channel.unary_unary("/grpc_os.v1.ProcessService/Nonsense")(b"", timeout=20)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_the_system_tells_about_itself(system, client):
    before = await client.get_system()
    assert before.version == "0.1.0"
    assert before.proto.cgroup_mode in ("v2", "hybrid", "none")
    assert not before.proto.shielded
    assert before.proto.process_count == before.proto.running_count == 0
    assert not before.proto.unowned_instances
    assert abs(before.start_time.timestamp() - time.time()) < 120

    await client.create_process("one", SLEEP)
    await client.create_process("two", SLEEP)
    await client.stop_process("two")
    after = await client.get_system()
    assert (after.proto.process_count, after.proto.running_count) == (2, 1)
    assert after.revision > before.revision
    assert after.start_time == before.start_time


async def test_calls_are_counted_by_method_and_status(client):
    for _ in range(3):
        await client.whoami()
    with refused("PROCESS_NOT_FOUND"):
        await client.get_process("missing")
    counters = {(c.method, c.code): c.count for c in (await client.get_system()).proto.rpc_counters}
    assert counters["grpc_os.v1.AuthService/WhoAmI", "OK"] == 3
    assert counters["grpc_os.v1.AuthService/LoginPeer", "OK"] == 1
    assert counters["grpc_os.v1.ProcessService/GetProcess", "NOT_FOUND"] == 1


async def test_a_message_of_more_than_4_mib_is_refused(system, client):
    with pytest.raises(grpc.RpcError) as caught:
        await client.create_process("big", "true", {"A": "x" * (5 << 20)})
    # The transport's own error: no details.
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await client.whoami()).name == "admin"


@pytest.mark.parametrize("request_bytes", [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x0a\x7f"])
async def test_bytes_that_are_no_request_are_refused_and_harm_nothing(system, client, request_bytes):
    async with grpc.aio.insecure_channel(system.address) as channel:
        for method in process_services_pb2.DESCRIPTOR.services_by_name["ProcessService"].methods:
            if method.input_type.fields_by_number[1].cpp_type == descriptor.FieldDescriptor.CPPTYPE_INT32:
                continue  # to it, some of these are just fields that it does not know
            path = f"/{method.containing_service.full_name}/{method.name}"
            kind = channel.unary_stream if method.server_streaming else channel.unary_unary
            call = kind(path)(request_bytes, metadata=client.metadata, timeout=20)
            with pytest.raises(grpc.RpcError) as caught:
                await (call.read() if method.server_streaming else call)
            assert caught.value.code() in (
                grpc.StatusCode.UNIMPLEMENTED,
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.INTERNAL,
            ), method.name
    assert (await client.whoami()).name == "admin"


async def test_a_client_that_gives_up_harms_nothing(system, client):
    async with grpc.aio.insecure_channel(system.address) as channel:
        stub = process_services_pb2_grpc.ProcessServiceStub(channel)
        await client.create_process("web", SLEEP)
        for _ in range(50):
            call = stub.WaitProcess(
                process_services_pb2.WaitProcessRequest(name="web", condition="CONDITION_EXITED"),
                metadata=client.metadata,
                timeout=20,
            )
            await asyncio.wait([asyncio.ensure_future(call.code())], timeout=0.01)
            call.cancel()
    assert (await client.get_process("web")).status == "running"

