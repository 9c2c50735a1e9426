"""The token that comes with each call, and how it is renewed."""

from __future__ import annotations

import asyncio
import contextlib
import time
import typing

import grpc

from grpc_os.errors import GrpcOSError, is_token_refused

# Renewed so long before it stops working.
_EARLY_S = 30.0

# Gives the next token, how many seconds it works, and how to get the one after it.
Renewal = typing.Callable[[], typing.Awaitable["Grant"]]


class Grant(typing.NamedTuple):
    """What a log-in gave."""

    token: str
    lifetime_s: float
    renew: Renewal | None
    # Whether it may be renewed when the daemon refuses it before its time.
    renew_refused: bool


class Credentials:
    """The token of one client. For one event loop.

    However many calls find it expired, it is renewed once: a refresh token that comes a second time ends its session.
    """

    def __init__(self, token: str | None) -> None:
        self._grant: Grant | None = None
        self._renew_at = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self.token = token

    @property
    def token(self) -> str | None:
        return None if self._grant is None else self._grant.token

    @token.setter
    def token(self, token: str | None) -> None:
        self.accept(None if token is None else Grant(token, 0.0, None, False))

    def accept(self, grant: Grant | None) -> None:
        self._grant = grant
        # A clock that says otherwise than the daemon's would have every call renew: then only a refusal does.
        early = grant is not None and grant.renew is not None and grant.lifetime_s > 2 * _EARLY_S
        self._renew_at = time.monotonic() + grant.lifetime_s - _EARLY_S if early and grant else float("inf")

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._renew_at

    async def current(self) -> str | None:
        """The token to call with, renewed if it is about to expire."""
        if self.is_due:
            # One that could not be renewed may still do: let the daemon say.
            with contextlib.suppress(GrpcOSError, OSError):
                await self._renew()
        return self.token

    async def renewed_after(self, error: GrpcOSError, token: str | None) -> bool:
        """Whether a call that was refused so with `token` has a chance with another one, which is there now."""
        if not is_token_refused(error) or token is None:
            return False
        if self.token != token:
            return self.token is not None
        if self._grant is None or self._grant.renew is None:
            return False
        if not self._grant.renew_refused and not self.is_due:
            return False
        try:
            await self._renew()
        except GrpcOSError as refused:
            if is_token_refused(refused):
                return False
            raise
        except OSError:
            return False
        return self.token not in (None, token)

    async def settle(self) -> None:
        """Waits for a renewal that is under way."""
        if self._renewing is not None:
            await asyncio.wait([self._renewing])

    async def _renew(self) -> None:
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._replace())
            self._renewing.add_done_callback(self._ended)
        # Who gives up waiting must not lose the answer for the others.
        await asyncio.shield(self._renewing)

    async def _replace(self) -> None:
        old = self._grant
        if old is None or old.renew is None:
            return
        try:
            new = await old.renew()
        except GrpcOSError as error:
            # Where nobody can tell whether a refresh token was taken, it is not sent again; nor to another system.
            if self._grant is old and (error.info is None or error.code() == grpc.StatusCode.UNAUTHENTICATED):
                self.accept(old._replace(renew=None))
            raise
        # Unless somebody logged in or out meanwhile.
        if self._grant is old:
            self.accept(new)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._renewing = None
        if not task.cancelled():
            task.exception()  # seen by those who waited, if any did
