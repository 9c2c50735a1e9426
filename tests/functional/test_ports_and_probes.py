"""Ports, readiness and liveness."""

import asyncio
import os
import signal
import socket
import sys

import pytest
from expectations import SLEEP, python, refused, shell, until

SERVER = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if os.path.exists("hang"):
            time.sleep(3600)
        self.send_response(200 if os.path.exists("up") else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def stranger():
    """A port that this test listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def touch(directory, name):
    (directory / name).touch()


async def message_of(client, name, text):
    async def it_says():
        details = (await client.get_process(name)).details
        return details if text in details.message else None

    return await until(it_says, f"{name} says {text!r}")


async def test_a_port_of_the_environment_makes_it_ready(client, free_port, tmp_path):
    created = await client.create_process("web", python(SERVER), {"PORT": str(free_port)}, working_directory=str(tmp_path))
    assert created.details.port == free_port
    await client.wait_process("web", "ready")


async def test_http_503_then_200(client, free_port, tmp_path):
    await client.create_process("web", python(SERVER), port=free_port, ready="http:/health", ready_timeout=1, working_directory=str(tmp_path))
    details = await message_of(client, "web", f"not ready after 1 s: GET /health on port {free_port}: HTTP 503")
    assert details.state == "running" and not details.ready
    touch(tmp_path, "up")
    ready = await client.wait_process("web", "ready")
    assert ready.details.message == ""


async def test_a_hung_probe_is_bounded(client, free_port, tmp_path):
    touch(tmp_path, "hang")
    await client.create_process("web", python(SERVER), port=free_port, ready="http:/", ready_timeout=1, working_directory=str(tmp_path))
    await message_of(client, "web", "not ready after 1 s")
    await client.stop_process("web")
    assert (await client.get_process("web")).status == "stopped"


async def test_a_stranger_on_the_port_is_named(system, client, stranger):
    await client.create_process("web", SLEEP, port=stranger, ready_timeout=1)
    await message_of(client, "web", f"port {stranger} is held by pid {os.getpid()} (")
    assert not (await client.get_process("web")).details.ready
    waited = system.cli("wait", "web", "--for", "ready", "--timeout", "100ms")
    assert waited.returncode == 7
    assert f"held by pid {os.getpid()} (" in waited.stderr


async def test_liveness_restarts_and_says_so(client, free_port, tmp_path):
    touch(tmp_path, "up")
    await client.create_process(
        "web", python(SERVER), port=free_port, ready="http:/", working_directory=str(tmp_path),
        liveness="http:/live", liveness_period=0.1, liveness_timeout=0.5, liveness_failures=2,
    )  # fmt: skip
    first = await client.wait_process("web", "ready")
    touch(tmp_path, "hang")

    async def restarted():
        details = (await client.get_process("web")).details
        return details if details.restart_count >= 1 else None

    details = await until(restarted, "it is run again")
    (tmp_path / "hang").unlink()
    told = []
    async for event in client.watch(from_revision=first.revision, kinds=["process"]):
        told.append(event)
        if event.action == "exited":
            break
    assert [event.action for event in told] == ["not_live", "exited"]
    assert told[0].attributes["message"].startswith("liveness probe failed 2 times")
    assert told[1].attributes["reason"] == "not_live"
    assert details.last_exit.reason == "not_live"
    assert details.last_exit.message == f"liveness probe failed 2 times: GET /live on port {free_port}: no answer within 500 ms"
    assert not details.last_exit.requested
    assert details.pid != first.details.pid
    await client.wait_process("web", "ready")


async def test_liveness_goes_on_while_the_daemon_is_dead(system, client, free_port, tmp_path):
    touch(tmp_path, "up")
    await client.create_process(
        "web", python(f"import os; open('pids', 'a').write(f'{{os.getpid()}}\\n')\n{SERVER}"),
        port=free_port, ready="http:/", working_directory=str(tmp_path),
        liveness="http:/", liveness_period=0.1, liveness_timeout=0.5, liveness_failures=1,
    )  # fmt: skip
    await client.wait_process("web", "ready")
    daemon = system.daemon_pid()
    system.init.kill()
    system.init.wait()
    os.kill(daemon, signal.SIGKILL)
    (tmp_path / "up").unlink()

    async def run_again():
        return len((tmp_path / "pids").read_text().splitlines()) >= 2

    await until(run_again, "it is run again")
    assert not system.programs("grpc-osd"), "nobody else can have done it"
    touch(tmp_path, "up")
    await asyncio.to_thread(system.start)
    again = await system.client()
    ready = await again.wait_process("web", "ready")
    exit_report = ready.details.last_exit
    assert exit_report.reason == "not_live"
    assert exit_report.message.endswith("HTTP 503")


async def test_an_automatic_port_is_kept_while_it_is_free(client, tmp_path):
    touch(tmp_path, "up")
    created = await client.create_process("web", python(SERVER), port="auto", working_directory=str(tmp_path))
    port = created.details.port
    assert 20000 <= port <= 32000
    await client.wait_process("web", "ready")
    assert (await client.restart_process("web")).details.port == port
    await client.wait_process("web", "ready")
    await client.stop_process("web")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        started = await client.start_process("web")
        assert 20000 <= started.details.port <= 32000
        assert started.details.port != port
        await client.wait_process("web", "ready")


async def test_a_crash_on_a_taken_automatic_port_moves_it(client, tmp_path):
    touch(tmp_path, "up")
    script = f"import os, time\nif os.path.exists('wait'): time.sleep(3600)\n{SERVER}"
    created = await client.create_process("web", python(script), port="auto", working_directory=str(tmp_path))
    port = created.details.port
    await client.wait_process("web", "ready")
    touch(tmp_path, "wait")
    await client.signal_process("web", "KILL")

    async def runs_again():
        details = (await client.get_process("web")).details
        return details.state == "running" and details.restart_count >= 1

    await until(runs_again, "it is run again, and does not listen")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        (tmp_path / "wait").unlink()
        await client.signal_process("web", "KILL")

        async def moved():
            return (await client.get_process("web")).details.port != port

        await until(moved, "it has another port")
        await client.wait_process("web", "ready")


async def test_of_two_that_want_one_port_the_second_is_refused(client, free_port):
    await client.create_process("web", SLEEP, {"PORT": str(free_port)})
    with refused("PORT_TAKEN") as refusal:
        await client.create_process("shop", SLEEP, port=free_port)
    assert refusal.metadata["process"] == "web"
    assert "'web'" in refusal.message
    with refused("PROCESS_NOT_FOUND"):
        await client.get_process("shop")
    await client.stop_process("web")
    await client.create_process("shop", SLEEP, port=free_port)
    with refused("PORT_TAKEN"):
        await client.start_process("web")
    assert (await client.get_process("web")).status == "stopped"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"port": 65536}, "process.spec.port"),
        ({"port": -1}, "process.spec.port"),
        ({"ready": "tcp"}, "process.spec.ready"),
        ({"liveness": "http:/x"}, "process.spec.liveness"),
        ({"port": 1, "ready": "http:/a b"}, "process.spec.ready.http.path"),
        ({"port": 1, "ready": "http:/" + "x" * 1024}, "process.spec.ready.http.path"),
        ({"ready_timeout": 0.5}, "process.spec.ready.timeout"),
        ({"ready_timeout": 3601}, "process.spec.ready.timeout"),
        ({"ready": "delay:31"}, "process.spec.ready.delay"),
        ({"port": 1, "liveness": "tcp", "liveness_period": 0.05}, "process.spec.liveness.period"),
        ({"port": 1, "liveness": "tcp", "liveness_failures": 101}, "process.spec.liveness.failures"),
        ({"port": 1, "liveness": "tcp:65536"}, "process.spec.liveness.tcp.port"),
    ],
)
async def test_what_cannot_be_probed_is_refused(client, arguments, field):
    with refused("FIELD_INVALID", fields={field}):
        await client.create_process("web", SLEEP, **arguments)


async def test_the_shell_sets_and_shows_it(system, client, free_port, tmp_path):
    touch(tmp_path, "up")
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    started = system.cli(
        "start", "web", f"{sys.executable} {script}", "--dir", str(tmp_path), "--port", str(free_port),
        "--ready", "http:/health", "--ready-timeout", "20s", "--liveness", "tcp", "--liveness-period", "1m",
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    spec = (await client.get_process("web")).proto.spec
    assert spec.port == free_port and spec.ready.http.path == "/health" and spec.ready.timeout.seconds == 20
    assert spec.liveness.HasField("tcp") and spec.liveness.period.seconds == 60 and spec.liveness.failures == 3
    assert system.cli("wait", "web").returncode == 0
    shown = system.cli("-o", "wide", "ps").stdout
    assert "PORT" in shown and str(free_port) in shown
    assert system.cli("update", "web", "--ready-timeout", "5s", "--liveness", "none", "--port", "auto").returncode == 0
    spec = (await client.get_process("web")).proto.spec
    assert spec.ready.http.path == "/health" and spec.ready.timeout.seconds == 5, "a time alone changes nothing else"
    assert not spec.HasField("liveness") and spec.auto_port
    assert system.cli("update", "web", "--ready", "https:/x").returncode == 2
    assert system.cli("update", "web", "--port", "http").returncode == 2


async def test_what_uses_shell_without_a_port_is_ready_after_a_second_as_before(client):
    await client.create_process("job", shell("exec sleep 3600"))
    ready = await client.wait_process("job", "ready")
    assert ready.details.message == "" and ready.details.port == 0
