import os
import pathlib
import sys

import pytest
from edge import Edge

sys.path.append(str(pathlib.Path(__file__).parents[1] / "functional"))

from running_system import RunningSystem  # noqa: E402


@pytest.fixture
def idle_system():
    """A gRPC OS that the test starts itself."""
    with RunningSystem() as system:
        yield system


@pytest.fixture(scope="session")
def long():
    """Whether there is time: `make verify-edge`."""
    return os.environ.get("GRPC_OS_LONG") == "1"


@pytest.fixture
def edge():
    """An edge that the test sets up and starts itself."""
    edge = Edge()
    yield edge
    edge.end()


@pytest.fixture(scope="module")
def served():
    """One that serves: a.test and *.wild.test by two HTTP backends, g.test by gRPC. For tests that change nothing of it."""
    edge = Edge(trusted_proxies="127.0.0.2/32")
    edge.domain("dom_a", "a.test", "/", "/keep", "/strip strip", "/strip/deep", max_body_bytes=1000)
    edge.domain("dom_w", "*.wild.test")
    edge.domain("dom_b", "below.test", "/only", hold_ms=0, read_timeout_ms=200)
    edge.domain("dom_g", "g.test", grpc=True)
    edge.start()
    a, b, g = edge.backend(name="a"), edge.backend(name="b"), edge.backend("grpc", "g")
    edge.set("all", f"dom_a_0 up {a.target}:3 {b.target}:1", *(f"dom_a_{n} up {a.target}:1" for n in (1, 2, 3)),
             f"dom_w_0 up {a.target}:1", f"dom_b_0 up {a.target}:1", f"dom_g_0 up {g.target}:1")
    yield edge
    edge.end()
