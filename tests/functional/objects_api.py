"""FilesystemService as it stands, logged in; requests in few words."""

import contextlib

import grpc.aio
from grpc_os.v1 import filesystem_services_pb2 as messages
from grpc_os.v1 import filesystem_services_pb2_grpc as services

CASTAGNOLI = 0x82F63B78


def crc32c(data):
    """Of few bytes: bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Objects:
    """Each method takes what the request's fields are named after; `name` alone is an object's name."""

    def __init__(self, channel, metadata):
        self._stub = services.FilesystemServiceStub(channel)
        self._metadata = metadata

    def call(self, method, request, timeout=30):
        return getattr(self._stub, method)(request, metadata=self._metadata, timeout=timeout)

    async def create(self, name, data=b"", object_id="", request_id="", crc=None, **fields):
        request = messages.CreateObjectRequest(
            object=messages.Object(name=name, **fields), data=data, object_id=object_id, request_id=request_id, crc32c=crc
        )
        return await self.call("CreateObject", request)

    async def put(self, name, data=b"", preconditions=None, request_id="", crc=None, **fields):
        request = messages.PutObjectRequest(
            object=messages.Object(name=name, **fields),
            data=data,
            preconditions=preconditions,
            request_id=request_id,
            crc32c=crc,
        )
        return await self.call("PutObject", request)

    async def get(self, name, **fields):
        return await self.call("GetObject", messages.GetObjectRequest(name=name, **fields))

    async def data(self, name, **fields):
        return (await self.get(name, include_data=True, **fields)).data

    async def read(self, name, **fields):
        """The content by ReadObject: (object, offset of the first byte, bytes)."""
        described, begin, data = None, None, b""
        async for message in self.call("ReadObject", messages.ReadObjectRequest(name=name, **fields)):
            if message.HasField("object"):
                described, begin = message.object, message.offset
            assert message.offset == begin + len(data)
            assert message.crc32c == crc32c(message.data) or len(message.data) > 4096
            data += message.data
        return described, begin, data

    async def update(self, name, mask=(), preconditions=None, request_id="", **fields):
        request = messages.UpdateObjectRequest(
            object=messages.Object(name=name, **fields), preconditions=preconditions, request_id=request_id
        )
        request.update_mask.paths.extend(mask)
        return await self.call("UpdateObject", request)

    async def delete(self, name, **fields):
        return await self.call("DeleteObject", messages.DeleteObjectRequest(name=name, **fields))

    async def undelete(self, name, **fields):
        return await self.call("UndeleteObject", messages.UndeleteObjectRequest(name=name, **fields))

    async def move(self, name, destination, **fields):
        return await self.call("MoveObject", messages.MoveObjectRequest(name=name, destination=destination, **fields))

    async def copy(self, name, destination, **fields):
        return await self.call("CopyObject", messages.CopyObjectRequest(name=name, destination=destination, **fields))

    async def mkdir(self, name, **fields):
        return await self.call("CreateFolder", messages.CreateFolderRequest(name=name, **fields))

    async def page(self, prefix="", **fields):
        return await self.call("ListObjects", messages.ListObjectsRequest(prefix=prefix, **fields))

    async def list(self, prefix="", page_size=0, recursive=False, deleted=False):
        """All pages' names."""
        names, token = [], ""
        while True:
            page = await self.page(prefix, page_size=page_size, recursive=recursive, deleted=deleted, page_token=token)
            names += [one.name for one in page.objects]
            token = page.next_page_token
            if not token:
                return names

    async def versions(self, name, page_size=0):
        found, token = [], ""
        while True:
            request = messages.ListVersionsRequest(name=name, page_size=page_size, page_token=token)
            page = await self.call("ListVersions", request)
            found += page.objects
            token = page.next_page_token
            if not token:
                return found

    async def transact(self, compare=(), success=(), failure=(), request_id=""):
        request = messages.TransactObjectsRequest(
            compare=compare, success=success, failure=failure, request_id=request_id
        )
        return await self.call("TransactObjects", request)

    async def measure(self, prefix=""):
        total, token = [0, 0, 0, 0], ""
        while True:
            request = messages.MeasureObjectsRequest(prefix=prefix, page_token=token)
            part = await self.call("MeasureObjects", request)
            for i, field in enumerate(("objects", "bytes", "versions", "version_bytes")):
                total[i] += getattr(part, field)
            token = part.next_page_token
            if not token:
                return tuple(total)


def when(**fields):
    """Preconditions: when(generation_match=0)."""
    return messages.Preconditions(**{f"if_{name}": value for name, value in fields.items()})


def compared(name, sha256="", **fields):
    return messages.TransactObjectsRequest.Compare(name=name, preconditions=when(**fields), sha256=sha256)


Change = messages.TransactObjectsRequest.Change


def putting(name, data=b"", **fields):
    return Change(put=messages.PutObjectRequest(object=messages.Object(name=name), data=data, **fields))


def creating(name, data=b"", **fields):
    return Change(create=messages.CreateObjectRequest(object=messages.Object(name=name), data=data, **fields))


def deleting(name, **fields):
    return Change(delete=messages.DeleteObjectRequest(name=name, **fields))


def getting(name, **fields):
    return Change(get=messages.GetObjectRequest(name=name, **fields))


@contextlib.asynccontextmanager
async def objects_of(system, **options):
    """The objects of a system, as its admin or as who `options` of its client say."""
    client = await system.client(**options)
    async with grpc.aio.insecure_channel(system.address) as channel:
        yield Objects(channel, client.metadata)
