"""The package and its examples are fully typed, and the programs of its README."""

import pathlib
import re
import subprocess
import sys


PYTHON = pathlib.Path(__file__).parents[1]


def test_mypy_finds_nothing(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (PYTHON / "README.md").read_text(), re.DOTALL)
    programs = [tmp_path / f"readme_{number}.py" for number, block in enumerate(blocks) if "import " in block]
    for program, block in zip(programs, blocks):
        program.write_text(block)
    assert len(programs) == 2
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path, "grpc_os", "examples", *programs],
        cwd=PYTHON,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0 and found.stdout.startswith("Success: "), found.stdout + found.stderr
