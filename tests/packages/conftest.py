import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/functional"))

from debian import Debian  # noqa: E402

HIGHER = "0.2.0"


@pytest.fixture(scope="session")
def packages():
    """Where packages/ and packages-HIGHER/ are."""
    for arguments in ([], [HIGHER]):
        done = subprocess.run([ROOT / "scripts/package.sh", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build"


@pytest.fixture
def debian(packages):
    with Debian(packages) as debian:
        yield debian


@pytest.fixture
def debian_with_systemd(packages):
    with Debian(packages, systemd=True) as debian:
        yield debian
