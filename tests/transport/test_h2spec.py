"""h2spec, strict, against grpc-osd's TCP and TLS ports and, in the same run, against nghttpd, nghttp2's own server."""

import contextlib
import socket
import subprocess
import xml.etree.ElementTree

from conftest import GO_BIN
from running_system import poll

# What fails, and why that is right.
EXPLAINED = {
    # A HEADERS frame on stream 3 after stream 5 was opened: nghttp2 takes the stream for closed and ignores the frame
    # instead of ending the connection. It has no effect, and nghttpd does the same.
    ("http2/5.1.1", "Sends stream identifier that is numerically smaller than previous"),
}


def h2spec(port, report, *options):
    """How many cases passed, and all others."""
    done = subprocess.run(
        [GO_BIN / "h2spec", "--strict", "--port", str(port), "--junit-report", report, *options],
        capture_output=True,
        text=True,
        timeout=100,
    )
    cases = list(xml.etree.ElementTree.parse(report).getroot().iter("testcase"))
    assert cases, done.stdout + done.stderr
    others = {(case.get("package"), case.get("classname")) for case in cases if len(case)}
    print(done.stdout.splitlines()[-1])
    return len(cases) - sum(1 for case in cases if len(case)), others


@contextlib.contextmanager
def nghttpd(directory):
    # It takes no port 0.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (directory / "index.html").write_text("nghttp2\n")
    server = subprocess.Popen(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", directory, str(port)])

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        poll(answers, "nghttpd answers")
        yield port
    finally:
        server.terminate()
        server.wait()


def test_as_much_of_http2_as_nghttp2s_own_server(system, tmp_path):
    ours, failed = h2spec(system.port, tmp_path / "ours.xml")
    tls_port = int((system.data / "run/grpc.tls.port").read_text())
    encrypted, failed_encrypted = h2spec(tls_port, tmp_path / "encrypted.xml", "--tls", "--insecure")
    with nghttpd(tmp_path) as port:
        theirs, _ = h2spec(port, tmp_path / "theirs.xml")
    assert failed | failed_encrypted <= EXPLAINED
    assert min(ours, encrypted) >= theirs > 140
