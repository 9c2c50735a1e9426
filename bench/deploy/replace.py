"""From the command until a program of which one file has changed answers: `register-process` beside supervisord's `update`."""

import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

from peer import Supervisord, program
from running_system import RunningSystem

APP = """
import http.server, os, pathlib
VERSION = pathlib.Path(__file__).with_name("version.txt").read_bytes()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(VERSION)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
PATIENCE_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_answer(port, version):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                if answer.read() == version:
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.002)
    raise AssertionError(f"{port} does not answer as {version!r}")


class Directory:
    """A program with 50 files beside it; each version differs in one of them, and in one variable."""

    def __init__(self, path, port):
        self.path, self.port = path, port
        path.mkdir()
        (path / "app.py").write_text(APP)
        for number in range(50):
            (path / f"module{number}.py").write_bytes(os.urandom(8192))

    def write(self, version):
        (self.path / "version.txt").write_bytes(version)


def measure(home, rounds):
    """The seconds of both, by turns: [(ours, theirs)]."""
    ours = Directory(pathlib.Path(home, "ours"), free_port())
    theirs = Directory(pathlib.Path(home, "theirs"), free_port())
    (ours.path / "process.yml").write_text(
        f"name: web\ncommand: python3 app.py\nenvironment:\n  PORT: {ours.port}\nready: tcp\n"
    )
    section = program("web", ["python3", theirs.path / "app.py"], autostart=True)
    section += f'environment=PORT="{theirs.port}",ROUND="0"\n'
    pairs = []
    ours.write(b"0")
    theirs.write(b"0")
    with RunningSystem() as system, Supervisord(pathlib.Path(home, "peer"), section) as peer:
        system.start()
        environment = {"PATH": os.environ["PATH"], "HOME": str(system.home), "LANG": "C.UTF-8"}
        register = [system.bin / "grpc-os", "--address", system.address, "register-process", ours.path]
        system.cli("register-process", str(ours.path))
        await_answer(ours.port, b"0")
        await_answer(theirs.port, b"0")
        configuration = pathlib.Path(peer.configuration)
        for number in range(1, rounds + 1):
            version = str(number).encode()
            ours.write(version)
            theirs.write(version)
            # supervisord takes up what changed in its configuration alone.
            configuration.write_text(re.sub(r'ROUND="\d+"', f'ROUND="{number}"', configuration.read_text()))
            times = []
            for command, port in ((register, ours.port), (peer.command_line("update"), theirs.port)):
                begin = time.monotonic()
                subprocess.run(command, check=True, capture_output=True, env=environment)
                await_answer(port, version)
                times.append(time.monotonic() - begin)
            pairs.append(tuple(times))
    return pairs
