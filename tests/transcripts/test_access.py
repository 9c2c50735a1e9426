"""Users, roles, sessions, tokens, audit and events, typed into a terminal."""

import json
import os
import re
import stat
import subprocess
import termios

import pytest

from test_shell import CTRL_C, PROMPT, state_file

PASSWORD = "correct horse battery"
OTHER_PASSWORD = "staple staple staple"
NO_NAME = "grpc-os> "


def type_secret(shell, question, secret):
    shell.expect(question)
    shell.type(secret + "\r")


def make_user(shell, name, *roles, password=PASSWORD):
    options = "".join(f" --role {role}" for role in roles)
    shell.type(f"user add {name}{options}\r")
    type_secret(shell, f"New password of {name}: ", password)
    type_secret(shell, "The same again: ", password)
    shell.expect(f"added {name} (")
    shell.expect(PROMPT)


def echo_is_on(terminal):
    return bool(termios.tcgetattr(terminal.master)[3] & termios.ECHO)


@pytest.fixture
def shell(run):
    opened = run()
    opened.expect(PROMPT)
    return opened


def test_a_user_from_the_first_day_to_the_last(shell):
    make_user(shell, "eva", "viewer")
    assert shell.enter("user ls -o name").split() == ["admin", "eva"]
    assert "roles     viewer" in shell.enter("user show eva")
    assert shell.enter("role grant eva operator") == "eva has operator, viewer now"
    assert shell.enter("role revoke eva viewer") == "eva has operator now"
    assert shell.enter("user disable eva") == "disabled eva"
    assert "disabled" in shell.enter("user show eva")
    assert shell.enter("user enable eva") == "enabled eva"
    shell.type("user rm eva\r")
    shell.expect("Remove the user eva for good? [y/N] ")
    shell.type("y\r")
    shell.expect("removed eva\n" + PROMPT)
    assert "`user ls` lists all" in shell.enter("user show eva")


def test_log_in_with_a_password_as_the_seed_has_it(shell):
    make_user(shell, "eva", "viewer")
    shell.type(f"login eva '{PASSWORD}'\r")
    shell.expect("Logged in as eva (roles: viewer), by password.\neva@local grpc-os> ")
    assert "PERMISSION" not in shell.enter("whoami")
    denied = shell.enter("user ls")
    assert "lacks the permission user.read" in denied
    shell.type("logout\r")
    shell.expect("Logged out.")
    shell.expect(NO_NAME)
    shell.type("login eva\r")
    type_secret(shell, "Password of eva: ", PASSWORD)
    shell.expect("Logged in as eva")
    shell.expect("eva@local grpc-os> ")
    assert PASSWORD not in shell.text.replace(f"login eva '{PASSWORD}'", "")


def test_a_wrong_password_is_4_and_changes_nothing(system, run, shell):
    make_user(shell, "eva", "viewer")
    assert system.cli("login", "eva", "not the password").returncode == 4
    assert system.cli("whoami", "-o", "name").stdout == "admin\n"
    unknown = system.cli("login", "nobody", "not the password")
    assert unknown.returncode == 4
    assert unknown.stderr == system.cli("login", "eva", "nor this one").stderr


def test_ctrl_c_at_a_password_leaves_the_terminal_as_it_was(run):
    login = run("login", "admin")
    login.expect("Password of admin: ")
    assert not echo_is_on(login)
    login.type(CTRL_C)
    assert login.wait() == 130
    assert echo_is_on(login)


def test_ctrl_c_at_a_password_in_the_shell_goes_back_to_the_prompt(shell):
    shell.type("user passwd\r")
    shell.expect("New password of admin: ")
    shell.type("half a pass" + CTRL_C)
    shell.expect(PROMPT)
    assert shell.enter("whoami").startswith("admin")


def test_passwords_that_differ_change_nothing(shell):
    shell.type("user add eva\r")
    type_secret(shell, "New password of eva: ", PASSWORD)
    type_secret(shell, "The same again: ", OTHER_PASSWORD)
    shell.expect("The two are not the same; nothing was changed.")
    shell.expect(PROMPT)
    assert "`user ls` lists all" in shell.enter("user show eva")


