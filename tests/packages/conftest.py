import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "functional"))

from debian import HIGHER, ROOT, Debian  # noqa: E402


@pytest.fixture(scope="session")
def packages():
    """Where packages/ and packages-HIGHER/ are."""
    for arguments in ([], [HIGHER]):
        done = subprocess.run([ROOT / "scripts/package.sh", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build"


@pytest.fixture(scope="session")
def as_root():
    """Asked for before the packages, which take long to be built."""
    if os.geteuid() != 0:
        pytest.skip("a machine to install on needs root")


@pytest.fixture
def debian(as_root, packages):
    with Debian(packages) as debian:
        yield debian


@pytest.fixture
def debian_with_systemd(as_root, packages):
    with Debian(packages, systemd=True) as debian:
        yield debian
