import os
import pathlib
import sys

import pytest

for beside in ("functional", "transcripts"):
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / beside))

from own_network import own_network  # noqa: E402
from running_system import RunningSystem  # noqa: E402


@pytest.fixture(autouse=True)
def network():
    if os.geteuid() != 0:
        pytest.skip("a network of the test's own needs root")
    with own_network():
        yield


@pytest.fixture
def system(network):
    """A gRPC OS that the test starts itself."""
    with RunningSystem() as system:
        yield system
