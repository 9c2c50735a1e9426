"""Process directories from the shell: register-process, apply, revisions, diff, rollback, unregister."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import urllib.request

import pytest
from raw_calls import RawCalls
from running_system import poll

ROOT = pathlib.Path(__file__).parents[2]
APP = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{answer}")
    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Directory:
    """A process directory that is edited."""

    def __init__(self, system, path, name="myapp", layout="inside"):
        self.system = system
        self.path = path
        self.name = name
        self.file = path / "process.yml" if layout == "inside" else path.parent / "process.yml"
        self.port = free_port()
        path.mkdir(parents=True)
        self.write()
        self.answer("one")

    def write(self, more="", command="python3 app.py"):
        self.file.write_text(f"name: {self.name}\nversion: 1.0\ncommand: {command}\nport: {self.port}\n{more}")

    def answer(self, text):
        (self.path / "app.py").write_text(APP.format(answer=text))

    def register(self, *options):
        return self.system.cli("register-process", str(self.path), *options)

    def answers(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as response:
            return response.read().decode()

    def pid(self):
        [process] = json.loads(self.system.cli("ps", self.name, "-o", "json").stdout)["processes"]
        return process["status"].get("pid", 0)


@pytest.fixture
def myapp(system, tmp_path):
    return Directory(system, tmp_path / "processes/myapp")


def bundles(system):
    return [name for name in done_well(system.cli("find", "/", "-o", "name")).splitlines() if name.startswith("/bundles/")]


def done_well(done):
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.mark.parametrize("layout", ["inside", "beside"])
async def test_a_directory_is_registered_edited_and_rolled_back(system, tmp_path, layout):
    myapp = Directory(system, tmp_path / "processes/myapp", layout=layout)
    said = done_well(myapp.register())
    assert said.startswith("myapp: new\n+ command: python3 app.py\n")
    assert re.search(r"^myapp \(proc_\w+\) is deployed: revision 1$", said, re.MULTILINE)
    assert f"address: http://127.0.0.1:{myapp.port}\n" in said and "logs -f myapp`\n" in said
    assert myapp.answers() == "one"

    pid = myapp.pid()
    assert done_well(myapp.register()) == "myapp: nothing differs; revision 1\n"
    assert myapp.pid() == pid

    myapp.answer("two")
    myapp.write("labels: {team: web}\n")
    said = done_well(myapp.register())
    assert "+ labels.team: web\n" in said and "- bundle: " in said and "revision 2\n" in said
    assert myapp.answers() == "two" and myapp.pid() != pid

    said = done_well(system.cli("diff", "myapp", "1", "2"))
    assert re.fullmatch(r"\+ labels\.team: web\n- bundle: [0-9a-f]{12}\n\+ bundle: [0-9a-f]{12}\n", said)
    assert done_well(system.cli("diff", "myapp", "2")) == "nothing differs\n"

    assert "revision 3, a rollback to 1\n" in done_well(system.cli("rollback", "myapp"))
    assert myapp.answers() == "one"
    table = done_well(system.cli("revisions", "myapp")).splitlines()
    assert [row.split()[0] for row in table[1:]] == ["3", "2", "1"]
    assert "yes" in table[1] and "yes" not in table[2] + table[3]

    assert "deleted myapp" in done_well(system.cli("unregister", "myapp"))
    poll(lambda: system.cli("revisions", "myapp").returncode == 3, "its revisions are removed, which follows")
    assert bundles(system) == []


async def test_what_rests_is_started_again(system, myapp):
    done_well(myapp.register())
    done_well(system.cli("kill", "myapp"))
    assert done_well(system.cli("apply", "-f", str(myapp.path))).endswith("0 changed, 1 unchanged, 0 failed\n")
    assert myapp.pid() == 0
    assert "nothing differs; revision 1; started it, pid" in done_well(myapp.register())
    poll(lambda: myapp.pid() > 0, "it runs")


async def test_one_that_is_not_ready_goes_back_and_says_why(system, myapp):
    done_well(myapp.register())
    myapp.write(f"ready: {{tcp: {myapp.port}, timeout: 1s}}\n", command="sh -c 'echo no database; exec sleep 1000'")
    done = myapp.register()
    assert done.returncode == 5, done
    assert "rolling back to revision 1" in done.stdout
    assert done.stderr.startswith("myapp: revision 2 failed: ") and "no database" in done.stderr
    assert "is ready" in done_well(system.cli("wait", "myapp"))
    assert myapp.answers() == "one"


async def test_a_release_that_fails_changes_nothing(system, myapp):
    done_well(myapp.register())
    pid = myapp.pid()
    myapp.write("release: sh -c 'echo cannot migrate; exit 3'\n")
    done = myapp.register()
    assert done.returncode == 5 and "running its release: sh -c" in done.stdout
    assert "cannot migrate" in done.stderr
    assert myapp.pid() == pid


async def test_a_dry_run_changes_nothing(system, myapp):
    assert "+ command: python3 app.py" in done_well(myapp.register("--dry-run"))
    assert done_well(system.cli("ps", "-o", "name")) == ""
    assert bundles(system) == []


async def test_many_are_applied_in_the_order_of_their_dependencies(system, tmp_path):
    root = tmp_path / "all"
    front = Directory(system, root / "a-front", name="front")
    front.write("depends_on: [back]\n")
    back = Directory(system, root / "deep/z-back", name="back")
    said = done_well(system.cli("apply", "-f", str(root), "--dry-run"))
    assert said.endswith("2 would change, 0 unchanged, 0 failed\n")
    assert done_well(system.cli("ps", "-o", "name")) == ""
    said = done_well(system.cli("apply", "-f", str(root)))
    assert said.endswith("2 changed, 0 unchanged, 0 failed\n")
    assert said.index("back (proc_") < said.index("front (proc_")
    pids = (front.pid(), back.pid())
    assert done_well(system.cli("apply", "-f", str(root))).endswith("0 changed, 2 unchanged, 0 failed\n")
    back.answer("two")
    said = done_well(system.cli("apply", "-f", str(root)))
    assert said.endswith("1 changed, 1 unchanged, 0 failed\n")
    assert front.pid() == pids[0] and back.pid() != pids[1]


def uploaded_bytes(system):
    try:
        return sum(path.stat().st_size for path in (system.data / "uploads").iterdir())
    except FileNotFoundError:  # it has just become an object
        return 0


async def test_an_upload_that_was_killed_goes_on(system, myapp):
    (myapp.path / "large").write_bytes(os.urandom(128 << 20))
    command = [system.bin / "grpc-os", "--address", system.address, "register-process", myapp.path]
    environment = {**os.environ, "HOME": str(system.home), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as first:
        poll(
            lambda: first.poll() is not None or uploaded_bytes(system) > 8 << 20,
            "a part of it is there",
            every_s=0.001,
        )
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL, "it was to be killed in the middle"
    assert bundles(system) == []
    done = myapp.register()
    assert done.returncode == 0 and re.search(r": resuming after \d", done.stderr), done
    assert myapp.answers() == "one"


async def test_interrupting_leaves_the_deploy_alone(system, myapp):
    flag = system.home / "flag"
    myapp.write(
        f"ready: {{tcp: {myapp.port}, timeout: 600s}}\nenvironment: {{FLAG: {flag}}}\n",
        command="sh -c 'while ! test -e $FLAG; do sleep 0.05; done; exec python3 app.py'",
    )
    command = [system.bin / "grpc-os", "--address", system.address, "register-process", myapp.path]
    environment = {**os.environ, "HOME": str(system.home), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        while "waiting until it is ready" not in waiting.stdout.readline():
            assert waiting.poll() is None, waiting.stderr.read()
        waiting.send_signal(signal.SIGINT)
        said = waiting.communicate(timeout=60)[1]
    assert waiting.returncode == 130 and "the deploy of revision 1 of myapp goes on" in said
    flag.touch()
    # The same again waits for the one that goes on.
    assert re.search("is deployed: revision 1$|nothing differs; revision 1$", done_well(myapp.register()), re.MULTILINE)
    assert myapp.answers() == "one"


async def test_a_viewer_may_look(system, myapp, monkeypatch):
    done_well(myapp.register())
    raw = RawCalls(system.address, (await system.client()).token)
    await raw.auth("CreateUser", user={"name": "ann", "roles": ["viewer"]}, password="a password of some length")
    token = (await raw.auth("Login", user="ann", password="a password of some length")).access_token
    await raw.close()
    monkeypatch.setenv("GRPC_OS_TOKEN", token)
    assert system.cli("revisions", "myapp").returncode == 0
    assert done_well(system.cli("diff", "myapp", "1")) == "nothing differs\n"
    myapp.answer("two")
    for command in (("register-process", str(myapp.path)), ("rollback", "myapp", "1"), ("unregister", "myapp")):
        done = system.cli(*command)
        assert done.returncode == 4 and "process.write" in done.stderr, done
    monkeypatch.delenv("GRPC_OS_TOKEN")
    assert len(bundles(system)) == 1
    assert myapp.answers() == "one"


async def test_what_is_ignored_is_not_sent(system, myapp):
    (myapp.path / ".dockerignore").write_text("*.secret\n")
    (myapp.path / "key.secret").write_text("hidden")
    (myapp.path / "app.py").write_text(APP.format(answer="\" + str(os.path.exists('key.secret')).encode() + b\""))
    done_well(myapp.register())
    assert myapp.answers() == "False"
    (myapp.path / "key.secret").write_text("another")
    assert done_well(myapp.register()) == "myapp: nothing differs; revision 1\n"


async def test_what_cannot_be_packed_is_named(system, myapp):
    (myapp.path / "out").symlink_to("/etc/passwd")
    os.mkfifo(myapp.path / "pipe\x1b[31m")
    done = myapp.register()
    assert done.returncode == 5
    assert "'out' is a link to '/etc/passwd'" in done.stderr and "is a named pipe" in done.stderr
    assert "\x1b" not in done.stderr
    assert done_well(system.cli("ps", "-o", "name")) == ""


async def test_json_is_the_revision(system, myapp):
    revision = json.loads(done_well(myapp.register("-o", "json")))
    assert (revision["process"], revision["number"], revision["state"]) == ("myapp", "1", "STATE_DEPLOYED")
    listed = json.loads(done_well(system.cli("revisions", "myapp", "-o", "json")))["revisions"]
    assert [one["number"] for one in listed] == ["1"]
