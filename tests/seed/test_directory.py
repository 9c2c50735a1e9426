"""The document's "Dodawanie nowych procesów", word for word: its directory, its process.yml, its command."""

import pathlib
import re
import shlex
import urllib.request

import pytest
from running_system import poll
from test_validate import SEED

APP = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"DEBUG={os.environ['DEBUG']}".encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def chapter():
    return re.search(r"^## Dodawanie nowych procesów$(.*?)^## ", SEED.read_text(), re.M | re.S).group(1)


def blocks():
    """The code blocks of the chapter: the tree, process.yml, the command."""
    return [(language, text) for language, text in re.findall(r"```(\w*)\n(.*?)```", chapter(), re.S)]


def make(directory, tree):
    """The files of a tree as `tree` draws it; what has a slash at its end is a directory."""
    path = []
    for line in tree.splitlines():
        name = line.lstrip("│├└─ ")
        if not name:
            continue
        depth = (len(line) - len(name)) // 4
        path = path[:depth] + [name.rstrip("/")]
        place = directory.joinpath(*path)
        place.mkdir() if name.endswith("/") else place.touch()


@pytest.mark.parametrize("inside", [False, True], ids=["beside, as drawn", "in the directory"])
def test_what_the_document_shows_answers_on_8080(idle_system, tmp_path, inside):
    (_, tree), (_, manifest), (_, command) = blocks()
    make(tmp_path, tree)
    processes = tmp_path / "processes"
    assert sorted(path.name for path in processes.rglob("*") if path.is_file()) == ["Dockerfile", "app.py", "config.yml", "process.yml"]
    (processes / "myapp" / "app.py").write_text(APP)
    if inside:
        (processes / "process.yml").unlink()
        (processes / "myapp" / "process.yml").write_text(manifest)
    else:
        (processes / "process.yml").write_text(manifest)
    idle_system.start()
    program, *arguments = shlex.split(command)
    assert program == "grpc-os"
    done = idle_system.cli(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    for said in ("myapp", "revision 1", "http://127.0.0.1:8080", "logs -f myapp", "Dockerfile"):
        assert said in done.stdout + done.stderr, said
    with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=20) as answer:
        assert answer.read() == b"DEBUG=false"
    by_name = urllib.request.Request(f"http://127.0.0.1:{idle_system.edge_port()}/", headers={"Host": "myapp.example.com"})
    poll(lambda: " active " in idle_system.cli("domains").stdout, "its domain is active")
    with urllib.request.urlopen(by_name, timeout=20) as answer:
        assert answer.read() == b"DEBUG=false"
    assert (idle_system.data / "volumes" / "data").is_dir()
    (processes / "myapp" / "app.py").write_text(APP + "# changed\n")
    assert "revision 2" in idle_system.cli(*arguments, cwd=tmp_path).stdout
    assert idle_system.cli("unregister", "myapp", "-y").returncode == 0
    poll(lambda: not list((idle_system.data / "bundles").iterdir()), "its bundles are gone")
