"""A client of plain grpcio, of whatever version: client.py ADDRESS, the admin's password in ADMIN_PASSWORD; with TLS if TLS_CA
names the certificate of who signed the server's. Says each thing that it did. The clients in the other languages do the same."""

import concurrent.futures
import hashlib
import os
import pathlib
import sys

import grpc
from grpc_os.v1 import auth_services_pb2 as auth
from grpc_os.v1 import event_services_pb2 as event
from grpc_os.v1 import filesystem_services_pb2 as filesystem

PIECE = 1 << 20


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def table_entry(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


TABLE = [table_entry(value) for value in range(256)]


class Client:
    def __init__(self, address):
        options = [("grpc.enable_http_proxy", 0)]
        if ca := os.environ.get("TLS_CA"):
            credentials = grpc.ssl_channel_credentials(pathlib.Path(ca).read_bytes())
            self.channel = grpc.secure_channel(address, credentials, options)
        else:
            self.channel = grpc.insecure_channel(address, options)
        self.metadata = []

    def call(self, kind, path, answer):
        return getattr(self.channel, kind)(
            f"/grpc_os.v1.{path}", request_serializer=lambda message: message.SerializeToString(), response_deserializer=answer.FromString
        )

    def log_in(self, password):
        request = auth.LoginRequest(user="admin", password=password)
        login = self.call("unary_unary", "AuthService/Login", auth.LoginResponse)(request, timeout=30)
        self.metadata = [("authorization", f"Bearer {login.access_token}")]

    def who_am_i(self):
        call = self.call("unary_unary", "AuthService/WhoAmI", auth.WhoAmIResponse)
        assert call(auth.WhoAmIRequest(), metadata=self.metadata, timeout=30).identity.user == "admin"

    def watch(self, timeout=30):
        """The stream, once it is synced; gives how many events came before."""
        call = self.call("unary_stream", "EventService/Watch", event.WatchResponse)
        stream = call(event.WatchRequest(kinds=["user", "role"]), metadata=self.metadata, timeout=timeout)
        events = []
        for message in stream:
            events += message.events
            if message.synced:
                return stream, events
        raise AssertionError("the watch ended before SYNCED")

    def upload(self, name, data):
        service = "FilesystemService"
        start = self.call("unary_unary", f"{service}/StartUpload", filesystem.Upload)
        write = self.call("stream_unary", f"{service}/WriteUpload", filesystem.Upload)
        finish = self.call("unary_unary", f"{service}/FinishUpload", filesystem.Object)
        options = {"metadata": self.metadata, "timeout": 60}
        request = filesystem.StartUploadRequest(object=filesystem.Object(name=name), size_bytes=len(data))
        upload_id = start(request, **options).upload_id

        def pieces():
            for at in range(0, len(data), PIECE):
                part = data[at : at + PIECE]
                yield filesystem.WriteUploadRequest(upload_id=upload_id, offset=at, data=part, crc32c=crc32c(part))

        assert write(pieces(), **options).persisted_bytes == len(data)
        made = finish(
            filesystem.FinishUploadRequest(upload_id=upload_id, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()), **options
        )
        assert made.name == name


def fails_with(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
        return error
    raise AssertionError(f"no {code}")


def main(address):
    client = Client(address)
    client.log_in(os.environ["ADMIN_PASSWORD"])
    print("logged in")
    client.who_am_i()
    print("unary")
    stream, events = client.watch()
    assert any(e.action == "snapshot" and e.name == "admin" for e in events), events
    print("watch")
    stream.cancel()
    fails_with(grpc.StatusCode.CANCELLED, lambda: next(stream))
    client.who_am_i()
    print("cancel")
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(client.watch(timeout=1)[0]))
    print("deadline")
    client.upload(f"/upload-{os.getpid()}", os.urandom(4 * PIECE + 12345))
    print("upload")
    error = fails_with(grpc.StatusCode.UNAUTHENTICATED, lambda: Client(address).log_in("none"))
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    assert b"type.googleapis.com/google.rpc.ErrorInfo" in details and b"LOGIN_FAILED" in details, details
    print("details")
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        for done in [pool.submit(client.who_am_i) for _ in range(1000)]:
            done.result()
    print("1000 calls")


main(sys.argv[1])
