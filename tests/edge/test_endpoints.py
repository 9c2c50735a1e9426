"""The private socket: where the targets are, what is in flight, who serves which generation."""

import os
import signal

import load
import pytest
from edge import until


@pytest.mark.parametrize("lines", [
    "dom_a_0 up", "dom_a_0 up 127.0.0.1:80", "dom_a_0 up 127.0.0.1:0:1", "dom_a_0 up 127.0.0.1:65536:1",
    "dom_a_0 up localhost:80:1", "dom_a_0 up 127.0.0.1:80:0", "dom_a_0 up unix:/x:1", "dom_a_0 off now", "dom_a_0 upp", "dom_a_0",
    "dom-a up 127.0.0.1:80:1", "dom_b_0 off\nall", "dom_a_0 up 127.0.0.1:80:1001", "dom_a_0 away127.0.0.1:80:1"])
def test_a_line_that_is_none_changes_nothing(served, lines):
    before = served.private("GET", "/endpoints").text
    answer = served.private("POST", "/endpoints", "dom_z_0 off\n" + lines)
    assert answer.status == 400 and answer.text.startswith("line ")
    assert served.private("GET", "/endpoints").text == before


def test_what_was_set_is_read(edge):
    edge.start()
    edge.set("dom_a_0 up 127.0.0.1:1:1 [::1]:65535:1000", "dom_b_0 away", "dom_c_0 off")
    assert edge.private("GET", "/endpoints").text == (
        "dom_a_0 up 127.0.0.1:1:1 [::1]:65535:1000\ndom_b_0 away\ndom_c_0 off\n")
    edge.set("dom_b_0 -")
    assert "dom_b_0" not in edge.private("GET", "/endpoints").text
    edge.set("all", "dom_d_0 away 127.0.0.1:2:1")
    assert edge.private("GET", "/endpoints").text == "dom_d_0 away 127.0.0.1:2:1\n"
    assert edge.private("GET", "/nothing").status == 404


def test_full_memory_is_said_and_nothing_is_evicted(edge):
    edge.start()
    targets = " ".join(f"10.0.0.{n}:8080:1" for n in range(200))
    lines, number = [], 0
    while True:
        lines = [f"dom_{number + i}_0 up {targets}" for i in range(500)]
        answer = edge.private("POST", "/endpoints", "\n".join(lines))
        if answer.status != 200:
            break
        number += 500
    assert answer.status == 507 and "no memory" in answer.text
    applied = [word for word in answer.text.splitlines() if word.startswith("dom_")]
    assert applied == [f"dom_{number + i}_0" for i in range(len(applied))]
    there = {line.split()[0] for line in edge.private("GET", "/endpoints").text.splitlines()}
    assert there == {f"dom_{i}_0" for i in range(number + len(applied))}
    edge.set("all", "dom_0_0 off")  # there is room again


def test_a_start_reads_the_file_and_a_reload_does_not(edge):
    edge.domain("dom_a", "a.test")
    backend = edge.backend()
    edge.render()
    (edge.home / "endpoints").write_text(f"all\ndom_a_0 up {backend.target}:1\n")
    edge.launch()
    assert edge.ask("a.test").status == 200
    edge.set("dom_a_0 off")
    edge.reload()
    assert edge.ask("a.test").status == 503
    edge.nginx.kill()  # and its workers, as supervise does
    edge.nginx.wait()
    for pid in (pid for pid, _, _ in edge.workers()):
        os.kill(pid, signal.SIGKILL)
    edge.launch()
    assert edge.ask("a.test").status == 200


def test_a_target_that_refuses_is_passed_over(edge):
    edge.domain("dom_a", "a.test")
    edge.start()
    a, b = edge.backend(name="a"), edge.backend(name="b")
    edge.up("dom_a_0", a, b)
    a.kill()
    assert {edge.ask("a.test", method=method, body=b"x").json()["name"] for method in ("GET", "POST") * 5} == {"b"}
    assert edge.waiting() == (0, 0) and edge.inflight("dom_a_0", a.target) == (0, 0)


def test_what_takes_too_long_is_not_repeated(edge):
    edge.domain("dom_a", "a.test", read_timeout_ms=200)
    edge.start()
    a, b = edge.backend(name="a"), edge.backend(name="b")
    edge.up("dom_a_0", a, b)
    assert edge.ask("a.test", "/sleep?3000", headers={"Accept": "application/json"}).json()["status"] == 504
    counts = []
    for backend in (a, b):
        edge.up("dom_a_0", backend)
        counts.append(edge.ask("a.test", "/count").text)
    assert sorted(counts) == ["0", "1"]


