"""bench/edge: what the edge costs beside a hand-written nginx.conf and beside Caddy, what 200 reloads leave in memory,
and how long 1,000 domains take to be rendered and checked. See docs/PERFORMANCE.md; started by `run`."""

import argparse
import asyncio
import contextlib
import http.client
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from clock import load_average
from domains_api import domains_of
from running_system import RunningSystem

from edge import Edge, free_ports, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
OF_NGINX, OF_CADDY = 0.9, 1.5  # of the peer's calls/s, at least
MEMORY = 1.1                   # after the reloads, of that after the first tenth, at most
CONNECTIONS = 64

# The process behind all three: what it costs is in all figures.
BACKEND = """
daemon off; worker_processes 1; pid backend.pid; error_log stderr crit; USER
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; TEMP
  server { listen 127.0.0.1:PORT; location / { default_type text/plain; return 200 "0123456789012345678901234567890123456789"; } } }
"""
# What the edge is measured against: the shortest nginx.conf that does the work.
MINIMAL = """
daemon off; worker_processes 2; pid minimal.pid; error_log stderr crit; USER
events { worker_connections 4096; }
http { access_log minimal.log combined buffer=8k flush=1s; keepalive_requests 10000; TEMP
  upstream backend { server 127.0.0.1:BACKEND; keepalive 32; }
  server { listen 127.0.0.1:PORT; server_name a.test;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } } }
"""
TEMP = "".join(f"{kind}_temp_path temp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
CADDY = """
{
  admin off
  auto_https off
}
http://a.test:PORT {
  bind 127.0.0.1
  log {
    output file HOME/caddy.log
  }
  reverse_proxy 127.0.0.1:BACKEND
}
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="of each side, by turns")
    parser.add_argument("--seconds", type=int, default=1, help="of one round")
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--assigns", type=int, default=40)
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench/edge.json")
    return parser.parse_args()


@contextlib.contextmanager
def program(command, home):
    with (home / "programs.log").open("a") as log:
        process = subprocess.Popen(command, cwd=home, stdout=log, stderr=log, env={"HOME": str(home), "PATH": "/usr/bin:/usr/sbin:/bin"})
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def nginx(home, name, text, **values):
    import os
    values = {**values, "USER": "user root;" if os.geteuid() == 0 else "", "TEMP": TEMP}
    for word, value in values.items():
        text = text.replace(word, str(value))
    (home / "temp").mkdir(exist_ok=True)
    (home / f"{name}.conf").write_text(text)
    return program(["nginx", "-p", ".", "-c", f"{name}.conf", "-e", "stderr"], home)


def calls_per_second(port, seconds):
    said = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", "Host: a.test", f"http://127.0.0.1:{port}/"],
                          check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"bench/edge: port {port}: {said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def measure_calls(arguments):
    """[(edge, minimal, caddy)] by rounds."""
    with contextlib.ExitStack() as stack:
        home = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backend, minimal, caddy = free_ports(3)
        stack.enter_context(nginx(home, "backend", BACKEND, PORT=backend))
        stack.enter_context(nginx(home, "minimal", MINIMAL, BACKEND=backend, PORT=minimal))
        (home / "Caddyfile").write_text(
            CADDY.replace("PORT", str(caddy)).replace("BACKEND", str(backend)).replace("HOME", str(home)))
        stack.enter_context(program(["caddy", "run", "--config", "Caddyfile"], home))
        edge = Edge()
        stack.callback(edge.end)
        edge.domain("dom_a", "a.test")
        edge.start()
        edge.set(f"dom_a_0 up 127.0.0.1:{backend}:1")
        ports = (edge.http, minimal, caddy)
        for port in ports:
            until(lambda: subprocess.run(["curl", "-sfo", "/dev/null", "-H", "Host: a.test", f"http://127.0.0.1:{port}/"]).returncode == 0)
            calls_per_second(port, 1)
        return [tuple(calls_per_second(port, arguments.seconds) for port in ports) for _ in range(arguments.rounds)]


def memory_of(edge):
    """Bytes: (of the master and its workers, what they share counted once; the master's anonymous ones)."""
    children = pathlib.Path(f"/proc/{edge.nginx.pid}/task/{edge.nginx.pid}/children").read_text().split()

    def of(pid, what):
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(re.search(rf"^{what}:\s+(\d+)", text, re.M).group(1)) << 10

    return sum(of(pid, "Pss") for pid in [edge.nginx.pid, *children]), of(edge.nginx.pid, "Anonymous")


def measure_reloads(number):
    """The memory after each tenth of the reloads, with 50 domains and some requests between. The workers are new each time:
    what would grow is the master. (What they share of it shrinks for a while, as its heap fragments.)"""
    edge = Edge()
    try:
        for domain in range(50):
            edge.domain(f"dom_{domain}", f"d{domain}.test", "/", "/api strip")
        edge.start()
        edge.set(*(f"dom_{domain}_0 off" for domain in range(50)))
        sizes = []
        for reload in range(1, number + 1):
            edge.domain("dom_0", f"d{reload}.test")
            edge.reload()
            for _ in range(10):
                edge.ask("d1.test")
            if reload % max(1, number // 10) == 0:
                until(lambda: len(edge.workers()) == 2)  # the old ones are gone
                sizes.append(memory_of(edge))
        return sizes
    finally:
        edge.end()


def measure_thousand():
    """Seconds to render and to check 1,000 domains, and the memory that serves them."""
    edge = Edge()
    try:
        for domain in range(1000):
            edge.domain(f"dom_{domain}", f"d{domain}.example.com", "/", "/api strip")
        begin = time.monotonic()
        edge.render()
        rendered = time.monotonic()
        subprocess.run(["nginx", "-t", "-q", "-p", ".", "-e", "stderr", "-c", "conf/live/nginx.conf"], cwd=edge.home, check=True)
        checked = time.monotonic()
        edge.launch()
        edge.set(*(f"dom_{domain}_{route} off" for domain in range(1000) for route in range(2)))
        if edge.ask("d999.example.com").status != 503 or edge.ask("d1000.example.com").status != 404:
            sys.exit("bench/edge: 1,000 domains are not served")
        return rendered - begin, checked - rendered, memory_of(edge)
    finally:
        edge.end()


def answers(port, host):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


async def assign_each(number):
    """Seconds from before AssignDomain until the new domain's first answer, each."""
    seconds = []
    with RunningSystem() as system:
        system.start()
        async with domains_of(system) as domains:
            await domains.run("web")
            for domain in range(number + 1):
                begin = time.monotonic()
                await domains.assign(f"d{domain}.example.com", "web")
                until(lambda: answers(system.edge_port(), f"d{domain}.example.com"))
                seconds.append(time.monotonic() - begin)
                await asyncio.sleep(0.2)  # changes that follow at once share a reload
        await system.close_clients()
    return seconds[1:]  # the first starts nginx


def reload_each(number):
    """The same by hand: a file is written, `nginx -s reload`."""
    seconds = []
    with contextlib.ExitStack() as stack:
        home = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backend, port = free_ports(2)
        stack.enter_context(nginx(home, "backend", BACKEND, PORT=backend))
        (home / "d").mkdir()
        text = MINIMAL.replace("server_name a.test;", "server_name a.test; return 404;").rstrip().removesuffix("}") + "include d/*.conf; }"
        stack.enter_context(nginx(home, "minimal", text, BACKEND=backend, PORT=port))
        until(lambda: (home / "minimal.pid").exists())
        for domain in range(number):
            begin = time.monotonic()
            (home / f"d/{domain}.conf").write_text(
                f"server {{ listen 127.0.0.1:{port}; server_name d{domain}.example.com; location / {{ proxy_pass http://backend; }} }}")
            subprocess.run(["nginx", "-p", ".", "-c", "minimal.conf", "-e", "stderr", "-s", "reload"], cwd=home, check=True, capture_output=True)
            until(lambda: answers(port, f"d{domain}.example.com"))
            seconds.append(time.monotonic() - begin)
            time.sleep(0.2)
    return seconds


def percentile95(values):
    return sorted(values)[len(values) * 95 // 100]


def report(name, ratios, target, least=True):
    median = statistics.median(ratios)
    met = median >= target if least else median <= target
    print(f"{'PASS' if met else 'FAIL'}  {name}: {median:.2f} ({min(ratios):.2f}–{max(ratios):.2f}), target {'≥' if least else '≤'} {target:g}")
    return met


def main():
    arguments = parse_arguments()
    for tool in ("nginx", "caddy", "wrk"):
        if shutil.which(tool) is None:
            sys.exit(f"bench/edge: needs {tool} (scripts/install.sh test bench)")
    rounds = measure_calls(arguments)
    print(f"{CONNECTIONS} connections, load {load_average():.1f}: " + ", ".join(
        f"{name} {statistics.median(r[i] for r in rounds):,.0f} calls/s" for i, name in enumerate(("edge", "minimal nginx", "Caddy"))))
    met = report("calls/s, of a hand-written nginx.conf's", [edge / minimal for edge, minimal, _ in rounds], OF_NGINX)
    met &= report("calls/s, of Caddy's", [edge / caddy for edge, _, caddy in rounds], OF_CADDY)
    assigned, reloaded = asyncio.run(assign_each(arguments.assigns)), reload_each(arguments.assigns)
    print(f"      assign to the first answer, p95 of {arguments.assigns}: {percentile95(assigned) * 1000:.0f} ms; a file and `nginx -s reload` by hand: "
          f"{percentile95(reloaded) * 1000:.0f} ms; ratio {percentile95(assigned) / percentile95(reloaded):.2f} (no target)")
    sizes = measure_reloads(arguments.reloads)
    met &= report(f"the master's memory after {arguments.reloads} reloads ({sizes[-1][1] / 2**20:.1f} MiB), of that after the first tenth",
                  [sizes[-1][1] / sizes[0][1]], MEMORY, least=False)
    render, check, memory = measure_thousand()
    print(f"      all processes of nginx after the reloads: {sizes[0][0] / 2**20:.0f} to {sizes[-1][0] / 2**20:.0f} MiB; "
          f"1,000 domains of two paths: rendered in {render:.2f} s, checked by nginx -t in {check:.2f} s, "
          f"served in {memory[0] / 2**20:.0f} MiB (no target)")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"calls": rounds, "memory": sizes, "thousand": [render, check, memory]}))
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
