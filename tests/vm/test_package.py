"""The packages on a Debian that has never seen them: installed, upgraded under load, rebooted, removed, installed again, purged.

Each step is a fixture, which goes on from the one before it and gives what was so then.
"""

import contextlib
import dataclasses
import http.client
import json
import re

import pytest
from edge_load import Load, get
from machine import BARE, BOOT_S, DATA, Machine, poll

HOST = "shop.test"
# Answers with its pid, so that each answer says which process gave it.
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
PROGRAMS = ("grpc-os-init", "grpc-osd", "grpc-os-supervise")


@dataclasses.dataclass
class Running:
    """What was so while it ran."""

    said: str  # by apt or dpkg, before
    version: str  # of the daemon
    process: dict  # as `ps web -o json` has it
    identities: dict  # of the process, its supervisor and nginx: pid and start time
    load: Load | None


@dataclasses.dataclass
class Gone:
    """What was so after its package had gone."""

    said: str
    running: list  # (pid, program) of ours and of nginx
    left: list  # of the programs, units and settings
    data: bool
    failed: str  # units


def transcribe(command, output):
    """`make verify-vm` shows it."""
    print("\n#", *command, "\n" + output.rstrip())


def package(machine, *command):
    """What apt or dpkg says; nobody is there to answer a question."""
    done = machine.run("env", "DEBIAN_FRONTEND=noninteractive", *command, timeout=600.0)
    said = re.sub(r"\(Reading database \.\.\. (\d+%)?\n", "", done.stdout + done.stderr)
    transcribe(command, said)
    return said


def debs(machine, directory):
    return machine.sh(f"ls {directory}/*.deb").split()


def version_in(machine, directory):
    """Of the programs there; that of the package has a revision behind it."""
    return re.search(r"_(.*)-\d+_", machine.sh(f"ls {directory}/grpc-os_*.deb"))[1]


def shell(machine, *words):
    """`grpc-os WORD…`, in JSON."""
    return json.loads(machine.cli("--timeout", "300s", "-o", "json", *words).stdout)


def running(machine, *names):
    """[(pid, path)] of what executes these programs, or did before they were replaced or removed."""
    listed = machine.sh("for e in /proc/[0-9]*/exe; do echo $e $(readlink $e); done")
    found = re.findall(r"^/proc/(\d+)/exe (\S+)", listed, re.M)
    return [(int(pid), path) for pid, path in found if path.rpartition("/")[2] in names]


def nginx(machine):
    """The master of ours."""
    return min(pid for pid, _ in running(machine, "nginx"))


def look(machine, said="", load=None):
    for words in (("status",), ("ps",), ("domains",)):
        transcribe(("grpc-os", *words), machine.cli("--timeout", "300s", *words).stdout)
    [process] = shell(machine, "ps", "web")["processes"]
    pid = int(process["status"]["pid"])
    pids = {"process": pid, "supervisor": int(machine.stat(pid)[1]), "nginx": nginx(machine)}
    identities = {name: machine.identity(pid) for name, pid in pids.items()}
    return Running(said, shell(machine, "status")["version"], process, identities, load)


def look_after(machine, said):
    left = machine.sh("ls -d /usr/bin/grpc-os-init /usr/bin/grpc-osd /lib/systemd/system/grpc-os.service /etc/grpc-os 2>/dev/null; true")
    return Gone(
        said,
        running(machine, *PROGRAMS, "nginx"),
        left.split(),
        machine.run("test", "-s", f"{DATA}/grpc-os.db", check=False).returncode == 0,
        machine.sh("systemctl --failed --no-legend"),
    )


def wait_until_served(machine):
    def served():
        with contextlib.suppress(OSError, http.client.HTTPException):
            return get(machine.http_port, HOST)[0] == 200

    poll(served, f"{HOST} is served", patience_s=BOOT_S)


@pytest.fixture(scope="module")
def machine():
    with Machine(BARE) as machine:
        yield machine.boot(serves=False)


@pytest.fixture(scope="module")
def installed(machine):
    assert machine.run("sh", "-c", "command -v grpc-os", check=False).returncode != 0
    said = package(machine, "apt-get", "install", "-y", *debs(machine, "/srv/packages"))
    machine.wait_until_it_serves()
    machine.run("tee", "/srv/web.py", input=SERVER)
    shell(machine, "start", "web", "python3 /srv/web.py", "--port", "auto", "--ready", "tcp", "--wait", "ready")
    shell(machine, "assign", HOST, "web")
    return look(machine, said)


@pytest.fixture(scope="module")
def upgraded(machine, installed):
    with Load(machine.http_port, HOST) as load:
        load.answered(50)
        said = package(machine, "dpkg", "-i", *debs(machine, "/srv/newer"))
        poll(lambda: shell(machine, "status")["version"] != installed.version, "the new daemon serves")
        load.answered(50)
    transcribe(("GET", HOST), f"{load.sent} sent, {load.answers.total()} answered, {len(load.lost)} lost")
    return look(machine, said, load)


