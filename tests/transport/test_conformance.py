"""Connect's conformance suite against a gRPC server of the transport: every case of HTTP/2, gRPC, protobuf, identity and
gzip, with TLS and without, by its own reference client and by grpc-go. There are no known failures."""

import pathlib
import re
import subprocess

from conftest import GO_BIN
from running_system import bin_dir

CONFIG = pathlib.Path(__file__).with_name("conformance.yaml")


def test_every_case_passes():
    done = subprocess.run(
        [GO_BIN / "connectconformance", "--conf", CONFIG, "--mode", "server", "--", bin_dir() / "transport-conformance"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-5000:]
    passed, failed = map(int, re.search(r"^(\d+) passed, (\d+) failed$", said, re.MULTILINE).groups())
    print(f"{passed} passed, {failed} failed")
    assert failed == 0 and passed >= 568
