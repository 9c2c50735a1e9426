"""An open-loop client of the edge: requests go out at a fixed rate, whatever becomes of those before, and what was sent
is what was answered.

    with load.running(load.Get(port, "a.test", rate=100), load.Post(…), load.Websockets(…), load.Grpc(…)) as loads:
        …
    loads[0].report.failed() == 0

An outcome is an HTTP status ("200"), a gRPC code ("OK"), or what broke: "refused", "broken" on a new connection, "closed"
on one kept alive. As browsers do, it takes no connection of which it knows that it was closed, and Get sends once more what
one was closed on: counted as `repeated`."""

import asyncio
import base64
import collections
import contextlib
import os
import threading
import time


class Report:
    def __init__(self):
        self.sent = 0
        self.outcomes = collections.Counter()
        self.repeated = 0
        self.seconds = []  # each request's
        self.examples = {}  # by outcome: what one answer said

    def add(self, outcome, seconds, said=""):
        self.outcomes[outcome] += 1
        self.seconds.append(seconds)
        self.examples.setdefault(outcome, said)

    def failed(self):
        return sum(count for outcome, count in self.outcomes.items() if outcome not in ("200", "OK"))

    def unanswered(self):
        return self.sent - sum(self.outcomes.values())

    def __repr__(self):
        worst = f"{max(self.seconds):.3f} s at most" if self.seconds else ""
        return f"sent {self.sent}: {dict(self.outcomes)}, repeated {self.repeated}, {worst} {self.examples}"


class Load:
    def __init__(self, port, host, rate, address="127.0.0.1"):
        self.port, self.host, self.rate, self.address = port, host, rate, address
        self.report = Report()

    async def run(self, stop):
        """Until the event `stop`, and then until all that was sent is answered."""
        begin, number, tasks = time.monotonic(), 0, set()
        while not stop.is_set():
            due = begin + number / self.rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            number += 1
            self.report.sent += 1
            task = asyncio.create_task(self.one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        await self.close()

    async def one(self):
        begin = time.monotonic()
        outcome, said = await self.send()
        self.report.add(outcome, time.monotonic() - begin, said)

    async def close(self):
        pass


async def read_answer(reader):
    """Status, headers and body of an answer with a length or in chunks."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.read()
    return int(first.split(" ")[1]), headers, body


class Http(Load):
    method, body, repeats = "GET", b"", True

    def __init__(self, port, host, rate, path="/", **options):
        super().__init__(port, host, rate, **options)
        self.idle = []
        self.request = (f"{self.method} {path} HTTP/1.1\r\nHost: {host}\r\n" + (
            f"Content-Length: {len(self.body)}\r\n" if self.body else "") + "\r\n").encode() + self.body

    async def send(self):
        while True:
            while self.idle and self.idle[-1][0].at_eof():
                self.idle.pop()[1].close()
            kept = bool(self.idle)
            try:
                reader, writer = self.idle.pop() if kept else await asyncio.open_connection(self.address, self.port)
            except OSError:
                return "refused", ""
            try:
                writer.write(self.request)
                status, headers, body = await read_answer(reader)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                writer.close()
                if not kept or getattr(error, "partial", b""):
                    return "broken", repr(error)
                if not self.repeats:
                    return "closed", ""
                self.report.repeated += 1
                continue
            if headers.get("connection") == "close":
                writer.close()
            else:
                self.idle.append((reader, writer))
            return str(status), body[:200].decode("latin-1")

    async def close(self):
        for _, writer in self.idle:
            writer.close()


class Get(Http):
    pass


class Post(Http):
    method, body, repeats = "POST", b"x" * 2000, False


class Websocket:
    """One open websocket that sends short texts."""

    async def open(self, port, host, path="/", address="127.0.0.1"):
        self.reader, self.writer = await asyncio.open_connection(address, port)
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write((f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ")[1])

    async def echo(self, text):
        self.writer.write(bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)
        head = await self.reader.readexactly(2)
        return await self.reader.readexactly(head[1])


class Websockets(Load):
    """`number` websockets that stay open; a message goes out on each by turns."""

    def __init__(self, port, host, rate, number=5, **options):
        super().__init__(port, host, rate, **options)
        self.free, self.number, self.dropped = asyncio.Queue(), number, 0

    async def run(self, stop):
        for _ in range(self.number):
            await self.free.put(await self.connect())
        await super().run(stop)

    async def connect(self):
        websocket = Websocket()
        status = await websocket.open(self.port, self.host, address=self.address)
        assert status == 101, status
        return websocket

    async def send(self):
        websocket = await self.free.get()
        try:
            echoed = await websocket.echo(b"hello")
            outcome = "200" if echoed == b"hello" else "wrong"
        except (asyncio.IncompleteReadError, ConnectionError):
            self.dropped += 1
            outcome = "closed"
            websocket = await self.connect()
        self.free.put_nowait(websocket)
        return outcome, ""

    async def close(self):
        while not self.free.empty():
            self.free.get_nowait().writer.close()


class Grpc(Load):
    """Unary calls of test.Echo/Unary on one channel. gRPC itself sends again what a server says not to have begun."""

    def __init__(self, port, host, rate, request=b"hello", **options):
        super().__init__(port, host, rate, **options)
        self.request = request

    async def run(self, stop):
        import grpc

        self.errors = grpc.aio.AioRpcError
        channel_options = [("grpc.default_authority", self.host)]
        async with grpc.aio.insecure_channel(f"{self.address}:{self.port}", options=channel_options) as channel:
            self.call = channel.unary_unary("/test.Echo/Unary")
            await super().run(stop)

    async def send(self):
        try:
            answer = await self.call(self.request, timeout=60)
            return ("OK" if answer == self.request else "wrong"), ""
        except self.errors as error:
            return error.code().name, error.details()


@contextlib.contextmanager
def running(*loads):
    """Runs `loads` in a thread of their own while the block runs."""
    stop, failure = threading.Event(), []

    async def run_all():
        await asyncio.gather(*(load.run(stop) for load in loads))

    def main():
        try:
            asyncio.run(run_all())
        except BaseException as error:  # goes on in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=main)
    thread.start()
    try:
        yield loads
    finally:
        stop.set()
        thread.join()
    if failure:
        raise failure[0]
