"""The package and its examples are fully typed."""

import pathlib
import subprocess
import sys


def test_mypy_finds_nothing(tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path, "grpc_os", "examples"],
        cwd=pathlib.Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0 and found.stdout.startswith("Success: "), found.stdout + found.stderr
