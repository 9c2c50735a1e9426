import pytest
import pytest_asyncio
from running_system import RunningSystem


@pytest_asyncio.fixture
async def system():
    """A gRPC OS that runs."""
    with RunningSystem() as system:
        system.start()
        yield system
        await system.close_clients()


@pytest_asyncio.fixture
async def client(system):
    """Logged in to `system`."""
    return await system.client()


@pytest.fixture
def idle_system():
    """A gRPC OS that the test starts itself."""
    with RunningSystem() as system:
        yield system
