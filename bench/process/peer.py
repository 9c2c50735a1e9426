"""supervisord, with a configuration and a socket of its own."""

import http.client
import pathlib
import signal
import socket
import subprocess
import xmlrpc.client

from clock import wait_until

SUPERVISORD = "/usr/bin/supervisord"
SUPERVISORCTL = "/usr/bin/supervisorctl"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path):
        super().__init__()
        self._path = path

    def make_connection(self, host):
        return _UnixConnection(self._path)


class Supervisord:
    """`with Supervisord(home, programs) as peer:`; `programs` is what its configuration says to run."""

    def __init__(self, home, programs):
        self.home = pathlib.Path(home)
        self.home.mkdir()
        (self.home / "log").mkdir()
        self._socket = f"{self.home}/sock"
        self.configuration = f"{self.home}/supervisord.conf"
        pathlib.Path(self.configuration).write_text(
            f"""[unix_http_server]
file={self._socket}
[supervisord]
nodaemon=true
silent=true
logfile={self.home}/supervisord.log
pidfile={self.home}/supervisord.pid
childlogdir={self.home}/log
minfds=4096
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{self._socket}
{programs}"""
        )
        self._process = None

    @property
    def rpc(self):
        """A connection of its own at each use."""
        return xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(self._socket))

    def command_line(self, *arguments):
        return [SUPERVISORCTL, "-c", self.configuration, *arguments]

    def answers(self):
        try:
            return self.rpc.supervisor.getState()["statename"] == "RUNNING"
        except OSError:
            return False

    def __enter__(self):
        self._process = subprocess.Popen(
            [SUPERVISORD, "-c", self.configuration], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        wait_until(self.answers, "supervisord answers")
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)  # ends its processes too
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def program(name, arguments, copies=1, autostart=False, log="AUTO"):
    """A section of the configuration. startsecs=0, because its default waits a second before each restart."""
    command = " ".join(str(argument) for argument in arguments)
    name_of_copy = "%(process_num)03d" if copies > 1 else name
    return f"""[program:{name}]
command={command}
numprocs={copies}
process_name={name_of_copy}
autostart={"true" if autostart else "false"}
autorestart=true
startsecs=0
stdout_logfile={log}
"""
