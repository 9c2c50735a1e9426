"""CreateProcess: what a new process is, and where it runs."""

import asyncio
import json
import pathlib
import shlex

import pytest
from expectations import SLEEP, python, refused, shell, texts
from running_system import command_line, is_alive, start_time

DUMP = python(
    "import json, os, sys; print(json.dumps({'argv': sys.argv[1:], 'env': dict(os.environ), 'cwd': os.getcwd(), "
    "'sid': os.getsid(0), 'pid': os.getpid(), 'umask': os.umask(0), 'stdin': os.readlink('/proc/self/fd/0'), "
    "'fds': [f for f in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + f)], "
    "'oom': open('/proc/self/oom_score_adj').read(), 'status': open('/proc/self/status').read()}))"
)


async def dumped(client, name="dump", command=DUMP, **options):
    """What a process finds itself in."""
    process = await client.create_process(name, command, restart="never", **options)
    await client.wait_process(process.id, "exited")
    lines = await texts(client, name)
    assert len(lines) == 1, lines
    return json.loads(lines[0])


async def test_a_process_runs_and_is_told_back(client):
    process = await client.create_process("web-server", "sleep 3600", {"PORT": "8080", "DEBUG": "true"})
    assert process.id.startswith("proc_") and len(process.id) <= 37
    assert process.name == "web-server"
    assert process.command == "sleep 3600"
    assert process.environment == {"PORT": "8080", "DEBUG": "true"}
    assert process.status == "running"
    assert process.desired_state == "running"
    assert process.generation == 1
    assert process.etag
    assert process.revision > 0
    assert command_line(process.details.pid) == ["sleep", "3600"]
    assert process.proto.create_time.seconds > 0 and process.proto.update_time.seconds > 0
    read = await client.get_process(process.id)
    assert (read.id, read.name, read.environment) == (process.id, process.name, process.environment)
    assert read.details.pid == process.details.pid


async def test_unset_fields_of_a_spec_take_their_defaults(client):
    spec = (await client.create_process("web", SLEEP)).proto.spec
    assert spec.restart_policy == spec.RESTART_POLICY_ALWAYS
    assert spec.stop_timeout.ToSeconds() == 10
    assert spec.stop_signal in ("TERM", "SIGTERM")
    assert spec.log_max_bytes == 50 << 20


async def test_a_command_is_split_as_a_shell_does(client):
    words = ["a b", 'c"d', "e'f", "", "\\", "$HOME|*", "ü"]
    assert (await dumped(client, command=DUMP + " " + shlex.join(words)))["argv"] == words
    found = await dumped(client, "second", DUMP + r''' a\ b "c\"d\\" e'f'"g" '' "'"  z''')
    assert found["argv"] == ["a b", 'c"d\\', "efg", "", "'", "z"]


async def test_the_environment_is_the_specs_and_little_more(idle_system):
    idle_system.start(environment={"GRPC_OS_TEST_MARK": "inherited", "DEBUG": "1", "TERM": "vt100"})
    async with await idle_system.client() as client:
        await _the_environment_is_the_specs_and_little_more(idle_system, client)


