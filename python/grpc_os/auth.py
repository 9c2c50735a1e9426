"""Log-in, users, roles, sessions, tokens, and the record of what was done."""

from __future__ import annotations

import datetime
import time
import typing

from grpc_os.calls import Calls, Repeats
from grpc_os.credentials import Grant
from grpc_os.errors import GrpcOSError
from grpc_os.resources import AccessToken, ApiToken, AuditRecord, Identity, Role, Rule, Session, User, to_duration
from grpc_os.v1 import auth_services_pb2, auth_services_pb2_grpc

_AUTH = auth_services_pb2_grpc.AuthServiceStub


class AuthCalls(Calls):
    """AuthService."""

    # ---- Log-in ------------------------------------------------------------------------------------------------------

    async def login(self, user: str, password: str) -> AccessToken:
        """Logs in; the client keeps the token and renews it by itself for as long as the session lasts. Never tried again
        by itself. With GrpcOSError LOGIN_THROTTLED, `retry_delay` says when to come again."""
        request = auth_services_pb2.LoginRequest(user=user, password=password)
        return self._accept(await self._anonymous("Login", request))

    async def login_peer(self) -> Identity:
        """Logs in as the local account that runs this program; over DATA_DIR/run/api.sock alone. The client logs in again
        when the 15 minutes of the token are nearly over; a session that was ended stays so."""
        return self._accept(await self._ask_peer()).identity

    async def whoami(self) -> Identity:
        return Identity((await self._read(_AUTH, "WhoAmI", auth_services_pb2.WhoAmIRequest())).identity)

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

    # ---- Users and roles ---------------------------------------------------------------------------------------------

    async def get_user(self, name: str) -> User:
        return User(await self._read(_AUTH, "GetUser", auth_services_pb2.GetUserRequest(name=name)))

    def list_users(self, page_size: int = 0) -> typing.AsyncGenerator[User, None]:
        """All users in the order of their names, fetched page by page."""
        return self._pages(_AUTH, "ListUsers", auth_services_pb2.ListUsersRequest(page_size=page_size), "users", User)

    async def create_user(
        self, name: str, *, roles: typing.Sequence[str] = (), password: str = "", request_id: str = ""
    ) -> User:
        """Without a password the user cannot log in for now."""
        request = auth_services_pb2.CreateUserRequest(
            user=auth_services_pb2.User(name=name, roles=roles), password=password
        )
        return User(await self._change(_AUTH, "CreateUser", request, request_id))

    async def delete_user(self, name: str, *, etag: str = "", request_id: str = "") -> None:
        """Ends the user's sessions and tokens too."""
        request = auth_services_pb2.DeleteUserRequest(name=name, etag=etag)
        await self._change(_AUTH, "DeleteUser", request, request_id)

    async def disable_user(self, name: str, *, etag: str = "", request_id: str = "") -> User:
        """Ends the user's sessions and tokens; no log-in until enable_user."""
        request = auth_services_pb2.DisableUserRequest(name=name, etag=etag)
        return User(await self._change(_AUTH, "DisableUser", request, request_id))

    async def enable_user(self, name: str, *, etag: str = "", request_id: str = "") -> User:
        request = auth_services_pb2.EnableUserRequest(name=name, etag=etag)
        return User(await self._change(_AUTH, "EnableUser", request, request_id))

    async def set_password(self, password: str, *, name: str = "", old_password: str = "") -> User:
        """One's own (which needs the old one after a log-in by password), or that of the user `name`."""
        request = auth_services_pb2.SetPasswordRequest(name=name, password=password, old_password=old_password)
        return User(await self._once(_AUTH, "SetPassword", request))

    async def grant_role(self, user: str, role: str, *, etag: str = "", request_id: str = "") -> User:
        request = auth_services_pb2.GrantRoleRequest(user=user, role=role, etag=etag)
        return User(await self._change(_AUTH, "GrantRole", request, request_id))

    async def revoke_role(self, user: str, role: str, *, etag: str = "", request_id: str = "") -> User:
        request = auth_services_pb2.RevokeRoleRequest(user=user, role=role, etag=etag)
        return User(await self._change(_AUTH, "RevokeRole", request, request_id))

    async def get_role(self, name: str) -> Role:
        return Role(await self._read(_AUTH, "GetRole", auth_services_pb2.GetRoleRequest(name=name)))

    async def create_role(
        self, name: str, rules: typing.Iterable[Rule], description: str = "", *, request_id: str = ""
    ) -> Role:
        """A role of one's own; `grant_role` gives it to a user."""
        request = auth_services_pb2.CreateRoleRequest(role=_role(name, rules, description, ""))
        return Role(await self._change(_AUTH, "CreateRole", request, request_id))

    async def update_role(
        self, name: str, rules: typing.Iterable[Rule], description: str = "", *, etag: str = "", request_id: str = ""
    ) -> Role:
        """Replaces its rules and description; with an `etag` only if it is still that one."""
        request = auth_services_pb2.UpdateRoleRequest(role=_role(name, rules, description, etag))
        return Role(await self._change(_AUTH, "UpdateRole", request, request_id))

    async def delete_role(self, name: str, *, etag: str = "", request_id: str = "") -> None:
        request = auth_services_pb2.DeleteRoleRequest(name=name, etag=etag)
        await self._change(_AUTH, "DeleteRole", request, request_id)

    async def list_roles(self) -> list[Role]:
        """Those that are built in, then the others, each in the order of their names."""
        return [role async for role in self._pages(_AUTH, "ListRoles", auth_services_pb2.ListRolesRequest(), "roles", Role)]

    # ---- Sessions and tokens -----------------------------------------------------------------------------------------

    def list_sessions(self, user: str = "", page_size: int = 0) -> typing.AsyncGenerator[Session, None]:
        """All that the caller may see, or those of `user`; the newest first."""
        request = auth_services_pb2.ListSessionsRequest(user=user, page_size=page_size)
        return self._pages(_AUTH, "ListSessions", request, "sessions", Session)

    async def end_session(self, session_id: str, *, request_id: str = "") -> None:
        """Of a log-in or of a token."""
        await self._change(_AUTH, "EndSession", auth_services_pb2.EndSessionRequest(id=session_id), request_id)

    async def create_token(
        self, label: str = "", *, ttl: float | None = None, roles: typing.Sequence[str] = ()
    ) -> ApiToken:
        """An API token of the caller, for `GrpcOSClient(…, token=…)` or GRPC_OS_TOKEN. `ttl` is in seconds (None: 90 days);
        no roles: all of the caller's."""
        request = auth_services_pb2.CreateTokenRequest(
            label=label, ttl=None if ttl is None else to_duration(ttl), roles=roles
        )
        response = await self._once(_AUTH, "CreateToken", request)
        return ApiToken(response.token, Session(response.session))

    # ---- Audit -------------------------------------------------------------------------------------------------------

    def list_audit_records(
        self, *, user: str = "", since: datetime.datetime | None = None, page_size: int = 0
    ) -> typing.AsyncGenerator[AuditRecord, None]:
        """What was done and refused, the newest first, fetched page by page; `since` needs a time zone."""
        request = auth_services_pb2.ListAuditRecordsRequest(user=user, page_size=page_size)
        if since is not None:
            if since.tzinfo is None:
                raise ValueError("since has no time zone; use datetime.now(datetime.timezone.utc) or such")
            request.since.FromDatetime(since)
        return self._pages(_AUTH, "ListAuditRecords", request, "records", AuditRecord)


def _role(name: str, rules: typing.Iterable[Rule], description: str, etag: str) -> auth_services_pb2.Role:
    return auth_services_pb2.Role(name=name, description=description, rules=[r.to_proto() for r in rules], etag=etag)
