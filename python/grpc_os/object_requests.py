"""What requests about objects are made of."""

from __future__ import annotations

import dataclasses
import datetime
import typing

from google.protobuf import timestamp_pb2
from grpc_os.v1 import filesystem_services_pb2, filesystem_services_pb2_grpc

OBJECTS = filesystem_services_pb2_grpc.FilesystemServiceStub

# What one call takes; larger contents are uploaded.
INLINE_BYTES = 64 << 10

Expiry = datetime.datetime | datetime.timedelta
"""When an object deletes itself: a time; or how long after the change, by the clock of the daemon."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """What must hold of the live object for a call to be carried out; generation 0: there is none."""

    generation: int | None = None
    not_generation: int | None = None
    metageneration: int | None = None
    not_metageneration: int | None = None

    def to_proto(self) -> filesystem_services_pb2.Preconditions:
        return filesystem_services_pb2.Preconditions(
            if_generation_match=self.generation,
            if_generation_not_match=self.not_generation,
            if_metageneration_match=self.metageneration,
            if_metageneration_not_match=self.not_metageneration,
        )


def object_proto(
    name: str, metadata: typing.Mapping[str, str] | None, content_type: str, expires: Expiry | None
) -> filesystem_services_pb2.Object:
    proto = filesystem_services_pb2.Object(name=name, metadata=metadata, content_type=content_type)
    if isinstance(expires, datetime.timedelta):
        proto.ttl.FromTimedelta(expires)
    elif expires is not None:
        if expires.tzinfo is None:
            raise ValueError("expires needs a time zone, such as datetime.timezone.utc")
        time = timestamp_pb2.Timestamp()
        time.FromDatetime(expires.astimezone(datetime.timezone.utc))
        proto.expire_time.CopyFrom(time)
    return proto


def condition_proto(condition: Condition | None) -> filesystem_services_pb2.Preconditions | None:
    return None if condition is None else condition.to_proto()
