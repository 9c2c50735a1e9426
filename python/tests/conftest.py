import grpc
import grpc.aio
import pytest
import pytest_asyncio
from fake_daemon import FakeDaemon
from grpc_os import GrpcOSClient


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("GRPC_OS_TOKEN", raising=False)


@pytest_asyncio.fixture
async def daemon(tmp_path):
    fake = FakeDaemon()
    fake.address = f"unix:{tmp_path}/api.sock"
    fake.server = await fake.serve(fake.address)
    yield fake
    await fake.server.stop(None)


@pytest_asyncio.fixture(params=["address", "aio", "synchronous"])
async def client(request, daemon):
    """One for each kind of channel that a client takes."""
    if request.param == "address":
        async with GrpcOSClient(daemon.address) as client:
            yield client
    elif request.param == "aio":
        async with grpc.aio.insecure_channel(daemon.address) as channel:
            yield GrpcOSClient(channel)
    else:
        with grpc.insecure_channel(daemon.address) as channel:
            yield GrpcOSClient(channel)
