"""A single thread of grpc-osd that hangs, while the others go on: health checks hear of it, and init ends the daemon."""

import ctypes
import json
import os
import pathlib
import subprocess

import pytest
from running_system import is_alive, poll

_PTRACE_SEIZE, _PTRACE_INTERRUPT = 0x4206, 0x4207
_WALL = 0x40000000


class StoppedThread:
    """Of another process: stopped by ptrace, until that process ends."""

    def __init__(self, pid, name):
        tasks = pathlib.Path(f"/proc/{pid}/task")
        (self.tid,) = (int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().strip() == name)
        libc = ctypes.CDLL(None, use_errno=True)
        for request in (_PTRACE_SEIZE, _PTRACE_INTERRUPT):
            assert libc.ptrace(request, self.tid, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(self.tid, _WALL)

    def reaped(self):
        """Its process has ended, and is nobody's any more: it waits for us until then."""
        pid, status = os.waitpid(self.tid, _WALL | os.WNOHANG)
        return pid == self.tid and os.WIFSIGNALED(status)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("thread", "patience_s"), [("runtime", 90), ("store-writer", 240)])
async def test_a_daemon_with_a_thread_that_hangs_is_started_again(system, thread, patience_s, long):
    if thread != "runtime" and not long:
        pytest.skip("two minutes: GRPC_OS_LONG=1")
    system.start("--health-interval", "1")
    client = await system.client()
    process = await client.create_process("web", "sleep 3600")
    pid = system.daemon_pid()
    stopped = StoppedThread(pid, thread)
    # An idle thread does not hang: it is given something to do.
    asking = subprocess.Popen([system.bin / "grpc-os", "--address", system.address, "mkdir", "/asked"])
    poll(stopped.reaped, f"the daemon whose {thread} hangs is killed", patience_s)
    poll(lambda: not is_alive(pid) and system.programs("grpc-osd"), "another grpc-osd")
    system.await_api()
    log = (system.data / "logs/system/init.log").read_text().splitlines()
    assert any("it says that it does not serve" in json.loads(line)["message"] for line in log)
    assert "health checks are told NOT_SERVING" in (system.data / "logs/system/osd.jsonl").read_text()
    asking.wait()
    await system.close_clients()
    again = await system.client()
    assert (await again.get_process("web")).details.pid == process.details.pid