async def test_in_flight_is_counted_by_target(edge):
    edge.domain("dom_a", "a.test")
    edge.start()
    a, b = edge.backend(name="a"), edge.backend(name="b")
    edge.up("dom_a_0", a)
    websocket = load.Websocket()
    assert await websocket.open(edge.http, "a.test") == 101
    with load.running(load.Get(edge.http, "a.test", rate=20, path="/sleep?1500")) as loads:
        until(lambda: edge.inflight("dom_a_0", a.target)[0] >= 10)
        edge.up("dom_a_0", b)
        # What was under way goes on, counted, and nothing comes any more.
        assert edge.inflight("dom_a_0", a.target)[0] >= 1
        until(lambda: edge.inflight("dom_a_0", a.target) == (0, 1))
        until(lambda: edge.inflight("dom_a_0", b.target)[0] >= 10)
        assert edge.inflight("dom_a_0", a.target) == (0, 1)
    assert loads[0].report.failed() == 0
    assert f"target dom_a_0 {a.target} 0 1\n" in edge.private("GET", "/traffic").text
    assert await websocket.echo(b"still there") == b"still there"
    websocket.writer.close()
    await websocket.writer.wait_closed()
    until(lambda: edge.inflight("dom_a_0", a.target) == (0, 0))
    until(lambda: a.target not in edge.private("GET", "/traffic").text)  # forgotten


RACE = """
local real, edge_of = ngx.shared.inflight, ngx.shared.endpoints
local race = setmetatable({}, { __index = function(_, method) return function(_, ...) return real[method](real, ...) end end })
function race:incr(key, n)
  if n == 1 and key:find("TAKEN", 1, true) then edge_of:set("dom_a_0", "up OTHER:1", 0, 999) end
  return real:incr(key, n)
end
ngx.shared = setmetatable({ inflight = race }, { __index = ngx.shared })
"""


def test_a_target_that_is_taken_out_while_a_request_chooses_it_does_not_get_it(edge):
    """The list changes between the choice and the count, each time."""
    edge.domain("dom_a", "a.test")
    a, b = edge.backend(name="a"), edge.backend(name="b")
    edge.render()
    (edge.home / "lua/race.lua").write_text(RACE.replace("TAKEN", a.target).replace("OTHER", b.target))
    main_file = edge.home / "conf/live/nginx.conf"
    text = main_file.read_text()
    main_file.write_text(text.replace('require("edge").init(', 'dofile("lua/race.lua") require("edge").init('))
    edge.launch()
    edge.up("dom_a_0", a)
    assert edge.ask("a.test").json()["name"] == "b"
    assert edge.inflight("dom_a_0", a.target) == (0, 0)


def test_a_killed_worker_is_replaced_and_its_counts_go(edge):
    edge.domain("dom_a", "a.test")
    edge.settings["workers"] = 1
    edge.start()
    a = edge.backend()
    edge.up("dom_a_0", a)
    killed = edge.workers()[0][0]
    with load.running(load.Get(edge.http, "a.test", rate=50, path="/sleep?300")) as loads:
        until(lambda: edge.inflight("dom_a_0", a.target)[0] >= 5)
        os.kill(killed, signal.SIGKILL)
        until(lambda: edge.acknowledged() and edge.workers()[0][0] != killed)
        until(lambda: loads[0].report.outcomes["200"] >= 20)
    report = loads[0].report
    assert report.unanswered() == 0 and 1 <= report.outcomes["broken"] + report.repeated <= 25
    assert edge.inflight("dom_a_0", a.target) == (0, 0)


async def test_a_reload_is_acknowledged_once_no_old_worker_accepts(edge):
    edge.domain("dom_a", "a.test")
    edge.start()
    edge.up("dom_a_0", edge.backend())
    old = {pid for pid, _, _ in edge.workers()}
    websocket = load.Websocket()
    assert await websocket.open(edge.http, "a.test") == 101
    edge.domain("dom_b", "b.test")
    edge.reload()
    # The websocket's worker lives on, and takes no new connection: it would not know this domain.
    draining = {pid for pid, generation, state in edge.workers() if (generation, state) == (1, "draining")}
    assert draining and draining <= old
    edge.set("dom_b_0 off")
    assert {edge.ask("b.test").status for _ in range(20)} == {503}
    assert await websocket.echo(b"still there") == b"still there"
    websocket.writer.close()
    await websocket.writer.wait_closed()
    until(lambda: not old & {pid for pid, _, _ in edge.workers()})


