"""Requests wait for a process that is away instead of failing."""

import collections
import concurrent.futures
import socket
import threading
import time

import grpc
import load
import pytest
from edge import free_ports, until


@pytest.fixture
def one(edge):
    """a.test with one backend at dom_a_0, g.test at dom_g_0."""
    edge.settings.update(silent_ms=600)
    return started(edge)


@pytest.fixture
def small(edge):
    """The same, where few requests may wait."""
    edge.settings.update(waiting_of_domain=40, waiting_bytes_of_domain=100_000, waiting=60)
    return started(edge)


def started(edge):
    edge.domain("dom_a", "a.test", hold_ms=20_000)
    edge.domain("dom_b", "b.test", hold_ms=20_000)
    edge.domain("dom_g", "g.test", grpc=True, hold_ms=20_000)
    edge.domain("dom_short", "short.test", hold_ms=100)
    edge.domain("dom_none", "none.test", hold_ms=0)
    return edge.start()


class KeepSeen:
    """As grpc-osd does: asks for the status, so that the edge knows that somebody keeps the endpoints."""

    def __init__(self, edge):
        self.edge, self.stop = edge, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.wait(0.05):
            self.edge.workers()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def in_background(function, *arguments, **options):
    executor = concurrent.futures.ThreadPoolExecutor(1)
    future = executor.submit(function, *arguments, **options)
    executor.shutdown(wait=False)
    return future


def test_nothing_fails_while_a_process_is_away(one):
    backend, call = one.backend(), one.backend("grpc", "g")
    one.set(f"dom_a_0 up {backend.target}:1", f"dom_g_0 up {call.target}:1")
    with load.running(load.Get(one.http, "a.test", rate=40), load.Post(one.http, "a.test", rate=20),
                      load.Grpc(one.grpc, "g.test", rate=30)) as loads:
        until(lambda: all(each.report.outcomes for each in loads))
        # Taken out first, as a stop does.
        one.set(f"dom_a_0 away {backend.target}:1", f"dom_g_0 away {call.target}:1")
        until(lambda: one.inflight("dom_a_0", backend.target)[0] == one.inflight("dom_g_0", call.target)[0] == 0)
        backend.kill(), call.kill()
        until(lambda: one.waiting("dom_a")[0] >= 10 and one.waiting("dom_g")[0] >= 5)
        backend, call = one.backend(port=backend.port), one.backend("grpc", "g", call.port)
        one.set(f"dom_a_0 up {backend.target}:1", f"dom_g_0 up {call.target}:1")
        until(lambda: one.waiting() == (0, 0))
    assert [each.report.failed() for each in loads] == [0] * 3, [each.report for each in loads]
    assert [each.report.unanswered() for each in loads] == [0] * 3


def test_a_process_that_crashes_loses_what_it_had_in_hand_alone(one):
    backend, call = one.backend(), one.backend("grpc", "g")
    one.set(f"dom_a_0 up {backend.target}:1", f"dom_g_0 up {call.target}:1")
    loads = (load.Get(one.http, "a.test", rate=40, path="/sleep?100"), load.Post(one.http, "a.test", rate=20, path="/sleep?100"),
             load.Grpc(one.grpc, "g.test", rate=30))
    with load.running(*loads):
        until(lambda: all(each.report.outcomes for each in loads))
        backend.kill(), call.kill()  # nobody says so: they stay listed
        until(lambda: one.waiting("dom_a")[0] >= 10 and one.waiting("dom_g")[0] >= 5)
        backend, call = one.backend(port=backend.port), one.backend("grpc", "g", call.port)
        until(lambda: one.waiting() == (0, 0))  # found, without a word from anybody
    get, post, calls = (each.report for each in loads)
    assert get.failed() == 0, get
    assert set(post.outcomes) <= {"200", "502"} and post.outcomes["502"] <= 5, post
    assert set(calls.outcomes) <= {"OK", "UNAVAILABLE"} and calls.outcomes["UNAVAILABLE"] <= 3, calls


def test_what_was_sent_and_is_not_idempotent_is_never_repeated(one):
    backends = [one.backend(), one.backend()]
    one.up("dom_a_0", *backends)
    for ended in (1, 2):
        assert one.ask("a.test", "/die", "POST", b"x").status == 502
        until(lambda: sum(backend.process.poll() is not None for backend in backends) == ended)


def test_a_request_that_ends_processes_ends_three_at_most(one):
    backends = [one.backend() for _ in range(5)]
    one.up("dom_a_0", *backends)
    assert one.ask("a.test", "/die").status == 502
    until(lambda: sum(backend.process.poll() is not None for backend in backends) == 3)
    assert one.ask("a.test").status == 200


