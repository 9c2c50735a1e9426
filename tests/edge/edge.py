"""An edge of one's own: nginx on files that edge-render wrote, backends behind it, and the private socket."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path(os.environ.get("GRPC_OS_BIN_DIR", HERE.parents[1] / "build/release/bin"))


def until(fact, seconds=20):
    """Waits for a fact that becomes true, and gives it."""
    end = time.monotonic() + seconds
    while not (value := fact()):
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.01)
    return value


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Backend:
    def __init__(self, kind, name, port=0, backlog=1024):
        self.kind, self.name = kind, name
        self.process = subprocess.Popen([sys.executable, HERE / "backend.py", kind, name, str(port), str(backlog)],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.target = f"127.0.0.1:{self.port}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def again(self):
        """One more on the same port, after kill()."""
        return Backend(self.kind, self.name, self.port)


class PrivateConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode("latin-1")

    def json(self):
        return json.loads(self.text)


class Edge:
    def __init__(self, **settings):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="edge-"))
        self.http, self.https, self.grpc = free_ports(3)
        self.settings = {"http": f"127.0.0.1:{self.http}", "https": f"127.0.0.1:{self.https}",
                         "grpc": f"127.0.0.1:{self.grpc}", **settings}
        self.generation, self.domains, self.backends, self.nginx = 0, [], [], None

    def domain(self, domain_id, name, *routes, **fields):
        """The routes are lines of edge-render: "/api strip"; without one, "/"."""
        words = " ".join(("grpc" if key == "grpc" else f"{key}={value}") for key, value in fields.items())
        self.domains = [lines for lines in self.domains if not lines.startswith(f"domain {domain_id} ")]
        self.domains.append("\n".join([f"domain {domain_id} {name} {words}", *(f"route {r}" for r in routes or ["/"])]))

    def render(self):
        self.generation += 1
        settings = {**self.settings, "generation": self.generation}
        lines = [f"setting {key} {value}" for key, value in settings.items()]
        subprocess.run([PROGRAMS / "edge-render", self.home], input="\n".join(lines + self.domains) + "\n",
                       text=True, check=True)

    def start(self):
        self.render()
        self.launch()
        return self

    def launch(self):
        for stale in (self.home / "run").glob("*.sock"):
            stale.unlink()
        self.nginx = subprocess.Popen(["nginx", "-p", ".", "-e", "stderr", "-c", "conf/live/nginx.conf",
                                       "-g", "error_log logs/error.log warn;"], cwd=self.home,
                                      stderr=(self.home / "logs/start.log").open("a"))
        until(lambda: self.nginx.poll() is not None or self.acknowledged(), 10)
        assert self.nginx.poll() is None, (self.home / "logs/start.log").read_text()

    def reload(self):
        """Renders a new generation; returns once it is acknowledged."""
        self.render()
        self.nginx.send_signal(signal.SIGHUP)
        until(self.acknowledged)

    def workers(self):
        """[(pid, generation, state)]"""
        lines = [line.split() for line in self.private("GET", "/status").text.splitlines()]
        return [(int(line[1]), int(line[2]), line[3]) for line in lines if line[0] == "worker"]

    def acknowledged(self):
        """A worker of this generation accepts, and none of another one."""
        try:
            accepting = {generation for _, generation, state in self.workers() if state == "accepting"}
        except OSError:
            return False
        return accepting == {self.generation}

    def waiting(self, domain=None):
        """(requests, bytes) that wait, in all or of a domain."""
        for line in self.private("GET", "/status").text.splitlines():
            words = line.split()
            if words[0] == "waiting" and (words[1] == domain if domain else len(words) == 3):
                return int(words[-2]), int(words[-1])
        return 0, 0

    def inflight(self, name, target):
        requests, streams = self.private("GET", f"/inflight?{name}={target}").text.split()
        return int(requests), int(streams)

    def private(self, method, path, body=None):
        connection = PrivateConnection(os.path.relpath(self.home / "run/private.sock"))
        try:
            connection.request(method, path, body=body)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def set(self, *lines):
        answer = self.private("POST", "/endpoints", "\n".join(lines) + "\n")
        assert answer.status == 200, answer.text

    def up(self, name, *backends):
        self.set(f"{name} up " + " ".join(f"{b.target}:1" for b in backends))

    def backend(self, kind="http", name="a", port=0, backlog=1024):
        self.backends.append(Backend(kind, name, port, backlog))
        return self.backends[-1]

    def ask(self, host, path="/", method="GET", body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers={"Host": host, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def end(self):
        if self.nginx and self.nginx.poll() is None:
            self.nginx.terminate()
            self.nginx.wait()
        for backend in self.backends:
            if backend.process.poll() is None:
                backend.kill()
        shutil.rmtree(self.home)

    def errors(self):
        return (self.home / "logs/error.log").read_text()
