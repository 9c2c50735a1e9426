"""Requests that are refused, and that they say why."""

import grpc
import pytest
from expectations import SLEEP, assert_no_trace, names, refused, shell
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc
from running_system import poll

BAD_NAMES = {
    "empty": "",
    "NUL": "a\0b",
    "newline": "a\nb",
    "newline at the end": "web\n",
    "blank": "a b",
    "slash": "a/b",
    "up": "..",
    "dash first": "-rf",
    "dot first": ".hidden",
    "not ASCII": "wéb",
    "control": "a\x1b[31m",
    "64 characters": "a" * 64,
    "a megabyte": "a" * (1 << 20),
    "glob": "web-*",
    "an id": "proc_123",
    "an id of another kind": "obj_123",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES.keys())
async def test_bad_names(system, client, name):
    with refused("FIELD_INVALID", fields={"process.name"}) as refusal:
        await client.create_process(name, SLEEP)
    assert len(refusal.message) < 1000
    assert all(character.isprintable() for character in refusal.message)
    assert await names(client) == []


@pytest.mark.parametrize("name", ["a", "9", "a" * 63, "A.b_c-D", "web-server"])
async def test_good_names(client, name):
    assert (await client.create_process(name, SLEEP)).name == name


@pytest.mark.parametrize("process_id", ["web", "proc_", "proc_" + "a" * 33, "proc_A", "obj_1", "proc_a\n", "proc_../x", "proc_ü"])
async def test_bad_ids(client, process_id):
    with refused("FIELD_INVALID", fields={"process_id"}):
        await client.create_process("web", SLEEP, process_id=process_id)


async def test_the_longest_id(client):
    assert (await client.create_process("web", SLEEP, process_id="proc_" + "z" * 32)).status == "running"


BAD_COMMANDS = {
    "empty": "",
    "blank": " \t ",
    "NUL": "sleep 1\0",
    "single quote": "echo 'a",
    "double quote": 'echo "a',
    "backslash at the end": "echo a\\",
    "a megabyte": "x" * (1 << 20),
    "a megabyte of words": "echo" + " x" * (1 << 19),
    "argument over 128 KiB": "echo " + "x" * 131_072,
    **{f"unquoted {c}": f"echo a {c} b" for c in "|><&;$*`"},
    "unquoted | in a word": "a|b",
}


@pytest.mark.parametrize("command", BAD_COMMANDS.values(), ids=BAD_COMMANDS.keys())
async def test_bad_commands(client, command):
    with refused("FIELD_INVALID", fields={"process.spec.command"}) as refusal:
        await client.create_process("web", command)
    assert len(refusal.message) < 1000
    assert await names(client) == []


@pytest.mark.parametrize("character", "|><&;$*`")
async def test_an_unquoted_shell_character_is_refused_with_the_cure(client, character):
    with refused("FIELD_INVALID") as refusal:
        await client.create_process("web", f"echo a {character} b")
    assert character in refusal.message
    assert "sh -c" in refusal.message


async def test_the_longest_argument_and_command(client):
    await client.create_process("argument", "true " + "x" * 131_071, restart="never")
    await client.create_process("command", ("true " + "x" * 131_000 + " " + "y" * 131_000).ljust(262_144), restart="never")


BAD_ENVIRONMENTS = {
    "digit first": {"1A": "x"},
    "empty name": {"": "x"},
    "equals sign": {"A=B": "x"},
    "newline in the name": {"A\nB": "x"},
    "NUL in the name": {"A\0B": "x"},
    "NUL in the value": {"A": "x\0y"},
    "over 1 MiB in many": {f"V{number}": "x" * 100 for number in range(10_400)},
    "over 1 MiB in large ones": {f"V{number}": "x" * 120_000 for number in range(9)},
    "one over 128 KiB": {"A": "x" * 131_072},
}


@pytest.mark.parametrize("environment", BAD_ENVIRONMENTS.values(), ids=BAD_ENVIRONMENTS.keys())
async def test_bad_environments(client, environment):
    with refused("FIELD_INVALID") as refusal:
        await client.create_process("web", SLEEP, environment)
    assert all(field.startswith("process.spec.environment") for field in refusal.fields)
    assert await names(client) == []


