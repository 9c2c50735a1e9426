"""What the classes of resources are made with, and a value that is not just its message."""

from __future__ import annotations

import dataclasses
import datetime
import typing

from google.protobuf import duration_pb2, message, timestamp_pb2
from grpc_os.v1 import auth_services_pb2

_Message = typing.TypeVar("_Message", bound=message.Message)
_Texts = typing.TypeVar("_Texts", bound=typing.Iterable[str])


class Resource(typing.Generic[_Message]):
    """Something that the API speaks of; `proto` is its message. Equal to another with an equal message."""

    def __init__(self, proto: _Message) -> None:
        self.proto = proto

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Resource) and bool(self.proto == other.proto)

    def __hash__(self) -> int:
        return hash(self.proto.SerializeToString(deterministic=True))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def to_time(timestamp: timestamp_pb2.Timestamp) -> datetime.datetime:
    time: datetime.datetime = timestamp.ToDatetime(tzinfo=datetime.timezone.utc)
    return time


def to_timestamp(name: str, time: datetime.datetime) -> timestamp_pb2.Timestamp:
    if time.tzinfo is None:
        raise ValueError(f"{name} has no time zone; use datetime.now(datetime.timezone.utc) or such")
    timestamp = timestamp_pb2.Timestamp()
    timestamp.FromDatetime(time.astimezone(datetime.timezone.utc))
    return timestamp


def to_seconds(duration: duration_pb2.Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def to_duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration


def several(name: str, values: _Texts) -> _Texts:
    """As it is, if it is not one string, of which each letter would be taken for a value."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{name} is {values!r}; expected a list of such")
    return values


def texts(name: str, values: typing.Mapping[str, str]) -> typing.Mapping[str, str]:
    """As it is, if all of it is text."""
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"{name} has {key!r}: {value!r}; expected a str for a str")
    return values


def word_of(enum: typing.Any, value: int, prefix: str) -> str:
    """ "STATE_CRASH_LOOPING" -> "crash_looping"; a value newer than this client becomes its number."""
    try:
        name: str = enum.Name(value)
        return name.removeprefix(prefix).lower()
    except ValueError:
        return str(value)


def value_of(name: str, word: str, words: typing.Any, prefix: str) -> str:
    """The other way round; `words` is the Literal of those there are."""
    if word not in typing.get_args(words):
        raise ValueError(f"{name} is {word!r}; expected one of {', '.join(typing.get_args(words))}")
    return prefix + word.upper()


@dataclasses.dataclass(frozen=True)
class Rule:
    """A sentence of a role: what it allows, or denies, which wins."""

    permission: str
    """ "object.read", "process.write", …; "*": all."""
    prefix: str = ""
    """Of object.read and object.write: which objects; empty: all."""
    allow: bool = True

    def to_proto(self) -> auth_services_pb2.Role.Rule:
        effect = auth_services_pb2.Role.EFFECT_ALLOW if self.allow else auth_services_pb2.Role.EFFECT_DENY
        return auth_services_pb2.Role.Rule(effect=effect, permission=self.permission, prefix=self.prefix)

    @classmethod
    def from_proto(cls, proto: auth_services_pb2.Role.Rule) -> Rule:
        return cls(proto.permission, proto.prefix, proto.effect == auth_services_pb2.Role.EFFECT_ALLOW)
