"""Secret variables: the process gets their values, and nobody is ever shown them again."""

import os
import pathlib
import secrets
import signal
import stat
import urllib.request

import grpc.aio
import pytest
import pytest_asyncio
from expectations import SLEEP, await_line, refused, shell, until, wait_for_restarts, wait_for_state
from google.protobuf import field_mask_pb2
from grpc_os.v1 import event_services_pb2, event_services_pb2_grpc, process_services_pb2, process_services_pb2_grpc
from objects_api import objects_of
from raw_calls import RawCalls
from running_system import poll

# What a process says of what it was given: whether it is the value, not the value itself.
TELLS = shell('echo "the password has ${#PASSWORD} bytes"; exec sleep 3600')


@pytest.fixture
def value():
    return f"hush-{secrets.token_hex(16)}"


@pytest_asyncio.fixture
async def stub(system):
    async with grpc.aio.insecure_channel(system.address) as channel:
        yield process_services_pb2_grpc.ProcessServiceStub(channel)


def environment_of(pid):
    """What a process was really given."""
    pairs = pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


async def files_with(system, value):
    """The files of the data directory and of init's output in which this is."""
    found = [path for path in system.data.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]
    return found + (["what init said"] if value in system.said else [])


async def test_the_process_gets_it_and_no_answer_has_it(client, value):
    secret = {"PASSWORD": value, "MODE": "fast"}
    created = await client.create_process("web", TELLS, secret, secret_environment=["PASSWORD"])
    answers = [created, await client.get_process("web"), await client.wait_process("web", "ready")]
    assert environment_of(created.details.pid)["PASSWORD"] == value
    assert await await_line(client, "web", "the password") == f"the password has {len(value)} bytes"
    answers += [process async for process in client.list_processes()]
    answers.append(await client.update_process("web", stop_timeout=3))
    answers.append(await client.restart_process("web"))
    answers.append(await client.stop_process("web"))
    answers.append(await client.start_process("web"))
    assert environment_of(answers[-1].details.pid)["PASSWORD"] == value
    for answer in answers:
        assert answer.environment == {"PASSWORD": "", "MODE": "fast"}
        assert answer.secret_environment == ["PASSWORD"]
        assert value not in str(answer.proto)


async def test_it_is_found_nowhere(system, client, value):
    raw = RawCalls(system.address, client.token)
    async with grpc.aio.insecure_channel(system.address) as channel:
        watch = event_services_pb2_grpc.EventServiceStub(channel).Watch(
            event_services_pb2.WatchRequest(), metadata=client.metadata, timeout=60
        )
        told = [str(await watch.read())]
        await client.set_log_level("debug")
        process = await client.create_process(
            "web", SLEEP, {"PASSWORD": value}, secret_environment=["PASSWORD"], request_id="once"
        )
        await client.update_process("web", environment={"PASSWORD": value + "2"}, request_id="twice")
        with refused("NAME_TAKEN") as taken:
            await client.create_process("web", SLEEP, {"PASSWORD": value}, secret_environment=["PASSWORD"])
        await client.delete_process("web", force=True)
        while '"deleted"' not in told[-1]:
            told.append(str(await watch.read()))
    audit = await raw.auth("ListAuditRecords")
    assert {"CreateProcess", "UpdateProcess", "DeleteProcess"} <= {one.method.split("/")[-1] for one in audit.records}
    told += [str(audit), taken.message, str(taken.info), str(await client.get_system())]
    with urllib.request.urlopen(f"http://127.0.0.1:{system.http_port}/metrics", timeout=30) as metrics:
        told.append(metrics.read().decode())
    await raw.close()
    assert process.id in "".join(told)
    for one in told:
        assert value not in one

    def log():
        return "".join(path.read_text() for path in (system.data / "logs").rglob("*") if path.is_file())

    poll(lambda: "ListAuditRecords" in log(), "the calls are in the log of the daemon")
    assert "UpdateProcess" in log() and value not in log() and value not in system.said


async def test_on_disk_it_is_where_the_owner_alone_reads(system, client, value):
    await client.create_process("web", SLEEP, {"PASSWORD": value}, secret_environment=["PASSWORD"])
    found = await files_with(system, value)
    assert found, "the daemon has to keep it somewhere"
    for path in found:
        place = path.relative_to(system.data)
        assert place.name.startswith("grpc-os.db") or place.parts[:2] == ("run", "i"), place
    assert stat.S_IMODE(system.data.stat().st_mode) & 0o077 == 0


async def test_proc_tells_that_it_is_secret(system, client, value):
    await client.create_process("web", SLEEP, {"PASSWORD": value, "A": "1"}, secret_environment=["PASSWORD"])
    async with objects_of(system) as objects:
        assert await objects.data("/proc/web/env") == b"A=1\nPASSWORD=(secret)\n"
        for file in ("status", "log", "exit"):
            assert value.encode() not in await objects.data(f"/proc/web/{file}")


