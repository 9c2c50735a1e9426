"""The document's "Dodawanie nowych procesów": its directory, its process.yml, its command."""

import json
import os
import subprocess

import document
import pytest
from apps import APP, answer, must
from running_system import bin_dir, poll

HEADING = "## Dodawanie nowych procesów"


@pytest.fixture(params=["processes/process.yml", "processes/myapp/process.yml"], ids=["beside, as drawn", "in the directory"])
def directory(request, tmp_path):
    """Where `processes` is, as the document shows it but for the place of process.yml."""
    for path in document.paths(document.block(HEADING, 0).text):
        (tmp_path / path).mkdir() if path.endswith("/") else (tmp_path / path).touch()
    processes = tmp_path / "processes"
    assert sorted(path.name for path in processes.rglob("*") if path.is_file()) == ["Dockerfile", "app.py", "config.yml", "process.yml"]
    (processes / "process.yml").unlink()
    (tmp_path / request.param).write_text(document.block(HEADING, 1).text)
    (processes / "myapp" / "app.py").write_text(APP)
    return tmp_path


def test_it_is_valid(directory):
    def validate(*arguments):
        done = subprocess.run([bin_dir() / "grpc-os", "validate", *arguments], cwd=directory, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        return must(done)

    assert validate("./processes/myapp") == "myapp: python app.py; version 1.0; port 8080; volumes data:/app/data; domains myapp.example.com\n"
    [process] = json.loads(validate("./processes/myapp", "-o", "json"))["processes"]
    assert process["version"] == "1.0" and process["port"] == "8080"
    [place] = directory.rglob("process.yml")
    assert validate(str(place), "-o", "name") == "myapp\n"


def test_it_answers_on_8080_and_by_its_domain(system, directory):
    system.start()

    def run(command):
        environment = {"PATH": f"{system.bin}:{os.environ['PATH']}", "HOME": str(system.home), "GRPC_OS_ADDRESS": system.address}
        return subprocess.run(["bash", "-c", command], cwd=directory, env=environment, capture_output=True, text=True, timeout=60)

    [command] = document.block(HEADING, 2).commands
    done = run(command)
    must(done)
    for said in ("myapp", "revision 1", "http://127.0.0.1:8080", "logs -f myapp", "Dockerfile"):
        assert said in done.stdout + done.stderr, said
    assert answer(8080) == (200, "8080 DEBUG=false")
    poll(lambda: " active " in system.cli("domains").stdout, "its domain is active")
    assert answer(system.edge_port(), "myapp.example.com") == (200, "8080 DEBUG=false")
    assert (system.data / "volumes" / "data").is_dir()
    (directory / "processes/myapp/app.py").write_text(APP + "# changed\n")
    assert "revision 2" in must(run(command))
    must(system.cli("unregister", "myapp", "-y"))
    poll(lambda: not list((system.data / "bundles").iterdir()), "its bundles are gone")
