"""/etc/grpc-os/*.yml as grpc-osd reads it, and `config show` and `config check`."""

import calendar
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import time

import pytest
from expectations import SLEEP
from running_system import DidNotStart, is_alive, poll

ROOT = pathlib.Path(__file__).parents[2]
DEFAULTS = ROOT / "config/default"
SECRET = "0123456789abcdef0123456789abcdef"


def write(system, name, text):
    system.config.mkdir(exist_ok=True)
    path = system.config / name
    path.write_text(text)
    path.chmod(0o644)
    return path


def shown(system, *words):
    """What `config show` says: name → the rest."""
    done = system.cli("config", "show", *words, "-o", "json")
    assert done.returncode == 0, done.stderr
    return {setting["name"]: setting for setting in json.loads(done.stdout)["settings"]}


def parse(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def refusal(system, *arguments, **options):
    with pytest.raises(DidNotStart) as caught:
        system.start(*arguments, **options)
    assert caught.value.code == 1
    return caught.value.said


async def test_each_value_is_shown_with_its_source(idle_system):
    write(
        idle_system,
        "system.yml",
        "events: {kept: 5000}\nprocesses:\n  ports: 21000-21099\n  held_on_copy: false\ngrpc: {io_threads: 2}\n",
    )
    env = idle_system.home / ".env"
    env.write_text(f"JWT_SECRET={SECRET}\nPROCESS_PORTS=22000-22099\nEVENTS_KEPT=6000\n")
    env.chmod(0o600)
    idle_system.start("--env-file", env, environment={"EVENTS_KEPT": "7000", "GRPC_OS_ADMIN_PASSWORD": "swordfish-swordfish"})
    of = shown(idle_system)
    assert len(of) > 25
    sources = {name: (of[name]["value"], of[name]["source"]) for name in of if of[name]["isSet"] and not of[name]["secret"]}
    assert sources["GRPC_PORT"] == ("0", "--grpc-port")
    assert sources["DATA_DIR"] == (str(idle_system.data), "--data-dir")
    assert sources["EVENTS_KEPT"] == ("7000", "environment")
    assert sources["PROCESS_PORTS"] == ("22000-22099", f"{env}:2")
    assert sources["HELD_ON_COPY"] == ("false", f"{idle_system.config}/system.yml:4")
    assert sources["GRPC_IO_THREADS"] == ("2", f"{idle_system.config}/system.yml:5")
    assert sources["GRPC_OSD_MEMORY"] == ("512M", "default")
    assert "DB_HOST" not in sources and not of["DB_HOST"]["source"]
    # Secrets: that they are set, and from where.
    assert of["JWT_SECRET"]["isSet"] and of["JWT_SECRET"]["source"] == f"{env}:1" and not of["JWT_SECRET"]["value"]
    assert of["GRPC_OS_ADMIN_PASSWORD"]["source"] == "environment"
    everything = json.dumps(of) + idle_system.cli("config", "show").stdout + idle_system.said
    everything += "".join(path.read_text() for path in (idle_system.data / "logs/system").iterdir())
    assert SECRET not in everything and "swordfish" not in everything

    table = idle_system.cli("config", "show", "processes.ports", "jwt_secret").stdout.splitlines()
    assert [re.split(r"  +", line) for line in table] == [
        ["SETTING", "KEY", "VALUE", "SOURCE"],
        ["PROCESS_PORTS", "processes.ports", "22000-22099", f"{env}:2"],
        ["JWT_SECRET", "-", "(secret)", f"{env}:1"],
    ]
    wrong = idle_system.cli("config", "show", "grpc.prot")
    assert wrong.returncode == 3 and "Did you mean `grpc.port`?" in wrong.stderr


async def test_the_files_to_begin_with_change_nothing(idle_system):
    idle_system.config.mkdir()
    for name in ("system", "auth", "logging"):
        shutil.copy(DEFAULTS / f"{name}.yml", idle_system.config)
    for name in ("accounts", "domains.conf", "system.yml.dpkg-old"):
        write(idle_system, name, "no YAML: [")
    idle_system.start()
    sources = {setting["source"] for setting in shown(idle_system).values()}
    assert not any(str(idle_system.config) in source for source in sources)


async def test_what_is_wrong_is_said_at_once_with_places_and_what_was_meant(idle_system):
    write(idle_system, "a.yml", "grpc:\n  prot: 1\n  io_threads: many\nevents: {kept: 5000}\n")
    write(idle_system, "b.yml", "events: {kept: 6000}\nlogging: [level]\n")
    said = refusal(idle_system)
    for name, expected in (
        ("a.yml", ":2:3: there is no key 'prot'; did you mean 'port'?"),
        ("a.yml", ':3: grpc.io_threads is "many"; expected a number from 1 to 16'),
        ("b.yml", f":1:16: events.kept has another value here than in {idle_system.config}/a.yml:4; keep one of them"),
        ("b.yml", ":2:10: here is a list; expected: keys such as `level`"),
    ):
        assert f"{idle_system.config}/{name}{expected}" in said
    check = idle_system.cli("config", "check", idle_system.config)
    assert check.returncode == 2
    assert set(check.stderr.splitlines()) == {line.removeprefix("grpc-os-init: ") for line in said.splitlines()}


async def test_a_wrong_file_beside_a_running_system_stops_nothing(idle_system):
    idle_system.start()
    client = await idle_system.client()
    process = await client.create_process("web", SLEEP)
    pid = poll_pid(idle_system)
    path = write(idle_system, "hand-made.yml", "process:\n  name: web\nport: 1\n")
    assert (await client.get_process("web")).id == process.id
    # A start meanwhile is refused, and says why where init logs.
    os.kill(idle_system.daemon_pid(), signal.SIGKILL)
    log = idle_system.data / "logs/system/init.log"
    why = f"({path}:1:1: there is no key 'process'; did you mean 'processes'?; {path}:3:1: there is no key 'port'; "
    poll(lambda: why in log.read_text(), "init says why")
    assert is_alive(pid)
    path.unlink()
    idle_system.await_api()
    assert is_alive(pid)
    await idle_system.close_clients()


def poll_pid(system):
    def pid():
        done = system.cli("ps", "web", "-o", "json")
        processes = json.loads(done.stdout)["processes"] if done.returncode == 0 else []
        return processes and processes[0].get("status", {}).get("pid")

    return int(poll(pid, "web runs"))


async def test_files_that_others_can_change_or_that_are_elsewhere_are_refused(idle_system):
    path = write(idle_system, "system.yml", "events: {kept: 5000}\n")
    path.chmod(0o666)
    assert f"{path} can be changed by other accounts; run: chmod o-w {path}" in refusal(idle_system)
    path.unlink()
    path.symlink_to(write(idle_system, "elsewhere", "events: {kept: 5000}\n"))
    assert f"{path} is a symbolic link" in refusal(idle_system)
    path.unlink()
    idle_system.config.chmod(0o777)
    assert f"{idle_system.config} can be changed by other accounts" in refusal(idle_system)


async def test_the_signing_secret_may_be_in_a_file_of_its_own(idle_system):
    secret = idle_system.home / "jwt.secret"
    write(idle_system, "auth.yml", f"auth:\n  jwt_secret_file: {secret}\n  access_token_lifetime: 2m\n")
    assert "jwt.secret" in refusal(idle_system)
    secret.write_text("too-short-a-secret\n")
    secret.chmod(0o600)
    said = refusal(idle_system)
    assert "18 bytes; expected at least 32" in said and "too-short" not in said
    secret.write_text(SECRET + "\n")
    secret.chmod(0o644)
    assert f"chmod 600 {secret}" in refusal(idle_system)
    secret.chmod(0o600)
    secret.rename(elsewhere := idle_system.home / "elsewhere")
    secret.symlink_to(elsewhere)
    assert f"{secret} is a symbolic link" in refusal(idle_system)
    elsewhere.rename(secret)
    idle_system.start()
    client = await idle_system.client()
    assert (await client.whoami()).name == "admin"
    assert not (idle_system.data / "secrets/jwt.key").exists()
    of = shown(idle_system, "auth.jwt_secret_file")
    assert of["JWT_SECRET_FILE"]["value"] == str(secret)
    assert SECRET not in json.dumps(shown(idle_system))
    await idle_system.close_clients()


async def test_levels_and_lifetimes_take_effect(idle_system):
    write(idle_system, "x.yml", "logging: {level: warning}\nauth: {session_lifetime: 20m}\n")
    idle_system.start(environment={"GRPC_OS_ADMIN_PASSWORD": "swordfish-swordfish"})
    assert idle_system.cli("log-level").stdout == "warning\n"
    log = (idle_system.data / "logs/system/osd.jsonl").read_text()
    assert '"starting"' not in log
    client = idle_system.anonymous()
    await client.login("admin", "swordfish-swordfish")
    sessions = json.loads(idle_system.cli("sessions", "-o", "json").stdout)["sessions"]
    [session] = [one for one in sessions if one["loginMethod"] == "password"]
    assert 1199 <= parse(session["expireTime"]) - parse(session["createTime"]) <= 1201
    await idle_system.close_clients()


async def test_the_system_has_an_id_that_stays(idle_system):
    idle_system.start()
    system = json.loads(idle_system.cli("status", "-o", "json").stdout)
    assert re.fullmatch("[0-9a-f]{32}", system["id"])
    assert system["id"] in (idle_system.data / "system-id").read_text()
    idle_system.kill_daemon()
    assert json.loads(idle_system.cli("status", "-o", "json").stdout)["id"] == system["id"]


def check(*arguments):
    bin_dir = os.environ.get("GRPC_OS_BIN_DIR", ROOT / "build/release/bin")
    return subprocess.run([pathlib.Path(bin_dir) / "grpc-os", "config", "check", *arguments], capture_output=True, text=True)


def refused(*arguments):
    """What it says."""
    done = check(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


def test_files_are_checked_without_a_daemon(tmp_path):
    done = check(DEFAULTS)
    assert done.returncode == 0 and "nothing is wrong" in done.stdout
    (tmp_path / "system.yml").write_text("grpc: {port: 50099}\n")
    done = check(tmp_path, "--env-file", ROOT / ".env.example")
    assert done.returncode == 0, done.stderr
    assert "50051" in done.stdout and ".env.example:" in done.stdout and "JWT_SECRET" in done.stderr
    assert check(tmp_path / "none").returncode == 3
    (tmp_path / "system.yml").write_text("grpc: {port: 99999}\n")
    done = check(tmp_path)
    assert done.returncode == 2 and "system.yml:1: grpc.port" in done.stderr


def test_files_with_secrets_are_checked_as_a_start_does(tmp_path):
    secret = tmp_path / "jwt.secret"
    (tmp_path / "auth.yml").write_text(f"auth: {{jwt_secret_file: {secret}}}\n")
    assert f"{secret} does not exist" in refused(tmp_path)
    secret.write_text(SECRET)
    secret.chmod(0o644)
    assert f"chmod 600 {secret}" in refused(tmp_path)
    secret.chmod(0o600)
    assert check(tmp_path).returncode == 0
    env = tmp_path / ".env"
    env.write_text(f"JWT_SECRET={SECRET}\n")
    env.chmod(0o644)
    assert f"chmod 600 {env}" in refused(tmp_path, "--env-file", env)
    env.chmod(0o600)
    assert check(tmp_path, "--env-file", env).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_what_another_account_cannot_read_is_refused_with_the_cure(idle_system):
    """As grpc-osd with --user reads them."""
    idle_system.home.chmod(0o711)
    secret = idle_system.home / "jwt.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    path = write(idle_system, "auth.yml", f"auth: {{jwt_secret_file: {secret}}}\n")
    as_nobody = (idle_system.config, "--user", "nobody")
    assert f"cannot read the file of JWT_SECRET_FILE {secret}: Permission denied" in refused(*as_nobody)
    os.chown(secret, pwd.getpwnam("nobody").pw_uid, -1)
    assert check(*as_nobody).returncode == 0
    path.chmod(0o600)
    assert re.search(f"{path} cannot be read by the account of uid [0-9]+; run: chmod a\\+r {path}", refused(*as_nobody))
    idle_system.config.chmod(0o700)
    assert f"run: chmod a+rx {idle_system.config}" in refused(*as_nobody)
    os.chown(secret, 0, -1)
    both = idle_system.cli("-c", f"config check {idle_system.config} --user nobody; config check {idle_system.config} -o name")
    assert both.stdout == "JWT_SECRET_FILE\n", "the next command is root's again"
    assert check(idle_system.config, "--user", "no-such-account").returncode == 3


def test_only_root_checks_for_another_account(idle_system):
    idle_system.home.chmod(0o711)
    program = shutil.copy2(idle_system.bin / "grpc-os", idle_system.home / "grpc-os")
    write(idle_system, "system.yml", "grpc: {port: 50099}\n")
    command = [program, "config", "check", idle_system.config, "--user", "root"]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=nobody", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env={"HOME": "/nonexistent", "PATH": os.environ["PATH"]})
    assert done.returncode == 2 and "only root can check what the account root can read" in done.stderr


def test_the_example_of_dot_env_has_only_settings_that_there_are():
    names = re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    table = (ROOT / "docs/CONFIGURATION.md").read_text()
    assert len(names) > 15 and [name for name in names if f"| `{name}` |" not in table] == []
