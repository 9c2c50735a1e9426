"""What the document starts and does not show: programs that answer on their PORT."""

import json
import subprocess
import urllib.error
import urllib.request

APP = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.environ['PORT']} DEBUG={os.environ.get('DEBUG')}".encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def answer(port, host="localhost", path="/"):
    """The status and the text of a GET for a host."""
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host}), timeout=20) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def must(done: subprocess.CompletedProcess):
    """What a command said that did what it was to do."""
    assert done.returncode == 0, f"{done.args} ended with {done.returncode}: {done.stderr}{done.stdout}"
    return done.stdout


def process(system, name):
    """The process as the API shows it."""
    return json.loads(must(system.cli("ps", name, "-o", "json")))["processes"][0]


def start_app(system, directory, name, port, id=None):
    """A process that answers on a port, perhaps with an id that the document names; returns once it is ready."""
    (directory / "app.py").write_text(APP)
    must(system.cli("start", name, "python app.py", f"PORT={port}", *(("--id", id) if id else ()), cwd=directory))
    must(system.cli("wait", name, "--for", "ready"))
