"""The shell as a person meets it, on a terminal."""

import pathlib
import re
import stat

SLEEP = "sleep 1000"
PROMPT = "admin@local grpc-os> "
CTRL_C = "\x03"
CTRL_D = "\x04"


def without_numbers(text):
    """Ids, pids and durations differ from run to run."""
    text = re.sub(r"proc_[a-z0-9]+", "proc_ID", text)
    return re.sub(r"pid \d+", "pid N", text)


def state_file(system, name):
    return pathlib.Path(system.home) / ".local/state/grpc-os" / name


def test_a_first_session(system, run):
    shell = run()
    shell.expect(PROMPT)
    assert without_numbers(shell.enter(f'start web "{SLEEP}" PORT=8080')) == (
        "started web (proc_ID), pid N. Its output: `logs -f web`"
    )
    header, row = shell.enter("ps").splitlines()
    assert header.split() == "ID NAME STATE READY PID UPTIME RESTARTS LAST-EXIT MEMORY CPU".split()
    assert row.split()[1:3] == ["web", "running"]
    assert without_numbers(shell.enter("kill web")) == "stopped web (proc_ID): signal TERM"
    assert shell.enter("ps -o name") == "web"
    shell.type("exit\r")
    shell.expect(f"gRPC OS goes on running. `grpc-os-init --data-dir {system.data} --stop` ends the control plane")
    assert shell.wait() == 0
    assert system.answers()


def test_the_prompt_names_a_system_that_is_not_meant_by_itself(system, run):
    directory = str(system.data)
    name = directory if len(directory) <= 32 else "…/" + "/".join(system.data.parts[-2:])
    shell = run(DATA_DIR="/nonexistent")
    shell.expect(f"admin@{name} grpc-os> ")


def test_ctrl_d_leaves(run):
    shell = run()
    shell.expect(PROMPT)
    shell.type(CTRL_D)
    shell.expect("gRPC OS goes on running.")
    assert shell.wait() == 0


def test_ctrl_c_clears_the_line(run):
    shell = run()
    shell.expect(PROMPT)
    shell.type("delete everything")
    shell.expect("delete everything")
    shell.type(CTRL_C)
    shell.expect("^C\n" + PROMPT)
    assert shell.enter("whoami").startswith("admin")


def test_ctrl_c_ends_what_runs_and_not_the_shell(run):
    shell = run()
    shell.expect(PROMPT)
    shell.enter("start web \"sh -c 'echo hello; sleep 1000'\"")
    shell.type("logs -f web\r")
    shell.expect("hello\n")
    shell.type(CTRL_C)
    shell.expect(PROMPT)
    shell.type("wait web --for exited\r")
    shell.expect("wait web --for exited\n")
    shell.type(CTRL_C)
    shell.expect(PROMPT)
    assert "web" in shell.enter("ps")


def test_ctrl_c_on_the_command_line_is_130(system, run):
    system.cli("start", "web", "sh -c 'echo hello; sleep 1000'")
    logs = run("logs", "-f", "web")
    logs.expect("hello\n")
    logs.type(CTRL_C)
    assert logs.wait() == 130


def test_after_a_log_out_the_prompt_has_no_name(run):
    shell = run()
    shell.expect(PROMPT)
    shell.type("logout\r")
    shell.expect("`login` logs in again.\ngrpc-os> ")
    assert "You are logged out. `login` logs in again." in shell.enter("ps")
    assert shell.enter("login").startswith("Logged in as admin")
    assert shell.text.endswith(PROMPT)


def test_mistakes_are_answered_with_the_cure(run):
    shell = run()
    shell.expect(PROMPT)
    assert "Did you mean `restart`?" in shell.enter("restrat web")
    assert "Did you mean --force?" in shell.enter("delete web --froce")
    assert "This shell has no `|` (column 4)" in shell.enter("ps | wc")
    assert "No process" in shell.enter("kill 'no-*'")


def test_an_interrupt_is_answered_however_soon_it_comes_after_a_key(run):
    shell = run()
    shell.expect(PROMPT)
    for _ in range(500):
        shell.type("ps")
        shell.type("\x03")
        shell.expect("^C\n" + PROMPT)
    assert "no process 'nothing'" in shell.enter("ps -l nothing")  # and nothing of it is left on the line


def test_a_secret_variable_is_asked_for_and_not_remembered(system, run):
    shell = run()
    shell.expect(PROMPT)
    assert "started shop" in shell.enter(f'start shop "{SLEEP}" --secret PASSWORD=hunter2 PORT=8080')
    shell.type("update shop --secret TOKEN\r")
    shell.expect("Value of TOKEN: ")
    shell.type("hunter3\r")
    shell.expect("updated shop (generation 2).")
    shell.expect(PROMPT)
    assert "PASSWORD(secret) PORT TOKEN(secret)" in shell.enter("ps -l shop")
    shell.type("exit\r")
    assert shell.wait() == 0
    assert "hunter3" not in shell.text
    history = state_file(system, "history").read_text().split("\n")
    assert history == ["update shop --secret TOKEN", "ps -l shop", "exit", ""]


