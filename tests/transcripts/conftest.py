import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "functional"))

from running_system import RunningSystem  # noqa: E402
from terminal import Terminal  # noqa: E402


@pytest.fixture
def system():
    """A gRPC OS that runs."""
    with RunningSystem() as running:
        running.start()
        yield running


@pytest.fixture
def run(system):
    """run("ps", …): the program on a terminal of its own; without arguments, the shell."""
    terminals = []

    def open_terminal(*arguments, **environment):
        terminal = Terminal(
            [system.bin / "grpc-os", "--address", system.address, *arguments],
            {
                "HOME": str(system.home),
                "XDG_STATE_HOME": "",
                "NO_COLOR": "1",
                "DATA_DIR": str(system.data),
                "GRPC_OS_ADDRESS": "",
                **environment,
            },
        )
        terminals.append(terminal)
        return terminal

    yield open_terminal
    for terminal in terminals:
        terminal.close()
