"""One content, read on where it was cut short."""

from __future__ import annotations

import contextlib
import typing

import grpc
from grpc_os.checksums import checksum
from grpc_os.calls import Calls
from grpc_os.errors import GrpcOSError
from grpc_os.object_requests import OBJECTS
from grpc_os.resources import StoredBytes
from grpc_os.v1 import filesystem_services_pb2
from grpc_os.v1.resources import Object


class Reading:
    """One content, from its first piece to its last."""

    def __init__(
        self,
        calls: Calls,
        name: str,
        generation: int,
        offset: int,
        size: int,
        preconditions: filesystem_services_pb2.Preconditions | None,
        crc32c: int = 0,
    ) -> None:
        """`crc32c` is that of what lies before `offset`."""
        self._calls = calls
        self._request = filesystem_services_pb2.ReadObjectRequest(
            name=name, generation=generation, offset=offset, limit_bytes=size, preconditions=preconditions
        )
        self._object: Object | None = None
        self._crc32c = crc32c
        # What can be checked as a whole at the end.
        self._is_whole = size == 0 and (offset == 0 or crc32c != 0)
        self._left = size or None

    async def chunks(self) -> typing.AsyncGenerator[StoredBytes, None]:
        messages = self._calls._resumed(self._open)
        async with contextlib.aclosing(messages):
            async for message in messages:
                yield self._take(message)
        stored = self._object
        assert stored is not None
        if self._is_whole and stored.generation != 0 and self._crc32c != stored.crc32c:
            raise data_loss(f"what came of {stored.name} has another checksum than was stored with it")

    def _open(self) -> typing.AsyncGenerator[filesystem_services_pb2.ReadObjectResponse, None]:
        if self._left is not None:
            if self._left == 0:
                return _nothing()
            self._request.limit_bytes = self._left
        if self._object is not None and self._request.offset >= self._object.size > 0:
            return _nothing()
        return self._calls._stream(OBJECTS, "ReadObject", self._request, self._calls._timeout)

    def _take(self, message: filesystem_services_pb2.ReadObjectResponse) -> StoredBytes:
        if checksum(message.data) != message.crc32c:
            raise data_loss(f"a part of {self._request.name} arrived with another checksum than it was sent with")
        if self._object is None:
            self._object = Object(message.object)
            # Whatever it becomes meanwhile; objects of the system have no versions. A place that was counted from the
            # end is known now.
            self._request.generation = self._object.generation
            self._request.ClearField("preconditions")
            self._request.offset = message.offset
        elif message.offset != self._request.offset:
            raise data_loss(f"the daemon sent what lies at {message.offset} instead of {self._request.offset}")
        self._request.offset += len(message.data)
        self._crc32c = checksum(message.data, self._crc32c)
        if self._left is not None:
            self._left -= len(message.data)
        return StoredBytes.of(message.data, self._object)


async def _nothing() -> typing.AsyncGenerator[typing.Any, None]:
    return
    yield  # what makes it a generator


def data_loss(details: str) -> GrpcOSError:
    return GrpcOSError(grpc.StatusCode.DATA_LOSS, details)