async def test_it_outlives_daemons_supervisors_crashes_and_boots(system, client, value, tmp_path):
    process = await client.create_process("web", SLEEP, {"PASSWORD": value}, secret_environment=["PASSWORD"])
    system.kill_daemon()
    assert (await client.get_process("web")).environment == {"PASSWORD": ""}
    os.kill(process.details.pid, signal.SIGKILL)
    crashed = await wait_for_restarts(client, "web", 1)
    assert environment_of(crashed.details.pid)["PASSWORD"] == value
    [supervisor] = system.programs("grpc-os-supervise")
    os.kill(supervisor, signal.SIGKILL)

    async def runs_again():
        found = await client.get_process("web")
        return found.status == "running" and found.details.pid not in (0, crashed.details.pid) and found

    again = await until(runs_again, "another supervisor runs it")
    assert environment_of(again.details.pid)["PASSWORD"] == value
    system.stop_all()
    (tmp_path / "boot_id").write_text("another boot of the machine\n")
    system.start("--boot-id-file", str(tmp_path / "boot_id"))
    client = await system.client()
    started = await wait_for_state(client, "web", "running")
    assert environment_of(started.details.pid)["PASSWORD"] == value
    assert started.environment == {"PASSWORD": ""} and started.secret_environment == ["PASSWORD"]


async def test_an_empty_value_in_an_update_keeps_it(client, value):
    await client.create_process("web", SLEEP, {"PASSWORD": value, "A": "1"}, secret_environment=["PASSWORD"])
    read = await client.get_process("web")
    written = await client.update_process("web", environment={**read.environment, "A": "2"}, etag=read.etag)
    assert written.environment == {"PASSWORD": "", "A": "2"} and written.secret_environment == ["PASSWORD"]
    assert environment_of((await client.restart_process("web")).details.pid)["PASSWORD"] == value
    await client.update_process("web", environment={"PASSWORD": "another", "A": "2"})
    restarted = await client.restart_process("web")
    assert environment_of(restarted.details.pid)["PASSWORD"] == "another"
    assert restarted.environment == {"PASSWORD": "", "A": "2"}


async def test_a_whole_spec_written_back_keeps_it(client, stub, value):
    created = await client.create_process("web", SLEEP, {"PASSWORD": value}, secret_environment=["PASSWORD"])
    for mask in ("*", "spec"):
        request = process_services_pb2.UpdateProcessRequest(
            process=created.proto, update_mask=field_mask_pb2.FieldMask(paths=[mask])
        )
        request.process.etag = ""
        updated = await stub.UpdateProcess(request, metadata=client.metadata)
        assert updated.generation == 1, "nothing was changed"
    unmasked = process_services_pb2.UpdateProcessRequest(process=created.proto)
    assert (await stub.UpdateProcess(unmasked, metadata=client.metadata)).generation == 1
    assert environment_of((await client.restart_process("web")).details.pid)["PASSWORD"] == value


async def test_it_is_never_revealed(client, stub, value):
    await client.create_process("web", SLEEP, {"PASSWORD": value, "A": "1"}, secret_environment=["PASSWORD"])
    field = {"process.spec.environment.PASSWORD"}
    with refused("FIELD_INVALID", fields=field) as refusal:
        await client.update_process("web", secret_environment=[])
    assert value not in refusal.message
    for change in (
        {"secret_environment": ["A"]},
        {"secret_environment": [], "environment": {"PASSWORD": "", "A": "1"}},
    ):
        with refused("FIELD_INVALID", fields=field):
            await client.update_process("web", **change)
    spec = process_services_pb2.ProcessSpec(command=SLEEP, environment={"PASSWORD": ""})
    everything = process_services_pb2.UpdateProcessRequest(
        process=process_services_pb2.Process(name="web", spec=spec), update_mask=field_mask_pb2.FieldMask(paths=["*"])
    )
    with refused("FIELD_INVALID", fields=field):
        await stub.UpdateProcess(everything, metadata=client.metadata)
    kept = await client.get_process("web")
    assert kept.generation == 1 and kept.secret_environment == ["PASSWORD"]
    given = await client.update_process("web", secret_environment=[], environment={"PASSWORD": "open", "A": "1"})
    assert given.environment == {"PASSWORD": "open", "A": "1"} and given.secret_environment == []


async def test_one_that_was_removed_leaves_nothing(client, value):
    await client.create_process("web", SLEEP, {"PASSWORD": value, "A": "1"}, secret_environment=["PASSWORD"])
    removed = await client.update_process("web", environment={"A": "1"})
    assert removed.secret_environment == []
    again = await client.update_process("web", environment={"A": "1", "PASSWORD": ""})
    assert again.environment == {"A": "1", "PASSWORD": ""}
    assert environment_of((await client.restart_process("web")).details.pid)["PASSWORD"] == ""
    await client.update_process("web", environment={"B": "2"}, secret_environment=["B"])
    hidden = await client.get_process("web")
    assert hidden.environment == {"B": ""}
    await client.update_process("web", environment={"B": "3"})
    assert environment_of((await client.restart_process("web")).details.pid)["B"] == "3"


