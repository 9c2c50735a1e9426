"""`grpc-os COMMAND`: what it prints and its exit code."""

import contextlib
import json
import os
import pty
import subprocess

import pytest
from expectations import SLEEP
from running_system import is_alive


async def test_the_seeds_commands_on_processes(system):
    assert system.cli("whoami").returncode == 0
    started = system.cli("start", "web-server", SLEEP, "PORT=8080", "DEBUG=true")
    assert started.returncode == 0, started.stderr
    listed = system.cli("ps")
    assert listed.returncode == 0
    assert "web-server" in listed.stdout and "running" in listed.stdout
    detail = system.cli("ps", "-l", "web-server")
    assert detail.returncode == 0
    assert SLEEP in detail.stdout and "PORT" in detail.stdout
    assert system.cli("restart", "web-server").returncode == 0
    assert system.cli("kill", "web-server").returncode == 0
    assert "stopped" in system.cli("ps").stdout


async def test_json_is_the_canonical_mapping(system, client):
    created = await client.create_process("web", SLEEP, {"PORT": "8080"})
    done = system.cli("-o", "json", "ps")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    processes = shown["processes"] if isinstance(shown, dict) else shown
    (process,) = processes
    assert process["id"] == created.id and process["name"] == "web"
    assert process["spec"]["environment"] == {"PORT": "8080"}
    assert process["status"]["state"] == "STATE_RUNNING"
    assert process["status"]["pid"] == created.details.pid


async def test_names_only(system, client):
    for name in ("b", "a"):
        await client.create_process(name, SLEEP)
    assert system.cli("-o", "name", "ps").stdout.split() == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], 2),
        (["ps", "--nonsense"], 2),
        (["start"], 2),
        (["start", "web", "sleep 1 | cat"], 2),
        (["-c", "ps 'unbalanced"], 2),
        (["kill", "missing"], 3),
        (["ps", "-l", "missing"], 3),
        (["logs", "missing"], 3),
        (["signal", "missing", "HUP"], 3),
        (["delete", "missing"], 3),
    ],
)
async def test_exit_codes_of_refusals(system, arguments, code):
    done = system.cli(*arguments)
    assert done.returncode == code, done
    assert done.stderr and len(done.stderr) < 2000


async def test_a_mistyped_command_is_answered_with_the_likely_one(system):
    assert "restart" in system.cli("restrat", "web").stderr


async def test_a_conflict_is_5(system, client):
    await client.create_process("web", SLEEP)
    done = system.cli("start", "web", "sleep 5")
    assert done.returncode == 5, done
    assert system.cli("start", "broken", "/no/such/file").returncode == 5
    assert system.cli("delete", "web", input="n\n").returncode != 0
    await client.stop_process("web")


async def test_commands_from_standard_input(system):
    done = system.cli(input=f"start a '{SLEEP}'\nstart b \"{SLEEP}\"\nkill 'a'\n")
    assert done.returncode == 0, done.stderr
    assert system.cli("-o", "name", "ps").stdout.split() == ["a", "b"]
    done = system.cli(input="kill b\nps\n")
    assert done.returncode == 0, done.stderr
    assert "stopped" in done.stdout
    done = system.cli("-c", f"start c '{SLEEP}'; kill c; ps")
    assert done.returncode == 0, done.stderr
    assert "stopped" in done.stdout
    done = system.cli(input="ps 'unbalanced\n")
    assert done.returncode == 2
    assert "'" in done.stderr


async def test_a_script_is_no_input_of_its_commands(system):
    assert system.cli("touch", "/keep", "precious").returncode == 0
    done = system.cli(input="put - /notes\nrm /keep\n")
    assert done.returncode == 2 and "`grpc-os put - /notes < FILE`" in done.stderr, done
    assert system.cli("cat", "/keep").stdout == "precious"
    assert system.cli("stat", "/notes").returncode == 3
    # By itself, and with -c, standard input is the command's, and what a password leaves of it the next one's.
    commands = "user add eva --password-stdin; put - /notes; put - /again"
    done = system.cli("-c", commands, input="correct horse battery\nrest\nof it\n")
    assert done.returncode == 2 and "standard input to its end" in done.stderr, done
    assert system.cli("cat", "/notes").stdout == "rest\nof it\n"
    assert system.cli("stat", "/again").returncode == 3