def test_ones_own_password_needs_the_old_one(system, shell):
    make_user(shell, "eva", "viewer")
    shell.type("login eva\r")
    type_secret(shell, "Password of eva: ", PASSWORD)
    shell.expect("eva@local grpc-os> ")
    shell.type("user passwd\r")
    type_secret(shell, "Old password of eva: ", PASSWORD)
    type_secret(shell, "New password of eva: ", OTHER_PASSWORD)
    type_secret(shell, "The same again: ", OTHER_PASSWORD)
    shell.expect("set the password of eva")
    shell.expect("eva@local grpc-os> ")
    assert system.cli("login", "eva", PASSWORD).returncode == 4
    assert system.cli("login", "eva", OTHER_PASSWORD).returncode == 0


def test_passwords_come_from_standard_input_where_nobody_types(system):
    assert system.cli("user", "add", "eva", "--role", "viewer", "--password-stdin", input=PASSWORD + "\n").returncode == 0
    assert system.cli("login", "eva", "--password-stdin", input=PASSWORD + "\n").returncode == 0
    both = f"{PASSWORD}\n{OTHER_PASSWORD}\n"
    assert system.cli("user", "passwd", "--password-stdin", input=both).returncode == 0
    assert system.cli("login").returncode == 0
    nobody_asks = system.cli("user", "passwd", "eva")
    assert nobody_asks.returncode == 2 and "--password-stdin" in nobody_asks.stderr
    short = system.cli("user", "passwd", "eva", "--password-stdin", input="short\n")
    assert short.returncode == 2 and "12" in short.stderr
    assert system.cli("login", "eva").returncode == 2


def test_no_secret_is_written_anywhere(system, shell):
    make_user(shell, "eva", "viewer")
    shell.type(f"login eva '{PASSWORD}'\r")
    shell.expect("eva@local grpc-os> ")
    shell.type("login\r")
    shell.expect(PROMPT)
    shell.enter(f"user passwd eva '{OTHER_PASSWORD}'")
    shell.enter(f"usr passwd eva '{OTHER_PASSWORD}'")
    token = system.cli("token", "create", "--ttl", "1h").stdout.strip()
    shell.enter(f'start web "sleep 1000" "GRPC_OS_TOKEN={token}"')
    shell.type("exit\r")
    assert shell.wait() == 0
    history = state_file(system, "history")
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    for word in (PASSWORD, OTHER_PASSWORD, token):
        assert word not in history.read_text()
        logs = [path for path in (system.data).rglob("*") if path.is_file() and "log" in path.name]
        assert not [path for path in logs if word.encode() in path.read_bytes()]
        assert word not in system.said
    kept = list(state_file(system, "tokens").iterdir())
    assert kept and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept)