async def test_what_is_there_can_be_made_secret(client):
    await client.create_process("web", SLEEP, {"PASSWORD": "seen before"})
    hidden = await client.update_process("web", secret_environment=["PASSWORD"])
    assert hidden.environment == {"PASSWORD": ""} and hidden.generation == 2
    assert environment_of((await client.restart_process("web")).details.pid)["PASSWORD"] == "seen before"


async def test_a_secret_is_a_variable(client):
    field = {"process.spec.secret_environment"}
    with refused("FIELD_INVALID", fields=field):
        await client.create_process("web", SLEEP, {"A": "1"}, secret_environment=["B"])
    with refused("FIELD_INVALID", fields=field):
        await client.create_process("web", SLEEP, secret_environment=[""])
    await client.create_process("web", SLEEP, {"A": "1"})
    with refused("FIELD_INVALID", fields=field):
        await client.update_process("web", secret_environment=["A", "B"])
    with refused("FIELD_INVALID", fields=field):
        await client.update_process("web", environment={"C": "1"}, secret_environment=["A"])
    twice = await client.update_process("web", secret_environment=["A", "A"])
    assert twice.secret_environment == ["A"]


async def test_no_refusal_has_it(client, value):
    for environment, command in (
        ({"PASSWORD": value * 10_000}, SLEEP),
        ({"PASSWORD": value + "\0"}, SLEEP),
        ({"PASSWORD": value, "1": "x"}, SLEEP),
        ({"PASSWORD": value}, "sleep | cat"),
    ):
        with refused("FIELD_INVALID") as refusal:
            await client.create_process("web", command, environment, secret_environment=["PASSWORD"])
        assert value not in refusal.message and value not in str(refusal.info)
    with refused("EXEC_FAILED") as refusal:
        await client.create_process("web", "/nowhere", {"PASSWORD": value}, secret_environment=["PASSWORD"])
    assert value not in refusal.message and value not in str(refusal.info)


async def test_a_repeat_is_answered_without_it(system, client, value):
    first = await client.create_process(
        "web", SLEEP, {"PASSWORD": value}, secret_environment=["PASSWORD"], request_id="once"
    )
    system.kill_daemon()
    repeated = await client.create_process(
        "web", SLEEP, {"PASSWORD": value}, secret_environment=["PASSWORD"], request_id="once"
    )
    assert (repeated.id, repeated.environment) == (first.id, {"PASSWORD": ""})
    with refused("REQUEST_ID_REUSED") as refusal:
        await client.create_process(
            "web", SLEEP, {"PASSWORD": value + "x"}, secret_environment=["PASSWORD"], request_id="once"
        )
    assert set(refusal.metadata) <= {"request_id", "method"}, "no digest that could be tried against"


async def test_the_shell_takes_it_from_its_environment_and_masks_it(system, client, value, monkeypatch):
    monkeypatch.setenv("GOS_TEST_PASSWORD", value)
    started = system.cli("start", "web", SLEEP, "PORT=8080", "--secret", "GOS_TEST_PASSWORD")
    assert started.returncode == 0, started
    process = await client.get_process("web")
    assert process.secret_environment == ["GOS_TEST_PASSWORD"]
    assert environment_of(process.details.pid)["GOS_TEST_PASSWORD"] == value
    updated = system.cli("update", "web", "PORT=8081", "--secret", "SECOND=also " + value)
    assert updated.returncode == 0, updated
    monkeypatch.delenv("GOS_TEST_PASSWORD")
    shown = [started, updated]
    for arguments in (
        *(("ps", "-l", "web"), ("ps", "web", "-o", "json"), ("ps", "web", "-o", "yaml"), ("cat", "/proc/web/env")),
        *(("restart", "web", "-o", "json"), ("update", "web", "PORT=8082", "-o", "json"), ("logs", "web")),
    ):
        shown.append(system.cli(*arguments))
        assert shown[-1].returncode == 0, shown[-1]
    assert "GOS_TEST_PASSWORD(secret) PORT SECOND(secret)" in shown[2].stdout
    assert "SECOND=(secret)" in shown[5].stdout
    for one in shown:
        assert value not in one.stdout + one.stderr
    running = environment_of((await client.restart_process("web")).details.pid)
    assert (running["SECOND"], running["PORT"]) == ("also " + value, "8082")
    missing = system.cli("start", "other", SLEEP, "--secret", "GOS_TEST_PASSWORD")
    assert missing.returncode == 2 and "GOS_TEST_PASSWORD" in missing.stderr
    opened = system.cli("update", "web", "--unset", "SECOND", "SECOND=open")
    assert opened.returncode == 0, opened
    assert (await client.get_process("web")).environment["SECOND"] == "open"
