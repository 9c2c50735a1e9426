"""Objects: the filesystem of gRPC OS."""

from __future__ import annotations

import contextlib
import typing

from google.protobuf import field_mask_pb2
from grpc_os.checksums import checksum
from grpc_os.errors import GrpcOSError
from grpc_os.events import Followed, Synced, Told, events_of, over_gaps, request_of
from grpc_os.object_reading import Reading
from grpc_os.object_requests import OBJECTS, condition_proto, object_proto
from grpc_os.object_requests import Expiry as Expiry
from grpc_os.resources import StoredBytes
from grpc_os.v1 import event_services_pb2, filesystem_services_pb2
from grpc_os.v1.error_reasons import ErrorReason
from grpc_os.v1.methods import FilesystemServiceMethods
from grpc_os.v1.resources import Condition as Condition
from grpc_os.v1.resources import Event, Object


class ObjectCalls(FilesystemServiceMethods):
    """FilesystemService. Each `name` takes the id ("obj_…") or the name, an absolute path; one without a leading slash
    counts from "/"."""

    async def create_object(
        self,
        name: str,
        data: bytes = b"",
        metadata: typing.Mapping[str, str] | None = None,
        *,
        content_type: str = "",
        expires: Expiry | None = None,
        object_id: str = "",
        timeout: float | None = None,
        request_id: str = "",
    ) -> Object:
        """Makes a new object of at most 64 KiB (`upload_object` takes more); ALREADY_EXISTS if there is one."""
        request = filesystem_services_pb2.CreateObjectRequest(
            object=object_proto(name, metadata, content_type, expires),
            data=data,
            crc32c=checksum(data),
            object_id=object_id,
        )
        return Object(await self._change(OBJECTS, "CreateObject", request, request_id, timeout))

    async def put_object(
        self,
        name: str,
        data: bytes,
        metadata: typing.Mapping[str, str] | None = None,
        *,
        content_type: str = "",
        expires: Expiry | None = None,
        condition: Condition | None = None,
        timeout: float | None = None,
        request_id: str = "",
    ) -> Object:
        """Makes an object, or gives one new content of at most 64 KiB (`upload_object` takes more). What is not given of
        an existing one stays."""
        request = filesystem_services_pb2.PutObjectRequest(
            object=object_proto(name, metadata, content_type, expires),
            data=data,
            crc32c=checksum(data),
            preconditions=condition_proto(condition),
        )
        return Object(await self._change(OBJECTS, "PutObject", request, request_id, timeout))

    async def read_object(
        self, name: str, *, generation: int = 0, offset: int = 0, size: int = 0, condition: Condition | None = None
    ) -> StoredBytes:
        """The content, or `size` bytes of it (0: to the end) from `offset` on (negative: from the end), with the object
        that they are of as `.object`. Checked by the checksums of its pieces, and where it is whole by its own."""
        first: Object | None = None
        pieces: list[bytes] = []
        chunks = self.read_object_chunks(name, generation=generation, offset=offset, size=size, condition=condition)
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                first = first or chunk.object
                pieces.append(chunk)
        assert first is not None
        return StoredBytes.of(b"".join(pieces), first)

    def read_object_chunks(
        self, name: str, *, generation: int = 0, offset: int = 0, size: int = 0, condition: Condition | None = None
    ) -> typing.AsyncGenerator[StoredBytes, None]:
        """As read_object, piece by piece (at least one, which may be empty), over a lost connection, too: all are of the
        content that the first was of."""
        return Reading(self, name, generation, offset, size, condition_proto(condition)).chunks()

    async def update_object(
        self,
        name: str,
        *,
        metadata: typing.Mapping[str, str] | None = None,
        content_type: str | None = None,
        expires: Expiry | typing.Literal["never"] | None = None,
        condition: Condition | None = None,
        timeout: float | None = None,
        request_id: str = "",
    ) -> Object:
        """Changes what is given; the content stays. `metadata` replaces all there is; with nothing given only the time
        of the last change is set."""
        given = {"metadata": metadata, "content_type": content_type, "expire_time": expires}
        request = filesystem_services_pb2.UpdateObjectRequest(
            object=object_proto(name, metadata, content_type or "", None if expires == "never" else expires),
            preconditions=condition_proto(condition),
        )
        paths = [field for field, value in given.items() if value is not None]
        if paths:
            request.update_mask.CopyFrom(field_mask_pb2.FieldMask(paths=paths))
        return Object(await self._change(OBJECTS, "UpdateObject", request, request_id, timeout))

    async def delete_versions(self, name: str, *, request_id: str = "") -> int:
        """Deletes what an object was, and not what it is now; gives how many versions."""
        request = filesystem_services_pb2.DeleteObjectRequest(name=name, versions_only=True)
        response: filesystem_services_pb2.DeleteObjectResponse = await self._change(
            OBJECTS, "DeleteObject", request, request_id
        )
        return response.deleted_count

    async def delete_folder(
        self,
        name: str,
        *,
        purge: bool = False,
        versions_only: bool = False,
        progress: typing.Callable[[int], None] | None = None,
    ) -> int:
        """Deletes a folder of any size and all in it, or only the old versions below it; gives how many. It goes in
        revisions of 1,000, after each of which `progress` is told how many so far: what was deleted stays so where it
        ends early, and the same call goes on."""
        request = filesystem_services_pb2.DeleteObjectRequest(
            name=name, recursive=True, in_parts=True, purge=purge, versions_only=versions_only
        )
        return await self._in_parts("DeleteObject", request, "deleted_count", progress)

    async def move_folder(
        self, name: str, destination: str, *, progress: typing.Callable[[int], None] | None = None
    ) -> int:
        """Gives a folder of any size the name `destination`, or moves what lies in it into the folder of that name; gives
        how many objects. In revisions of 1,000, as `delete_folder`; meanwhile others see some of it here and some there."""
        request = filesystem_services_pb2.MoveFolderRequest(name=name, destination=destination)
        return await self._in_parts("MoveFolder", request, "moved_count", progress)

    async def _in_parts(
        self, method: str, request: typing.Any, count: str, progress: typing.Callable[[int], None] | None
    ) -> int:
        done = 0
        while True:
            try:
                part: typing.Any = await self._change(OBJECTS, method, request, "")
            except GrpcOSError as error:
                # Somebody else did the rest.
                if done == 0 or error.reason != ErrorReason.OBJECT_NOT_FOUND:
                    raise
                return done
            done += int(getattr(part, count))
            if progress is not None:
                progress(done)
            if not part.more:
                return done

    async def measure_objects(self, prefix: str = "/") -> filesystem_services_pb2.MeasureObjectsResponse:
        """How many objects and versions lie below a prefix, and their bytes; of "/", where all the room went (`storage`)."""
        total = filesystem_services_pb2.MeasureObjectsResponse()
        request = filesystem_services_pb2.MeasureObjectsRequest(prefix=prefix)
        while True:
            page = await self._read(OBJECTS, "MeasureObjects", request)
            total.objects += page.objects
            total.bytes += page.bytes
            total.versions += page.versions
            total.version_bytes += page.version_bytes
            request.page_token = page.next_page_token
            if not request.page_token:
                if page.HasField("storage"):
                    total.storage.CopyFrom(page.storage)
                return total

    async def transact_objects(
        self, request: filesystem_services_pb2.TransactObjectsRequest, *, request_id: str = ""
    ) -> filesystem_services_pb2.TransactObjectsResponse:
        """Compares, then carries out one list of changes or the other, in one revision or not at all."""
        response: filesystem_services_pb2.TransactObjectsResponse = await self._change(
            OBJECTS, "TransactObjects", request, request_id
        )
        return response

    def watch_objects(
        self, prefix: str = "/", from_revision: int = 0
    ) -> typing.AsyncGenerator[Event, None]:
        """Every change below a prefix, in order, each once, also over a restart of the daemon. Without `from_revision`
        it begins with what there is (action "snapshot")."""
        return events_of(self._told_of_objects(prefix, from_revision))

    def follow_objects(self, prefix: str = "/", from_revision: int = 0) -> typing.AsyncGenerator[Followed, None]:
        """As `watch_objects`, for whoever keeps a picture of what there is: see `follow`."""
        return over_gaps(lambda anew: self._told_of_objects(prefix, 0 if anew else from_revision))

    async def _told_of_objects(self, prefix: str, from_revision: int) -> typing.AsyncGenerator[Told, None]:
        revision = from_revision
        if revision == 0:
            page_token = ""
            while True:
                page = await self.list_objects_page(prefix, recursive=True, page_size=1000, page_token=page_token)
                revision = revision or page.revision
                for proto in page.objects:
                    yield _snapshot(proto)
                page_token = page.next_page_token
                if not page_token:
                    break
            yield Synced(revision)
        # 0 would mean a snapshot, which there is none of.
        async with contextlib.aclosing(self._told(request_of(max(revision, 1), ("object",), prefix))) as told:
            async for each in told:
                if from_revision > 0 or not isinstance(each, Synced):
                    yield each

    # Of EventCalls, beside which it is.
    if typing.TYPE_CHECKING:

        def _told(self, request: event_services_pb2.WatchRequest) -> typing.AsyncGenerator[Told, None]: ...


def _snapshot(proto: filesystem_services_pb2.Object) -> Event:
    event = event_services_pb2.Event(
        revision=proto.revision, kind="object", resource_id=proto.id, name=proto.name, action="snapshot"
    )
    event.time.CopyFrom(proto.update_time)
    event.attributes["generation"] = str(proto.generation)
    event.attributes["size_bytes"] = str(proto.size_bytes)
    return Event(event)
