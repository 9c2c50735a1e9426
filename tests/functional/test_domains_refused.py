"""What domains are refused, and that no string of a user reaches nginx as anything but what it is."""

import itertools
import re

import pytest
from domains_api import domains_of, free_port
from expectations import SLEEP, refused
from test_rights import logged_in, make, rule

HOSTILE_NAMES = [
    *("", ".", "..", "-a.com", "a-.com", "a..com", ".a.com", "a.com.", "a b.com", "a\nb.com", "a\r\nb.com", "a\tb.com", "a\x00b.com"),
    *("a;b.com", "a{}.com", "a$host.com", "$host", "a'b.com", 'a"b.com', "a\\b.com", "a#b.com", "a/b.com", "http://a.com", "a.com:80"),
    *("~^a.com$", "*", "*.", "**.a.com", "a.*.com", "a*.com", "*a.com", "*.*.a.com", "*.com", "com", "co.uk", "*.co.uk", "_", "_a.com"),
    *("1.2.3.4", "127.0.0.1", "0x7f.1", "[::1]", "::1", "EXAMPLE.com", "żółw.pl", "a" * 64 + ".com", ".".join(["a" * 49] * 5) + ".comm"),
    *("a.com/../../etc", "../d/x", "x.conf;", "%(a)s.com", "{{servers}}.com", "a,b.com", "a@b.com", "a.com?x", "include.d/*"),
]
HOSTILE_PATHS = [
    *("api", "/api/", "//", "/a//b", "/a/../b", "/..", "/.", "/a b", "/a\nb", "/a;b", "/a{b", "/a}b", "/a$b", "/a'b", '/a"b', "/a\\b"),
    *("/a#b", "/a?b", "/%61", "/~^x\n", "/(.*)", "/a*", "/ż", "/" + "a" * 1024, "=/a", "^~ /a", "@wait_0"),
]
# Each is put into names, paths and references of processes: nothing of it may act in nginx's grammar, in Lua's or in a file name.
BREAKS = ["\n", "\r", ";", " ", "\t", '"', "'", "}", "{", "$", "\\", "#", "\x00", "]]", "}}", "%", "`", "|", "*/", "\x7f"]
ACTS = [
    *("return 200", "include /etc/passwd", "server_name _", "proxy_pass http://evil", "alias /", "load_module x.so"),
    *("content_by_lua_block{os.execute()}", "root /etc", "access_log /tmp/x", "env SECRET"),
]
PAYLOADS = [f"a{broken}{act}{broken}b" for broken, act in itertools.product(BREAKS, ACTS)]
HARMLESS = ["return-200", "include", "server", "_", "location", "upstream", "xn--80ak6aa92e", "a", "0", "lua", "if", "end", "~x", "a.b-c_d"]


@pytest.fixture
async def domains(system):
    async with domains_of(system) as made:
        await made.process("CreateProcess", process={"name": "web", "spec": {"command": SLEEP, "port": free_port()}})
        yield made


def spec_of(process="web", path="/", **target):
    return {"routes": [{"path": path, "targets": [{"process": process, **target}]}]}


async def test_hostile_names_and_paths_are_refused_with_the_cure(domains):
    for name in HOSTILE_NAMES:
        with refused("FIELD_INVALID", fields=["name"]) as refusal:
            await domains.assign(name, "web")
        assert any(word in refusal.message for word in ("give", "leave", "write", "only")), (name, refusal.message)
        for method in ("CreateDomain", "UpdateDomain"):
            with refused("FIELD_INVALID", fields=["domain.name"]):
                await domains.call(method, domain={"name": name, "spec": spec_of()})
        for method in ("GetDomain", "DeleteDomain", "UnassignDomain"):
            with refused("FIELD_INVALID", fields=["name"]):
                await domains.call(method, name=name)
    for path in HOSTILE_PATHS:
        with refused("FIELD_INVALID", fields=["path"]):
            await domains.assign("example.com", "web", path=path)
        for method in ("CreateDomain", "UpdateDomain"):
            with refused("FIELD_INVALID", fields=["domain.spec.routes[0].path"]):
                await domains.call(method, domain={"name": "example.com", "spec": spec_of(path=path)})
    long = ".".join(["a" * 49] * 5) + ".com"
    assert len(long) == 253 and len(HOSTILE_NAMES[HOSTILE_NAMES.index(long + "m")]) == 254
    assert (await domains.assign(long, "web")).status.active_generation == 1
    assert await domains.names() == [long]


