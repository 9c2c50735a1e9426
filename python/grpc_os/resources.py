"""What the API speaks of that is more than a view of its message; the rest is in grpc_os.v1.resources."""

from __future__ import annotations

import dataclasses
import datetime

from grpc_os.v1 import auth_services_pb2, process_services_pb2
from grpc_os.v1.resources import Identity, Object
from grpc_os.values import to_time, word_of


class AccessToken(str):
    """A token, usable wherever a string is, and what is known about it. Its repr does not show it."""

    identity: Identity
    expires_at: datetime.datetime

    @classmethod
    def from_proto(cls, proto: auth_services_pb2.LoginResponse) -> AccessToken:
        token = cls(proto.access_token)
        token.identity = Identity(proto.identity)
        token.expires_at = to_time(proto.expire_time)
        return token

    def __repr__(self) -> str:
        return f"<AccessToken of {self.identity.user!r} until {self.expires_at:%H:%M:%S} UTC>"


class StoredBytes(bytes):
    """A content, or a part of one, usable wherever bytes are, and the object that it is of."""

    object: Object

    @classmethod
    def of(cls, data: bytes, stored: Object) -> StoredBytes:
        content = cls(data)
        content.object = stored
        return content


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line of a process's log, or with `partial` a part of one that goes on in the next of the same stream."""

    time_ns: int
    """Since 1970, UTC."""
    stream: str
    """ "stdout", "stderr" or "system"."""
    partial: bool
    data: bytes
    """Without the newline."""

    @property
    def text(self) -> str:
        """The line as UTF-8, with replacement characters for what is none."""
        return self.data.decode(errors="replace")

    @classmethod
    def from_proto(cls, proto: process_services_pb2.LogLine) -> LogLine:
        return cls(
            time_ns=proto.time.ToNanoseconds(),
            stream=word_of(process_services_pb2.LogLine.Stream, proto.stream, "STREAM_"),
            partial=proto.partial,
            data=proto.raw or proto.text.encode(),
        )
