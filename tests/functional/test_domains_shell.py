"""The shell's commands about domains, against a running system: what they print and their exit codes."""

import contextlib
import http.client
import json
import re
import subprocess
import urllib.request

import pytest
from domains_api import backend, free_port
from running_system import poll


@pytest.fixture
def web(system):
    """Two processes that answer."""
    for name in ("web", "api"):
        done = system.cli("start", name, backend("http", name), f"PORT={free_port()}")
        assert done.returncode == 0, done.stderr
        assert system.cli("wait", name, "--for", "ready").returncode == 0
    return system


def run(system, *arguments, code=0, **options):
    done = system.cli(*arguments, **options)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def fetch(system, host, path="/"):
    request = urllib.request.Request(f"http://127.0.0.1:{system.edge_port()}{path}", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_assign_says_how_to_see_it_and_that_works(web):
    assert run(web, "domains").stdout.split() == ["DOMAIN", "TARGET", "STATE", "REQ/S", "ERRORS", "P95"]
    done = run(web, "assign", "example.com", "web")
    said = done.stdout + done.stderr
    assert re.search(r"example\.com → web:\d+ is served", said), said
    [curl] = re.findall(r"curl .*$", said, re.M)
    answer = subprocess.run(["sh", "-c", f"{curl} -s"], capture_output=True, text=True, timeout=20)
    assert json.loads(answer.stdout)["name"] == "web", (curl, answer)
    refused = run(web, "assign", "example.com", "api", code=5)
    assert "leads to 'web' already" in refused.stderr and "--replace" in refused.stderr
    run(web, "assign", "example.com", "api", "--path", "/api", "--strip", "--hold", "5s", "--max-body", "20M")
    assert fetch(web, "example.com", "/api/x")["target"] == "/x"
    run(web, "assign", "example.com", "api", "--weight", "2")
    run(web, "assign", "*.example.com", "web")
    assert fetch(web, "any.example.com")["name"] == "web"

    rows = {row.split()[0]: row for row in run(web, "domains").stdout.splitlines()}
    assert re.fullmatch(r"DOMAIN +TARGET +STATE +REQ/S +ERRORS +P95", rows["DOMAIN"].strip()), rows
    assert re.search(r"web:\d+ x1, api:\d+ x2.* active ", rows["example.com"]), rows
    assert run(web, "domains", "-o", "name").stdout == "*.example.com\nexample.com\n"
    shown = json.loads(run(web, "domains", "-o", "json").stdout)
    shown = shown["domains"] if isinstance(shown, dict) else shown
    assert [one["status"]["state"] for one in shown] == ["STATE_ACTIVE"] * 2
    wide = run(web, "domains", "-o", "wide").stdout
    assert "/api (stripped) → api:" in wide and "MANAGED BY" in wide

    status = run(web, "domain-status", "example.com").stdout
    for part in ("state", "active", "hold 5s", "max body 20", "/api (stripped)", "accepts connections", "up since 20", "requests/s", "curl -H"):
        assert part in status, (part, status)
    assert json.loads(run(web, "domain-status", "example.com", "-o", "json").stdout)["name"] == "example.com"

    assert "leads to api no more" in run(web, "unassign", "example.com", "api").stdout
    assert "is not served any more" in run(web, "unassign", "example.com").stdout
    assert "no domain 'example.com'" in run(web, "domain-status", "example.com", code=3).stderr
    run(web, "unassign", "example.com", code=3)


def test_what_is_wrong_is_said_with_the_cure_and_an_exit_code(web):
    for words, code, said in (
        (("example.com",), 2, "PROCESS"),
        (("example.com", "web", "0"), 2, "1 to 65535"),
        (("example.com", "web", "65536"), 2, "1 to 65535"),
        (("example.com", "web", "--weight", "101"), 2, "1 to 100"),
        (("example.com", "web", "--hold", "long"), 2, "--hold"),
        (("example.com", "web", "--hold", "6m"), 2, "300 seconds"),
        (("a_b.com", "web"), 2, "letters, digits"),
        (("co.uk", "web"), 2, "public suffix"),
        (("example.com", "web", str(web.edge_port("https"))), 2, "the edge itself"),
        (("example.com", "nobody"), 3, "no process 'nobody'"),
    ):
        done = run(web, "assign", *words, code=code)
        assert said in done.stderr, (words, done.stderr)
    run(web, "start", "quiet", "sleep 3600")
    assert "no port" in run(web, "assign", "example.com", "quiet", code=5).stderr
    assert run(web, "domains", "-o", "name").stdout == ""


def test_reload_shows_the_difference(web):
    path = web.home / "domains.conf"
    path.write_text("domain a.example.com {\n  process: web\n}\ndomain b.example.com {\n  process: later\n}\n")
    dry = run(web, "reload", "--dry-run").stdout
    assert dry.splitlines()[:2] == ["+ a.example.com", "+ b.example.com"] and "2 would be created" in dry
    assert run(web, "domains", "-o", "name").stdout == ""
    assert "2 created, 0 changed, 0 removed, 0 unchanged" in run(web, "reload").stdout
    poll(lambda: " active " in run(web, "domains").stdout, "it is active")
    assert fetch(web, "a.example.com")["name"] == "web"
    pending = run(web, "domain-status", "b.example.com").stdout
    assert "there is no process 'later'" in pending and "domains.conf:4" in pending
    assert "domains.conf" in run(web, "unassign", "a.example.com", code=5).stderr
    path.write_text("domain a.example.com {\n  process: web\n  hold: 7s\n}\ndomain c.example.com {\n  process: web\n}\n")
    assert run(web, "reload").stdout.splitlines()[:3] == ["+ c.example.com", "~ a.example.com", "- b.example.com"]
    path.write_text("domain a.example.com {\n  procces: web\n}\ndomain b..com {\n  process: web\n}\n")
    wrong = run(web, "reload", code=5).stderr
    assert re.search(r"line 2, column 3: .*process", wrong) and "line 4, column 8" in wrong and str(path) in wrong, wrong
    assert run(web, "domains", "-o", "name").stdout == "a.example.com\nc.example.com\n"
    assert "was not taken over" in run(web, "domains").stderr


def test_apply_makes_what_a_file_says(web, tmp_path):
    (tmp_path / "domain.yml").write_text("domain: example.com\nprocess: web\nhold: 5s\npaths:\n  /api:\n    process: api\n    strip: true\n")
    dry = run(web, "apply", "-f", "domain.yml", "--dry-run", cwd=tmp_path)
    assert "example.com: new" in dry.stdout and run(web, "domains", "-o", "name").stdout == ""
    done = run(web, "apply", "-f", "domain.yml", cwd=tmp_path)
    assert "is served" in done.stdout + done.stderr
    assert [fetch(web, "example.com", path)["name"] for path in ("/", "/api/x")] == ["web", "api"]
    assert "nothing differs" in run(web, "apply", "-f", "domain.yml", cwd=tmp_path).stdout
    (tmp_path / "domain.yml").write_text("domain: example.com\nprocess: api\n")
    refusal = run(web, "apply", "-f", "domain.yml", cwd=tmp_path, code=5)
    assert "'/' from 'web'" in refusal.stderr and fetch(web, "example.com", "/")["name"] == "web"
    changed = run(web, "apply", "-f", "domain.yml", "--replace", cwd=tmp_path).stdout
    assert {"- hold: 5s", "+ hold: 30s", "- path /: web", "+ path /: api", "- path /api: api (stripped)"} <= set(changed.splitlines()), changed
    assert fetch(web, "example.com", "/")["name"] == "api"
    (tmp_path / "domain.yml").write_text("domain: example.com\nproces: api\nhold: 1h\n")
    wrong = run(web, "apply", "-f", "domain.yml", cwd=tmp_path, code=2).stderr
    assert "domain.yml:2:1" in wrong and "domain.yml:3:7" in wrong, wrong


def test_the_access_log_is_shown_and_followed(web):
    run(web, "assign", "example.com", "web")
    run(web, "assign", "other.example.com", "web")
    # By one connection, so that one of nginx's workers writes all lines.
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", web.edge_port(), timeout=20)) as connection:
        for number in range(5):
            connection.request("GET", f"/{number}", headers={"Host": "example.com"})
            connection.getresponse().read()
    fetch(web, "other.example.com", "/other")

    def lines(*options):
        return [json.loads(line) for line in run(web, "logs", "--domain", "example.com", *options).stdout.splitlines()]

    poll(lambda: len(lines()) == 5, "five lines")
    assert [line["uri"] for line in lines("-n", "2")] == ["/3", "/4"]
    assert {(line["status"], line["method"], line["host"]) for line in lines()} == {(200, "GET", "example.com")}
    follow = subprocess.Popen(
        [web.bin / "grpc-os", "--address", web.address, "logs", "--domain", "example.com", "-f", "-n", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert json.loads(follow.stdout.readline())["uri"] == "/4"
        fetch(web, "example.com", "/new")
        assert json.loads(follow.stdout.readline())["uri"] == "/new"
        run(web, "unassign", "example.com")
        out, err = follow.communicate(timeout=20)
        assert (follow.returncode, out) == (0, "") and "example.com was deleted" in err
    finally:
        follow.kill()
        follow.wait()
    assert "no domain" in run(web, "logs", "--domain", "example.com", code=3).stderr
    run(web, "logs", "web", "--domain", "other.example.com", code=2)