async def _the_environment_is_the_specs_and_little_more(system, client):
    found = await dumped(client, environment={"PORT": "8080", "EMPTY": "", "LONG": "x" * 100_000, "U": "ü\n"})
    environment = found["env"]
    process = await client.get_process("dump")
    assert environment.pop("PORT") == "8080"
    assert environment.pop("EMPTY") == ""
    assert environment.pop("LONG") == "x" * 100_000
    assert environment.pop("U") == "ü\n"
    assert environment.pop("GRPC_OS_PROCESS") == "dump"
    assert environment.pop("GRPC_OS_PROCESS_ID") == process.id
    assert environment.pop("GRPC_OS_ADDRESS") == f"unix:{system.data}/run/api.sock"
    assert environment.pop("NOTIFY_SOCKET").startswith("@")
    # Python itself may set LC_CTYPE.
    environment.pop("LC_CTYPE", None)
    assert set(environment) <= {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"}
    assert "/usr/bin" in environment["PATH"].split(":")


async def test_the_standard_variables_can_be_set(client):
    found = await dumped(client, environment={"PATH": "/bin:/usr/bin:/mine", "HOME": "/h", "LANG": "C"})
    assert (found["env"]["PATH"], found["env"]["HOME"], found["env"]["LANG"]) == ("/bin:/usr/bin:/mine", "/h", "C")


@pytest.mark.parametrize("name", ["NOTIFY_SOCKET", "GRPC_OS_PROCESS", "GRPC_OS_PROCESS_ID"])
async def test_what_grpc_os_tells_cannot_be_forged(client, name):
    found = await dumped(client, environment={name: "forged"})
    assert found["env"][name] != "forged"


async def test_ten_thousand_small_variables_arrive(client):
    environment = {f"V{number}": f"value {number}" for number in range(10_000)}
    found = await dumped(client, environment=environment)
    assert {name: value for name, value in found["env"].items() if name in environment} == environment


async def test_nothing_of_the_supervisor_is_inherited(client):
    found = await dumped(client)
    assert found["sid"] == found["pid"]
    assert found["umask"] == 0o022
    assert found["stdin"] == "/dev/null"
    assert sorted(found["fds"]) == ["0", "1", "2"]
    assert int(found["oom"]) >= 200 or int(found["oom"]) == 1000
    status = dict(line.split(":\t", 1) for line in found["status"].splitlines() if ":\t" in line)
    assert int(status["SigBlk"], 16) == 0
    assert int(status["SigIgn"], 16) & ~(1 << 12 | 1 << 24) == 0  # Python ignores PIPE and XFSZ


async def test_the_default_directory_is_its_own(system, client):
    found = await dumped(client)
    assert found["cwd"] == str(system.data / "processes/dump")


async def test_the_given_directory_is_taken(client):
    assert (await dumped(client, working_directory="/usr"))["cwd"] == "/usr"


async def test_the_callers_directory_counts_on_the_local_socket_alone(system, client):
    assert (await dumped(client, "here", caller_directory="/usr"))["cwd"] == "/usr"
    assert (await dumped(client, "given", caller_directory="/usr", working_directory="/var"))["cwd"] == "/var"
    over_tcp = system.anonymous(f"localhost:{system.port}", token=client.token)
    assert (await dumped(over_tcp, "far", caller_directory="/usr"))["cwd"] == str(system.data / "processes/far")


async def test_an_id_can_be_given(client):
    process = await client.create_process("web", SLEEP, process_id="proc_123")
    assert process.id == "proc_123"
    assert (await client.get_process("proc_123")).name == "web"


async def test_answers_once_the_command_was_executed(client):
    for number in range(20):
        process = await client.create_process(f"p{number}", SLEEP)
        assert process.status == "running"
        assert command_line(process.details.pid) == ["sleep", "3600"]


async def test_an_end_right_after_the_execution_is_no_failure_to_start(client):
    process = await client.create_process("short", "false", restart="never")
    ended = await client.wait_process(process.id, "exited")
    assert ended.status == "exited"
    assert ended.details.last_exit.exit_code == 1


async def test_many_at_once(client):
    processes = await asyncio.gather(*(client.create_process(f"p{number}", SLEEP) for number in range(50)))
    pids = {process.details.pid for process in processes}
    assert len(pids) == 50 and all(is_alive(pid) for pid in pids)
    assert len({process.id for process in processes}) == 50


async def test_one_name_asked_for_many_times_at_once_is_given_once(client):
    answers = await asyncio.gather(
        *(client.create_process("web", SLEEP) for _ in range(20)), return_exceptions=True
    )
    created = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(created) == 1
    for answer in answers:
        if isinstance(answer, BaseException):
            with refused("NAME_TAKEN"):
                raise answer


async def test_the_process_is_below_its_own_cgroup(system, client):
    if (await client.get_system()).proto.cgroup_mode == "none":
        pytest.skip("no cgroups here")
    process = await client.create_process("web", shell("sleep 3600 & wait"))
    groups = pathlib.Path(f"/proc/{process.details.pid}/cgroup").read_text()
    assert "/i-" in groups.splitlines()[-1]
    assert start_time(process.details.pid)