@pytest.fixture(scope="module")
def rebooted(machine, upgraded):
    machine.power_off()
    machine.boot()
    wait_until_served(machine)
    return look(machine)


@pytest.fixture(scope="module")
def removed(machine, rebooted):
    return look_after(machine, package(machine, "dpkg", "-r", "grpc-os"))


@pytest.fixture(scope="module")
def again(machine, removed):
    said = package(machine, "apt-get", "install", "-y", *debs(machine, "/srv/newer"))
    machine.wait_until_it_serves()
    wait_until_served(machine)
    return look(machine, said)


@pytest.fixture(scope="module")
def purged(machine, again):
    return look_after(machine, package(machine, "dpkg", "--purge", "grpc-os"))


@pytest.fixture(scope="module")
def purged_with_data(machine, purged):
    package(machine, "apt-get", "install", "-y", *debs(machine, "/srv/newer"))
    machine.wait_until_it_serves()
    machine.run("debconf-set-selections", input="grpc-os grpc-os/remove_data boolean true\n")
    return look_after(machine, package(machine, "dpkg", "--purge", "grpc-os"))


# ---- Installed ---------------------------------------------------------------------------------------------------------


def test_apt_installs_and_starts_it(machine, installed):
    assert installed.version == version_in(machine, "/srv/packages")
    assert machine.sh("dpkg --audit") == ""


def test_processes_run_under_the_account_that_the_package_makes(machine, installed):
    pid, _ = installed.identities["process"]
    assert machine.sh(f"stat -c %U /proc/{pid}") == "grpc-os-run"


def test_the_python_client_is_that_of_debians_python(machine, installed):
    script = "import grpc_os, sys; print(grpc_os.GrpcOSClient.__name__, grpc_os.__file__)"
    assert machine.sh(f"cd / && python3 -c '{script}'") == "GrpcOSClient /usr/lib/python3/dist-packages/grpc_os/__init__.py"


def test_its_pages_and_its_completion_are_where_they_are_looked_for(machine, installed):
    listed = machine.sh("dpkg -L grpc-os grpc-os-cli").splitlines()
    pages = ("man1/grpc-os.1", "man8/grpc-os-init.8", "man8/grpc-osd.8", "man8/grpc-os-supervise.8")
    assert {f"/usr/share/man/{page}.gz" for page in pages} <= set(listed)
    assert "/usr/share/bash-completion/completions/grpc-os" in listed
    for page in pages:
        assert machine.sh(f"zcat /usr/share/man/{page}.gz | head -1").startswith('.TH GRPC')


# ---- Upgraded while it runs --------------------------------------------------------------------------------------------


def test_an_upgrade_loses_no_request(upgraded):
    load = upgraded.load
    assert load.lost == []
    pid, _ = upgraded.identities["process"]
    assert load.answers == {(200, str(pid)): load.sent}, "one process answered all"
    assert load.sent > 100


def test_an_upgrade_ends_no_process(installed, upgraded):
    assert upgraded.identities == installed.identities
    assert upgraded.process["id"] == installed.process["id"]
    assert upgraded.process["status"]["restartCount"] == installed.process["status"]["restartCount"] == 0


def test_after_an_upgrade_the_control_plane_is_the_new_one(machine, installed, upgraded):
    assert installed.version != upgraded.version == version_in(machine, "/srv/newer")
    assert machine.sh("grpc-os --version") == f"grpc-os {upgraded.version}"


# ---- Rebooted ----------------------------------------------------------------------------------------------------------


def test_after_a_reboot_process_and_domain_are_back(upgraded, rebooted):
    assert rebooted.version == upgraded.version
    assert rebooted.process["id"] == upgraded.process["id"]
    assert rebooted.process["status"]["state"] == "STATE_RUNNING"
    assert not set(rebooted.identities.values()) & set(upgraded.identities.values())


# ---- Removed and installed again ---------------------------------------------------------------------------------------


def test_a_removal_ends_everything_and_keeps_the_data(removed):
    assert removed.running == []
    assert removed.data and f"kept in {DATA}" in removed.said
    assert removed.left == ["/etc/grpc-os"], "settings stay until the purge"
    assert removed.failed == ""


def test_an_installation_takes_the_data_over(rebooted, again):
    assert again.process["id"] == rebooted.process["id"]
    assert again.process["status"]["state"] == "STATE_RUNNING"


def test_a_purge_without_an_answer_keeps_the_data(purged):
    assert purged.running == [] and purged.left == []
    assert purged.data and f"kept in {DATA}" in purged.said


def test_a_purge_removes_the_data_if_the_answer_is_yes(machine, purged_with_data):
    assert purged_with_data.running == [] and purged_with_data.left == []
    assert machine.run("test", "-e", DATA, check=False).returncode != 0
