import pathlib
import sys

import pytest
import pytest_asyncio

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "functional"))

from machine import Machine  # noqa: E402


def pytest_collection_modifyitems(items):
    # A boot takes half a minute where nothing else runs, and several minutes where much does.
    for item in items:
        item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="module")
def machine():
    """A Debian 12 that runs gRPC OS, for all tests of a file."""
    with Machine() as machine:
        yield machine.boot()


@pytest_asyncio.fixture
async def client(machine):
    """Logged in to the `machine`. At the end it runs again, whatever the test did, and has no process."""
    client = await machine.client()
    yield client
    await client.close()
    machine.run("systemctl", "start", "grpc-os")
    client = await machine.client()
    for name in [process.name async for process in client.list_processes()]:
        await client.delete_process(name, force=True)
    await client.close()
