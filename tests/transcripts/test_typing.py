"""Completion, several lines, pasting, watching: what a terminal makes of keys."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from terminal import Terminal
from test_shell import CTRL_C, PROMPT, SLEEP, state_file

CLEAR = "\x15"  # Ctrl-U
PASTE, PASTED = "\x1b[200~", "\x1b[201~"


@pytest.fixture
def shell(run):
    opened = run()
    opened.expect(PROMPT)
    return opened


def complete(shell, typed, wanted, attempts=20):
    """Types and presses Tab, again while the machine is too busy to answer in time."""
    for _ in range(attempts):
        shell.type(typed + "\t")
        try:
            shell.expect(wanted, patience_s=1.0)
            break
        except AssertionError:
            shell.type(CLEAR)
    else:
        raise AssertionError(f"{typed!r} was never completed to {wanted!r}: {shell.text[-500:]!r}")
    shell.type(CLEAR)


def test_tab_completes_names_from_the_daemon(shell):
    shell.enter(f'start web-server "{SLEEP}"')
    shell.enter(f'start job "{SLEEP}" --restart never')
    complete(shell, "kill we", "kill web-server ")
    complete(shell, "logs -f j", "logs -f job ")
    complete(shell, "user show ad", "user show admin ")
    complete(shell, "role grant admin op", "role grant admin operator ")
    complete(shell, "ps -o js", "ps -o json")
    complete(shell, "kill 'we", "kill 'web-server' ")
    assert shell.enter("whoami").startswith("admin")


def test_tab_while_the_daemon_is_away_gives_nothing_and_the_line_stays(system, shell):
    system.stop()
    shell.type("kill we\t")
    shell.type("b\t")
    shell.type(CTRL_C)
    shell.expect("^C\n" + PROMPT)
    shell.type("exit\r")
    assert shell.wait() == 0


def test_tab_while_the_daemon_hangs_gives_nothing_and_the_line_stays(system, shell):
    daemon = system.daemon_pid()
    os.kill(daemon, signal.SIGSTOP)
    try:
        shell.type("kill we\tb")
        shell.expect("kill web")
        shell.type(CLEAR + "version\r")
        shell.expect("version\ngrpc-os ")
        shell.expect(PROMPT)
    finally:
        os.kill(daemon, signal.SIGCONT)
    assert shell.enter("whoami").startswith("admin")


def test_an_open_quote_goes_on_in_the_next_line(shell):
    shell.type("start job \"sh -c 'echo one\r")
    shell.expect("> ")
    shell.type("echo two'\" --restart never\r")
    shell.expect("started job")
    shell.expect(PROMPT)
    shell.enter("wait job --for exited")
    assert shell.enter("logs job").split() == ["one", "two"] or "two" in shell.enter("logs job")
    shell.type("whoami \\\r")
    shell.expect("> ")
    shell.type("-o name\r")
    shell.expect("admin\n" + PROMPT)


def test_ctrl_c_leaves_what_is_not_finished(shell):
    shell.type('start job "sleep\r')
    shell.expect("> ")
    shell.type("1000" + CTRL_C)
    shell.expect("^C\n" + PROMPT)
    assert shell.enter("ps -o name") == ""


def test_pasted_lines_run_in_order_after_enter_and_not_before(shell):
    shell.expect_mode("\x1b[?2004h")
    shell.type(f"{PASTE}version\nwhoami -o name\nps -o name{PASTED}")
    shell.expect("ps -o name")
    before = len(shell.text)
    assert "gRPC OS goes on" not in shell.text
    shell.type("\r")
    shell.expect(f"{PROMPT}version\ngrpc-os ")
    shell.expect(f"{PROMPT}whoami -o name\nadmin\n")
    shell.expect(f"{PROMPT}ps -o name\n{PROMPT}")
    assert "admin\n" not in shell.text[:before].rpartition("version")[2]


def test_a_pasted_password_is_not_shown_again(system, shell):
    shell.type(f"{PASTE}login admin hunter2hunter2\nversion{PASTED}\r")
    shell.expect(f"{PROMPT}login\n")
    shell.expect("\nadmin@local grpc-os> version\n")  # as the prompt is after the log-in that failed
    assert "hunter2" not in state_file(system, "history").read_text()


def test_a_window_that_changes_its_size(shell):
    shell.enter(f'start a-name-that-is-rather-long-for-a-process "{SLEEP}"')
    shell.resize(40, 20)
    widths = [len(line) for line in shell.enter("ps").splitlines()]
    assert widths and max(widths) == 40
    assert max(len(line) for line in shell.enter("ps -o wide").splitlines()) > 80


def test_watch_redraws_and_ends_with_ctrl_c(system, shell):
    shell.type("ps -o name --watch 0.1\r")
    shell.expect_mode("\x1b[H\x1b[2J")
    system.cli("start", "web", SLEEP)
    shell.expect("web")
    shell.type(CTRL_C)
    shell.expect(PROMPT)


def test_watch_in_a_pipe_is_plain(system):
    system.cli("start", "web", SLEEP)
    watching = subprocess.Popen(
        [system.bin / "grpc-os", "--address", system.address, "ps", "-o", "name", "-w", "0.1"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(system.home), "XDG_STATE_HOME": ""},
    )
    try:
        assert watching.stdout.readline() == "web\n"
        system.cli("start", "another", SLEEP)
        assert [watching.stdout.readline() for _ in range(2)] == ["another\n", "web\n"]
    finally:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130


@pytest.fixture
def bash(system, tmp_path):
    """A bash with our completion, at the prompt `$ `; HOME as the system's command line has it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "grpc-os").symlink_to(pathlib.Path(system.bin) / "grpc-os")
    opened = Terminal(
        [shutil.which("bash"), "--norc", "--noprofile", "-i"],
        {
            "HOME": str(system.home),
            "XDG_STATE_HOME": "",
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PS1": "$ ",
            "GRPC_OS_ADDRESS": system.address,
            "HISTFILE": "/dev/null",
        },
    )
    opened.expect("$ ")
    opened.type('eval "$(grpc-os completion bash)"\r')
    opened.expect("bash)\"\n")
    opened.expect("$ ")
    yield opened
    opened.close()


def test_bash_completes_with_the_same_code(system, bash):
    system.cli("start", "web-server", SLEEP)
    complete(bash, "grpc-os who", "grpc-os whoami ")
    complete(bash, "grpc-os user pa", "grpc-os user passwd ")
    complete(bash, "grpc-os delete --fo", "grpc-os delete --force ")
    complete(bash, "grpc-os -o ya", "grpc-os -o yaml ")
    complete(bash, "grpc-os ps --output=ya", "grpc-os ps --output=yaml ")
    complete(bash, "grpc-os kill we", "grpc-os kill web-server ")
    complete(bash, f"grpc-os --address {system.address} kill we", "kill web-server ")


def test_bash_completes_without_a_daemon_what_needs_none(system, bash):
    system.stop()
    complete(bash, "grpc-os kill we\tb\t --out", "--output ")
    complete(bash, "grpc-os who", "grpc-os whoami ")
