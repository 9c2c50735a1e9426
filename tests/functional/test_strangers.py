"""What somebody can do to the daemon who has not logged in: it costs little and leaves little."""

import json
import os
import pathlib
import re

import grpc
import pytest
from running_system import poll

LOGIN = "/grpc_os.v1.AuthService/Login"
NOT_UTF8 = b"\x0a\x02\xff\xfe"
MIB = 1 << 20


@pytest.fixture
def stranger(system):
    """A call of Login with bytes as they are."""
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))
    with grpc.insecure_channel(system.address, options=options) as channel:
        yield channel.unary_unary(LOGIN)


def peak_memory(pid):
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) << 10


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize(
    ("compression", "code"), [("Gzip", "RESOURCE_EXHAUSTED"), ("Deflate", "UNIMPLEMENTED")], ids=["gzip", "deflate"]
)
async def test_what_would_inflate_to_too_much_is_refused(system, stranger, compression, code):
    pid = system.daemon_pid()
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins here
    before = peak_memory(pid)
    with pytest.raises(grpc.RpcError) as refused:
        stranger(b"\0" * (128 * MIB), compression=grpc.Compression[compression], timeout=30)
    assert refused.value.code().name == code
    assert peak_memory(pid) - before < 16 * MIB
    with pytest.raises(grpc.RpcError) as refused:
        stranger(b"", timeout=30)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_calls_that_are_no_messages_leave_few_lines(system, stranger):
    logs = system.data / "logs/system"
    calls = 5_000
    for _ in range(calls // 500):
        for call in [stranger.future(NOT_UTF8, timeout=30) for _ in range(500)]:
            assert call.exception() is not None
    assert (logs / "osd.log").stat().st_size < 2_000

    def left_out():
        return sum(int(line["lines"]) for line in lines_of(logs / "osd.jsonl") if line["message"] == "lines left out")

    def written():
        return sum(line["message"].startswith("protobuf") for line in lines_of(logs / "osd.jsonl"))

    poll(lambda: left_out() + written() >= calls, "every line to be written or counted")
    assert written() < calls / 2
    assert any("UTF-8" in line.get("text", "") for line in lines_of(logs / "osd.jsonl"))


async def test_standard_error_has_a_bound_while_the_daemon_runs(system):
    log = system.data / "logs/system/osd.log"
    os.truncate(log, 11 * MIB)
    poll(lambda: log.stat().st_size < MIB, "osd.log to be emptied")
