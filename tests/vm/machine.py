"""A Debian 12 of its own for a test: QEMU, a disk that outlives it, a serial line to run commands, a port to the API."""

import asyncio
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import grpc
import running_system
from grpc_os import GrpcOSClient

# Emulated, and beside a build: what takes a second on the host may take a minute.
BOOT_S = 300.0
PATIENCE_S = 120.0
poll = functools.partial(running_system.poll, patience_s=PATIENCE_S, every_s=0.5)
DATA = "/var/lib/grpc-os"
# On one the packages are installed, on the other only what they need is (scripts/vm/image.sh).
INSTALLED, BARE = "disk.img", "disk-bare.img"


def image_dir():
    path = pathlib.Path(os.environ.get("GRPC_OS_VM_DIR", pathlib.Path(__file__).parents[2] / "build/vm"))
    if not (path / INSTALLED).exists():
        raise RuntimeError(f"no disk in {path}; `make verify-vm` makes it")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Machine:
    """`with Machine() as machine:` makes a disk; `boot` and `cut_power` or `power_off` as often as needed."""

    def __init__(self, disk=INSTALLED):
        self._images = image_dir()
        self._home = pathlib.Path(tempfile.mkdtemp(prefix="gos-vm-"))
        self._disk = self._home / "disk.img"
        subprocess.run(
            ["cp", "--sparse=always", "--reflink=auto", self._images / disk, self._disk], check=True
        )
        self._qemu = None
        self._line = None
        self._received = b""
        self._requests = 0
        self.boots = 0
        self.port = 0
        self.http_port = 0  # of the edge: where domains are served

    # ---- Power -------------------------------------------------------------------------------------------------------

    def boot(self, serves=True):
        """Switches it on and waits until commands can be run and, if it `serves`, gRPC OS takes connections."""
        # Not the smaller machine type microvm: without HPET and PM timer, a kernel on a busy host may fail to find the
        # speed of its clock and hang.
        assert self._qemu is None, "the machine is on"
        self.boots += 1
        self.port, self.http_port = free_port(), free_port()
        forwards = f"hostfwd=tcp:127.0.0.1:{self.port}-10.0.2.15:50051,hostfwd=tcp:127.0.0.1:{self.http_port}-10.0.2.15:8880"
        line = self._home / "line"
        line.unlink(missing_ok=True)
        with open(self._home / "console", "ab") as console:
            self._qemu = subprocess.Popen(
                [
                    "qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-accel", "tcg,thread=multi",
                    "-smp", "2", "-m", "1536", "-display", "none", "-no-reboot",
                    "-kernel", self._images / "vmlinuz", "-initrd", self._images / "initrd",
                    "-append", "root=/dev/vda rw console=ttyS0 mitigations=off random.trust_cpu=on tsc=reliable",
                    # What the guest flushes is in the file: the host's memory outlives a killed QEMU.
                    "-drive", f"id=disk,file={self._disk},if=none,format=raw,cache=writethrough",
                    "-device", "virtio-blk-pci,drive=disk",
                    "-netdev", f"user,id=net,restrict=on,{forwards}",
                    "-device", "virtio-net-pci,netdev=net",
                    "-serial", "stdio",
                    "-device", "virtio-serial-pci",
                    "-chardev", f"socket,id=tests,path={line},server=on,wait=off",
                    "-device", "virtserialport,chardev=tests,name=tests",
                ],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        poll(lambda: line.exists() or self._qemu.poll() is not None, "QEMU listens for its serial line")
        self._received = b""
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(str(line))
        assert self._receive(BOOT_S) == {"hello": True}
        if serves:
            self.wait_until_it_serves()
        return self

    def wait_until_it_serves(self):
        poll(self.serves, f"gRPC OS takes connections; systemd says: {self._unit_status()}", patience_s=BOOT_S)

    def serves(self):
        """Whether gRPC OS takes connections."""
        script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
        return self.run("python3", "-c", script, f"{DATA}/run/api.sock", check=False).returncode == 0

    def _unit_status(self):
        return self.run("systemctl", "status", "--no-pager", "--lines=5", "grpc-os", check=False).stdout

    def cut_power(self):
        """What was not flushed is lost."""
        self._qemu.send_signal(signal.SIGKILL)
        self._ended()

    def power_off(self):
        """As an administrator does."""
        self._send({"id": 0, "command": ["systemctl", "poweroff"], "input": "", "timeout": 60})
        try:
            self._qemu.wait(BOOT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not power off; its console: {self.console()[-2000:]}") from None
        self._ended()

    def _ended(self):
        self._qemu.wait()
        self._qemu = None
        self._line.close()

    def console(self):
        return (self._home / "console").read_text(errors="replace")

    # ---- Commands ----------------------------------------------------------------------------------------------------

    def run(self, *command, input="", check=True, timeout=PATIENCE_S):
        """Runs a command in it as root; gives the CompletedProcess with text output."""
        self._requests += 1
        request = {"id": self._requests, "command": list(command), "input": input, "timeout": timeout}
        self._send(request)
        while (answer := self._receive(timeout + PATIENCE_S)).get("id") != self._requests:
            pass
        if check and answer["code"] != 0:
            raise AssertionError(f"{command} ended with {answer['code']}: {answer['out']}{answer['err']}")
        return subprocess.CompletedProcess(command, answer["code"], answer["out"], answer["err"])

    def sh(self, script):
        """Output of a shell script."""
        return self.run("sh", "-c", script).stdout.strip()

    def cli(self, *arguments):
        """`grpc-os ARGUMENT…` by root."""
        return self.run("env", "HOME=/root", f"GRPC_OS_ADDRESS=unix:{DATA}/run/api.sock", "grpc-os", *arguments)

    def kill(self, pid, signal_name):
        self.sh(f"kill -{signal_name} {pid}")

    def read(self, path):
        return self.run("cat", path).stdout

    def property(self, name, unit="grpc-os.service"):
        return self.sh(f"systemctl show --property={name} --value {unit}")

    def _send(self, message):
        self._line.settimeout(PATIENCE_S)
        self._line.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self, patience_s):
        end = time.monotonic() + patience_s
        while b"\n" not in self._received:
            self._line.settimeout(max(end - time.monotonic(), 0.01))
            try:
                data = self._line.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                raise AssertionError(f"nothing came over the serial line; the console: {self.console()[-2000:]}")
            self._received += data
        message, _, self._received = self._received.partition(b"\n")
        return json.loads(message)

    # ---- Processes in it ---------------------------------------------------------------------------------------------

    def stat(self, pid):
        """Of /proc/PID/stat, from the third field on (state, ppid, …); None if there is no such process."""
        text = self.sh(f"cat /proc/{pid}/stat 2>/dev/null || true")
        return text.rpartition(")")[2].split() or None

    def start_time(self, pid):
        """Tells two processes with the same pid apart."""
        fields = self.stat(pid)
        return fields and fields[19]

    def identity(self, pid):
        return pid, self.start_time(pid)

    def cgroup(self, pid):
        """The path of its cgroup below /sys/fs/cgroup."""
        return self.read(f"/proc/{pid}/cgroup").strip().removeprefix("0::")

    def pid_of(self, program):
        """Of the one process that executes a program of ours."""
        pids = self.sh(f"for e in /proc/[0-9]*/exe; do [ \"$(readlink $e)\" = /usr/bin/{program} ] && echo $e; done; true")
        pids = [int(path.split("/")[2]) for path in pids.split()]
        assert len(pids) == 1, f"one {program} was expected, there are {pids}"
        return pids[0]

    @functools.cached_property
    def _token(self):
        """Of the machine's root, who needs no password on its local socket; the API is reached over TCP."""
        return self.cli("token", "create", "--label", "tests").stdout.strip()

    # ---- Life --------------------------------------------------------------------------------------------------------

    async def client(self, patience_s=BOOT_S):
        """With a token, once the API answers; to be closed."""
        end = time.monotonic() + patience_s
        while True:
            client = GrpcOSClient(f"127.0.0.1:{self.port}", token=self._token, timeout=PATIENCE_S)
            try:
                await client.whoami()
                return client
            except (grpc.RpcError, AssertionError):
                await client.close()
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(0.5)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.console()[-4000:])
        if self._qemu is not None:
            with contextlib.suppress(ProcessLookupError):
                self.cut_power()
        shutil.rmtree(self._home, ignore_errors=True)
