"""Access logs of domains that are followed."""

from __future__ import annotations

import contextlib
import typing

from grpc_os.resources import LogLine
from grpc_os.v1.methods import DomainServiceMethods


class DomainCalls(DomainServiceMethods):
    """DomainService. Each `name` takes the id or the name of the domain, but where it makes one."""

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
