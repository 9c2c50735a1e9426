"""Uploads, in few words."""

import ctypes
import hashlib
import random

import grpc
from grpc_os.v1 import filesystem_services_pb2 as messages

MIB = 1 << 20
CHUNK = MIB
CHUNK_MAX = 2 * MIB

_ISAL = ctypes.CDLL("libisal.so.2")
_ISAL.crc32_iscsi.restype = ctypes.c_uint32
_ISAL.crc32_iscsi.argtypes = (ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32)


def crc32c(data):
    """Of many bytes."""
    return _ISAL.crc32_iscsi(data, len(data), 0xFFFFFFFF) ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


def pieces(upload_id, data, offset=0, chunk=CHUNK):
    """The messages that send `data` from `offset` on."""
    for at in range(offset, len(data), chunk):
        part = data[at : at + chunk]
        yield messages.WriteUploadRequest(upload_id=upload_id, offset=at, data=part, crc32c=crc32c(part))


class Uploads:
    """Over objects_api.Objects."""

    def __init__(self, objects):
        self.objects = objects

    async def start(self, name, size=None, preconditions=None, request_id="", **fields):
        request = messages.StartUploadRequest(
            object=messages.Object(name=name, **fields), size_bytes=size, preconditions=preconditions, request_id=request_id
        )
        return await self.objects.call("StartUpload", request)

    def stream(self, requests, timeout=60):
        """The call; `requests`: an iterator, or None to write by hand."""
        return self.objects.call("WriteUpload", requests, timeout)

    async def write(self, upload_id, data, offset=0, chunk=CHUNK):
        for _ in range(100):
            try:
                return await self.stream(pieces(upload_id, data, offset, chunk))
            except grpc.aio.AioRpcError as error:
                # grpc.aio's own: a stream that the server ended while a piece was on its way, with a status that it
                # lost. As after any broken stream, the server says where to go on.
                if error.code() != grpc.StatusCode.INTERNAL or "from Core" not in error.details():
                    raise
                offset = (await self.get(upload_id)).persisted_bytes
        raise AssertionError("the stream breaks again and again")

    async def get(self, upload_id):
        return await self.objects.call("GetUpload", messages.GetUploadRequest(upload_id=upload_id))

    async def finish(self, upload_id, size=None, crc=None, sha=""):
        request = messages.FinishUploadRequest(upload_id=upload_id, size_bytes=size, crc32c=crc, sha256=sha)
        return await self.objects.call("FinishUpload", request)

    async def cancel(self, upload_id):
        return await self.objects.call("CancelUpload", messages.CancelUploadRequest(upload_id=upload_id))

    async def put(self, name, data, **fields):
        """All of it."""
        upload = await self.start(name, len(data), **fields)
        if data:
            await self.write(upload.upload_id, data)
        return await self.finish(upload.upload_id, len(data), crc32c(data), sha256(data))

    async def read(self, name, **fields):
        """The content by ReadObject, every piece checked: (offset of the first byte, bytes)."""
        begin, parts, at = None, [], 0
        async for message in self.objects.call("ReadObject", messages.ReadObjectRequest(name=name, **fields), 60):
            if begin is None:
                begin = at = message.offset
            assert message.offset == at
            assert message.crc32c == crc32c(message.data)
            assert len(message.data) <= 256 << 10
            parts.append(message.data)
            at += len(message.data)
        return begin, b"".join(parts)


def blob_files(system):
    return sorted(path for path in (system.data / "blobs").rglob("*") if path.is_file())


def upload_files(system):
    return sorted(path.name for path in (system.data / "uploads").iterdir())