def test_history_is_private_and_has_no_secrets(system, run):
    shell = run()
    shell.expect(PROMPT)
    shell.enter("whoami")
    shell.enter("login admin hunter2")
    shell.enter("lgoin admin hunter2")
    shell.type("exit\r")
    assert shell.wait() == 0
    history = state_file(system, "history")
    assert history.read_text().split("\n") == ["whoami", "login", "exit", ""]
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    again = run()
    again.expect(PROMPT)
    again.type("\x10\x10\x10")  # three lines up
    again.expect("whoami")


def test_tab_completes_commands_and_options(run):
    shell = run()
    shell.expect(PROMPT)
    shell.type("wh\t")
    shell.expect("whoami ")
    shell.type("\x15")  # clear the line
    shell.type("delete --f\t")
    shell.expect("--force ")


def test_control_sequences_of_a_log_do_not_reach_the_terminal(run):
    shell = run()
    shell.expect(PROMPT)
    shell.enter("start web \"printf '\\\\033]0;owned\\\\a\\\\033[2J\\\\302\\\\233red\\\\n'\" --restart never")
    shell.enter("wait web --for exited")
    before = len(shell.raw)
    assert r"\x1b]0;owned\x07\x1b[2J\x9bred" in shell.enter("logs web")
    came = shell.raw[before:]
    assert "\x1b]" not in came and "\x1b[2J" not in came and "\x9b" not in came


def test_bytes_of_a_log_pass_unchanged_through_a_pipe(system):
    system.cli("start", "web", r"printf '\033[31mred\tend\n'", "--restart", "never")
    system.cli("wait", "web", "--for", "exited")
    assert system.cli("logs", "web").stdout == "\x1b[31mred\tend\n"


def test_delete_asks_first(run):
    shell = run()
    shell.expect(PROMPT)
    shell.enter(f'start web "{SLEEP}"')
    shell.type("delete --force web\r")
    shell.expect("and its logs? [y/N] ")
    shell.type("n\r")
    shell.expect("web is kept.\n" + PROMPT)
    shell.type("delete --force web\r")
    shell.expect("and its logs? [y/N] ")
    shell.type("y\r")
    shell.expect("deleted web")


def test_a_shell_outlives_the_daemon(system, run):
    shell = run()
    shell.expect(PROMPT)
    shell.enter(f'start web "{SLEEP}"')
    system.kill_daemon()
    assert "running" in shell.enter("ps")


def test_colours_only_where_they_are_wanted(system, run):
    system.cli("start", "web", SLEEP)
    system.cli("wait", "web", "--for", "ready")
    colourful = run("ps", NO_COLOR="")
    assert colourful.wait() == 0
    assert "\x1b[32mrunning" in colourful.raw
    for plain in (run("ps"), run("ps", NO_COLOR="", TERM="dumb")):
        assert plain.wait() == 0
        assert "running" in plain.raw and "\x1b" not in plain.raw


def test_without_a_daemon_the_shell_says_how_to_start_it(system, run):
    system.stop()
    shell = run()
    assert shell.wait() == 6
    (line,) = shell.text.splitlines()
    assert f"does not answer at {system.address}" in line
    assert f"grpc-os-init --data-dir {system.data}" in line


def test_the_documents_commands_on_domains(system, run):
    """Its chapter "Zarządzanie domenami", line by line."""
    system.cli("start", "web", SLEEP, "--id", "proc_123")
    system.cli("wait", "web", "--for", "ready")
    shell = run()
    shell.expect(PROMPT)
    assert shell.enter("domains").startswith("DOMAIN  TARGET  STATE  REQ/S  ERRORS  P95")
    port = system.edge_port()
    said, *next = shell.enter("assign example.com proc_123 8080").splitlines()
    assert said == f"example.com → web:8080 is served: curl -H 'Host: example.com' http://127.0.0.1:{port}/"
    assert "".join(next).startswith("'web' runs, and nothing accepts connections on port 8080")
    header, row = shell.enter("domains").splitlines()
    assert row.split()[:4] == ["example.com", "web:8080", "active", "0"]
    status = dict(line.split(maxsplit=1) for line in shell.enter("domain-status example.com").splitlines() if " " in line.strip())
    assert (status["name"], status["state"], status["generation"], status["managed"].split()) == ("example.com", "active", "1", ["by", "users"])
    assert status["url"] == f"http://example.com:{port}/" and "nothing accepts connections on port 8080" in status["next"]
    assert status["target"].startswith("web:8080: up since 20") and "Connection refused" in status["target"]
    assert shell.enter("unassign example.com") == "example.com is not served any more"
    assert "no domain 'example.com'" in shell.enter("domain-status example.com")
