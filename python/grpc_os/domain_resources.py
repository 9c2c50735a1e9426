"""Domains as Python values. See resources.py."""

from __future__ import annotations

import dataclasses
import datetime
import typing

from grpc_os.resources import to_time, word_of
from grpc_os.v1 import domain_services_pb2


@dataclasses.dataclass(frozen=True)
class DomainTarget:
    """A process that requests go to."""

    process: str
    """Its id or name."""
    port: int = 0
    """On which it listens at 127.0.0.1; 0: the port that its spec has."""
    weight: int = 1
    """Its share of the requests among the targets of its route, 1 to 100."""

    @classmethod
    def from_proto(cls, proto: domain_services_pb2.DomainTarget) -> DomainTarget:
        return cls(proto.process, proto.port, proto.weight or 1)


@dataclasses.dataclass(frozen=True)
class DomainRoute:
    """Where requests go whose path begins with `path`."""

    targets: typing.Sequence[DomainTarget]
    path: str = "/"
    """ "/api" fits "/api" and all below it; the longest path that fits counts."""
    strip: bool = False
    """Whether the process sees the rest of the path alone."""

    def to_proto(self) -> domain_services_pb2.DomainRoute:
        return domain_services_pb2.DomainRoute(
            path=self.path, strip=self.strip, targets=[dataclasses.asdict(target) for target in self.targets]
        )

    @classmethod
    def from_proto(cls, proto: domain_services_pb2.DomainRoute) -> DomainRoute:
        targets = tuple(DomainTarget.from_proto(target) for target in proto.targets)
        return cls(targets, proto.path or "/", proto.strip)


@dataclasses.dataclass(frozen=True)
class DomainTargetStatus:
    """What a target is like now."""

    path: str
    process: str
    """Its name; of one that is not there, what the domain says."""
    process_id: str
    port: int
    weight: int
    state: str
    """ "up", "away" (requests wait for it), "stopped", "draining" or "missing"."""
    since: datetime.datetime | None
    probe: str
    """What a connection to its port came to just now; of get_domain alone."""
    in_flight: int
    """Requests that it has just now."""

    @classmethod
    def from_proto(cls, proto: domain_services_pb2.DomainTargetStatus) -> DomainTargetStatus:
        return cls(
            path=proto.path or "/",
            process=proto.process,
            process_id=proto.process_id,
            port=proto.port,
            weight=proto.weight,
            state=word_of(domain_services_pb2.DomainTargetStatus.State, proto.state, "STATE_"),
            since=to_time(proto.since) if proto.HasField("since") else None,
            probe=proto.probe,
            in_flight=proto.in_flight,
        )


@dataclasses.dataclass(frozen=True)
class DomainTraffic:
    """Rates and latency of the last minute, and counts since nginx runs."""

    requests_per_second: float
    errors_per_second: float
    """Answers 5xx."""
    latency_p95: float
    """In seconds: 95 of 100 requests took no longer."""
    requests: int
    errors: int
    waiting: int
    """Requests that wait for a target just now."""

    @classmethod
    def from_proto(cls, proto: domain_services_pb2.DomainTraffic) -> DomainTraffic:
        return cls(
            requests_per_second=proto.requests_per_second,
            errors_per_second=proto.errors_per_second,
            latency_p95=proto.latency_p95.ToNanoseconds() / 1e9,
            requests=proto.requests,
            errors=proto.errors,
            waiting=proto.waiting,
        )


class Domain:
    """A name under which processes are reached: what is wanted and what is so."""

    def __init__(self, proto: domain_services_pb2.Domain) -> None:
        self.proto = proto

    @property
    def id(self) -> str:
        return self.proto.id

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def routes(self) -> list[DomainRoute]:
        """What is wanted."""
        return [DomainRoute.from_proto(route) for route in self.proto.spec.routes]

    @property
    def grpc(self) -> bool:
        return self.proto.spec.grpc

    @property
    def state(self) -> str:
        """ "pending", "active" or "rejected"; `message` says why it is not active."""
        return word_of(domain_services_pb2.DomainStatus.State, self.proto.status.state, "STATE_")

    @property
    def message(self) -> str:
        return self.proto.status.message

    @property
    def next_step(self) -> str:
        """What to do next, if anything."""
        return self.proto.status.next_step

    @property
    def url(self) -> str:
        """Where it is reached."""
        return self.proto.status.url

    @property
    def managed_by(self) -> str:
        """Who may change it, if not users: "domains.conf:12", "process web"."""
        return self.proto.status.managed_by

    @property
    def targets(self) -> list[DomainTargetStatus]:
        """What there is, route by route."""
        return [DomainTargetStatus.from_proto(target) for target in self.proto.status.targets]

    @property
    def traffic(self) -> DomainTraffic:
        return DomainTraffic.from_proto(self.proto.status.traffic)

    @property
    def generation(self) -> int:
        """Counts the changes of what is wanted, from 1."""
        return self.proto.generation

    @property
    def active_generation(self) -> int:
        """The one that is served; 0: none."""
        return self.proto.status.active_generation

    @property
    def etag(self) -> str:
        return self.proto.etag

    @property
    def owner(self) -> str:
        """Who made it."""
        return self.proto.owner

    @property
    def create_time(self) -> datetime.datetime:
        return to_time(self.proto.create_time)

    def __repr__(self) -> str:
        return f"<Domain {self.name!r} {self.state}>"


@dataclasses.dataclass(frozen=True)
class DomainChanges:
    """What a reload of domains.conf came to: names of domains."""

    file: str
    """That was read; "": there is none."""
    created: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int

    @classmethod
    def from_proto(cls, proto: domain_services_pb2.ReloadDomainsResponse) -> DomainChanges:
        return cls(proto.file, list(proto.created), list(proto.changed), list(proto.removed), proto.unchanged)