def test_past_the_limits_it_is_503(small):
    small.set("dom_a_0 away", "dom_b_0 away")
    waiting = [in_background(small.ask, "a.test", "/sleep?0") for _ in range(40)]
    until(lambda: small.waiting("dom_a")[0] == 40)
    page = small.ask("a.test", headers={"Accept": "application/json"})
    assert page.status == 503 and int(page.headers["Retry-After"]) > 0
    assert page.json() == {"status": 503, "error": "Too many requests wait for this process."}
    assert small.waiting("dom_a")[0] == 40
    # The other domain has what is left of all.
    waiting += [in_background(small.ask, "b.test") for _ in range(20)]
    until(lambda: small.waiting() [0] == 60)
    assert small.ask("b.test").status == 503
    backend = small.backend()
    small.set(f"dom_a_0 up {backend.target}:1", f"dom_b_0 up {backend.target}:1")
    assert [future.result().status for future in waiting] == [200] * 60
    assert small.waiting() == (0, 0)


@pytest.mark.parametrize("path", ["/sleep?100", "/block?15"])
def test_those_that_waited_do_not_overrun_the_process(one, path):
    """It has room for six connections that it has not taken yet."""
    one.set("dom_a_0 away")
    waiting = [in_background(one.ask, "a.test", path, timeout=20) for _ in range(300)]
    until(lambda: one.waiting("dom_a")[0] == 300)
    one.up("dom_a_0", one.backend(backlog=5))
    assert collections.Counter(future.result().status for future in waiting) == {200: 300}


def test_those_that_waited_go_on_before_their_time_ends(edge):
    """Few at once, as long as there is time."""
    edge.settings["workers"] = 1
    started(edge).domain("dom_two", "two.test", hold_ms=2000)
    edge.reload()
    edge.set("dom_two_0 away")
    waiting = [in_background(edge.ask, "two.test", "/sleep?6000") for _ in range(100)]
    until(lambda: edge.waiting("dom_two")[0] == 100)
    backend = edge.backend()
    edge.up("dom_two_0", backend)
    until(lambda: edge.inflight("dom_two_0", backend.target)[0] >= 16)
    assert edge.waiting("dom_two")[0] > 0
    assert collections.Counter(future.result().status for future in waiting) == {200: 100}


def test_what_was_not_connected_in_time_waits(one):
    """A listener whose queue is full drops what comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        port = full.getsockname()[1]
        one.set(f"dom_a_0 up 127.0.0.1:{port}:1")
        waiting = in_background(one.ask, "a.test", method="POST", body=b"x")
        until(lambda: waiting.done() or one.waiting("dom_a")[0] == 1)
    one.up("dom_a_0", one.backend())
    assert waiting.result(timeout=10).status == 200


def test_bodies_that_wait_are_bounded(small):
    small.set("dom_a_0 away")
    waiting = [in_background(small.ask, "a.test", "/", "POST", b"x" * 40_000) for _ in range(2)]
    until(lambda: small.waiting("dom_a")[0] == 2)
    assert small.ask("a.test", method="POST", body=b"x" * 40_000).status == 503
    waiting.append(in_background(small.ask, "a.test"))
    until(lambda: small.waiting("dom_a")[0] == 3)
    small.up("dom_a_0", small.backend())
    assert [future.result().status for future in waiting] == [200] * 3


def test_the_hold_ends(one):
    one.set("dom_short_0 away", "dom_none_0 away")
    plain = one.ask("short.test")
    assert plain.status == 503 and plain.headers["Retry-After"] and plain.headers["Content-Type"].startswith("text/plain")
    assert one.ask("none.test").status == 503
    assert one.ask("never-set.test").status == 404


def test_it_waits_again_for_the_next_one_but_not_for_ever(one):
    """Each new list is tried, and refuses; nginx's own limit of jumps would be a 500."""
    ports = free_ports(2)

    def refused(times):
        waiting = in_background(one.ask, "a.test")
        before = one.errors().count("refused")
        for number in range(times):
            one.set(f"dom_a_0 up 127.0.0.1:{ports[number % 2]}:1")
            until(lambda: waiting.done() or one.errors().count("refused") > before + number)
        return waiting

    waiting = refused(3)
    one.up("dom_a_0", one.backend())
    assert waiting.result(timeout=10).status == 200
    one.set("dom_a_0 away")
    assert refused(20).result(timeout=10).status == 502


def test_the_same_list_once_more_is_no_reason_to_try(one):
    port, = free_ports(1)
    dead = f"dom_a_0 up 127.0.0.1:{port}:1"
    one.set(dead)
    waiting = in_background(one.ask, "a.test")
    until(lambda: one.waiting("dom_a")[0] == 1)
    for _ in range(5):
        one.set(dead)
    assert one.waiting("dom_a")[0] == 1
    one.up("dom_a_0", one.backend())
    assert waiting.result(timeout=10).status == 200
    assert one.errors().count("refused") == 1


def test_off_answers_at_once(one):
    one.set("dom_a_0 off", "dom_g_0 off")
    assert one.ask("a.test", timeout=10).status == 503  # the hold is longer
    with grpc.insecure_channel(f"127.0.0.1:{one.grpc}", options=[("grpc.default_authority", "g.test")]) as channel:
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary("/test.Echo/Unary")(b"", timeout=10)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        assert error.value.details() == "No process serves this right now."
    # Those that waited go at once, too.
    one.set("dom_a_0 away")
    waiting = in_background(one.ask, "a.test")
    until(lambda: one.waiting("dom_a")[0] == 1)
    one.set("dom_a_0 off")
    assert waiting.result(timeout=10).status == 503


