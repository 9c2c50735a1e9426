"""Several systems from one command line: by TLS, by contexts, with a log-in each; what is wrong with an address, by name."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
import pytest_asyncio
from certificates import Authority
from expectations import refused
from running_system import RunningSystem, poll

PASSWORD = "correct horse battery"


class Person:
    """At a command line, with a home of their own."""

    def __init__(self, system, home):
        self._program = system.bin / "grpc-os"
        self.home = home
        home.mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GRPC_OS_", "XDG_", "DATA_DIR"))},
            **{"HOME": str(home), "NO_COLOR": "1"},
        }

    @property
    def contexts(self):
        return self.home / ".config/grpc-os/contexts.yml"

    def begin(self, *words):
        return subprocess.Popen([self._program, *map(str, words)], cwd=self.home, env=self.environment)

    def run(self, *words, input="", **environment):
        return subprocess.run(
            [self._program, *map(str, words)],
            input=input,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.home,
            env={**self.environment, **environment},
        )

    def says(self, *words, **options):
        done = self.run(*words, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def is_refused(self, code, *words, **options):
        done = self.run(*words, **options)
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stderr

    def log_in(self, *words, **options):
        return self.says(*words, "--password-stdin", input=PASSWORD + "\n", **options)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest_asyncio.fixture
async def start(authority):
    """start(): a system that serves TLS at localhost, with the users ada and eve; gives it and its HOST:PORT."""
    systems = []

    async def one():
        system = RunningSystem()
        systems.append(system)
        system.__enter__()
        certificate, key = authority.sign("localhost")
        key.chmod(0o600)
        system.start(
            environment={
                "GRPC_TLS_CERTIFICATE": str(certificate),
                "GRPC_TLS_KEY": str(key),
                "GRPC_TLS_ADDRESS": "127.0.0.1",
                "GRPC_TLS_PORT": "0",
            }
        )
        admin = await system.client()
        for name in ("ada", "eve"):
            await admin.create_user(name, password=PASSWORD, roles=["operator"])
        path = system.data / "run/grpc.tls.port"
        poll(path.exists, f"{path} is there")
        return system, f"localhost:{path.read_text().strip()}"

    yield one
    for system in reversed(systems):  # what ran before one is foreign to it
        await system.close_clients()
        system.__exit__(None, None, None)


async def test_two_systems_by_tls_with_a_log_in_each(start, authority, tmp_path):
    one, at_one = await start()
    await (await one.client()).create_process("of-one", "sleep 600")
    two, at_two = await start()
    await (await two.client()).create_process("of-two", "sleep 600")
    person = Person(one, tmp_path / "person")
    tls = ("--secure", "--ca", authority.ca)
    for name, address, user in (("a", at_one, "ada"), ("e", at_one, "eve"), ("b", at_two, "ada")):
        person.says("context", "add", name, "--address", address, *tls, "--user", user)
        assert f"`grpc-os login` logs in as {user}" in person.is_refused(4, "--context", name, "ps")
        assert f"Logged in as {user}" in person.log_in("--context", name, "login")
    assert person.contexts.stat().st_mode & 0o7777 == 0o600
    assert "eyJ" not in person.contexts.read_text(), "no token is in it"
    who = {name: person.says("--context", name, "whoami", "-o", "name") for name in "aeb"}
    assert who == {"a": "ada\n", "e": "eve\n", "b": "ada\n"}
    # Flags go before the environment, that before the context in use, that before the folder.
    person.says("context", "use", "a")
    assert person.says("ps", "-o", "name") == "of-one\n"
    assert person.says("ps", "-o", "name", GRPC_OS_CONTEXT="b") == "of-two\n"
    assert person.says("--context", "a", "ps", "-o", "name", GRPC_OS_CONTEXT="b") == "of-one\n"
    assert "exclude each other" in person.is_refused(2, "--context", "a", "--address", at_two, "ps")
    assert "both set" in person.is_refused(2, "ps", GRPC_OS_CONTEXT="b", GRPC_OS_ADDRESS=at_two)
    # An address by itself has a log-in of its own: none yet.
    assert "You are not logged in at" in person.is_refused(4, "--address", at_one, *tls, "ps")
    person.log_in("--address", at_one, *tls, "login", "eve")
    assert person.says("whoami", "-o", "name", GRPC_OS_ADDRESS=f"https://{at_one}", GRPC_OS_CA=str(authority.ca)) == "eve\n"
    assert person.says("whoami", "-o", "name") == "ada\n"
    # A script goes on in the context that it takes.
    assert person.says("-c", "context use b; ps -o name; context use a; ps -o name").splitlines()[1::2] == ["of-two", "of-one"]
    assert person.says(input="context use b\nps -o name\n").splitlines()[1:] == ["of-two"]
    assert "its log-in is forgotten here" in person.says("context", "rm", "b")
    assert "There is no context b" in person.is_refused(3, "--context", "b", "ps")
    person.says("context", "add", "b", "--address", at_two, *tls)
    assert "You are not logged in" in person.is_refused(4, "--context", "b", "ps")
    assert person.says("--context", "a", "ps", "-o", "name") == "of-one\n", "the others are as they were"


async def test_a_token_of_another_system_is_refused_by_that_word(start, tmp_path):
    one, _ = await start()
    two, _ = await start()
    ada = one.anonymous()
    await ada.login("ada", PASSWORD)
    token = await ada.create_token(label="a script")
    stranger = two.anonymous()
    for foreign in (ada.token, token.token):
        stranger.token = foreign
        with refused("TOKEN_OF_OTHER_SYSTEM") as refusal:
            await stranger.whoami()
        assert "another system" in refusal.message
        said = Person(two, tmp_path / foreign[-8:]).is_refused(4, "--address", two.address, "ps", GRPC_OS_TOKEN=foreign)
        assert "another system" in said and "`grpc-os token create`" in said
    # What only looks like it is no more than malformed.
    stranger.token = token.token[:-1]
    with refused("TOKEN_INVALID"):
        await stranger.whoami()


async def test_a_log_in_outlives_a_visit_of_another_system_at_its_address(start, tmp_path):
    one, _ = await start()
    two, _ = await start()
    person = Person(one, tmp_path / "person")
    # The address of whichever of the two is linked there.
    link = tmp_path / "system"
    link.symlink_to(one.data)
    at = ("--address", f"unix:{link}/run/api.sock")
    person.log_in(*at, "login", "ada")
    kept = {path: path.read_bytes() for path in (person.home / ".local/state/grpc-os/tokens").iterdir()}
    link.unlink()
    link.symlink_to(two.data)
    said = person.is_refused(4, *at, "ps")
    assert "another system" in said and "`grpc-os login ada`" in said
    assert {path: path.read_bytes() for path in kept} == kept
    link.unlink()
    link.symlink_to(one.data)
    assert person.says(*at, "whoami", "-o", "name") == "ada\n"
    link.unlink()
    link.symlink_to(two.data)
    person.log_in(*at, "login", "eve")
    assert person.says(*at, "whoami", "-o", "name") == "eve\n"


@pytest.fixture
def person(tmp_path):
    with RunningSystem() as programs:  # none is started
        yield Person(programs, tmp_path / "person")


def unused_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Listener:
    """`serve`s each connection, given with its number from 0, and hangs up."""

    def __init__(self, serve):
        self._serve_one = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)

    def _serve(self):
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with one, contextlib.suppress(OSError):
                self._serve_one(one, self.connections - 1)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def answers(text):
    def serve(one, _):
        one.recv(4096)
        one.sendall(text)

    return serve


def shakes_hands(files):
    def serve(one, _):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        context.set_alpn_protocols(["h2"])
        context.wrap_socket(one, server_side=True).close()

    return serve


def drips(one, number):
    """After a first answer that ends a call, the beginning of a TLS record, a byte a second."""
    if number == 0:
        answers(b"220 mail.example ESMTP\r\n")(one, number)
        return
    for byte in b"\x16\x03\x03\x40" + bytes(16):
        one.sendall(bytes([byte]))
        time.sleep(1)


def log_in_fails(person, listener, *options):
    return person.is_refused(6, *options, "--address", f"127.0.0.1:{listener.port}", "login", "ada", "--password-stdin", input=PASSWORD)


@pytest.mark.parametrize("tls", [(), ("--secure",)])
def test_a_peer_that_hangs_up_at_once_does_not_answer(person, tls):
    with Listener(lambda *_: None) as hangs_up:
        assert "does not answer" in log_in_fails(person, hangs_up, *tls)


def test_an_alert_is_no_reason_to_do_without_tls(person):
    with Listener(answers(b"\x15\x03\x03\x00\x02\x02\x70")) as alerts:  # unrecognized_name
        said = log_in_fails(person, alerts, "--secure")
        assert "handshake failed: " in said and "unrecognized name" in said and "--secure" not in said
        assert "Add --secure" in log_in_fails(person, alerts)


def test_a_peer_that_drips_is_not_waited_for(person):
    with Listener(drips) as slow:
        begin = time.monotonic()
        assert "does not answer" in log_in_fails(person, slow, "--timeout", "2s")
        assert time.monotonic() - begin < 10


def test_an_interrupt_ends_the_look_at_what_is_wrong(person):
    with Listener(drips) as slow:
        words = ("--address", f"127.0.0.1:{slow.port}", "login", "ada", "a wrong password")
        with person.begin(*words) as command:
            poll(lambda: slow.connections == 2, "the probe has begun")
            command.send_signal(signal.SIGINT)
            assert command.wait(10) == 130, "sooner than the peer is done"


def test_what_is_wrong_with_an_address_is_said_by_name(person, authority):
    login = ("login", "ada", "--password-stdin")

    def why(*options, code=6):
        return person.is_refused(code, *options, *login, input=PASSWORD)

    assert "there is no host nowhere.invalid" in why("--address", "nowhere.invalid")
    assert "nothing listens on that port" in why("--address", f"127.0.0.1:{unused_port()}")
    tls = ("--secure", "--ca", authority.ca)
    with Listener(answers(b"220 mail.example ESMTP\r\n")) as plain:
        said = why("--address", f"127.0.0.1:{plain.port}", *tls)
        assert "does not speak TLS" in said and "nothing would be encrypted" in said
    with Listener(shakes_hands(authority.sign("localhost"))) as good:
        assert "Add --secure" in why("--address", f"localhost:{good.port}")
        said = why("--address", f"localhost:{good.port}", "--secure")
        assert "is not trusted" in said and "`--ca FILE`" in said
        said = why("--address", f"127.0.0.1:{good.port}", *tls)
        assert "is not for 127.0.0.1: it is for localhost" in said
    with Listener(shakes_hands(authority.sign("localhost", days=-1, label="-old"))) as old:
        assert "has expired: its time ended " in why("--address", f"localhost:{old.port}", *tls)
    # What is malformed is refused before anything is reached.
    for options, says in (
        (("--address", "h:0"), "with a port of 1 to 65535"),
        (("--address", "/srv/data/run/api.sock"), "is written unix:/srv/data/run/api.sock"),
        (("--address", "unix:/x", "--secure"), "--secure is for HOST:PORT"),
        (("--address", "h", "--ca", authority.ca), "add --secure"),
        (("--address", "h", "--secure", "--ca", "/nonexistent"), "--ca names /nonexistent"),
        (("--secure",), "add --address"),
    ):
        assert says in why(*options, code=2), options


def test_a_bad_context_file_is_refused_and_explicit_addresses_work(person):
    person.says("context", "add", "prod", "--address", "box", "--production")
    person.says("context", "use", "prod")
    person.contexts.chmod(0o644)
    for words in (("ps",), ("context", "ls"), ("--context", "prod", "ps")):
        assert f"`chmod 600 {person.contexts}`" in person.is_refused(5, *words)
    nowhere = f"127.0.0.1:{unused_port()}"
    assert "not logged in at" in person.is_refused(4, "--address", nowhere, "ps")
    assert "not logged in at" in person.is_refused(4, "ps", GRPC_OS_ADDRESS=nowhere)
    assert person.says("version").startswith("grpc-os ")
    person.contexts.chmod(0o600)
    damaged = person.contexts.read_text().replace("address", "adress")
    person.contexts.write_text(damaged)
    for words in (("ps",), ("context", "ls"), ("context", "add", "more", "--address", "box")):
        said = person.is_refused(2, *words)
        assert f"{person.contexts}:5:5: " in said and "did you mean 'address'?" in said
    assert person.contexts.read_text() == damaged, "it is not written over"
    assert "not logged in at" in person.is_refused(4, "--address", nowhere, "ps")


def test_names_of_contexts_are_completed(person):
    for name in ("prod", "test"):
        person.says("context", "add", name, "--address", "box")
    assert person.says("__complete", "context", "use", "") == "prod\ntest\n"
    assert person.says("__complete", "--context", "p") == "prod\n"
    person.contexts.write_text("damaged")
    assert person.says("__complete", "--context", "") == ""
