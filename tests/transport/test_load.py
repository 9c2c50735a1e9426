"""grpcurl and ghz against grpc-osd, which they know by its reflection."""

import json
import subprocess

import pytest
from conftest import GO_BIN
from test_clients import password


def grpcurl(system, method, data, *options):
    done = subprocess.run(
        [GO_BIN / "grpcurl", "-plaintext", "-d", json.dumps(data), *options, f"127.0.0.1:{system.port}", method],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("method", ("grpc_os.v1.AuthService/WhoAmI", "grpc.health.v1.Health/Check"))
def test_five_seconds_without_an_error(system, method):
    login = grpcurl(system, "grpc_os.v1.AuthService/Login", {"user": "admin", "password": password(system)})
    token = json.dumps({"authorization": f"Bearer {login['access_token']}"})
    who = grpcurl(system, "grpc_os.v1.AuthService/WhoAmI", {}, "-H", f"authorization: Bearer {login['access_token']}")
    assert who["identity"]["user"] == "admin"
    done = subprocess.run(
        [
            *(GO_BIN / "ghz", "--insecure", "--call", method, "--data", "{}", "--metadata", token, "--format", "json"),
            *("--concurrency", "100", "--connections", "4", "--duration", "5s", "--duration-stop", "wait"),
            f"127.0.0.1:{system.port}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    print(f"{result['count']} calls, {result['rps']:.0f} a second")
    assert list(result["statusCodeDistribution"]) == ["OK"] and not result["errorDistribution"], result
    assert result["count"] > 5000
