"""Domains: names under which processes are reached over HTTP."""

from __future__ import annotations

import contextlib
import typing

from grpc_os.calls import Calls
from grpc_os.domain_resources import Domain, DomainChanges, DomainRoute
from grpc_os.process_resources import LogLine
from grpc_os.resources import to_duration
from grpc_os.v1 import domain_services_pb2, domain_services_pb2_grpc, process_services_pb2

_DOMAINS = domain_services_pb2_grpc.DomainServiceStub

# How long the daemon waits for nginx before it answers that a change is not served yet.
_SERVED_WITHIN_S = 30.0


class DomainFields(typing.TypedDict, total=False):
    """What a domain has beside its routes. None is as if it was not given: the default, or of an assignment what there
    is. Times are in seconds."""

    grpc: bool | None
    """The processes speak gRPC: HTTP/2 without TLS."""
    hold: float | None
    """How long a request waits for a process that is away, before it is answered 503: 0 to 300; 30 by default."""
    drain: float | None
    """How long a stop of a process waits for the requests that it has: 0 to 60; 10 by default."""
    max_body_bytes: int | None
    """Of a request, else 413: 1 to 5 GiB; 10 MiB by default, with `grpc` no limit."""
    read_timeout: float | None
    """How long a process may be silent while it answers, else 504: 1 to 86,400; 60 by default, with `grpc` 3,600."""


def _set_fields(
    proto: domain_services_pb2.DomainSpec | domain_services_pb2.AssignDomainRequest, fields: DomainFields
) -> None:
    unknown = set(fields) - set(DomainFields.__annotations__)
    if unknown:
        raise TypeError(f"a domain has no {', '.join(repr(name) for name in sorted(unknown))}")
    for name, value in fields.items():
        if value is None:
            continue
        if name in ("hold", "drain", "read_timeout"):
            getattr(proto, name).CopyFrom(to_duration(typing.cast(float, value)))
        else:
            setattr(proto, name, value)


def _wanted(name: str, routes: typing.Iterable[DomainRoute], fields: DomainFields) -> domain_services_pb2.Domain:
    domain = domain_services_pb2.Domain(name=name)
    domain.spec.routes.extend(route.to_proto() for route in routes)
    _set_fields(domain.spec, fields)
    return domain


