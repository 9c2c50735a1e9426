"""A grpc.aio server on a Unix socket that answers from a script and keeps what it was asked."""

import asyncio
import time

import grpc
import grpc.aio
from fake_domains import FakeDomains
from fake_objects import FakeObjects
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_os.v1 import (
    auth_services_pb2,
    auth_services_pb2_grpc,
    deploy_services_pb2,
    deploy_services_pb2_grpc,
    domain_services_pb2_grpc,
    event_services_pb2,
    event_services_pb2_grpc,
    filesystem_services_pb2_grpc,
    process_services_pb2,
    process_services_pb2_grpc,
    system_services_pb2,
    system_services_pb2_grpc,
)


def rich_error(code, message, *details):
    """Metadata as a handler of the daemon sends them with an error."""
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return (("grpc-status-details-bin", status.SerializeToString()),)


class FakeDaemon(
    FakeObjects,
    FakeDomains,
    auth_services_pb2_grpc.AuthServiceServicer,
    process_services_pb2_grpc.ProcessServiceServicer,
    deploy_services_pb2_grpc.DeployServiceServicer,
    event_services_pb2_grpc.EventServiceServicer,
    system_services_pb2_grpc.SystemServiceServicer,
):
    """Passwords are the user's name backwards if not in `passwords`. The tokens that it gives are asked for once one was given."""

    def __init__(self):
        super().__init__()
        self.requests = []
        self.metadata = []
        self.time_remaining = []
        self.unavailable = 0  # so many calls are answered so
        self.busy = 0  # for so many there is no place
        self.processes = {}
        self.domains = {}
        self.log_messages = []
        self.task_messages = []
        self.task_hangs = False  # instead of ending
        self.streams_cancelled = 0
        self.carried_out = {}  # request_id -> answer
        self.lose_answers = 0  # so many changes are carried out and answered UNAVAILABLE
        self.retry_delay_s = None
        self.passwords = {}
        self.access_tokens = set()
        self.lifetime_s = 900
        self.logged_in = {}  # refresh token -> user
        self.refreshes = []  # the refresh tokens that came
        self.refresh_errors = []  # (code, ErrorInfo or None) instead of answers
        self.stream_breaks = []  # per stream: (messages until its end, whether its token expired, else UNAVAILABLE)
        self.watch_messages = None
        self.oldest_revision = 0  # of the watch
        self._made = 0

    async def _enter(self, request, context):
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.time_remaining.append(context.time_remaining())
        await self._refuse_if_busy(context)
        if self.unavailable > 0:
            self.unavailable -= 1
            await self.refuse(context, grpc.StatusCode.UNAVAILABLE, "shutting down", "SHUTTING_DOWN", *self._retry_info())
        if self.access_tokens and self.metadata[-1].get("authorization", "").removeprefix("Bearer ") not in self.access_tokens:
            await self.refuse(context, grpc.StatusCode.UNAUTHENTICATED, "the token expired", "TOKEN_INVALID")

    def _retry_info(self):
        if self.retry_delay_s is None:
            return []
        return [error_details_pb2.RetryInfo(retry_delay={"nanos": int(self.retry_delay_s * 1e9)})]

    async def _refuse_if_busy(self, context):
        if self.busy > 0:
            self.busy -= 1
            info = self._retry_info()
            await self.refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "calls in flight", "LIMIT_REACHED", *info)

    @staticmethod
    async def refuse(context, code, message, reason, *details):
        info = [error_details_pb2.ErrorInfo(reason=reason, domain="grpc-os")] if reason else []
        await context.abort(code, message, rich_error(code, message, *info, *details))

    async def _change(self, request, context, answer):
        """Once per request_id, as the daemon does."""
        await self._enter(request, context)
        assert request.request_id
        if request.request_id not in self.carried_out:
            self.carried_out[request.request_id] = answer()
        if self.lose_answers > 0:
            self.lose_answers -= 1
            await self.refuse(context, grpc.StatusCode.UNAVAILABLE, "connection lost", None)
        return self.carried_out[request.request_id]

    # ---- Log-in ------------------------------------------------------------------------------------------------------

    def expire_access_tokens(self):
        self.access_tokens = {"none of those given"}

    def _login_response(self, user, method):
        self._made += 1
        response = auth_services_pb2.LoginResponse(
            access_token=f"access-{self._made}", identity={"user": user, "roles": ["admin"], "login_method": method}
        )
        response.expire_time.FromNanoseconds(int((time.time() + self.lifetime_s) * 1e9))
        self.access_tokens = {response.access_token}
        if method == "password":
            response.refresh_token = f"refresh-{self._made}"
            self.logged_in[response.refresh_token] = user
        return response

    async def LoginPeer(self, request, context):
        self.requests.append(request)
        await self._refuse_if_busy(context)
        return self._login_response("admin", "peer")

    async def Login(self, request, context):
        self.requests.append(request)
        await self._refuse_if_busy(context)
        if self.unavailable > 0:
            self.unavailable -= 1
            await self.refuse(context, grpc.StatusCode.UNAVAILABLE, "shutting down", "SHUTTING_DOWN")
        if request.password != self.passwords.get(request.user, request.user[::-1]):
            await self.refuse(context, grpc.StatusCode.UNAUTHENTICATED, "wrong name or password", "LOGIN_FAILED")
        return self._login_response(request.user, "password")

    async def RefreshToken(self, request, context):
        self.refreshes.append(request.refresh_token)
        await asyncio.sleep(0.05)  # so that others come meanwhile
        if self.refresh_errors:
            code, reason = self.refresh_errors.pop(0)
            await self.refuse(context, code, "not now", reason)
        user = self.logged_in.pop(request.refresh_token, None)
        if user is None:
            self.logged_in.clear()
            self.expire_access_tokens()
            await self.refuse(context, grpc.StatusCode.UNAUTHENTICATED, "used twice", "TOKEN_INVALID")
        return self._login_response(user, "password")

    async def WhoAmI(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.WhoAmIResponse(identity={"user": "admin", "login_method": "password"})

    async def Logout(self, request, context):
        await self._enter(request, context)
        self.access_tokens = set()
        return auth_services_pb2.LogoutResponse()

    # ---- Users, sessions, tokens, audit ------------------------------------------------------------------------------

    async def GetUser(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.User(name=request.name, roles=["viewer"], etag="e1", has_password=True)

    async def ListUsers(self, request, context):
        await self._enter(request, context)
        page = {"": (["a", "b"], "2"), "2": (["c"], "")}[request.page_token]
        return auth_services_pb2.ListUsersResponse(users=[{"name": name} for name in page[0]], next_page_token=page[1])

    def _changed_user(self, request, context):
        name = getattr(request, "name", "") or getattr(request, "user", "")
        return self._change(request, context, lambda: auth_services_pb2.User(name=name))

    async def CreateUser(self, request, context):
        return await self._change(request, context, lambda: request.user)

    async def DeleteUser(self, request, context):
        return await self._change(request, context, auth_services_pb2.DeleteUserResponse)

    async def DisableUser(self, request, context):
        return await self._changed_user(request, context)

    EnableUser = GrantRole = RevokeRole = DisableUser

    async def SetPassword(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.User(name=request.name or "admin")

    async def ListRoles(self, request, context):
        await self._enter(request, context)
        roles = [{"name": "viewer", "permissions": ["process.read"]}, {"name": "mine"}]
        at = int(request.page_token or 0)
        return auth_services_pb2.ListRolesResponse(roles=[roles[at]], next_page_token="" if at else "1")

    async def CreateRole(self, request, context):
        return await self._change(request, context, lambda: request.role)

    UpdateRole = CreateRole

    async def DeleteRole(self, request, context):
        return await self._change(request, context, auth_services_pb2.DeleteRoleResponse)

    async def GetRole(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.Role(name=request.name, etag="e1")

    async def ListSessions(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.ListSessionsResponse(sessions=[{"id": "5", "user": request.user, "current": True}])

    async def EndSession(self, request, context):
        return await self._change(request, context, auth_services_pb2.EndSessionResponse)

    async def CreateToken(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.CreateTokenResponse(token="api-1", session={"id": "6", "label": request.label})

    async def ListAuditRecords(self, request, context):
        await self._enter(request, context)
        last = int(request.page_token or 6)
        return auth_services_pb2.ListAuditRecordsResponse(
            records=[{"id": last - n, "result": "OK"} for n in range(2)], next_page_token=str(last - 2) if last > 2 else ""
        )

    async def Resume(self, request, context):
        await self._enter(request, context)
        return system_services_pb2.ResumeResponse(resumed_count=2)

    async def SetLogLevel(self, request, context):
        await self._enter(request, context)
        return system_services_pb2.SetLogLevelResponse(previous=system_services_pb2.LOG_LEVEL_INFO)

    # ---- Processes ---------------------------------------------------------------------------------------------------

    async def CreateProcess(self, request, context):
        if request.process.name in self.processes and request.request_id not in self.carried_out:
            await self._enter(request, context)
            info = error_details_pb2.ErrorInfo(reason="NAME_TAKEN", domain="grpc-os", metadata={"name": "web"})
            bad = error_details_pb2.BadRequest()
            bad.field_violations.add(field="process.name", description="taken")
            code = grpc.StatusCode.ALREADY_EXISTS
            await context.abort(code, "taken", rich_error(code, "taken", bad, info))
        return await self._change(request, context, lambda: self._created(request))

    def _created(self, request):
        process = process_services_pb2.Process()
        process.CopyFrom(request.process)
        process.id = f"proc_{len(self.processes)}"
        process.status.state = process_services_pb2.Process.STATE_RUNNING
        process.status.pid = 77
        self.processes[process.name] = process
        return process

    async def SignalProcess(self, request, context):
        await self._enter(request, context)
        return process_services_pb2.SignalProcessResponse(pid=77)

    async def DeleteProcess(self, request, context):
        return await self._change(request, context, process_services_pb2.DeleteProcessResponse)

    async def StartProcess(self, request, context):
        return await self._change(request, context, process_services_pb2.Process)

    RestartProcess = StartProcess

    async def GetProcess(self, request, context):
        await self._enter(request, context)
        for process in self.processes.values():
            if request.name in (process.id, process.name):
                return process
        await self.refuse(context, grpc.StatusCode.NOT_FOUND, "no such process", "PROCESS_NOT_FOUND")

    async def UpdateProcess(self, request, context):
        return await self._change(request, context, process_services_pb2.Process)

    async def StopProcess(self, request, context):
        stopped = process_services_pb2.Process(status={"state": process_services_pb2.Process.STATE_CRASH_LOOPING})
        return await self._change(request, context, lambda: stopped)

    async def WaitProcess(self, request, context):
        await self._enter(request, context)
        return process_services_pb2.WaitProcessResponse(satisfied=len(self.requests) > 2)

    async def ListProcesses(self, request, context):
        await self._enter(request, context)
        names = sorted(self.processes)
        begin = int(request.page_token or 0)
        end = begin + (request.page_size or 100)
        return process_services_pb2.ListProcessesResponse(
            processes=[self.processes[name] for name in names[begin:end]],
            next_page_token=str(end) if end < len(names) else "",
        )

    async def RunTask(self, request, context):
        await self._enter(request, context)
        for message in self.task_messages:
            yield message
        if self.task_hangs:
            context.add_done_callback(self._stream_ended)
            await asyncio.Event().wait()

    # ---- Deploys -----------------------------------------------------------------------------------------------------

    async def DeployProcess(self, request, context):
        return await self._change(request, context, lambda: deploy_services_pb2.Revision(number=1, state="STATE_DEPLOYING"))

    async def WaitRevision(self, request, context):
        await self._enter(request, context)
        state = "STATE_FAILED" if len(self.requests) > 2 else "STATE_DEPLOYING"
        return deploy_services_pb2.Revision(number=request.number, state=state)

    # ---- Streams -----------------------------------------------------------------------------------------------------

    async def _tell(self, context, messages):
        """Up to where this stream is to break, if it is."""
        if not self.stream_breaks:
            for message in messages:
                yield message
            return
        count, expired = self.stream_breaks.pop(0)
        for message in messages[:count]:
            yield message
        if expired:
            self.expire_access_tokens()
            await self.refuse(context, grpc.StatusCode.UNAUTHENTICATED, "expired", "TOKEN_INVALID")
        await self.refuse(context, grpc.StatusCode.UNAVAILABLE, "connection lost", None)

    async def TailLogs(self, request, context):
        async for message in self._tail(request, context):
            yield message

    async def _tail(self, request, context):
        await self._enter(request, context)
        begin = [m.cursor for m in self.log_messages].index(request.cursor) + 1 if request.cursor else 0
        async for message in self._tell(context, self.log_messages[begin:]):
            yield message

    async def Watch(self, request, context):
        await self._enter(request, context)
        if self.watch_messages is not None:
            if request.from_revision < self.oldest_revision and (request.from_revision > 0 or request.HasField("from_time")):
                kept = {"revision": str(request.from_revision), "oldest": str(self.oldest_revision), "newest": "99"}
                info = error_details_pb2.ErrorInfo(reason="REVISION_UNAVAILABLE", domain="grpc-os", metadata=kept)
                await self.refuse(context, grpc.StatusCode.OUT_OF_RANGE, "not kept", None, info)
            async for message in self._tell(context, self.watch_messages[request.from_revision]):
                yield message
            return
        revision = request.from_revision
        context.add_done_callback(self._stream_ended)
        while True:
            revision += 1
            yield event_services_pb2.WatchResponse(
                events=[event_services_pb2.Event(revision=revision)], revision=revision
            )

    def _stream_ended(self, _):
        self.streams_cancelled += 1

    async def serve(self, address):
        server = grpc.aio.server()
        auth_services_pb2_grpc.add_AuthServiceServicer_to_server(self, server)
        process_services_pb2_grpc.add_ProcessServiceServicer_to_server(self, server)
        domain_services_pb2_grpc.add_DomainServiceServicer_to_server(self, server)
        deploy_services_pb2_grpc.add_DeployServiceServicer_to_server(self, server)
        event_services_pb2_grpc.add_EventServiceServicer_to_server(self, server)
        system_services_pb2_grpc.add_SystemServiceServicer_to_server(self, server)
        filesystem_services_pb2_grpc.add_FilesystemServiceServicer_to_server(self, server)
        server.add_insecure_port(address)
        await server.start()
        return server
