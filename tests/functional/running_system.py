"""A gRPC OS of its own for one test: real programs, a temporary data directory, any free port."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from grpc_os import GrpcOSClient

_PR_SET_CHILD_SUBREAPER = 36

# Systems run beside each other: none has the ports of the defaults.
EDGE_SETTINGS = {
    "EDGE_HTTP_PORT": "0",
    "EDGE_HTTPS_PORT": "0",
    "EDGE_GRPC_PORT": "0",
    "EDGE_ADDRESS": "127.0.0.1",
}

# For things that take milliseconds on an idle machine.
PATIENCE_S = 30.0


def poll(condition, what, patience_s=PATIENCE_S, every_s=0.01):
    """Waits until `condition()` gives something true, and gives it."""
    end = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"still not after {patience_s:g} s: {what}")
        time.sleep(every_s)


def bin_dir():
    path = pathlib.Path(os.environ.get("GRPC_OS_BIN_DIR", pathlib.Path(__file__).parents[2] / "build/release/bin"))
    if not (path / "grpc-os-init").exists():
        raise RuntimeError(f"no programs in {path}; `make build`, or set GRPC_OS_BIN_DIR")
    return path


def stat_fields(pid):
    """Of /proc/PID/stat, from the third on (state, ppid, …); None if there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def start_time(pid):
    """Tells two processes with the same pid apart; None if there is no such process."""
    fields = stat_fields(pid)
    return fields and fields[19]