def test_with_nobody_to_say_so_a_process_is_found(one):
    port, = free_ports(1)
    one.set(f"dom_a_0 away 127.0.0.1:{port}:1", f"dom_g_0 away 127.0.0.1:{port}:1")
    with KeepSeen(one):  # while somebody keeps the endpoints, an open port is no reason to go on
        backend = one.backend(port=port)
        waiting = in_background(one.ask, "a.test")
        until(lambda: one.waiting("dom_a")[0] == 1)
        with pytest.raises(concurrent.futures.TimeoutError):
            waiting.result(timeout=1.5)  # longer than the silence that is taken for its absence
    assert waiting.result(timeout=15).status == 200
    one.set("dom_g_0 off")  # somebody is there again, for now
    assert one.ask("a.test").status == 200  # what was found is known
    backend.kill()
    waiting = in_background(one.ask, "a.test")
    with pytest.raises(concurrent.futures.TimeoutError):
        waiting.result(timeout=0.5)
    one.backend(port=port)
    assert waiting.result(timeout=15).status == 200


def test_a_reload_ends_no_request_that_waits(one):
    one.set("dom_a_0 away")
    waiting = in_background(one.ask, "a.test")
    until(lambda: one.waiting("dom_a")[0] == 1)
    one.reload()
    one.up("dom_a_0", one.backend())
    assert waiting.result(timeout=10).status == 200


def test_what_waits_is_answered_before_its_worker_is_ended(edge):
    edge.settings.update(shutdown_timeout_ms=3000)
    started(edge).set("dom_a_0 away", "dom_g_0 away")
    waiting = in_background(edge.ask, "a.test")
    with grpc.insecure_channel(f"127.0.0.1:{edge.grpc}", options=[("grpc.default_authority", "g.test")]) as channel:
        call = channel.unary_unary("/test.Echo/Unary").future(b"", timeout=20)
        until(lambda: edge.waiting()[0] == 2)
        edge.reload()
        answer = waiting.result(timeout=10)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        assert call.exception().details() == "No process serves this right now."


def test_a_client_that_leaves_waits_no_more(one):
    one.set("dom_a_0 away")
    with pytest.raises(TimeoutError):
        one.ask("a.test", timeout=0.3)
    until(lambda: one.waiting("dom_a") == (0, 0), 5)


async def test_websockets_and_events_wait_too(one):
    one.set("dom_a_0 away")
    websocket = load.Websocket()
    import asyncio
    opened = asyncio.create_task(websocket.open(one.http, "a.test"))
    events = in_background(one.ask, "a.test", headers={"Accept": "text/event-stream"})
    await asyncio.to_thread(until, lambda: one.waiting("dom_a")[0] == 2)
    backend = one.backend()
    one.up("dom_a_0", backend)
    assert await opened == 101 and await websocket.echo(b"x") == b"x"
    assert events.result().json()["headers"]["accept"] == ["text/event-stream"]
    assert one.inflight("dom_a_0", backend.target) == (0, 1)
    websocket.writer.close()


async def test_a_stream_of_grpc_that_waited_loses_no_message(one):
    one.set("dom_g_0 away")
    options = [("grpc.default_authority", "g.test")]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{one.grpc}", options=options) as channel:
        stream = channel.stream_stream("/test.Echo/Stream")(timeout=20)
        await stream.write(b"0" * 100_000)
        until(lambda: one.waiting("dom_g")[0] == 1)
        one.up("dom_g_0", one.backend("grpc", "g"))
        assert await stream.read() == b"0" * 100_000
        for number in range(1, 20):
            await stream.write(b"%d" % number * 1000)
            assert await stream.read() == b"%d" % number * 1000
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF


def test_a_call_that_waited_has_no_length(one):
    """Its client gave none, and nginx knows it by then."""
    one.set("dom_g_0 away")
    with grpc.insecure_channel(f"127.0.0.1:{one.grpc}", options=[("grpc.default_authority", "g.test")]) as channel:
        call = channel.unary_unary("/test.Echo/Unary").future(b"metadata", timeout=20)
        until(lambda: one.waiting("dom_g")[0] == 1)
        one.up("dom_g_0", one.backend("grpc", "g"))
        metadata = call.result().decode()
        assert "user-agent" in metadata and "content-length" not in metadata


def test_a_call_that_goes_on_is_waited_for(one):
    """It has its target before it leaves where it waits, so that a stop that comes just then counts it."""
    call = one.backend("grpc", "g")
    one.up("dom_g_0", call)
    with load.running(load.Grpc(one.grpc, "g.test", rate=40, request=b"sleep 50")) as loads:
        until(lambda: loads[0].report.outcomes)
        for number in range(15):
            one.set(f"dom_g_0 away {call.target}:1")
            until(lambda: one.inflight("dom_g_0", call.target)[0] == 0)
            call.kill()
            call = one.backend("grpc", "g", call.port)
            one.up("dom_g_0", call)
            time.sleep(0.001 * number)  # the next one comes while some go on
    assert loads[0].report.failed() == loads[0].report.unanswered() == 0, loads[0].report
