"""The Prometheus page, read by Prometheus's own parser."""

import asyncio
import http.client
import math
import socket
import subprocess
import time

import pytest
from expectations import SLEEP, one_sentence, refused, until
from prometheus_client.parser import text_string_to_metric_families
from running_system import DidNotStart, RunningSystem, poll

WHO_AM_I = "grpc_os.v1.AuthService/WhoAmI"


def ask(system, path="/metrics", method="GET", headers=None, port=None):
    connection = http.client.HTTPConnection("127.0.0.1", port or system.http_port, timeout=30)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


def families(system):
    """Name to family."""
    answer, text = ask(system)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(page, name, **labels):
    """Of the one sample with these labels; 0 if there is none."""
    family = page[name.removesuffix("_total")] if name.endswith("_total") else page[name]
    found = [sample.value for sample in family.samples if sample.name == name and sample.labels == labels]
    assert len(found) <= 1
    return found[0] if found else 0


async def test_calls_are_counted_by_method_and_code(system, client):
    before = families(system)
    for _ in range(3):
        await client.whoami()
    for _ in range(2):
        with refused("PROCESS_NOT_FOUND"):
            await client.get_process("missing")
    after = families(system)

    def grown(method, code):
        labels = {"grpc_method": method, "grpc_status": code}
        return value(after, "grpc_server_calls_total", **labels) - value(before, "grpc_server_calls_total", **labels)

    assert grown(WHO_AM_I, "OK") == 3
    assert grown("grpc_os.v1.ProcessService/GetProcess", "NOT_FOUND") == 2
    assert grown("grpc_os.v1.ProcessService/GetProcess", "OK") == 0


async def test_the_page_and_get_system_tell_the_same(system, client):
    await client.whoami()
    told = {
        (counter.method, counter.code): counter.count
        for counter in (await client.get_system()).proto.rpc_counters
        if not counter.method.endswith("/GetSystem")
    }
    page = {
        (sample.labels["grpc_method"], sample.labels["grpc_status"]): sample.value
        for sample in families(system)["grpc_server_calls"].samples
        if sample.value > 0 and not sample.labels["grpc_method"].endswith("/GetSystem")
    }
    assert page == told
    assert page[(WHO_AM_I, "OK")] >= 1


async def test_durations_fill_a_histogram(system, client):
    started = time.monotonic()
    for _ in range(5):
        await client.whoami()
    took = time.monotonic() - started
    family = families(system)["grpc_server_call_duration_seconds"]
    assert family.type == "histogram"
    samples = [sample for sample in family.samples if sample.labels["grpc_method"] == WHO_AM_I]
    buckets = [(float(s.labels["le"]), s.value) for s in samples if s.name.endswith("_bucket")]
    assert [bound for bound, _ in buckets][:2] == [0.00005, 0.0001]
    assert [bound for bound, _ in buckets][-2:] == [10, math.inf]
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    count = next(s.value for s in samples if s.name.endswith("_count"))
    total = next(s.value for s in samples if s.name.endswith("_sum"))
    assert counts[-1] == count >= 5
    assert 0 < total < took
    # Counted in microseconds: whole milliseconds would make five calls a multiple of them.
    assert round(total * 1e6) % 1000 != 0


async def test_what_runs_is_counted_by_state(system, client):
    await client.create_process("rests", SLEEP)
    await client.stop_process("rests")
    await client.create_process("runs", SLEEP)
    await client.wait_process("runs", "running")
    page = families(system)
    states = {sample.labels["state"]: sample.value for sample in page["grpcos_processes"].samples}
    assert states["running"] == 1
    assert states["stopped"] == 1
    assert sum(states.values()) == 2
    assert value(page, "grpcos_store_revision") == (await client.get_system()).proto.revision