def descendants():
    """The living processes below this one. It is their subreaper, so that none gets away."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat_fields(entry)):
            children.setdefault(int(fields[1]), []).append((int(entry), fields[0]))
    found, queue = [], [os.getpid()]
    while queue:
        for pid, state in children.get(queue.pop(), []):
            queue.append(pid)
            if state not in "ZX":
                found.append(pid)
    return found


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def reap_orphans(but_not=()):
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) not in but_not:
            fields = stat_fields(entry)
            if fields and fields[0] == "Z" and int(fields[1]) == os.getpid():
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(int(entry), os.WNOHANG)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class DidNotStart(Exception):
    """init ended: `code` and what it `said`."""

    def __init__(self, code, said):
        super().__init__(f"grpc-os-init ended with {code}: {said}")
        self.code = code
        self.said = said


class RunningSystem:
    """`with RunningSystem() as system:` starts one; nothing of it is left afterwards, or the test fails."""

    def __init__(self, directory=None):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.bin = bin_dir()
        self._made = directory is None
        # Short, because the path of a socket is.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="gos-"))
        self.data = pathlib.Path(directory or self.home / "data")
        # Not the machine's; there once a test makes it.
        self.config = self.home / "config"
        self.init = None
        self._launches = 0
        self._clients = []
        self._foreign = set(descendants())
        self._cgroups = set()

    @property
    def address(self):
        return f"unix:{self.data}/run/api.sock"

    @property
    def said(self):
        """What init wrote to its standard output and error, since the test began."""
        path = self.home / "init.said"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def port(self):
        """Of TCP. Written after the Unix socket takes connections."""
        return self._written_port("grpc")

    @property
    def http_port(self):
        return self._written_port("http")

    def _written_port(self, kind):
        path = self.data / f"run/{kind}.port"
        # The one that is left of an earlier start is replaced a moment after the Unix socket takes connections.
        poll(lambda: path.exists() and (self._launches == 1 or listens(int(path.read_text()))), f"{path} is there")
        return int(path.read_text())

    def edge_port(self, kind="http"):
        """On which the edge serves "http", "https" or "grpc"."""
        path = self.data / f"run/edge.{kind}.port"
        poll(path.exists, f"{path} is there")
        return int(path.read_text())

    def launch(self, *arguments, grpc_port=0, http_port=0, environment=None):
        """Starts init without waiting for anything. A port that is None is that of its settings."""
        ports = {"--grpc-port": grpc_port, "--http-port": http_port}
        self._launches += 1
        with open(self.home / "init.said", "ab") as said:
            self.init = subprocess.Popen(
                [
                    *(self.bin / "grpc-os-init", "--data-dir", self.data),
                    *(word for option, port in ports.items() if port is not None for word in (option, str(port))),
                    *("--domains-file", self.home / "domains.conf"),
                    *("--config-dir", self.config),
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                env={**os.environ, **EDGE_SETTINGS, **(environment or {})},
            )
        return self.init

    def start(self, *arguments, **options):
        """Starts init and waits until the API answers. DidNotStart if init ends instead."""
        self.launch(*arguments, **options)
        self.await_api()
        group = pathlib.Path(f"/proc/{self.init.pid}/cgroup").read_text().strip().splitlines()[-1].split(":", 2)[2]
        self._cgroups.add(group.removesuffix("/control"))
        return self

    def answers(self):
        """Whether there is a grpc-osd and its socket takes connections: a killed one's does until its last thread has ended."""
        if not self.programs("grpc-osd"):
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.data / "run/api.sock")) == 0

    def await_api(self):
        def answers_or_ended():
            if self.init is not None and self.init.poll() is not None:
                raise DidNotStart(self.init.returncode, self.said)
            return self.answers()

        try:
            poll(answers_or_ended, "the API answers")
        except AssertionError as error:
            raise AssertionError(f"{error}; init said: {self.said}") from None

    def copy_data(self, name="copy"):
        """Copies the data directory, as a person does it while the system runs; gives the copy's path."""
        subprocess.run(["cp", "-r", self.data, self.home / name], check=True, capture_output=True)
        return self.home / name

    async def client(self, **options):
        """A logged-in client. The system closes it."""
        client = self.anonymous(**options)
        await client.login_peer()
        return client

    def anonymous(self, address=None, **options):
        client = GrpcOSClient(address or self.address, **options)
        self._clients.append(client)
        return client

    def cli(self, *arguments, input=None, timeout=60, **options):
        """Runs `grpc-os --address … ARGUMENT…`; gives the CompletedProcess with text output."""
        return subprocess.run(
            [self.bin / "grpc-os", "--address", self.address, *arguments],
            input=input if input is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "HOME": str(self.home), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": "", "NO_COLOR": "1"},
            **options,
        )

    def programs(self, name):
        """The pids of grpc-osd, grpc-os-supervise or grpc-os-init of this data directory."""
        return [
            pid
            for pid in descendants()
            if (words := command_line(pid))
            and os.path.basename(words[0]) == name
            and any(word == str(self.data) or word.startswith(f"{self.data}/") for word in words)
        ]

    def daemon_pid(self):
        pids = self.programs("grpc-osd")
        assert len(pids) == 1, f"one grpc-osd was expected, there are {pids}"
        return pids[0]

    def kill_daemon(self):
        """SIGKILL to grpc-osd; returns once another one answers."""
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        poll(lambda: not is_alive(pid) and self.programs("grpc-osd"), "another grpc-osd")
        self.await_api()

    def stop(self):
        """SIGTERM to init: ends the control plane, leaves the processes."""
        self.init.terminate()
        code = self.init.wait(PATIENCE_S)
        self.init = None
        return code

    def stop_all(self):
        """`--stop-all`; gives its exit code."""
        done = subprocess.run(
            [self.bin / "grpc-os-init", "--data-dir", self.data, "--stop-all"], capture_output=True, text=True, timeout=120
        )
        if self.init is not None:
            self.init.wait(PATIENCE_S)
            self.init = None
        assert done.returncode == 0, f"--stop-all ended with {done.returncode}: {done.stdout}{done.stderr}"

    def leftovers(self):
        reap_orphans(but_not=[self.init.pid] if self.init else [])
        return [pid for pid in descendants() if pid not in self._foreign]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        problems = []
        try:
            if (self.data / "run").is_dir() and self.leftovers():
                self.stop_all()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            problems.append(str(error))
        with contextlib.suppress(AssertionError):
            poll(lambda: not self.leftovers(), "nothing is left", 5)
        for pid in self.leftovers():
            problems.append(f"left behind: {pid} {command_line(pid)}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(AssertionError):
            poll(lambda: not self.leftovers(), "nothing is left", 5)
        self.init = None
        problems += self._remove_cgroups()
        if problems and kind is not None:
            print("\n".join(problems))
        shutil.rmtree(self.home, ignore_errors=True)
        if problems and kind is None:
            raise AssertionError("; ".join(problems) + f"; init said: {self.said}")

    def _remove_cgroups(self):
        left = []
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            for group in self._cgroups:
                path = pathlib.Path(root + group)
                if not path.name.startswith("grpc-os-") or not path.is_dir():
                    continue
                left.append(f"left behind: cgroup {path}")
                for directory, _, _ in os.walk(path, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(directory)
        return left

    async def close_clients(self):
        for client in self._clients:
            await client.close()
        self._clients.clear()