async def test_an_environment_of_exactly_1_mib(client):
    # Names of 2 bytes, two more per variable.
    environment = {f"V{number}": "x" * 100_000 for number in range(10)}
    environment["W0"] = "x" * (1_048_576 - 10 * 100_004 - 4)
    assert (await client.create_process("web", SLEEP, environment)).status == "running"
    environment["W0"] += "x"
    with refused("FIELD_INVALID", fields={"process.spec.environment"}):
        await client.create_process("more", SLEEP, environment)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"working_directory": "relative"}, "process.spec.working_directory"),
        ({"working_directory": "/" + "x" * 1024}, "process.spec.working_directory"),
        ({"working_directory": "/a\0b"}, "process.spec.working_directory"),
        ({"stop_timeout": -1}, "process.spec.stop_timeout"),
        ({"stop_timeout": 3601}, "process.spec.stop_timeout"),
        ({"stop_signal": "NONSENSE"}, "process.spec.stop_signal"),
        ({"stop_signal": "0"}, "process.spec.stop_signal"),
        ({"stop_signal": "65"}, "process.spec.stop_signal"),
        ({"log_max_bytes": 65_535}, "process.spec.log_max_bytes"),
        ({"log_max_bytes": -1}, "process.spec.log_max_bytes"),
        ({"log_max_bytes": (64 << 30) + 1}, "process.spec.log_max_bytes"),
        ({"account": "no such:account"}, "process.spec.account"),
        ({"caller_directory": "relative"}, "caller_directory"),
    ],
)
async def test_bad_fields(client, options, field):
    with refused("FIELD_INVALID", fields={field}):
        await client.create_process("web", SLEEP, **options)


async def test_all_wrong_fields_are_named_at_once(client):
    with refused(
        "FIELD_INVALID",
        fields={
            "process.name",
            "process_id",
            "process.spec.command",
            "process.spec.environment",
            "process.spec.working_directory",
            "process.spec.stop_timeout",
            "process.spec.stop_signal",
            "process.spec.log_max_bytes",
        },
    ):
        await client.create_process(
            "",
            "a | b",
            {"1": ""},
            process_id="web",
            working_directory="x",
            stop_timeout=-1,
            stop_signal="X",
            log_max_bytes=1,
        )


async def test_an_unknown_restart_policy_and_a_missing_process(system, client):
    async with grpc.aio.insecure_channel(system.address) as channel:
        stub = process_services_pb2_grpc.ProcessServiceStub(channel)
        request = process_services_pb2.CreateProcessRequest(process={"name": "web", "spec": {"command": SLEEP}})
        request.process.spec.restart_policy = 99
        with refused("FIELD_INVALID", fields={"process.spec.restart_policy"}):
            await stub.CreateProcess(request, metadata=client.metadata, timeout=20)
        with refused("FIELD_INVALID"):
            await stub.CreateProcess(
                process_services_pb2.CreateProcessRequest(), metadata=client.metadata, timeout=20
            )


@pytest.mark.parametrize("name", ["missing", "proc_missing", "obj_1"])
async def test_unknown_processes(client, name):
    calls = [
        lambda: client.get_process(name),
        lambda: client.get_process_status(name),
        lambda: client.update_process(name, command="true"),
        lambda: client.delete_process(name),
        lambda: client.delete_process(name, force=True),
        lambda: client.start_process(name),
        lambda: client.stop_process(name),
        lambda: client.restart_process(name),
        lambda: client.signal_process(name, "HUP"),
        lambda: client.wait_process(name, "running"),
        lambda: anext(client.tail_logs(name)),
        lambda: anext(client.tail_logs(name, follow=True)),
    ]
    for call in calls:
        with refused("PROCESS_NOT_FOUND") as refusal:
            await call()
        assert refusal.metadata["process"] == name
        assert name in refusal.message


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "x" * 5000, "a b"], ids=["empty", "NUL", "newline", "long", "blank"])
async def test_references_that_are_none(client, name):
    for call in (client.get_process, client.start_process, client.stop_process, client.restart_process, client.delete_process):
        with refused("FIELD_INVALID", fields={"name"}):
            await call(name)


async def test_a_name_in_use_is_taken_even_by_a_stopped_process(client):
    owner = await client.create_process("web", SLEEP)
    with refused("NAME_TAKEN") as refusal:
        await client.create_process("web", SLEEP)
    assert refusal.metadata["name"] == "web"
    assert refusal.metadata["id"] == owner.id
    assert refusal.metadata["state"].lower() == "running"

    await client.stop_process("web")
    with refused("NAME_TAKEN") as refusal:
        await client.create_process("web", "true")
    assert refusal.metadata["state"].lower() == "stopped"
    # The cure: start it, delete it, or take another name.
    assert "start" in refusal.message and "delete" in refusal.message
    assert (await client.get_process("web")).command == SLEEP