async def test_all_that_is_wrong_is_said_at_once(system, domains):
    owned = {system.edge_port(kind) for kind in ("http", "https", "grpc")} | {system.port, system.http_port}
    for port in (-1, 65536, 2**31 - 1, *owned):
        with refused("FIELD_INVALID", fields=["port"]) as refusal:
            await domains.assign("example.com", "web", port)
        if port in owned:
            assert "edge itself" in refusal.message or "gRPC OS itself" in refusal.message
    hour = {"seconds": 3600 * 25}
    with refused("FIELD_INVALID", fields=["name", "process", "port", "path", "weight", "hold", "drain", "max_body_bytes", "read_timeout"]):
        wrong = {"port": 65536, "path": "x", "weight": 101, "hold": hour, "drain": hour, "max_body_bytes": -1, "read_timeout": hour}
        await domains.call("AssignDomain", name="a b", process="", **wrong)
    for hold in ({"seconds": -1}, {"seconds": 301}, {"nanos": -1}, {"seconds": 2**60}):
        with refused("FIELD_INVALID", fields=["hold"]):
            await domains.assign("example.com", "web", hold=hold)
    wrong = {
        "hold": hour,
        "drain": hour,
        "max_body_bytes": 6 << 30,
        "read_timeout": {"nanos": 1000},
        "routes": [
            {"path": "a", "targets": [{"process": "a b", "port": 65536, "weight": 101}]},
            {"path": "/a", "targets": []},
            {"path": "/a", "targets": [{"process": "web"}] * 17},
        ],
    }
    fields = [
        *("domain.name", "domain.spec.hold", "domain.spec.drain", "domain.spec.max_body_bytes", "domain.spec.read_timeout"),
        *("domain.spec.routes[0].path", "domain.spec.routes[0].targets[0].process", "domain.spec.routes[0].targets[0].port"),
        *("domain.spec.routes[0].targets[0].weight", "domain.spec.routes[1].targets", "domain.spec.routes[2].path"),
        "domain.spec.routes[2].targets",
    ]
    for method in ("CreateDomain", "UpdateDomain"):
        with refused("FIELD_INVALID", fields=fields):
            await domains.call(method, domain={"name": "a b", "spec": wrong})
        with refused("FIELD_INVALID", fields=["domain.spec.routes"]):
            await domains.call(method, domain={"name": "example.com", "spec": {"routes": []}})
        with refused("FIELD_INVALID", fields=["domain.spec.routes"]):
            routes = [{"path": f"/{number}", "targets": [{"process": "web"}]} for number in range(33)]
            await domains.call(method, domain={"name": "example.com", "spec": {"routes": routes}})
        with refused("FIELD_INVALID", fields=["domain.spec.routes[0].strip"]):
            stripped = {"routes": [{"path": "/a", "strip": True, "targets": [{"process": "web"}]}], "grpc": True}
            await domains.call(method, domain={"name": "example.com", "spec": stripped})
    with refused("FIELD_INVALID", fields=["strip"]):
        await domains.assign("example.com", "web", path="/a", strip=True, grpc=True)
    assert await domains.names() == []


async def test_a_process_that_is_not_there_is_refused(domains):
    for process in ("gone", "proc_0000000000000000"):
        with refused("PROCESS_NOT_FOUND"):
            await domains.assign("example.com", process)
        for method in ("CreateDomain", "UpdateDomain"):
            with refused("PROCESS_NOT_FOUND"):
                await domains.call(method, domain={"name": "example.com", "spec": spec_of(process)})
    with refused("DOMAIN_NOT_FOUND"):
        await domains.call("UpdateDomain", domain={"name": "example.com", "spec": spec_of()})
    for method in ("GetDomain", "DeleteDomain", "UnassignDomain"):
        with refused("DOMAIN_NOT_FOUND"):
            await domains.call(method, name="example.com")