async def test_what_is_open_is_counted(system, client):
    async def shows(name, expected):
        return value(families(system), name) == expected

    assert await shows("grpcos_streams_open", 0)
    watching = client.watch_messages()
    await anext(watching)
    assert await shows("grpcos_streams_open", 1)
    await watching.aclose()
    await until(lambda: shows("grpcos_streams_open", 0), "the stream has ended")
    await client.create_process("runs", SLEEP)
    waiting = asyncio.create_task(client.wait_process("runs", "exited", timeout=30))
    await until(lambda: shows("grpcos_calls_in_flight", 1), "the call is there")
    waiting.cancel()
    await until(lambda: shows("grpcos_calls_in_flight", 0), "the call has ended")


async def test_no_name_that_a_user_made_and_no_secret_is_on_the_page(system, client):
    await client.create_process("telltale-name", SLEEP, environment={"TELLTALE_VARIABLE": "telltale-value"})
    _, text = ask(system)
    assert "telltale" not in text.lower()
    assert client.token not in text


async def test_the_daemon_tells_of_itself(system):
    page = families(system)
    pid = system.daemon_pid()
    assert value(page, "process_start_time_seconds") == pytest.approx(time.time(), abs=600)
    assert value(page, "process_open_fds") > 5
    assert value(page, "process_cpu_seconds_total") > 0
    resident = value(page, "process_resident_memory_bytes")
    with open(f"/proc/{pid}/status") as status:
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    assert resident == pytest.approx(kib * 1024, rel=0.3)
    version = subprocess.run([system.bin / "grpc-osd", "--version"], capture_output=True, text=True).stdout.split()[1]
    assert value(page, "grpcos_build_info", version=version) == 1


async def test_names_and_units_are_as_prometheus_wants_them(system):
    _, text = ask(system)
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        assert not family.name.endswith(("_ms", "_us", "_kb", "_kib", "_milliseconds"))
        for sample in family.samples:
            assert not sample.name.endswith("_total") or family.type == "counter"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 404),
        ("GET", "/grpc_os.v1.AuthService/WhoAmI", {}, 404),
        ("POST", "/metrics", {}, 405),
        ("GET", "/metrics", {"Host": "evil.example"}, 403),
        ("GET", "/metrics", {"Host": "localhost.evil.example:50052"}, 403),
        ("GET", "/metrics", {"Host": "localhost:1"}, 200),
        ("GET", "/metrics", {"Host": "[::1]:50052"}, 200),
        ("HEAD", "/metrics", {}, 200),
    ],
)
async def test_only_the_page_is_served_and_only_to_this_machine(system, method, path, headers, status):
    answer, text = ask(system, path, method, headers)
    assert answer.status == status
    assert ("grpcos_" in text) == (status == 200 and method == "GET")


async def test_only_the_loopback_address_listens(system):
    listening = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as lines:
            for line in list(lines)[1:]:
                local, state = line.split()[1], line.split()[3]
                address, port = local.split(":")
                if state == "0A" and int(port, 16) == system.http_port:
                    listening.add(address)
    assert listening == {"0100007F"}


async def test_a_taken_port_refuses_the_start(system, client):
    with RunningSystem() as second:
        with pytest.raises(DidNotStart) as caught:
            second.start(http_port=system.http_port)
        assert caught.value.code == 1
        said = one_sentence(caught.value.said)
        assert str(system.http_port) in said
        assert "--http-port" in said and "HTTP_PORT" in said
    assert families(system)
    await client.whoami()


async def test_the_port_is_given_by_option_and_kept_by_the_next_daemon(idle_system):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    idle_system.start(http_port=port)
    assert idle_system.http_port == port
    assert families(idle_system)
    idle_system.kill_daemon()
    poll(lambda: answers(idle_system), "the page is there again")
    assert idle_system.http_port == port
    # Counters of a new program begin again.
    assert value(families(idle_system), "grpc_server_calls_total", grpc_method=WHO_AM_I, grpc_status="OK") == 0


def answers(system):
    try:
        return ask(system)[0].status == 200
    except OSError:
        return False
