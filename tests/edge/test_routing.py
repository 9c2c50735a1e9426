"""Which request goes where, and what the process and the client see of it."""

import asyncio
import collections
import json
import re
import socket

import grpc
import load
import pytest
from edge import until


def raw(port, request, source="127.0.0.1"):
    """The answer to bytes of one's own."""
    with socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0)) as connection:
        connection.sendall(request)
        answer = b""
        while block := connection.recv(65536):
            answer += block
        return answer.decode("latin-1")


def test_targets_get_their_share(served):
    names = collections.Counter(served.ask("a.test").json()["name"] for _ in range(40))
    # Each of two workers counts by itself, so a round may be unfinished in each.
    assert 28 <= names["a"] <= 32 and names["a"] + names["b"] == 40


@pytest.mark.parametrize("path, seen", [
    ("/keep", "/keep"), ("/keep/x?y=1", "/keep/x?y=1"), ("/keepx", "/keepx"), ("/keep/a%2Fb%20c", "/keep/a%2Fb%20c"),
    ("/strip", "/"), ("/strip/", "/"), ("/strip/x/y?z=%20", "/x/y?z=%20"), ("/stripx", "/stripx"),
    ("/strip/%3Fx", "/%3Fx"), ("/strip/deep/x", "/strip/deep/x"), ("/strip/deeper", "/deeper")])
def test_the_longest_path_of_whole_segments_wins(served, path, seen):
    assert served.ask("a.test", path).json()["target"] == seen


def test_a_stream_is_stripped_as_all_else(served):
    accept = {"Accept": "text/event-stream"}
    assert served.ask("a.test", "/strip/x", headers=accept).json()["target"] == "/x"
    assert served.ask("a.test", "/strip", headers=accept).json()["target"] == "/"


def test_outside_of_a_domains_paths_there_is_nothing(served):
    assert served.ask("below.test", "/only/x").status == 200
    assert served.ask("below.test", "/other").status == 404


def test_a_wildcard_is_one_label(served):
    assert served.ask("x.wild.test").status == 200
    assert served.ask("X.Wild.Test").status == 200
    for host in ("wild.test", "x.y.wild.test", ".wild.test", f"{'x' * 64}.wild.test", "xwild.test", "x.wild.test.evil"):
        assert served.ask(host).status in (400, 404), host


def test_an_unknown_host_gets_a_page(served):
    plain = served.ask("nobody.test")
    assert plain.status == 404 and plain.headers["Content-Type"].startswith("text/plain")
    html = served.ask("nobody.test", headers={"Accept": "text/html,*/*"})
    assert html.text.startswith("<!doctype html>")
    assert served.ask("nobody.test", headers={"Accept": "application/json"}).json()["status"] == 404
    assert "nginx" not in plain.text + html.text
    for hosts in (b"Host: a.test\r\nHost: a.test\r\n", b"Host: a/b\r\n", b""):
        assert raw(served.http, b"GET / HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n").startswith("HTTP/1.1 400 ")


def test_the_host_is_the_one_that_chose_the_domain(served):
    answer = raw(served.http, b"GET http://a.test/x HTTP/1.1\r\nHost: evil.test:81\r\nConnection: close\r\n\r\n")
    assert json.loads(answer.partition("\r\n\r\n")[2])["headers"]["host"] == ["a.test:81"]


