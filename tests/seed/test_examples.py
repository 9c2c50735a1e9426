"""config/examples: each does in a system what it says."""

import json
import shutil

import document
import pytest
from apps import APP, answer, must, start_app
from running_system import poll

EXAMPLES = document.ROOT / "config/examples"


@pytest.fixture
def started(system):
    return system.start()


def domains(system):
    """{name: state}"""
    listed = json.loads(must(system.cli("domains", "-o", "json")))["domains"]
    return {domain["name"]: domain["status"]["state"] for domain in listed}


def are_reached(system, host, path, ports):
    """All of them, and no other. Each worker of nginx has a turn of its own, so that how soon is open."""
    expected, seen = {f"{port} DEBUG=None" for port in ports}, set()

    def now():
        seen.update(answer(system.edge_port(), host, path)[1] for _ in range(10))
        return seen >= expected

    poll(now, f"{host}{path} goes to {ports}")
    assert seen == expected


def test_process_yml_runs(started, tmp_path):
    text = (EXAMPLES / "process.yml.example").read_text()
    assert "\nuser: www-data\n" in text  # which only `--user` allows
    (tmp_path / "process.yml").write_text(text.replace("\nuser: www-data\n", "\n"))
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "migrate.py").write_text("print('migrated')\n")
    must(started.cli("start", "database", "sleep 1000"))
    said = must(started.cli("register-process", tmp_path))
    assert "revision 1" in said and "+ stop_scope: main\n" in said
    assert answer(8080) == (200, "8080 DEBUG=false")
    assert answer(started.edge_port(), "myapp.example.com") == (200, "8080 DEBUG=false")


def test_domain_yml_is_served(started, tmp_path):
    ports = {"myapp": 8080, "api": 9001, "shop": 9002, "shop-next": 8081}
    for name, port in ports.items():
        start_app(started, tmp_path, name, port)
    shutil.copy(EXAMPLES / "domain.yml.example", tmp_path / "domain.yml")
    must(started.cli("apply", "-f", tmp_path / "domain.yml"))
    assert domains(started) == {"example.com": "STATE_ACTIVE"}
    for path, expected in (("/", {8080}), ("/api", {9001}), ("/shop", {9002, 8081})):
        are_reached(started, "example.com", path, expected)


def test_domains_conf_is_served(started, tmp_path):
    ports = {"shop": 9001, "shop-api": 9002, "search": 9003, "search-next": 9200, "greeter": 9004}
    for name, port in ports.items():
        start_app(started, tmp_path, name, port)
    for number, id in ((8080, "proc_123"), (8081, "proc_456")):
        start_app(started, tmp_path, f"app-{number}", number, id)
    shutil.copy(EXAMPLES / "domains.conf.example", started.home / "domains.conf")
    assert "4 created" in must(started.cli("reload"))
    names = ("example.com", "api.example.com", "*.shop.example.com", "grpc.example.com")
    poll(lambda: domains(started) == dict.fromkeys(names, "STATE_ACTIVE"), "all are served")
    for host, path, expected in (("api.example.com", "/", {8081}), ("a.shop.example.com", "/api", {9002}), ("a.shop.example.com", "/search", {9003, 9200})):
        are_reached(started, host, path, expected)
