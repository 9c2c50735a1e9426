"""The document's "Instalacja" and "Konfiguracja": `.env` and domains.conf as it has them."""

import json
import shutil
import subprocess

import document
import pytest
from apps import answer, must, start_app
from running_system import poll

EXAMPLE = document.ROOT / ".env.example"
SETTINGS = document.block("## Konfiguracja", 0)


def copied(directory):
    """By the document's own line."""
    shutil.copy(EXAMPLE, directory)
    must(subprocess.run(["bash", "-c", document.block("## Instalacja").commands[0]], cwd=directory, capture_output=True, text=True))


def written(directory):
    (directory / ".env").write_text(SETTINGS.text)


@pytest.mark.parametrize("make", [copied, written])
def test_its_settings_start_a_system(system, tmp_path, make):
    make(tmp_path)
    system.start("--env-file", tmp_path / ".env", grpc_port=None)
    assert system.port == 50051
    [warning] = poll(lambda: [line for line in system.said.splitlines() if "JWT_SECRET" in line], "the warning")
    assert "DB_PASSWORD" in warning and "your_secret_key" not in system.said and "secure_password" not in system.said
    must(system.cli("start", "web", "sleep 1000"))


def test_the_example_has_its_settings():
    lines = EXAMPLE.read_text().splitlines()
    assert SETTINGS.commands and [line for line in SETTINGS.commands if line not in lines] == []


def test_its_domains_wait_for_their_processes_and_are_served(system, tmp_path):
    (system.home / "domains.conf").write_text(document.block("## Konfiguracja", 1).text)
    system.start()

    def status(name):
        return json.loads(must(system.cli("domain-status", name, "-o", "json")))

    def is_in(state, name, message=""):
        def now():
            listed = {one["name"]: one["status"] for one in json.loads(must(system.cli("domains", "-o", "json")))["domains"]}
            return name in listed and listed[name]["state"] == state and message in listed[name]["message"]

        poll(now, f"{name} is {state} {message}")

    expected = (("example.com", "proc_123", 8080, 2), ("api.example.com", "proc_456", 8081, 7))
    for name, process, _, line in expected:
        is_in("STATE_PENDING", name, f"there is no process '{process}'")
        assert status(name)["status"]["managedBy"] == f"domains.conf:{line}"
    for name, process, port, _ in expected:
        start_app(system, tmp_path, f"app-{port}", port, process)
        is_in("STATE_ACTIVE", name)
        assert answer(system.edge_port(), name) == (200, f"{port} DEBUG=None")
    nginx = (system.data / "edge/run/nginx.pid").read_text()
    system.stop()
    system.start()
    is_in("STATE_ACTIVE", "example.com")
    assert (status("example.com")["generation"], status("example.com")["status"]["managedBy"]) == ("1", "domains.conf:2")
    assert answer(system.edge_port(), "api.example.com") == (200, "8081 DEBUG=None")
    assert (system.data / "edge/run/nginx.pid").read_text() == nginx
    assert "2 unchanged" in must(system.cli("reload"))
    must(system.cli("delete", "--force", "app-8080", "-y"))
    is_in("STATE_PENDING", "example.com", "no process 'proc_123'")
