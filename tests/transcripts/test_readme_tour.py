"""The tour of the README, each line typed into a real terminal."""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SHELL_PROMPT = "admin@local grpc-os> "
SYSTEM_PROMPT = "TOUR$ "
PATIENCE_S = 120.0  # `make run` builds what is not built yet


def tour():
    """The lines of the block, as (prompt, line)."""
    block = re.search(r"^```tour\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)[1]
    lines = []
    for line in block.splitlines():
        prompt = SHELL_PROMPT if line.startswith(SHELL_PROMPT) else "$ "
        assert line.startswith(prompt), f"neither a shell's line nor the system's: {line}"
        lines.append((prompt, line.removeprefix(prompt)))
    return lines


class Terminal:
    """bash under a pty, as a person would have it."""

    def __init__(self, environment):
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(ROOT)
            os.execvpe("bash", ["bash", "--norc", "--noprofile"], environment)

    def read_until(self, ending):
        """What appears until `ending` stands at the end of the screen."""
        text, end = "", time.monotonic() + PATIENCE_S
        while not re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text).endswith(ending):
            if not select.select([self._fd], [], [], max(end - time.monotonic(), 0))[0]:
                raise AssertionError(f"no '{ending}' after {PATIENCE_S:g} s, but:\n{text}")
            text += os.read(self._fd, 65536).decode(errors="replace")
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text).replace("\r", "")

    def type(self, line):
        os.write(self._fd, line.encode() + b"\n")

    def close(self):
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)


@pytest.fixture
def terminal():
    data = tempfile.mkdtemp(prefix="tour.")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": data,
        "XDG_STATE_HOME": f"{data}/state",
        "TERM": "dumb",
        "PS1": SYSTEM_PROMPT,
        "DATA_DIR": f"{data}/data",
        "GRPC_PORT": "0",
        "HTTP_PORT": "0",
    }
    opened = Terminal(environment)
    yield opened
    opened.close()
    subprocess.run(["make", "stop-all"], cwd=ROOT, env=environment, check=False, capture_output=True)
    shutil.rmtree(data)


@pytest.mark.timeout(600)
def test_every_line_of_the_tour_does_what_it_says(terminal):
    lines = tour()
    assert len(lines) > 15
    terminal.read_until(SYSTEM_PROMPT)
    answers = {}
    for i, (_, line) in enumerate(lines):
        following = lines[i + 1][0] if i + 1 < len(lines) else "$ "
        terminal.type(line)
        answer = terminal.read_until(SYSTEM_PROMPT if following == "$ " else SHELL_PROMPT)
        answers.setdefault(line, []).append(answer)
        for word in ("error", "Error", "usage:", "unknown", "not found", "Traceback"):
            assert word not in answer, f"{line}:\n{answer}"
        if following == "$ ":
            terminal.type("echo status=$?")
            assert "status=0" in terminal.read_until(SYSTEM_PROMPT), f"{line}:\n{answer}"

    assert "admin" in answers["whoami"][0]
    assert "web-server" in answers["ps"][0] and "running" in answers["ps"][0]
    assert "DEBUG" in answers["ps -l web-server"][0]
    assert "working" in answers["logs job"][0] and "done" in answers["logs job"][0]
    assert '"desiredState"' in answers["build/release/bin/grpc-os ps -o json"][0]
    assert "web-server" in answers["ps"][1] and "running" in answers["ps"][1], "it ran on without the control plane"
