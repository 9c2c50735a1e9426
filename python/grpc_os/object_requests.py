"""What requests about objects are made of."""

from __future__ import annotations

import datetime
import typing

from grpc_os.v1 import filesystem_services_pb2, filesystem_services_pb2_grpc
from grpc_os.v1.resources import Condition
from grpc_os.values import texts, to_timestamp

OBJECTS = filesystem_services_pb2_grpc.FilesystemServiceStub

Expiry = datetime.datetime | datetime.timedelta
"""When an object deletes itself: a time; or how long after the change, by the clock of the daemon."""


def object_proto(
    name: str, metadata: typing.Mapping[str, str] | None, content_type: str, expires: Expiry | None
) -> filesystem_services_pb2.Object:
    proto = filesystem_services_pb2.Object(name=name, metadata=texts("metadata", metadata or {}), content_type=content_type)
    if isinstance(expires, datetime.timedelta):
        proto.ttl.FromTimedelta(expires)
    elif expires is not None:
        proto.expire_time.CopyFrom(to_timestamp("expires", expires))
    return proto


def condition_proto(condition: Condition | None) -> filesystem_services_pb2.Preconditions | None:
    return None if condition is None else condition.to_proto()
