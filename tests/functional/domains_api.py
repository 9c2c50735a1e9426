"""DomainService in few words, processes to be served, and requests to the edge."""

import asyncio
import contextlib
import http.client
import json
import pathlib
import shlex
import socket
import sys

from raw_calls import RawCalls

BACKEND = pathlib.Path(__file__).parents[1] / "edge/backend.py"
PENDING, ACTIVE, REJECTED = 1, 2, 3
UP, AWAY, STOPPED, DRAINING, MISSING = 1, 2, 3, 4, 5


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def backend(kind, name):
    """A command that answers on the PORT of its environment what it was asked, with its name."""
    return shlex.join(["sh", "-c", f"exec {sys.executable} {BACKEND} {kind} {name} $PORT"])


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        assert self.status == 200, (self.status, self.body)
        return json.loads(self.body)


class Domains:
    def __init__(self, system, raw):
        self.system = system
        self.raw = raw

    def call(self, method, **fields):
        return self.raw.call("DomainService", method, **fields)

    def process(self, method, **fields):
        return self.raw.call("ProcessService", method, **fields)

    async def run(self, name, kind="http", ready=True, **spec):
        """A backend of this name, on a port that is chosen for it unless it is given one."""
        if not {"port", "auto_port", "environment"} & spec.keys():
            spec["auto_port"] = True
        created = await self.process("CreateProcess", process={"name": name, "spec": {"command": backend(kind, name), **spec}})
        if ready:
            await self.process("WaitProcess", name=name, condition=2, timeout={"seconds": 20})
        return created

    async def assign(self, name, process, port=0, **fields):
        return await self.call("AssignDomain", name=name, process=process, port=port, **fields)

    async def get(self, name):
        return await self.call("GetDomain", name=name)

    async def names(self):
        return [domain.name for domain in (await self.call("ListDomains", page_size=1000)).domains]

    async def fetch(self, host, path="/", method="GET", body=None, **headers):
        """What the edge answers. Header names are given with _ for -."""
        fields = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}

        def request():
            connection = http.client.HTTPConnection("127.0.0.1", self.system.edge_port(), timeout=30)
            with contextlib.closing(connection):
                connection.request(method, path, body=body, headers=fields)
                response = connection.getresponse()
                return Answer(response.status, response.headers, response.read())

        return await asyncio.to_thread(request)

    async def served_by(self, host, path="/"):
        """The name of the backend that answers."""
        return (await self.fetch(host, path)).json["name"]


@contextlib.asynccontextmanager
async def domains_of(system, token=None):
    raw = RawCalls(system.address, token or (await system.client()).token)
    yield Domains(system, raw)
    await raw.close()
