"""The API as a stranger meets it: grpcurl, which knows nothing of our protos but what reflection tells it."""

import base64
import json
import os
import pathlib
import subprocess

import grpc
import pytest
from expectations import SLEEP
from google.rpc import error_details_pb2

GRPCURL = pathlib.Path(__file__).parents[2] / "build/go/bin/grpcurl"


@pytest.fixture
def grpcurl(system):
    """Runs grpcurl over TCP; `token` travels by the environment, as docs/API.md says."""
    assert GRPCURL.exists(), "there is no grpcurl; run scripts/go_tools.sh"

    def run(*words, data=None, token=None, max_time=30):
        options = ["-plaintext", "-max-time", str(max_time)]
        if token is not None:
            options += ["-expand-headers", "-H", "authorization: Bearer ${GRPC_OS_TOKEN}"]
        if data is not None:
            options += ["-d", "@"]
        return subprocess.run(
            [GRPCURL, *options, f"localhost:{system.port}", *words],
            input="" if data is None else json.dumps(data),
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "GRPC_OS_TOKEN": token or ""},
        )

    return run


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def error_info(done):
    """Reflection does not tell of google.rpc, so grpcurl shows the bytes."""
    for line in done.stderr.splitlines():
        if "type.googleapis.com/google.rpc.ErrorInfo" in line:
            detail = json.loads(line[line.index("{") :])
            return error_details_pb2.ErrorInfo.FromString(base64.b64decode(detail["@value"]))
    raise AssertionError(f"there is no ErrorInfo: {done.stderr}")


def password(system):
    return (system.data / "secrets/admin.password").read_text().strip()


@pytest.fixture
def token(system, grpcurl):
    credentials = {"user": "admin", "password": password(system)}
    return answer(grpcurl("grpc_os.v1.AuthService/Login", data=credentials))["access_token"]


async def test_reflection_tells_of_every_service(grpcurl):
    services = grpcurl("list").stdout.split()
    ours = {"AuthService", "EventService", "ProcessService", "SystemService"}
    assert {f"grpc_os.v1.{name}" for name in ours} | {"grpc.health.v1.Health"} <= set(services)
    said = grpcurl("describe", "grpc_os.v1.ProcessService.StartProcess").stdout
    assert "rpc StartProcess ( .grpc_os.v1.StartProcessRequest ) returns ( .grpc_os.v1.Process )" in said


async def test_health_is_found_by_reflection_and_answers_for_each_service(grpcurl):
    """No proto and no log-in: a probe knows the method's name, and reflection the rest."""
    assert answer(grpcurl("grpc.health.v1.Health/Check")) == {"status": "SERVING"}
    for service in grpcurl("list").stdout.split():
        listed = grpcurl("list", service)
        assert listed.returncode == 0 and f"{service}." in listed.stdout, f"{service} is listed and not described"
        assert answer(grpcurl("grpc.health.v1.Health/Check", data={"service": service})) == {"status": "SERVING"}
    unknown = grpcurl("grpc.health.v1.Health/Check", data={"service": "nobody.Knows"})
    assert unknown.returncode == 64 + grpc.StatusCode.NOT_FOUND.value[0], unknown.stderr
    watched = grpcurl("grpc.health.v1.Health/Watch", max_time=1)
    assert '"SERVING"' in watched.stdout, watched.stderr


async def test_a_life_of_a_process(grpcurl, token):
    created = answer(
        grpcurl(
            "grpc_os.v1.ProcessService/CreateProcess",
            data={"process": {"name": "web", "spec": {"command": SLEEP}}, "request_id": "one"},
            token=token,
        )
    )
    assert created["name"] == "web" and created["status"]["state"] in ("STATE_STARTING", "STATE_RUNNING")
    listed = answer(grpcurl("grpc_os.v1.ProcessService/ListProcesses", token=token))
    assert [process["id"] for process in listed["processes"]] == [created["id"]]
    stopped = answer(grpcurl("grpc_os.v1.ProcessService/StopProcess", data={"name": "web"}, token=token))
    assert stopped["status"]["state"] == "STATE_STOPPED"
    lines = grpcurl("grpc_os.v1.ProcessService/TailLogs", data={"name": "web"}, token=token)
    assert lines.returncode == 0 and '"STREAM_SYSTEM"' in lines.stdout, lines.stderr


async def test_the_token_of_grpcurl_serves_in_python_too(system, grpcurl, token):
    client = system.anonymous(f"localhost:{system.port}", token=token)
    assert (await client.whoami()).login_method == "password"
    made = await client.create_token("ci", roles=["viewer"])
    who = answer(grpcurl("grpc_os.v1.AuthService/WhoAmI", token=made.token))["identity"]
    assert (who["user"], who["roles"], who["login_method"]) == ("admin", ["viewer"], "token")


async def test_what_is_refused_says_why(grpcurl, token):
    nobody = grpcurl("grpc_os.v1.ProcessService/ListProcesses")
    assert nobody.returncode == 64 + grpc.StatusCode.UNAUTHENTICATED.value[0]
    missing = grpcurl("grpc_os.v1.ProcessService/GetProcess", data={"name": "nothing"}, token=token)
    assert missing.returncode == 64 + grpc.StatusCode.NOT_FOUND.value[0]
    wrong = grpcurl("grpc_os.v1.AuthService/Login", data={"user": "admin", "password": "not the right one"})
    assert wrong.returncode == 64 + grpc.StatusCode.UNAUTHENTICATED.value[0]
    for refusal, reason in ((nobody, "NOT_LOGGED_IN"), (missing, "PROCESS_NOT_FOUND"), (wrong, "LOGIN_FAILED")):
        info = error_info(refusal)
        assert (info.reason, info.domain) == (reason, "grpc-os"), refusal.stderr