def test_a_token_for_scripts(system, run):
    made = run("token", "create", "--label", "ci", "--ttl", "1h", "--role", "viewer")
    assert made.wait() == 0
    token, _, hint = made.text.partition("\n")
    assert "It is shown this once" in hint and "GRPC_OS_TOKEN=… grpc-os ps" in hint
    piped = system.cli("token", "create", "--ttl", "1h", "--role", "viewer").stdout
    assert re.fullmatch(r"\S+\n", piped)

    def with_token(*arguments):
        return subprocess.run(
            [system.bin / "grpc-os", "--address", f"127.0.0.1:{system.port}", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": "/nonexistent", "XDG_STATE_HOME": "", "GRPC_OS_TOKEN": token},
        )

    assert "viewer" in with_token("whoami").stdout
    assert with_token("ps").returncode == 0
    assert with_token("start", "web", "sleep 1").returncode == 4
    assert with_token("logout").returncode == 5
    listed = json.loads(system.cli("token", "ls", "-o", "json").stdout)["sessions"]
    (session,) = [each for each in listed if each["label"] == "ci"]
    assert system.cli("token", "rm", session["id"]).returncode == 0
    ended = with_token("ps")
    assert ended.returncode == 4 and "GRPC_OS_TOKEN" in ended.stderr


def test_log_in_over_tcp(system, run):
    system.cli("user", "add", "eva", "--role", "viewer", "--password-stdin", input=PASSWORD + "\n")

    def over_tcp(*arguments):
        command = [system.bin / "grpc-os", "--address", f"127.0.0.1:{system.port}", *arguments]
        environment = {**os.environ, "HOME": str(system.home), "XDG_STATE_HOME": ""}
        return subprocess.run(command, capture_output=True, text=True, input="", env=environment)

    for arguments in (("whoami",), ("login",)):
        refused = over_tcp(*arguments)
        assert refused.returncode in (4, 5) and "`grpc-os login USER`" in refused.stderr
    assert over_tcp("login", "eva", PASSWORD).returncode == 0
    assert over_tcp("whoami", "-o", "name").stdout == "eva\n"
    assert over_tcp("logout").returncode == 0
    assert "`grpc-os login USER` logs in again" in over_tcp("ps").stderr
    assert system.cli("whoami", "-o", "name").stdout == "admin\n", "each address has a log-in of its own"


def test_sessions_are_listed_and_ended(system, shell):
    make_user(shell, "eva", "viewer")
    login = ("login", "eva", PASSWORD)
    assert system.cli(*login).returncode == 0
    (session,) = json.loads(system.cli("sessions", "-o", "json").stdout)["sessions"]
    assert session["user"] == "eva" and session["current"]
    assert session["id"] in shell.enter("sessions --user eva")
    assert shell.enter(f"sessions end {session['id']}") == f"ended {session['id']}"
    gone = system.cli("whoami")
    assert gone.returncode == 4 and "login eva" in gone.stderr
    assert system.cli("whoami").returncode == 4, "nobody becomes somebody else by the end of a session"
    assert system.cli("login").returncode == 0


def test_the_audit_tells_who_did_what(system, shell):
    make_user(shell, "eva", "viewer")
    shell.enter('start web "sleep 1000"')
    lines = shell.enter("audit").splitlines()
    assert lines[0].split() == "TIME USER FROM METHOD RESOURCE RESULT".split()
    assert any("CreateUser" in line and "eva" in line and "OK" in line for line in lines)
    assert any("CreateProcess" in line for line in lines)
    assert shell.enter("audit --user eva -o name") == ""
    assert len(shell.enter("audit -n 1 --since 1h").splitlines()) == 2


def test_events_of_what_was_done(shell):
    shell.enter('start web "sleep 1000"')
    shell.enter("wait web --for ready")
    shell.enter("kill web")
    shown = shell.enter("events --kind process")
    for word in ("created", "started", "stopped"):
        assert word in shown
    shell.type("events -f -n 0\r")
    shell.expect("events -f -n 0\n")
    shell.type(CTRL_C)
    shell.expect(PROMPT)
    newest = int(shown.splitlines()[-1].split()[3])
    assert shell.enter(f"events --since {newest}") == ""
    assert "`events` without --since" in shell.enter(f"events --since {newest + 10000}")


def test_the_log_level(shell):
    before = shell.enter("log-level")
    assert before in ("debug", "info", "warning", "error")
    assert shell.enter("log-level debug") == f"the daemon logs debug now, it was {before}"
    assert "Did you mean error?" in shell.enter("log-level eror")


def test_roles_and_help(shell):
    assert {"admin", "operator", "viewer"} <= set(re.findall(r"^\w+", shell.enter("role ls"), re.M))
    assert "user passwd [NAME]" in shell.enter("help user")
    assert shell.enter("user --help") == shell.enter("help user")
    assert "Did you mean `user add`?" in shell.enter("user ad eva")
    assert "Did you mean `role grant`?" in shell.enter("role grnt eva viewer")
