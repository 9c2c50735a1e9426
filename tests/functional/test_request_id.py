"""Changes with a request_id: carried out once, however often they are asked for, also over the death of the daemon."""

import asyncio

import grpc.aio
import pytest
from expectations import refused
from grpc_os.v1 import process_services_pb2 as messages
from grpc_os.v1 import process_services_pb2_grpc as services


@pytest.fixture
async def stub(system, client):
    """The service itself, logged in: the client would put request ids of its own."""

    class Stub:
        def __init__(self, channel):
            self._stub = services.ProcessServiceStub(channel)

        def __getattr__(self, method):
            return lambda request: getattr(self._stub, method)(request, metadata=client.metadata, timeout=30)

    async with grpc.aio.insecure_channel(system.address) as channel:
        yield Stub(channel)


def creation(name="web", request_id="create-1", command="sleep 1000"):
    process = messages.Process(name=name, spec=messages.ProcessSpec(command=command))
    return messages.CreateProcessRequest(process=process, request_id=request_id)


async def test_a_creation_asked_for_twice_is_one(stub, client):
    first = await stub.CreateProcess(creation())
    again = await stub.CreateProcess(creation())
    assert again.id == first.id and again.status.pid == first.status.pid
    assert [process.name async for process in client.list_processes()] == ["web"]


async def test_at_once_too(stub, client):
    answers = await asyncio.gather(*(stub.CreateProcess(creation()) for _ in range(20)))
    assert len({answer.id for answer in answers}) == 1
    assert [process.name async for process in client.list_processes()] == ["web"]


async def test_a_restart_asked_for_twice_is_one(stub):
    await stub.CreateProcess(creation())
    request = messages.RestartProcessRequest(name="web", request_id="restart-1")
    first = await stub.RestartProcess(request)
    again = await stub.RestartProcess(request)
    assert again.status.pid == first.status.pid
    other = await stub.RestartProcess(messages.RestartProcessRequest(name="web", request_id="restart-2"))
    assert other.status.pid != first.status.pid


async def test_a_repeated_delete_succeeds(stub):
    await stub.CreateProcess(creation())
    request = messages.DeleteProcessRequest(name="web", force=True, request_id="delete-1")
    first = await stub.DeleteProcess(request)
    assert (await stub.DeleteProcess(request)).revision >= first.revision
    with refused("PROCESS_NOT_FOUND"):
        await stub.DeleteProcess(messages.DeleteProcessRequest(name="web", request_id="delete-2"))


async def test_the_same_id_with_other_content_is_refused(stub):
    await stub.CreateProcess(creation())
    with refused("REQUEST_ID_REUSED") as refusal:
        await stub.CreateProcess(creation(command="sleep 2000"))
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    # Of another method it is another id.
    await stub.StopProcess(messages.StopProcessRequest(name="web", request_id="create-1"))


async def test_what_was_refused_may_be_tried_again_under_its_id(stub):
    request = messages.StartProcessRequest(name="web", request_id="start-1")
    with refused("PROCESS_NOT_FOUND"):
        await stub.StartProcess(request)
    await stub.CreateProcess(creation())
    await stub.StopProcess(messages.StopProcessRequest(name="web"))
    assert (await stub.StartProcess(request)).status.pid > 0


@pytest.mark.parametrize("request_id", ["a b", "x" * 129, "\u00e9", "\x1b[2J"])
async def test_malformed_ids(stub, request_id):
    with refused("FIELD_INVALID", fields={"request_id"}):
        await stub.CreateProcess(creation(request_id=request_id))


async def test_it_holds_over_the_death_of_the_daemon(system, stub):
    first = await stub.CreateProcess(creation())
    restart = messages.RestartProcessRequest(name="web", request_id="restart-1")
    restarted = await stub.RestartProcess(restart)
    await asyncio.to_thread(system.kill_daemon)

    async def ask(method, request):
        while True:
            try:
                return await getattr(stub, method)(request)
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.05)

    again = await ask("CreateProcess", creation())
    assert again.id == first.id
    again = await ask("RestartProcess", restart)
    assert again.status.pid == restarted.status.pid


async def test_a_page_token_belongs_to_its_list(stub):
    for number in range(3):
        await stub.CreateProcess(creation(f"web-{number}", f"create-{number}"))
    page = await stub.ListProcesses(messages.ListProcessesRequest(page_size=1))
    assert page.next_page_token
    with refused("PAGE_TOKEN_INVALID"):
        await stub.ListProcesses(messages.ListProcessesRequest(page_token=page.next_page_token + "x"))