async def test_who_has_a_name_is_said_to_those_who_may_know(system, domains):
    await domains.process("CreateProcess", process={"name": "mine", "spec": {"command": SLEEP, "port": free_port()}})
    await domains.assign("example.com", "web")
    with refused("DOMAIN_EXISTS") as refusal:
        await domains.assign("example.com", "mine")
    assert refusal.metadata["process"] == "web" and refusal.metadata["domain"] == "example.com"
    with refused("DOMAIN_EXISTS") as refusal:
        await domains.call("CreateDomain", domain={"name": "example.com", "spec": spec_of("mine")})
    assert refusal.metadata["process"] == "web" and "'web'" in refusal.message
    rules = [rule("domain.read"), rule("domain.write"), rule("process.read", "mine")]
    await make(domains.raw, "some", rules)
    async with logged_in(system, "ada") as ada:
        for method, fields in (
            ("AssignDomain", {"name": "example.com", "process": "mine"}),
            ("CreateDomain", {"domain": {"name": "example.com", "spec": spec_of("mine")}}),
        ):
            with refused("DOMAIN_EXISTS") as refusal:
                await ada.call("DomainService", method, **fields)
            assert "web" not in refusal.message and "process" not in refusal.metadata, refusal.message
        with refused("PROCESS_NOT_FOUND"):
            await ada.call("DomainService", "AssignDomain", name="new.example.com", process="web")
        [target] = (await ada.call("DomainService", "GetDomain", name="example.com")).status.targets
        assert target.process == target.process_id and target.process.startswith("proc_")


def tokens(text):
    """Of nginx's grammar: words, quoted ones too, and the signs ; { }. A block of Lua is one word."""
    found, at = [], 0
    pattern = re.compile(r'\s+|#[^\n]*|([;{}])|("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|((?:\$\{[^}]*\}|[^\s;{}"\'#])+)')
    while at < len(text):
        match = pattern.match(text, at)
        assert match, text[at : at + 40]
        at = match.end()
        if (word := match[1] or match[2] or match[3]) is None:
            continue
        if word == "{" and found[-1].endswith("_by_lua_block"):
            end = text.index("}\n", at)
            word, at = text[match.start() : end], end + 1
        found.append(word)
    return found


async def test_what_is_accepted_is_in_the_files_of_nginx_what_it_was_meant_to_be(system, domains):
    assert len(PAYLOADS) == 200 and len(set(PAYLOADS)) == 200
    await domains.call("CreateDomain", domain={"name": "n.example.com", "spec": spec_of(path="/p")})
    for payload in PAYLOADS:
        for name, path, process in (
            (payload, "/", "web"),
            (payload + ".example.com", "/", "web"),
            ("x.example.com", "/" + payload, "web"),
            ("x.example.com", "/", payload),
        ):
            with refused("FIELD_INVALID"):
                await domains.assign(name, process, path=path)
            with refused("FIELD_INVALID"):
                await domains.call("CreateDomain", domain={"name": name, "spec": spec_of(process, path)})
    made = {}
    for index, word in enumerate(HARMLESS):
        label = re.sub(r"[^a-z0-9-]", "", word) or "x"
        name = f"{label}.h{index}.example.com"
        domain = await domains.call("CreateDomain", domain={"name": name, "spec": spec_of(path=f"/{word}")})
        made[domain.id] = (name, f"/{word}")
    meant = await domains.assign("n.example.com", "web", path="/p")
    assert meant.status.active_generation == 1, meant.status
    live = system.data / "edge/conf/live/d"
    assert {path.name for path in live.iterdir()} == {f"{id_}.conf" for id_ in [meant.id, *made]}

    def filled(token, id_, name, path):
        token = token.replace(meant.id, id_)
        return {"n.example.com": name, "/p": path, "/p/": path + "/"}.get(token, token)

    model = tokens((live / f"{meant.id}.conf").read_text())
    assert {"n.example.com", "/p", "/p/"} < set(model)
    for id_, (name, path) in made.items():
        assert tokens((live / f"{id_}.conf").read_text()) == [filled(token, id_, name, path) for token in model], name