async def test_the_system_of_the_current_folder_is_the_one_that_is_meant(system, tmp_path):
    (tmp_path / "data").symlink_to(system.data)
    environment = {"HOME": str(system.home), "PATH": os.environ["PATH"]}

    def run(*arguments, **more):
        return subprocess.run(
            [system.bin / "grpc-os", *arguments],
            cwd=tmp_path,
            env={**environment, **more},
            input="",
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert run("touch", "/here").returncode == 0
    system.stop()
    away = run("ps")
    assert away.returncode == 6, away
    assert f"{tmp_path}/data" in away.stderr and "no other is tried" in away.stderr
    # Another one only if it is named.
    other = run("ps", GRPC_OS_ADDRESS="unix:/nonexistent/run/api.sock")
    assert other.returncode == 6 and "/nonexistent/" in other.stderr and "GRPC_OS_ADDRESS" in other.stderr


async def test_globs_take_several(system, client):
    pids = [(await client.create_process(f"web-{number}", SLEEP)).details.pid for number in range(3)]
    other = await client.create_process("other", SLEEP)
    assert system.cli("kill", "web-*").returncode == 0
    assert not any(is_alive(pid) for pid in pids)
    assert is_alive(other.details.pid)


async def test_help_and_version_need_no_system(system):
    system.stop()
    assert "start" in system.cli("help").stdout
    version = system.cli("--version")
    assert version.returncode == 0 and "0.1.0" in version.stdout


async def test_control_characters_of_a_log_do_not_reach_the_terminal(system, client):
    await client.create_process("web", "printf '\\033[31mred\\a\\n'", restart="never")
    await client.wait_process("web", "exited")
    master, terminal = pty.openpty()
    subprocess.run(
        [system.bin / "grpc-os", "--address", system.address, "logs", "web"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        timeout=60,
        check=True,
        env={**os.environ, "HOME": str(system.home), "TERM": "dumb", "NO_COLOR": "1"},
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # its end
        while data := os.read(master, 4096):
            shown += data
    os.close(master)
    assert b"red" in shown
    assert b"\x1b[31m" not in shown and b"\a" not in shown


async def test_after_a_log_out_nothing_logs_in_by_itself(system):
    assert system.cli("whoami").returncode == 0
    assert system.cli("logout").returncode == 0
    assert system.cli("whoami").returncode == 4
    assert system.cli("login").returncode == 0
    assert system.cli("whoami").returncode == 0


async def test_all_of_start(system, client):
    done = system.cli(
        *("start", "web", SLEEP, "A=1", "--dir", "/", "--restart", "on-failure", "--stop-timeout", "3"),
        *("--stop-signal", "INT", "--log-max", "1048576", "--id", "proc_1"),
    )
    assert done.returncode == 0, done.stderr
    assert "proc_1" in done.stdout
    spec = (await client.get_process("proc_1")).proto.spec
    assert (spec.working_directory, spec.log_max_bytes, dict(spec.environment)) == ("/", 1 << 20, {"A": "1"})
    assert spec.stop_timeout.ToSeconds() == 3
    assert spec.restart_policy == spec.RESTART_POLICY_ON_FAILURE
    assert spec.stop_signal.removeprefix("SIG") == "INT"


def test_get_leaves_alone_what_leads_to_a_descriptor(system, tmp_path):
    """As /dev/stdout, which is such a link: it is written to, not replaced. With links of its own, so that a failure harms none."""
    assert system.cli("touch", "/one", "content").returncode == 0
    out, stdout, link, stderr = (tmp_path / name for name in ("out", "stdout", "link", "stderr"))
    stdout.symlink_to("/proc/self/fd/1")
    link.symlink_to("/dev/fd/1")
    stderr.symlink_to("/proc/self/fd/2")
    command = [system.bin / "grpc-os", "--address", system.address, "get", "/one"]
    for target in (stdout, link):
        with open(out, "wb") as file:
            file.write(b"before ")
            file.flush()
            done = subprocess.run([*command, target], stdout=file, stderr=subprocess.PIPE, text=True)
            assert (done.returncode, done.stderr) == (0, "")
        assert out.read_bytes() == b"before content"
        assert subprocess.run([*command, target], capture_output=True).stdout == b"content"
    assert [os.readlink(one) for one in (stdout, link)] == ["/proc/self/fd/1", "/dev/fd/1"]
    with open(out, "wb") as file:
        file.write(b"before ")
        file.flush()
        done = subprocess.run([*command, stderr], stdout=subprocess.PIPE, stderr=file, text=True)
    assert (done.returncode, done.stdout) == (0, f"wrote {stderr}, 7B\n")
    assert out.read_bytes() == b"before content"


def test_get_of_several_into_one_file_is_refused(system, tmp_path):
    for name in "ab":
        assert system.cli("touch", f"/p/{name}", name).returncode == 0
    refused = system.cli("get", "/p/*", str(tmp_path / "one"))
    assert refused.returncode == 2
    assert "takes one object only" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    assert system.cli("get", "/p/a*", str(tmp_path / "one")).returncode == 0
    assert system.cli("get", "/p/*", str(tmp_path)).returncode == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "a", "b": "b", "one": "a"}


@pytest.mark.parametrize(
    "arguments", [["touch", "/a\udcffb", "y"], ["cat", "/a\udcff"], ["ls", "/a\udcff"], ["touch", "/m", "y", "--meta", "k=\udcff"]]
)
def test_what_is_not_utf_8_is_refused_for_that(system, arguments):
    refused = system.cli(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith("request: cannot be read as a grpc_os.v1.")
    assert refused.stderr.endswith("; leave out bytes of names and texts that are not UTF-8\n")