async def test_an_id_in_use_is_taken(client):
    await client.create_process("web", SLEEP, process_id="proc_1")
    with refused("ID_TAKEN") as refusal:
        await client.create_process("other", SLEEP, process_id="proc_1")
    assert refusal.metadata == {"id": "proc_1", "name": "web"}
    assert await names(client) == ["web"]


EXEC_FAILURES = {
    "no such file": ({"command": "/no/such/file"}, "exec", "No such file or directory"),
    "not in PATH": ({"command": "no-such-command"}, "exec", "No such file or directory"),
    "no permission": ({"command": "/etc/passwd"}, "exec", "Permission denied"),
    "a directory": ({"command": "/etc"}, "exec", "Permission denied"),
    "no interpreter": ({"command": "PLACE/script"}, "exec", "No such file or directory"),
    "no program": ({"command": "PLACE/garbage"}, "exec", "Exec format error"),
    "bad directory": ({"command": SLEEP, "working_directory": "/no/such/directory"}, "chdir", "No such file or directory"),
    "directory is a file": ({"command": SLEEP, "working_directory": "/etc/passwd"}, "chdir", "Not a directory"),
}


@pytest.mark.parametrize(("options", "stage", "text"), EXEC_FAILURES.values(), ids=EXEC_FAILURES.keys())
async def test_what_cannot_be_executed_says_so_and_leaves_nothing_behind(system, client, tmp_path, options, stage, text):
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "garbage").write_bytes(b"\x7fELFnonsense")
    for path in tmp_path.iterdir():
        path.chmod(0o755)
    options = {**options, "command": options["command"].replace("PLACE", str(tmp_path))}
    before = (await client.get_system()).proto
    with refused("EXEC_FAILED") as refusal:
        await client.create_process("web", process_id="proc_1", **options)
    assert text in refusal.message
    assert refusal.metadata["stage"] == stage
    assert await names(client) == []
    assert (await client.get_system()).proto.process_count == before.process_count
    assert system.leftovers()
    # Its answer comes before its end.
    poll(lambda: not system.programs("grpc-os-supervise"), "the supervisor has ended")
    assert_no_trace(system, "proc_1", "web")
    # The name is free.
    assert (await client.create_process("web", SLEEP, process_id="proc_1")).status == "running"


async def test_another_account_is_refused_without_user(system, client):
    for account in ("nobody", "no-such-account"):
        with refused("ACCOUNT_REFUSED") as refusal:
            await client.create_process("web", SLEEP, process_id="proc_1", account=account)
        assert refusal.metadata["account"] == account
    assert await names(client) == []
    assert_no_trace(system, "proc_1", "web")


async def test_what_ran_once_is_tried_again_while_its_program_is_away(client, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nsleep 3600\n")
    program.chmod(0o755)
    await client.create_process("web", str(program))
    away = program.rename(tmp_path / "away")
    for ask in (client.restart_process, client.stop_process, client.start_process):
        process = await ask("web")  # answers at once
        if ask == client.stop_process:
            continue
        assert process.status == "backoff" and process.desired_state == "running"
        assert "No such file or directory" in process.details.message
        assert process.proto.status.HasField("next_restart_time")
        assert process.details.last_exit.reason == "exec_failed"
    away.rename(program)
    ready = await client.wait_process("web", "running")
    assert ready.details.message == ""


async def test_what_ran_once_and_is_never_restarted_is_failed_while_its_program_is_away(client, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nsleep 3600\n")
    program.chmod(0o755)
    await client.create_process("web", str(program), restart="never")
    await client.stop_process("web")
    away = program.rename(tmp_path / "away")
    with refused("EXEC_FAILED") as refusal:
        await client.start_process("web")
    assert "No such file or directory" in refusal.message
    process = await client.get_process("web")
    assert process.status == "failed"
    assert "No such file or directory" in process.details.message
    assert process.details.restart_count == 0 and not process.proto.status.HasField("next_restart_time")

    away.rename(program)
    assert (await client.start_process("web")).status == "running"


async def test_a_script_may_use_all_that_is_refused_unquoted(client):
    await client.create_process("web", shell("echo a | cat > /dev/null; echo $HOME & wait"), restart="never")
    assert (await client.wait_process("web", "exited")).details.last_exit.exit_code == 0