def test_switching_targets_loses_nothing(edge):
    edge.domain("dom_a", "a.test")
    edge.domain("dom_g", "g.test", grpc=True)
    edge.start()
    backends = [edge.backend(name="a"), edge.backend(name="b")]
    calls = [edge.backend("grpc", "a"), edge.backend("grpc", "b")]
    edge.set(f"dom_a_0 up {backends[0].target}:1", f"dom_g_0 up {calls[0].target}:1")
    with load.running(load.Get(edge.http, "a.test", rate=150), load.Post(edge.http, "a.test", rate=100),
                      load.Websockets(edge.http, "a.test", rate=20), load.Grpc(edge.grpc, "g.test", rate=50)) as loads:
        for number in range(400):
            web, call = backends[number % 2], calls[number % 2]
            state = "away" if number % 7 == 0 else f"up {web.target}:1"
            edge.set(f"dom_a_0 {state}", f"dom_g_0 up {call.target}:1")
        edge.set(f"dom_a_0 up {backends[0].target}:1")
        until(lambda: all(each.report.sent >= 20 for each in loads))
    assert [each.report.failed() for each in loads] == [0] * 4, [each.report for each in loads]
    assert [each.report.unanswered() for each in loads] == [0] * 4
    assert loads[2].dropped == 0


def counted(edge, requests):
    """The numbers of dom_a, once it has had so many requests."""
    for line in edge.private("GET", "/traffic").text.splitlines():
        words = line.split()
        if words[:3] == ["domain", "dom_a", str(requests)]:
            return list(map(int, words[2:]))
    return None


def test_what_a_draining_worker_ends_is_counted(edge):
    edge.domain("dom_a", "a.test")
    edge.start()
    a = edge.backend()
    edge.up("dom_a_0", a)
    with load.running(load.Get(edge.http, "a.test", rate=20, path="/sleep?500")) as loads:
        until(lambda: edge.inflight("dom_a_0", a.target)[0] >= 5)
        edge.reload()
    assert loads[0].report.failed() == 0
    until(lambda: counted(edge, loads[0].report.sent + loads[0].report.repeated))


def test_counts_of_domains_that_are_gone_go(edge):
    edge.domain("dom_a", "a.test")
    edge.domain("dom_b", "b.test", hold_ms=0)
    edge.render()
    lua = edge.home / "lua/edge.lua"
    lua.write_text(lua.read_text().replace("GONE_SECONDS = 60 ", "GONE_SECONDS = 2 "))
    edge.launch()
    a = edge.backend()
    edge.set(f"dom_a_0 up {a.target}:1", f"dom_b_0 up {a.target}:1")
    assert edge.ask("a.test").status == edge.ask("b.test").status == 200

    def has_b():
        return "domain dom_b " in edge.private("GET", "/traffic").text

    until(lambda: counted(edge, 1) and has_b())
    edge.set("all")
    edge.up("dom_a_0", a)  # this one is back in time
    until(lambda: not has_b())
    assert edge.ask("b.test").status == 503  # as the last one of a worker that drains
    until(has_b)
    until(lambda: not has_b())
    assert counted(edge, 1)


def test_counts_that_find_no_room_are_said_once(edge):
    edge.settings["workers"] = 1
    for number in range(60):
        edge.domain(f"dom_{number}", f"d{number}.test", hold_ms=0)
    edge.render()
    main_file = edge.home / "conf/live/nginx.conf"
    main_file.write_text(main_file.read_text().replace("lua_shared_dict traffic 32m;", "lua_shared_dict traffic 12k;"))
    edge.launch()
    for number in range(60):
        edge.ask(f"d{number}.test")
    until(lambda: edge.errors().count("requests of domains are not counted: no memory") == 1)
    assert edge.ask("d59.test").status == 503
    edge.nginx.send_signal(signal.SIGQUIT)  # what is not counted yet is now
    edge.nginx.wait()
    assert edge.errors().count("are not counted") == 1


def test_traffic_is_counted(edge):
    edge.domain("dom_a", "a.test", max_body_bytes=10)
    edge.start()
    edge.up("dom_a_0", edge.backend())
    for _ in range(5):
        edge.ask("a.test", "/large?100000")
    edge.ask("a.test", "/sleep?120")
    edge.ask("a.test", method="POST", body=b"x" * 11)
    edge.set("dom_a_0 off")
    edge.ask("a.test")

    numbers = until(lambda: counted(edge, 8))
    requests, streams, client_errors, server_errors, *buckets = numbers
    assert (requests, streams, client_errors, server_errors) == (8, 0, 1, 1)
    assert len(buckets) == 21 and sum(buckets) == 8
    assert sum(buckets[9:]) >= 1  # 120 ms are more than 100
