"""Update takes effect at the next restart; delete forgets."""

import grpc
import grpc.aio
import pytest
from expectations import SLEEP, assert_no_trace, await_line, names, refused, shell, texts, until, wait_for_restarts
from google.protobuf import field_mask_pb2
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc
from running_system import command_line, is_alive


async def test_an_update_waits_for_the_restart(client):
    created = await client.create_process("web", "sleep 3600")
    updated = await client.update_process("web", command="sleep 4000")
    assert updated.command == "sleep 4000"
    assert updated.generation == 2 and updated.etag != created.etag
    assert updated.details.pid == created.details.pid
    assert command_line(created.details.pid) == ["sleep", "3600"]
    assert updated.proto.status.running_generation == 1

    async def observed():
        return (await client.get_process("web")).proto.status.observed_generation == 2

    await until(observed, "the supervisor has the new spec")
    restarted = await client.restart_process("web")
    assert command_line(restarted.details.pid) == ["sleep", "4000"]
    assert restarted.proto.status.running_generation == restarted.generation == 2


async def test_an_update_is_used_after_a_crash_too(client):
    await client.create_process("web", "sleep 3600")
    await client.wait_process("web", "ready")
    await client.update_process("web", command="sleep 4000")

    async def observed():
        return (await client.get_process("web")).proto.status.observed_generation == 2

    await until(observed, "the supervisor has the new spec")
    await client.signal_process("web", "KILL")
    process = await wait_for_restarts(client, "web", 1)
    assert command_line(process.details.pid) == ["sleep", "4000"]


async def test_an_update_of_a_stopped_process_is_used_at_its_start(client):
    await client.create_process("web", "sleep 3600")
    await client.stop_process("web")
    await client.update_process("web", command="sleep 4000")
    assert command_line((await client.start_process("web")).details.pid) == ["sleep", "4000"]


async def test_the_environment_is_replaced_as_a_whole(client):
    await client.create_process("web", shell("env; exec sleep 3600"), {"A": "1", "B": "2"})
    await await_line(client, "web", "B=2")
    await client.update_process("web", environment={"B": "3", "C": "4"})
    await client.restart_process("web")
    await await_line(client, "web", "C=4")
    assert (await client.get_process("web")).environment == {"B": "3", "C": "4"}
    lines = await texts(client, "web")
    second = lines[lines.index("B=2") :]
    assert "B=3" in second and lines.count("A=1") == 1


async def test_an_update_changes_nothing_else(client):
    before = await client.create_process(
        "web", SLEEP, {"A": "1"}, working_directory="/", restart="on-failure", stop_timeout=3, stop_signal="INT"
    )
    after = await client.update_process("web", log_max_bytes=1 << 20)
    expected = process_services_pb2.ProcessSpec()
    expected.CopyFrom(before.proto.spec)
    expected.log_max_bytes = 1 << 20
    assert after.proto.spec == expected


async def test_by_id_too(client):
    created = await client.create_process("web", SLEEP)
    assert (await client.update_process(created.id, command="sleep 5")).command == "sleep 5"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"command": "a | b"}, "process.spec.command"),
        ({"command": ""}, "process.spec.command"),
        ({"environment": {"1": ""}}, "process.spec.environment"),
        ({"working_directory": "x"}, "process.spec.working_directory"),
        ({"stop_signal": "X"}, "process.spec.stop_signal"),
        ({"log_max_bytes": 5}, "process.spec.log_max_bytes"),
        ({"stop_timeout": 3601}, "process.spec.stop_timeout"),
    ],
)
async def test_a_bad_update_changes_nothing(client, change, field):
    created = await client.create_process("web", SLEEP)
    with refused("FIELD_INVALID", fields={field}):
        await client.update_process("web", **change)
    assert (await client.get_process("web")).etag == created.etag


async def raw_update(system, client, request):
    async with grpc.aio.insecure_channel(system.address) as channel:
        stub = process_services_pb2_grpc.ProcessServiceStub(channel)
        return await stub.UpdateProcess(request, metadata=client.metadata, timeout=20)


@pytest.mark.parametrize("path", ["name", "id", "status", "spec.nonsense", "", "spec.environment.A", "desired_state"])
async def test_an_update_mask_names_fields_of_the_spec_alone(system, client, path):
    await client.create_process("web", SLEEP)
    request = process_services_pb2.UpdateProcessRequest(
        process={"name": "web"}, update_mask=field_mask_pb2.FieldMask(paths=[path])
    )
    with refused("FIELD_INVALID", fields={"update_mask"}):
        await raw_update(system, client, request)


async def test_an_empty_mask_means_the_fields_that_are_set(system, client):
    await client.create_process("web", "sleep 3600", {"A": "1"}, stop_signal="INT")
    request = process_services_pb2.UpdateProcessRequest(process={"name": "web", "spec": {"command": "sleep 5"}})
    spec = (await raw_update(system, client, request)).spec
    assert spec.command == "sleep 5"
    assert dict(spec.environment) == {"A": "1"}
    assert spec.stop_signal.removeprefix("SIG") == "INT"


async def test_an_update_outlives_the_daemon(system, client):
    await client.create_process("web", "sleep 3600")
    await client.update_process("web", command="sleep 4000")
    system.kill_daemon()
    assert (await client.get_process("web")).command == "sleep 4000"
    assert command_line((await client.restart_process("web")).details.pid) == ["sleep", "4000"]


async def test_delete_forgets_a_stopped_process(system, client):
    created = await client.create_process("web", shell("echo hello; exec sleep 3600"))
    await await_line(client, "web", "hello")
    await client.stop_process("web")
    before = (await client.get_system()).revision
    assert await client.delete_process("web") > before
    assert await names(client) == []
    for name in ("web", created.id):
        with refused("PROCESS_NOT_FOUND"):
            await client.get_process(name)

    async def gone():
        return not (system.data / "logs" / created.id).exists() and not (system.data / "processes/web").exists()

    await until(gone, "its logs and its empty directory are removed")
    assert_no_trace(system, created.id, "web")
    # Name and id are free.
    assert (await client.create_process("web", SLEEP)).id != created.id


async def test_delete_refuses_a_running_process_and_force_stops_it(client):
    created = await client.create_process("web", SLEEP)
    with refused("PROCESS_RUNNING") as refusal:
        await client.delete_process("web")
    assert "force" in refusal.message
    assert is_alive(created.details.pid)
    await client.delete_process("web", force=True)
    assert not is_alive(created.details.pid)
    assert await names(client) == []


async def test_delete_keeps_the_files_of_the_process(system, client):
    await client.create_process("web", shell("echo precious > file; exec sleep 3600"))
    file = system.data / "processes/web/file"

    async def written():
        return file.exists() and file.read_text() == "precious\n"

    await until(written, "the file is there")
    await client.delete_process("web", force=True)
    assert file.read_text() == "precious\n"


async def test_a_second_delete_is_not_found(client):
    await client.create_process("web", "true", restart="never")
    await client.wait_process("web", "exited")
    await client.delete_process("web")
    with refused("PROCESS_NOT_FOUND"):
        await client.delete_process("web")


async def test_a_delete_outlives_the_daemon(system, client):
    await client.create_process("web", SLEEP)
    await client.delete_process("web", force=True)
    system.kill_daemon()
    assert await names(client) == []
    assert not system.programs("grpc-os-supervise")
