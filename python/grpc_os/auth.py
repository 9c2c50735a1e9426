"""Log-in: what it gives is renewed by itself."""

from __future__ import annotations

import time
import typing

from grpc_os.calls import Repeats
from grpc_os.credentials import Grant
from grpc_os.errors import GrpcOSError
from grpc_os.resources import AccessToken
from grpc_os.v1 import auth_services_pb2, auth_services_pb2_grpc
from grpc_os.v1.methods import AuthServiceMethods
from grpc_os.v1.resources import Identity

_AUTH = auth_services_pb2_grpc.AuthServiceStub


class AuthCalls(AuthServiceMethods):
    """Log-in, and the rest of AuthService."""

    async def login(self, user: str, password: str) -> AccessToken:
        """Logs in; the client keeps the token and renews it by itself for as long as the session lasts. Never tried again
        by itself. With GrpcOSError LOGIN_THROTTLED, `retry_delay` says when to come again."""
        request = auth_services_pb2.LoginRequest(user=user, password=password)
        return self._accept(await self._anonymous("Login", request))

    async def login_peer(self) -> Identity:
        """Logs in as the local account that runs this program; over DATA_DIR/run/api.sock alone. The client logs in again
        when the 15 minutes of the token are nearly over; a session that was ended stays so."""
        return self._accept(await self._ask_peer()).identity

    async def logout(self) -> None:
        """Ends the session; the token is refused from here on, and forgotten."""
        await self._once(_AUTH, "Logout", auth_services_pb2.LogoutRequest())
        self.token = None

    async def _anonymous(self, method: str, request: typing.Any) -> auth_services_pb2.LoginResponse:
        """Without a token, so that an expired one is not renewed for it; once, as soon as there is a place for it."""
        repeats = Repeats(self._timeout, 1, self._retry)
        while True:
            try:
                response: auth_services_pb2.LoginResponse = await self._transport.unary(
                    _AUTH, method, request, repeats.deadline.left, []
                )
                return response
            except GrpcOSError as error:
                if not await repeats.again(error):
                    raise

    async def _ask_peer(self) -> auth_services_pb2.LoginResponse:
        return await self._anonymous("LoginPeer", auth_services_pb2.LoginPeerRequest())

    def _accept(self, response: auth_services_pb2.LoginResponse) -> AccessToken:
        self._credentials.accept(self._grant(response))
        return AccessToken.from_proto(response)

    def _grant(self, response: auth_services_pb2.LoginResponse) -> Grant:
        lifetime_s = response.expire_time.ToNanoseconds() / 1e9 - time.time()
        if response.refresh_token:

            async def refresh() -> Grant:
                return self._grant(await self._refresh(response.refresh_token))

            return Grant(response.access_token, lifetime_s, refresh, renew_refused=True)

        async def ask_peer() -> Grant:
            return self._grant(await self._ask_peer())

        # Not when refused: a session that somebody ended is not to come back.
        return Grant(response.access_token, lifetime_s, ask_peer, renew_refused=False)

    async def _refresh(self, refresh_token: str) -> auth_services_pb2.LoginResponse:
        """Sends it on a connection that stands, because where a call is lost on its way, nobody knows whether the token
        was taken, and a second time would end the session."""
        request = auth_services_pb2.RefreshTokenRequest(refresh_token=refresh_token)
        repeats = Repeats(self._timeout)
        while True:
            try:
                await self._transport.connect(repeats.deadline.left)
            except GrpcOSError as error:
                raise ConnectionError(f"the token could not be renewed: {error.details()}") from None
            try:
                return await self._anonymous("RefreshToken", request)
            except GrpcOSError as error:
                # What the daemon says itself, it says of a token that it has not taken.
                if error.info is None or not await repeats.again(error):
                    raise