class DomainCalls(Calls):
    """DomainService. Each `name` takes the id or the name of the domain, but where it makes one."""

    async def assign_process_to_domain(
        self,
        domain: str,
        process_id: str,
        port: int | None = None,
        *,
        path: str = "",
        strip: bool | None = None,
        weight: int = 0,
        replace: bool = False,
        timeout: float | None = None,
        request_id: str = "",
        **fields: typing.Unpack[DomainFields],
    ) -> Domain:
        """Serves a process (id or name) under `domain`, which is made if there is none; answers once it is served or
        rejected, or after 30 seconds, or where there is no edge, with the state "pending".

        `port` None: the one that the process's spec has. `path`: of requests for this path and below alone; `strip` takes
        it away. With a `weight` (1 to 100) the process is one of several, without it the only one. `timeout` is in
        seconds.

        ALREADY_EXISTS (DOMAIN_EXISTS) if another process has the path, unless `replace`; NOT_FOUND (PROCESS_NOT_FOUND),
        FAILED_PRECONDITION (NO_PORT; DOMAIN_MANAGED: domains.conf or a process has it)."""
        request = domain_services_pb2.AssignDomainRequest(
            name=domain, process=process_id, port=port or 0, path=path, strip=strip, weight=weight, replace=replace
        )
        _set_fields(request, fields)
        return Domain(await self._change(_DOMAINS, "AssignDomain", request, request_id, self._until_served(timeout)))

    async def unassign_domain(
        self, name: str, process_id: str = "", *, path: str = "", timeout: float | None = None, request_id: str = ""
    ) -> bool:
        """Serves the domain, or just the process or the path of it, no more; gives whether the domain went with its last
        process. NOT_FOUND (DOMAIN_NOT_FOUND), FAILED_PRECONDITION (DOMAIN_MANAGED)."""
        request = domain_services_pb2.UnassignDomainRequest(name=name, process=process_id, path=path)
        response: domain_services_pb2.UnassignDomainResponse = await self._change(
            _DOMAINS, "UnassignDomain", request, request_id, self._until_served(timeout)
        )
        return response.deleted

    def _until_served(self, timeout: float | None) -> float | None:
        if timeout is not None or self._timeout is None:
            return timeout
        return self._timeout + _SERVED_WITHIN_S

    async def get_domain(self, name: str) -> Domain:
        """As of now, each target with its `probe`; NOT_FOUND (DOMAIN_NOT_FOUND) if there is none."""
        return Domain(await self._read(_DOMAINS, "GetDomain", domain_services_pb2.GetDomainRequest(name=name)))

    def list_domains(self, page_size: int = 0) -> typing.AsyncGenerator[Domain, None]:
        """All domains in the order of their names, fetched page by page."""
        request = domain_services_pb2.ListDomainsRequest(page_size=page_size)
        return self._pages(_DOMAINS, "ListDomains", request, "domains", Domain)

    async def list_domains_page(self, page_size: int = 0, page_token: str = "") -> domain_services_pb2.ListDomainsResponse:
        """With `edge_problem`: what keeps domains from being served."""
        request = domain_services_pb2.ListDomainsRequest(page_size=page_size, page_token=page_token)
        page: domain_services_pb2.ListDomainsResponse = await self._read(_DOMAINS, "ListDomains", request)
        return page

    async def create_domain(
        self,
        name: str,
        routes: typing.Iterable[DomainRoute],
        *,
        request_id: str = "",
        **fields: typing.Unpack[DomainFields],
    ) -> Domain:
        """Answers once it is stored: `assign_process_to_domain` waits until it is served. ALREADY_EXISTS (DOMAIN_EXISTS)
        if there is one."""
        request = domain_services_pb2.CreateDomainRequest(domain=_wanted(name, routes, fields))
        return Domain(await self._change(_DOMAINS, "CreateDomain", request, request_id))

    async def update_domain(
        self,
        name: str,
        routes: typing.Iterable[DomainRoute],
        *,
        etag: str = "",
        request_id: str = "",
        **fields: typing.Unpack[DomainFields],
    ) -> Domain:
        """Replaces all that is wanted of it: what is not given has its default again. NOT_FOUND (DOMAIN_NOT_FOUND),
        FAILED_PRECONDITION (DOMAIN_MANAGED), ABORTED (ETAG_MISMATCH)."""
        request = domain_services_pb2.UpdateDomainRequest(domain=_wanted(name, routes, fields))
        request.domain.etag = etag
        return Domain(await self._change(_DOMAINS, "UpdateDomain", request, request_id))

    async def delete_domain(self, name: str, *, etag: str = "", request_id: str = "") -> None:
        """NOT_FOUND (DOMAIN_NOT_FOUND), FAILED_PRECONDITION (DOMAIN_MANAGED), ABORTED (ETAG_MISMATCH)."""
        request = domain_services_pb2.DeleteDomainRequest(name=name, etag=etag)
        await self._change(_DOMAINS, "DeleteDomain", request, request_id)

    async def reload_domains(self, *, validate_only: bool = False, request_id: str = "") -> DomainChanges:
        """Reads domains.conf again and applies what changed, or with `validate_only` says what would change.
        FAILED_PRECONDITION (DOMAINS_FILE) with all that is wrong in the file; then nothing changes."""
        request = domain_services_pb2.ReloadDomainsRequest(validate_only=validate_only)
        return DomainChanges.from_proto(await self._change(_DOMAINS, "ReloadDomains", request, request_id))

    async def tail_domain_logs(
        self, name: str, lines: int = 100, *, follow: bool = False, cursor: str = ""
    ) -> typing.AsyncGenerator[LogLine, None]:
        """The access log: the last `lines` lines (0: none) or those after `cursor`, one of JSON for each request; with
        `follow` then every new one, also over a restart of the daemon and a renewed token, until the domain is deleted."""
        place = cursor
        messages = self._resumed(lambda: self.tail_domain_log_messages(name, lines, follow=follow, cursor=place))
        async with contextlib.aclosing(messages):
            async for message in messages:
                for proto in message.lines:
                    yield LogLine.from_proto(proto)
                place = message.cursor or place

    async def tail_domain_log_messages(
        self, name: str, lines: int = 100, *, follow: bool = False, cursor: str = ""
    ) -> typing.AsyncGenerator[process_services_pb2.TailLogsResponse, None]:
        """As tail_domain_logs, but one stream and its messages as they come: with the cursors to go on from, gaps and
        heartbeats."""
        request = domain_services_pb2.TailDomainLogsRequest(name=name, lines=lines or -1, follow=follow, cursor=cursor)
        # One that does not follow ends by itself.
        timeout = None if follow else self._timeout
        async with contextlib.aclosing(self._stream(_DOMAINS, "TailDomainLogs", request, timeout)) as messages:
            async for message in messages:
                yield message
