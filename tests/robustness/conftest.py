import os
import pathlib
import random
import sys

import pytest
import pytest_asyncio

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "functional"))

from beaters import Beaters, build  # noqa: E402
from failpoints import Failpoints  # noqa: E402
from running_system import RunningSystem  # noqa: E402


@pytest.fixture(scope="session")
def beater_program(tmp_path_factory):
    directory = tmp_path_factory.mktemp("beater")
    # Payloads of other accounts execute it too.
    for path in (directory, *directory.parents):
        if path == pathlib.Path("/tmp"):
            break
        path.chmod(0o755)
    return build(directory)


@pytest.fixture
def beaters(beater_program, tmp_path):
    """The processes that the test starts, seen from outside. At the end, none of them may have run twice at a time."""
    beaters = Beaters(beater_program, tmp_path / "beaters")
    yield beaters
    assert beaters.doubles() == []


@pytest.fixture
def rng():
    """Repeat a run with GRPC_OS_SEED."""
    seed = int(os.environ.get("GRPC_OS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"GRPC_OS_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def failpoints(tmp_path):
    return Failpoints(tmp_path / "failpoints")


@pytest_asyncio.fixture
async def system(failpoints):
    """A gRPC OS that the test starts itself, with failpoints."""
    with RunningSystem() as system:
        system.environment = failpoints.environment
        yield system
        await system.close_clients()


@pytest_asyncio.fixture
async def running(system):
    """The same, started."""
    system.start(environment=system.environment)
    return system


@pytest.fixture(scope="session")
def long():
    """Whether there is time: `make verify`."""
    return os.environ.get("GRPC_OS_LONG") == "1"
