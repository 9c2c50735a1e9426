"""Objects as Python values, as resources.py has the rest."""

from __future__ import annotations

import datetime

from grpc_os.resources import to_time
from grpc_os.v1 import filesystem_services_pb2


class Object:
    """An object, a version of one, or a folder."""

    def __init__(self, proto: filesystem_services_pb2.Object) -> None:
        self.proto = proto

    @property
    def id(self) -> str:
        """ "obj_…", for ever."""
        return self.proto.id

    @property
    def name(self) -> str:
        """An absolute path; a folder's ends with a slash."""
        return self.proto.name

    @property
    def folder(self) -> bool:
        return self.proto.folder

    @property
    def generation(self) -> int:
        """The revision that wrote the content; 0: of the system, or a folder that nobody made."""
        return self.proto.generation

    @property
    def metageneration(self) -> int:
        """Counts the changes of everything but the content since that was written."""
        return self.proto.metageneration

    @property
    def revision(self) -> int:
        return self.proto.revision

    @property
    def size(self) -> int:
        return self.proto.size_bytes

    @property
    def sha256(self) -> str:
        return self.proto.sha256

    @property
    def crc32c(self) -> int:
        return self.proto.crc32c

    @property
    def content_type(self) -> str:
        return self.proto.content_type

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self.proto.metadata)

    @property
    def owner(self) -> str:
        return self.proto.owner

    @property
    def create_time(self) -> datetime.datetime:
        return to_time(self.proto.create_time)

    @property
    def update_time(self) -> datetime.datetime:
        return to_time(self.proto.update_time)

    @property
    def expire_time(self) -> datetime.datetime | None:
        """When it deletes itself."""
        return to_time(self.proto.expire_time) if self.proto.HasField("expire_time") else None

    @property
    def retire_time(self) -> datetime.datetime | None:
        """Of a version: when it was replaced or deleted."""
        return to_time(self.proto.retire_time) if self.proto.HasField("retire_time") else None

    @property
    def deleted(self) -> bool:
        """Of a version: `undelete_object` can bring it back."""
        return self.proto.deleted

    @property
    def data(self) -> bytes:
        """The content, where it was asked for (include_data)."""
        return self.proto.data

    def __repr__(self) -> str:
        return f"<Object {self.id} {self.name!r} generation={self.generation} size={self.size}>"


class StoredBytes(bytes):
    """A content, or a part of one, usable wherever bytes are, and the object that it is of."""

    object: Object

    @classmethod
    def of(cls, data: bytes, stored: Object) -> StoredBytes:
        content = cls(data)
        content.object = stored
        return content


class Upload:
    """A content on its way."""

    def __init__(self, proto: filesystem_services_pb2.Upload) -> None:
        self.proto = proto

    @property
    def id(self) -> str:
        return self.proto.upload_id

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def persisted(self) -> int:
        """How many bytes are durable: the next piece begins there."""
        return self.proto.persisted_bytes

    @property
    def crc32c(self) -> int:
        """Of these bytes."""
        return self.proto.crc32c

    @property
    def finished(self) -> bool:
        return self.proto.finished

    @property
    def expire_time(self) -> datetime.datetime:
        return to_time(self.proto.expire_time)

    @property
    def owner(self) -> str:
        """The user who began it."""
        return self.proto.owner

    @property
    def create_time(self) -> datetime.datetime:
        return to_time(self.proto.create_time)

    @property
    def update_time(self) -> datetime.datetime:
        """When its last piece came."""
        return to_time(self.proto.update_time)

    @property
    def busy(self) -> bool:
        """A call writes or finishes it just now."""
        return self.proto.busy

    def __repr__(self) -> str:
        return f"<Upload {self.id} of {self.name!r} persisted={self.persisted}>"


class Quota:
    """What may lie in a folder, and what does."""

    def __init__(self, proto: filesystem_services_pb2.Quota) -> None:
        self.proto = proto

    @property
    def prefix(self) -> str:
        return self.proto.prefix

    @property
    def max_objects(self) -> int:
        """0: any number."""
        return self.proto.max_objects

    @property
    def max_bytes(self) -> int:
        """0: any number."""
        return self.proto.max_bytes

    @property
    def include_versions(self) -> bool:
        """Old versions count as objects and bytes too."""
        return self.proto.include_versions

    @property
    def objects(self) -> int:
        return self.proto.objects

    @property
    def bytes(self) -> int:
        return self.proto.bytes

    def __repr__(self) -> str:
        return f"<Quota {self.prefix!r}>"
