"""A process behind the edge: backend.py http|grpc NAME [PORT [BACKLOG]]. Writes its port to standard output.

HTTP answers in JSON what it was asked, and at
  /sleep?MS    that late                   /large?BYTES  so much
  /block?MS    that late, and nobody else is answered meanwhile
  /die         exits without an answer     /count        how many requests came before it
  /events      server-sent events, unframed as HTTP/1.0 has them; /chunks: in chunks. Each second one, MS apart with ?MS
  a websocket handshake                    echoes messages
gRPC has, of test.Echo, Unary (echoes; `sleep MS`: that late; `metadata`: with what came with it) and Stream (echoes each)."""

import asyncio
import base64
import hashlib
import json
import os
import sys
import time


class Http:
    def __init__(self, name):
        self.name, self.requests = name, 0

    async def serve(self, reader, writer):
        try:
            while await self.answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return False
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        body = await reader.readexactly(int(headers.get("content-length", ["0"])[0]))
        path, _, query = target.partition("?")
        before, self.requests = self.requests, self.requests + 1
        if headers.get("upgrade") == ["websocket"]:
            await self.websocket(reader, writer, headers)
            return False
        if path.endswith("/events") or path.endswith("/chunks"):
            await self.events(writer, float(query or 1000) / 1000, path.endswith("/chunks"))
            return False
        if path.endswith("/die"):
            os._exit(9)
        if path.endswith("/block"):
            time.sleep(float(query) / 1000)
        if path.endswith("/sleep"):
            await asyncio.sleep(float(query) / 1000)
        answer = {"name": self.name, "method": method, "target": target, "headers": headers, "body": len(body)}
        text = b"x" * int(query) if path.endswith("/large") else json.dumps(answer).encode()
        if path.endswith("/count"):
            text = str(before).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text))
        if method != "HEAD":
            writer.write(text)
        await writer.drain()
        return True

    async def events(self, writer, pause, chunked):
        if chunked:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        number = 0
        while True:
            event = b"data: %d\n\n" % number
            writer.write(b"%x\r\n%s\r\n" % (len(event), event) if chunked else event)
            await writer.drain()
            number += 1
            await asyncio.sleep(pause)

    async def websocket(self, reader, writer, headers):
        key = headers["sec-websocket-key"][0] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while True:  # short masked messages, as tests/edge/load.py sends them
            head = await reader.readexactly(2)
            mask = await reader.readexactly(4)
            data = await reader.readexactly(head[1] & 0x7F)
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
            writer.write(bytes([head[0], len(data)]) + data)


async def serve_http(name, port, backlog):
    server = await asyncio.start_server(Http(name).serve, "127.0.0.1", port, backlog=backlog)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def serve_grpc(name, port):
    import grpc

    async def unary(request, context):
        await context.send_initial_metadata((("name", name),))
        if request.startswith(b"sleep "):
            await asyncio.sleep(float(request[6:]) / 1000)
        if request == b"metadata":
            return repr(context.invocation_metadata()).encode()
        if request == b"die":
            os._exit(9)
        return request

    async def stream(requests, context):
        await context.send_initial_metadata((("name", name),))
        async for request in requests:
            yield request

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.stream_stream_rpc_method_handler(stream)}),))
    print(server.add_insecure_port(f"127.0.0.1:{port}"), flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    kind, own_name = sys.argv[1:3]
    own_port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    backlog = int(sys.argv[4]) if len(sys.argv) > 4 else 1024
    asyncio.run(serve_http(own_name, own_port, backlog) if kind == "http" else serve_grpc(own_name, own_port))
