"""FilesystemService of the fake daemon: objects in a dict, contents that can be cut short or damaged."""

import asyncio

import grpc
from crc32c import crc32c as checksum
from grpc_os.v1 import filesystem_services_pb2 as pb
from grpc_os.v1 import filesystem_services_pb2_grpc

PIECE = 1000


class FakeObjects(filesystem_services_pb2_grpc.FilesystemServiceServicer):
    def __init__(self):
        self.objects = {}
        self.contents = {}
        self.uploads = {}
        self.quotas = {}
        self.cut_after = []  # per stream: bytes until it is UNAVAILABLE
        self.damage_pieces = 0
        self.damage_content = False
        self.start_answered = asyncio.Event()  # an upload that was begun
        self.start_answered.set()
        self.reads = []
        self.writes = []  # the offsets at which streams began
        self.last = None  # the last request of a change

    def _put(self, proto, data):
        name = "/" + proto.name.removeprefix("/")
        known = self.objects.get(name, pb.Object(id=f"obj_{len(self.objects)}", name=name))
        known.generation = max([o.generation for o in self.objects.values()], default=0) + 1
        known.metageneration = 1
        known.size_bytes = len(data)
        known.crc32c = checksum(data)
        known.content_type = proto.content_type or known.content_type
        if proto.metadata:
            known.metadata.clear()
            known.metadata.update(proto.metadata)
        if proto.HasField("expire_time"):
            known.expire_time.CopyFrom(proto.expire_time)
        self.objects[name] = known
        self.contents[name] = data
        copy = pb.Object()
        copy.CopyFrom(known)
        return copy

    async def _find(self, name, context):
        for proto in self.objects.values():
            if name in (proto.id, proto.name, proto.name.removeprefix("/")):
                return proto
        await self.refuse(context, grpc.StatusCode.NOT_FOUND, f"there is no {name}", "OBJECT_NOT_FOUND")

    async def _changed(self, request, context, answer=None):
        self.last = request
        return await self._change(request, context, answer or (lambda: pb.Object(name="/changed")))

    async def CreateObject(self, request, context):
        assert checksum(request.data) == request.crc32c
        return await self._changed(request, context, lambda: self._put(request.object, request.data))

    async def PutObject(self, request, context):
        assert checksum(request.data) == request.crc32c
        return await self._changed(request, context, lambda: self._put(request.object, request.data))

    async def UpdateObject(self, request, context):
        return await self._changed(request, context)

    UndeleteObject = MoveObject = CopyObject = CreateFolder = UpdateObject

    async def MoveFolder(self, request, context):
        return await self._changed(request, context, lambda: pb.MoveFolderResponse(revision=7, moved_count=1))

    async def DeleteObject(self, request, context):
        return await self._changed(request, context, lambda: pb.DeleteObjectResponse(revision=7, deleted_count=1))

    async def TransactObjects(self, request, context):
        return await self._changed(request, context, lambda: pb.TransactObjectsResponse(succeeded=True, revision=9))

    async def GetObject(self, request, context):
        await self._enter(request, context)
        proto = pb.Object()
        proto.CopyFrom(await self._find(request.name, context))
        if request.include_data:
            proto.data = self.contents[proto.name]
        return proto

    async def ReadObject(self, request, context):
        await self._enter(request, context)
        self.reads.append((request.offset, request.limit_bytes, request.generation))
        proto = pb.Object()
        proto.CopyFrom(await self._find(request.name, context))
        data = self.contents[proto.name]
        if self.damage_content:
            proto.crc32c ^= 1
        begin = request.offset if request.offset >= 0 else max(0, len(data) + request.offset)
        end = min(len(data), begin + request.limit_bytes) if request.limit_bytes else len(data)
        cut = self.cut_after.pop(0) if self.cut_after else None
        at = begin
        while True:
            if cut is not None and at - begin >= cut:
                await self.refuse(context, grpc.StatusCode.UNAVAILABLE, "connection lost", None)
            piece = data[at : min(at + PIECE, end)]
            crc32c = checksum(piece)
            if self.damage_pieces > 0:
                self.damage_pieces -= 1
                crc32c ^= 1
            yield pb.ReadObjectResponse(object=proto if at == begin else None, offset=at, data=piece, crc32c=crc32c)
            at += len(piece)
            if at >= end:
                return

    async def ListObjects(self, request, context):
        await self._enter(request, context)
        names = sorted(name for name in self.objects if name.startswith(request.prefix))
        begin = int(request.page_token or 0)
        return pb.ListObjectsResponse(
            objects=[self.objects[name] for name in names[begin : begin + 2]],
            next_page_token=str(begin + 2) if begin + 2 < len(names) else "",
            revision=4 + begin,
        )

    async def ListVersions(self, request, context):
        await self._enter(request, context)
        first = not request.page_token
        return pb.ListVersionsResponse(
            objects=[pb.Object(generation=2 if first else 1)], next_page_token="1" if first else ""
        )

    async def MeasureObjects(self, request, context):
        await self._enter(request, context)
        first = not request.page_token
        return pb.MeasureObjectsResponse(objects=2, bytes=10, versions=1, version_bytes=3, next_page_token="1" if first else "")

    async def CheckObjects(self, request, context):
        await self._enter(request, context)
        yield pb.CheckObjectsResponse(damaged=[pb.DamagedObject(name="/bad")], checked_count=1)
        yield pb.CheckObjectsResponse(checked_count=2, done=True)

    # ---- Uploads -----------------------------------------------------------------------------------------------------

    def _upload(self, upload_id):
        upload = self.uploads[upload_id]
        data = bytes(upload["data"])
        return pb.Upload(
            upload_id=upload_id,
            name=upload["request"].object.name,
            owner="admin",
            busy=True,
            persisted_bytes=len(data),
            crc32c=checksum(data),
            finished=upload["object"] is not None,
        )

    def _begun(self, request):
        upload_id = f"up-{len(self.uploads)}"
        self.uploads[upload_id] = {"request": request, "data": bytearray(), "object": None}
        return self._upload(upload_id)

    async def StartUpload(self, request, context):
        begun = await self._changed(request, context, lambda: self._begun(request))
        await self.start_answered.wait()
        return begun

    async def WriteUpload(self, requests, context):
        cut = self.cut_after.pop(0) if self.cut_after else None
        upload_id, taken = None, 0
        async for piece in requests:
            if upload_id is None:
                upload_id = piece.upload_id
                self.writes.append(piece.offset)
                await self._enter(piece, context)
            assert checksum(piece.data) == piece.crc32c
            data = self.uploads[upload_id]["data"]
            assert piece.offset == len(data)
            if cut is not None and taken + len(piece.data) > cut:
                data += piece.data[: cut - taken]
                await self.refuse(context, grpc.StatusCode.UNAVAILABLE, "connection lost", None)
            data += piece.data
            taken += len(piece.data)
        return self._upload(upload_id)

    async def GetUpload(self, request, context):
        await self._enter(request, context)
        if request.upload_id not in self.uploads:
            await self.refuse(context, grpc.StatusCode.NOT_FOUND, "no such upload", "UPLOAD_NOT_FOUND")
        return self._upload(request.upload_id)

    async def FinishUpload(self, request, context):
        await self._enter(request, context)
        upload = self.uploads[request.upload_id]
        if upload["object"] is None:
            data = bytes(upload["data"])
            assert (len(data), checksum(data)) == (request.size_bytes, request.crc32c)
            if upload["request"].preconditions.if_generation_match == 77:
                await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "not as wanted", "PRECONDITION_FAILED")
            upload["object"] = self._put(upload["request"].object, data)
        if self.lose_answers > 0:
            self.lose_answers -= 1
            await self.refuse(context, grpc.StatusCode.UNAVAILABLE, "connection lost", None)
        return upload["object"]

    async def ListUploads(self, request, context):
        await self._enter(request, context)
        ids = sorted(self.uploads)
        begin = int(request.page_token or 0)
        return pb.ListUploadsResponse(
            uploads=[self._upload(one) for one in ids[begin : begin + 2]],
            next_page_token=str(begin + 2) if begin + 2 < len(ids) else "",
        )

    async def CancelUpload(self, request, context):
        await self._enter(request, context)
        del self.uploads[request.upload_id]
        return pb.CancelUploadResponse()

    # ---- Quotas ------------------------------------------------------------------------------------------------------

    async def SetQuota(self, request, context):
        self.quotas[request.quota.prefix] = request.quota
        return await self._changed(request, context, lambda: request.quota)

    async def ListQuotas(self, request, context):
        await self._enter(request, context)
        prefixes = sorted(prefix for prefix in self.quotas if prefix > request.page_token)
        page, more = prefixes[:1], prefixes[1:]
        return pb.ListQuotasResponse(quotas=[self.quotas[prefix] for prefix in page], next_page_token=page[0] if more else "")

    async def DeleteQuota(self, request, context):
        return await self._changed(request, context, pb.DeleteQuotaResponse)
