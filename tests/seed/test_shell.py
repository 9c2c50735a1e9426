"""The document's "Shell": every line of it, typed into a terminal, a fresh system a chapter."""

import shlex
import subprocess

import document
import pytest
from apps import APP, answer, must, process, start_app
from running_system import is_alive, poll
from terminal import Terminal

PROMPT = "grpc-os> "
TYPED = set()  # the chapters that have a test


class Chapter:
    """The lines of a chapter, entered one after the other."""

    def __init__(self, heading, shell):
        self.left = document.block(heading).commands
        self._shell = shell

    def enter(self, line):
        """The document's next line, which the test expects to be `line`."""
        assert self.left[:1] == [PROMPT + line]
        del self.left[0]
        return self._shell.enter(line)

    def add(self, line):
        """A line that the document leaves to its reader."""
        return self._shell.enter(line)


def chapter_of(heading):
    TYPED.add(heading)
    return pytest.mark.parametrize("chapter", [heading], indirect=True)


@pytest.fixture
def running(system):
    return system.start(environment={"GRPC_OS_ADMIN_PASSWORD": "secure_password"})


@pytest.fixture
def shell(running, tmp_path):
    """Its working directory is `tmp_path`."""
    environment = {"HOME": str(running.home), "XDG_STATE_HOME": "", "NO_COLOR": "1", "DATA_DIR": str(running.data), "GRPC_OS_ADDRESS": ""}
    shell = Terminal([running.bin / "grpc-os"], environment, cwd=tmp_path)
    try:
        shell.expect("admin@local " + PROMPT)
        yield shell
    finally:
        shell.close()


@pytest.fixture
def chapter(request, shell):
    made = Chapter(request.param, shell)
    yield made
    assert made.left == [], "these lines of the document were not typed"


def test_no_line_is_left_out():
    lines = [line for line in document.PATH.read_text().splitlines() if PROMPT in line]
    chapters = [block for block in document.blocks() if PROMPT in block.text]
    assert lines and sum((block.commands for block in chapters), []) == lines
    assert {block.heading for block in chapters} == TYPED
    assert len(chapters) == len(TYPED)


@chapter_of("### Logowanie i zarządzanie sesją")
def test_logging_in_and_out(chapter):
    assert chapter.enter("login admin secure_password") == "Logged in as admin (roles: admin), by password."
    assert chapter.enter("whoami") == "admin (roles: admin), by password"
    assert chapter.enter("logout") == "Logged out. `login` logs in again."
    assert chapter.add("whoami") == "You are logged out. `login` logs in again."


def test_a_block_is_pasted_as_it_stands(shell):
    shell.expect_mode("\x1b[?2004h")
    shell.type(f"\x1b[200~{document.block('### Logowanie i zarządzanie sesją').text}\x1b[201~\r")
    for said in ("Logged in as admin (roles: admin), by password.", "admin (roles: admin), by password", "Logged out."):
        shell.expect("\n" + said)


@chapter_of("### Zarządzanie procesami")
def test_processes(running, chapter, tmp_path):
    chapter.add("login admin secure_password")
    chapter.add('start worker "sleep 1000" --id proc_123')
    first = int(process(running, "worker")["status"]["pid"])

    _, row = chapter.enter("ps").splitlines()
    assert row.split()[:3] == ["proc_123", "worker", "running"] and str(first) in row.split()
    shown = dict(line.split(maxsplit=1) for line in chapter.enter("ps -l proc_123").splitlines())
    assert (shown["name"], shown["id"], shown["command"], shown["pid"]) == ("worker", "proc_123", "sleep 1000", str(first))
    assert shown["state"].startswith("running")

    (tmp_path / "app.py").write_text(APP)
    assert chapter.enter('start web-server "python app.py" PORT=8080 DEBUG=true').startswith("started web-server (proc_")
    chapter.add("wait web-server --for ready")
    assert answer(8080) == (200, "8080 DEBUG=true")

    assert is_alive(first)
    assert chapter.enter("kill proc_123") == "stopped worker (proc_123): signal TERM"
    assert not is_alive(first)
    assert process(running, "worker")["status"]["state"] == "STATE_STOPPED"
    assert chapter.enter("restart proc_123").startswith("restarted worker (proc_123), pid ")
    second = int(process(running, "worker")["status"]["pid"])
    assert second != first and is_alive(second)
    assert answer(8080) == (200, "8080 DEBUG=true"), "the other process went on"


@chapter_of("### Operacje na obiektach")
def test_objects(running, chapter):
    chapter.add("login admin secure_password")
    chapter.add("touch /notes/note.txt 'to be read' --id obj_123")

    names = [line.split()[0] for line in chapter.enter("ls /").splitlines()[1:]]
    assert {"config/", "notes/"} <= set(names) and "config.json" not in names
    assert chapter.enter("ls /config").startswith("/config/ is empty.")
    assert chapter.enter("""touch config.json '{"port": 8080}'""").startswith("wrote /config.json (obj_")
    assert must(running.cli("cat", "/config.json")) == '{"port": 8080}'
    assert chapter.enter("cat obj_123").splitlines()[0] == "to be read"
    assert chapter.enter("rm obj_123").startswith("deleted ")
    assert "there is no object 'obj_123'" in chapter.add("cat obj_123")
    assert "config.json" in chapter.add("ls /") and "note.txt" not in chapter.add("ls /notes")


@chapter_of("### Zarządzanie domenami")
def test_domains(running, chapter, tmp_path):
    chapter.add("login admin secure_password")
    start_app(running, tmp_path, "web", 8080, "proc_123")

    assert "No domains. `assign DOMAIN PROCESS` makes one." in chapter.enter("domains")
    said, curl = chapter.enter("assign example.com proc_123 8080").split(": ", 1)
    assert said == "example.com → web:8080 is served"
    asked = subprocess.run([*shlex.split(curl), "--silent"], capture_output=True, text=True, timeout=60)
    assert must(asked) == "8080 DEBUG=None"
    status = chapter.enter("domain-status example.com").splitlines()
    assert any(line.split() == ["state", "active"] for line in status)
    assert any(line.split()[:3] == ["target", "web:8080:", "up"] for line in status)
    assert [line.split()[:3] for line in chapter.add("domains").splitlines()[1:]] == [["example.com", "web:8080", "active"]]
    assert chapter.enter("unassign example.com") == "example.com is not served any more"
    poll(lambda: answer(running.edge_port(), "example.com")[0] == 404, "it is not served")
    assert answer(8080)[0] == 200, "the process goes on"
