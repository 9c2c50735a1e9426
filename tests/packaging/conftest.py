import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/functional"), str(ROOT / "tests/transcripts")]

from running_system import RunningSystem  # noqa: E402
from terminal import Terminal  # noqa: E402

DEBIAN_PYTHON = "/usr/bin/python3"
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}


def run(*words, **options):
    """Gives the CompletedProcess with all that was written as `stdout`. Nothing of the tests' own Python is in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "GRPC_OS_"))}
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"} | options.pop("environment", {})
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, **options)


def done(*words, **options):
    """What it wrote; it must go well."""
    ended = run(*words, **options)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture(scope="session")
def folder():
    """One that other users can enter, as they cannot pytest's."""
    with tempfile.TemporaryDirectory(prefix="gos-packaging-") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


class Clone:
    """What somebody gets who clones the repository, of what the client's package needs."""

    def __init__(self, path):
        self.path = path
        self.python = path / "python"
        listed = done("git", "-C", ROOT, "ls-files", "-cz", "python", "protos", "scripts", ".gitignore", "LICENSE")
        for name in listed.rstrip("\0").split("\0"):
            if (ROOT / name).exists():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, path / name)
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-qm", "clone")

    def git(self, *words):
        return done("git", "-C", self.path, "-c", f"safe.directory={self.path}", *words)

    def left(self, *options):
        """What is there that was not."""
        return self.git("status", "--porcelain", *options)


@pytest.fixture(scope="session")
def clone(folder):
    return Clone(folder / "clone")


def pip(*words, **options):
    """That of the tests."""
    return run(sys.executable, "-m", "pip", *words, **options)


class Environment:
    """A virtual environment of Python."""

    def __init__(self, bin):
        self.bin = bin

    def python(self, *words, **options):
        # Where no grpc_os is found by chance.
        return done(self.bin / "python", *words, cwd="/", **options)


@pytest.fixture(scope="session")
def newest(folder, clone):
    """Has what `pip install ./python` brings."""
    done(sys.executable, "-m", "venv", "--without-pip", folder / "newest")
    installed = pip("--python", folder / "newest/bin/python", "install", clone.python)
    assert installed.returncode == 0, installed.stdout
    return Environment(folder / "newest/bin")


@pytest.fixture(scope="session")
def debian(folder, clone):
    """Debian's Python and packages, without a network, as docs/INSTALLATION.md has it; by a user who cannot write the clone."""
    home = folder / "home"
    home.mkdir()
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    if user:
        os.chown(home, 65534, 65534)
    user["environment"] = NOWHERE | {"HOME": str(home), "TMPDIR": str(home)}
    done(DEBIAN_PYTHON, "-m", "venv", "--system-site-packages", home / "venv", **user)
    done(home / "venv/bin/pip", "install", "--no-build-isolation", clone.python, **user)
    return Environment(home / "venv/bin")


@pytest.fixture(scope="session")
def distributions(folder, clone):
    """The folder with the sdist and the wheel of `python -m build`."""
    done(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", clone.python)
    return folder / "dist"


@pytest.fixture(scope="session")
def system():
    with RunningSystem() as running:
        running.start()
        yield running


@pytest.fixture
def on_terminal():
    """on_terminal(WORD…): a program on a terminal of its own."""
    terminals = []

    def open_terminal(*words):
        terminals.append(Terminal([str(word) for word in words], {}))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()
