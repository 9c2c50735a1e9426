"""DeployService in few words, bundles made by Python's tarfile, and a program to deploy."""

import contextlib
import hashlib
import io
import tarfile
import urllib.error
import urllib.request

from objects_api import objects_of
from raw_calls import RawCalls
from running_system import command_line, descendants

# Answers with its bundle's version.txt and its own pid, once the file `slow` does not say otherwise.
APP = """
import http.server, os, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(pathlib.Path("version.txt").read_bytes())
    def log_message(self, *_):
        pass
print("begins", pathlib.Path("version.txt").read_text(), flush=True)
if os.path.exists("broken.txt"):
    sys.stderr.write("cannot do it\\n")
    while True: __import__("time").sleep(1000)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
COMMAND = "python3 app.py --marker-of-deploys"


def archive(files):
    """The archive of these files (name: text, bytes or, for a link, a tuple of its target)."""
    names = set(files)
    for name in files:
        names.update(name[:at] for at, byte in enumerate(name) if byte == "/")
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(names, key=lambda name: name.encode().split(b"/")):
            info = tarfile.TarInfo(name)
            content = files.get(name)
            if name not in files:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, tuple):
                info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, content[0]
            else:
                content = content.encode() if isinstance(content, str) else content
                info.size, info.mode = len(content), 0o644
                tar.addfile(info, io.BytesIO(content))
                continue
            tar.addfile(info)
    return raw.getvalue()


def app(version, **more):
    return {"app.py": APP, "version.txt": version, **more}


def copies():
    """The pids of all running instances of COMMAND."""
    return [pid for pid in descendants() if command_line(pid)[-1:] == ["--marker-of-deploys"] and command_line(pid)[0] != "sh"]


class Deploys:
    def __init__(self, raw, objects):
        self.raw = raw
        self.objects = objects

    def call(self, method, **fields):
        return self.raw.call("DeployService", method, **fields)

    async def upload(self, files):
        content = files if isinstance(files, bytes) else archive(files)
        digest = hashlib.sha256(content).hexdigest()
        await self.objects.put(f"/bundles/{digest}", content)
        return digest

    async def begin(self, name, files=None, command=COMMAND, timeout_s=20, no_rollback=False, **spec):
        """Without files: no bundle."""
        if files is not None:
            spec["bundle"] = await self.upload(files)
        spec.setdefault("auto_port", True)
        spec.setdefault("ready", {"timeout": {"seconds": timeout_s}})
        return await self.call(
            "DeployProcess", process=name, spec={"command": command, **spec}, no_rollback=no_rollback
        )

    async def end(self, revision):
        """Waits until it is not being deployed any more."""
        while revision.state == revision.STATE_DEPLOYING:
            revision = await self.call("WaitRevision", process=revision.process, number=revision.number)
        return revision

    async def deploy(self, name, files=None, **fields):
        return await self.end(await self.begin(name, files, **fields))

    async def revisions(self, name):
        return list((await self.call("ListRevisions", process=name)).revisions)

    async def process(self, name):
        return await self.raw.call("ProcessService", "GetProcess", name=name)

    async def answer(self, name):
        port = (await self.process(name)).status.port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            return answer.read().decode()


@contextlib.asynccontextmanager
async def deploys_of(system, token=None):
    token = token or (await system.client()).token
    raw = RawCalls(system.address, token)
    async with objects_of(system) as objects:
        yield Deploys(raw, objects)
    await raw.close()
