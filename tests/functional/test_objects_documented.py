"""The lines of README.md and docs/OBJECTS.md about objects, run as they stand."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def blocks(page, begin, language):
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text[text.index(begin) :], re.DOTALL | re.MULTILINE)


def readme_lines():
    return blocks("README.md", "\n## Objects\n", "sh")[0].splitlines()


def page_lines():
    return "".join(blocks("docs/OBJECTS.md", "# Objects", "sh")).splitlines()


@pytest.fixture
def run_line(system, tmp_path):
    (tmp_path / "backup.tar").write_bytes(os.urandom(1 << 20))
    environment = {
        **os.environ,
        "PATH": f"{system.bin}:{os.environ['PATH']}",
        "GRPC_OS_ADDRESS": system.address,
        "HOME": str(system.home),
        "XDG_STATE_HOME": "",
        "HOSTNAME": "here",
        "USER": "me",
    }

    def run(line):
        return subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def generation(system, name):
    """Of the live object; what stands for it in the documentation is 42."""
    text = system.cli("stat", name, "-o", "json").stdout
    found = re.search(r'"generation": "(\d+)"', text)
    return found[1] if found else "42"


@pytest.mark.parametrize("lines", [readme_lines(), page_lines()], ids=["README", "OBJECTS"])
def test_every_line_does_what_it_says(system, run_line, tmp_path, lines):
    assert len(lines) > 7
    for line in lines:
        if line.startswith("grpc-os watch"):  # it would not end
            line = f"timeout --signal=INT 3 {line}\ntest $? -eq 124"
        if line.endswith("--if-generation 42"):  # it was deleted for good above
            system.cli("touch", "/config/app.json", "{}")
        line = line.replace("42", generation(system, "/config/app.json"))
        done = run_line(line)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        if "copy.tar" in line:
            assert (tmp_path / "copy.tar").read_bytes() == (tmp_path / "backup.tar").read_bytes()