def test_what_the_process_learns_of_the_client(served):
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test", "X-Real-IP": "6.6.6.6",
            "Forwarded": "for=6.6.6.6", "X-Request-ID": "mine", "Proxy": "evil:1", "Connection": "Upgrade", "Upgrade": "h2c"}
    headers = served.ask("a.test:8880", headers=lies).json()["headers"]
    assert headers["host"] == headers["x-forwarded-host"] == ["a.test:8880"]
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == ["127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["http"]
    ids = headers["x-request-id"] + served.ask("a.test", headers=lies).json()["headers"]["x-request-id"]
    assert all(re.fullmatch(r"\d+\.\d{3}-\d+-\d+-\d+", each) for each in ids) and ids[0] != ids[1], ids
    assert not {"forwarded", "proxy", "upgrade"} & set(headers)


def test_a_trusted_proxy_is_believed(served):
    request = (b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6, 1.2.3.4, 127.0.0.2\r\nX-Forwarded-Proto: https\r\n"
               b"Connection: close\r\n\r\n")
    for source, client, scheme in (("127.0.0.2", "1.2.3.4", "https"), ("127.0.0.3", "127.0.0.3", "http")):
        headers = json.loads(raw(served.http, request, source).partition("\r\n\r\n")[2])["headers"]
        assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ([client], [scheme])


def test_a_body_over_the_limit_is_413(served):
    assert served.ask("a.test", method="POST", body=b"x" * 1000).json()["body"] == 1000
    large = served.ask("a.test", method="POST", body=b"x" * 1001, headers={"Accept": "application/json"})
    assert large.status == 413 and large.json()["status"] == 413


def test_a_process_that_is_silent_is_504(served):
    assert served.ask("below.test", "/only/sleep?10").status == 200
    assert served.ask("below.test", "/only/sleep?5000").status == 504


@pytest.mark.parametrize("path, accept", [("/events", "text/event-stream"), ("/events", "*/*"), ("/chunks", "*/*")])
async def test_an_event_comes_at_once(served, path, accept):
    """The next one is a minute away: what waits for a full buffer never comes. The response has begun, with one event in it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http)
    writer.write(f"GET {path}?60000 HTTP/1.1\r\nHost: a.test\r\nAccept: {accept}\r\n\r\n".encode())
    await asyncio.wait_for(reader.readuntil(b"data: 0\n\n"), 10)
    writer.close()


async def test_websockets(served):
    websocket = load.Websocket()
    assert await websocket.open(served.http, "a.test", "/strip/socket") == 101
    for number in range(3):
        assert await websocket.echo(b"hello %d" % number) == b"hello %d" % number
    websocket.writer.close()


async def test_a_stream_may_be_silent_for_longer_than_an_answer(served):
    """below.test waits 200 ms for an answer."""
    websocket = load.Websocket()
    assert await websocket.open(served.http, "below.test", "/only/socket") == 101
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http)
    writer.write(b"GET /only/events?500 HTTP/1.1\r\nHost: below.test\r\nAccept: text/event-stream\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"data: 1\n\n"), 10)  # half a second after the first
    assert await websocket.echo(b"x") == b"x"
    writer.close()
    websocket.writer.close()


async def test_grpc(served):
    options = [("grpc.default_authority", "g.test")]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.grpc}", options=options) as channel:
        unary = channel.unary_unary("/test.Echo/Unary")
        assert await unary(b"x" * 3_000_000, timeout=10) == b"x" * 3_000_000
        stream = channel.stream_stream("/test.Echo/Stream")(timeout=10)
        for number in range(3):
            await stream.write(b"%d" % number)
            assert await stream.read() == b"%d" % number
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary("/test.Echo/None")(b"", timeout=10)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED and "found" in error.value.details().lower()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.grpc}") as channel:  # a host that there is none of
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary("/test.Echo/Unary")(b"", timeout=10)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert error.value.details() == "No domain of this name is served here."


def test_tls_is_refused_until_there_are_certificates(served):
    with socket.create_connection(("127.0.0.1", served.https)) as connection:
        import ssl
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            context.wrap_socket(connection, server_hostname="a.test")


def test_the_access_log_is_json(served):
    hostile = '/keep/"}\\%0a?<x>'
    assert raw(served.http, f"GET {hostile} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: \"\\\x01\xff\r\nConnection: close\r\n\r\n"
               .encode("latin-1")).startswith("HTTP/1.1 200")
    log = served.home / "logs/dom_a.log"
    record = until(lambda: next((r for r in map(json.loads, log.read_bytes().decode("latin-1").splitlines())
                                 if r["uri"] == hostile), None))
    assert record["status"] == 200 and record["client"] == "127.0.0.1" and record["target"].startswith("127.0.0.1:")


@pytest.mark.parametrize("part, most", [("method", 32), ("uri", 1024), ("referer", 256), ("agent", 256)])
def test_what_is_long_is_cut_in_the_log(served, part, most):
    text = {"method": "M", "uri": "/keep/", "referer": "r", "agent": "a"}
    cut, text[part] = text[part].ljust(most, "X"), text[part].ljust(7000, "X")
    request = "{method} {uri} HTTP/1.1\r\nHost: a.test\r\nReferer: {referer}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
    assert raw(served.http, request.format(**text).encode()).startswith("HTTP/1.1 200")
    log = served.home / "logs/dom_a.log"
    record = until(lambda: next((r for r in map(json.loads, log.read_bytes().decode("latin-1").splitlines())
                                 if r[part].startswith(cut)), None))
    assert record == {**record, **text, part: cut}
