"""A grpc.aio server on a Unix socket that answers from a script and keeps what it was asked."""

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_os.v1 import (
    auth_services_pb2,
    auth_services_pb2_grpc,
    event_services_pb2,
    event_services_pb2_grpc,
    process_services_pb2,
    process_services_pb2_grpc,
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
    auth_services_pb2_grpc.AuthServiceServicer,
    process_services_pb2_grpc.ProcessServiceServicer,
    event_services_pb2_grpc.EventServiceServicer,
):
    def __init__(self):
        self.requests = []
        self.metadata = []
        self.time_remaining = []
        self.unavailable = 0  # so many calls are answered so
        self.processes = {}
        self.log_messages = []
        self.streams_cancelled = 0

    async def _enter(self, request, context):
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.time_remaining.append(context.time_remaining())
        if self.unavailable > 0:
            self.unavailable -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "shutting down")

    async def LoginPeer(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.LoginPeerResponse(
            access_token="token of " + request.ticket, user=auth_services_pb2.User(name="admin", roles=["admin"])
        )

    async def WhoAmI(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.WhoAmIResponse(user=auth_services_pb2.User(name="admin"))

    async def Logout(self, request, context):
        await self._enter(request, context)
        return auth_services_pb2.LogoutResponse()

    async def CreateProcess(self, request, context):
        await self._enter(request, context)
        if request.process.name in self.processes:
            info = error_details_pb2.ErrorInfo(reason="NAME_TAKEN", domain="grpc-os", metadata={"name": "web"})
            bad = error_details_pb2.BadRequest()
            bad.field_violations.add(field="process.name", description="taken")
            code = grpc.StatusCode.ALREADY_EXISTS
            await context.abort(code, "taken", rich_error(code, "taken", bad, info))
        process = process_services_pb2.Process()
        process.CopyFrom(request.process)
        process.id = f"proc_{len(self.processes)}"
        process.status.state = process_services_pb2.Process.STATE_RUNNING
        process.status.pid = 77
        self.processes[process.name] = process
        return process

    async def GetProcess(self, request, context):
        await self._enter(request, context)
        return self.processes[request.name]

    async def UpdateProcess(self, request, context):
        await self._enter(request, context)
        return process_services_pb2.Process()

    async def StopProcess(self, request, context):
        await self._enter(request, context)
        return process_services_pb2.Process(status={"state": process_services_pb2.Process.STATE_CRASH_LOOPING})

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

    async def TailLogs(self, request, context):
        await self._enter(request, context)
        for message in self.log_messages:
            yield message

    async def Watch(self, request, context):
        await self._enter(request, context)
        revision = request.from_revision
        context.add_done_callback(self._watch_ended)
        while True:
            revision += 1
            yield event_services_pb2.WatchResponse(
                events=[event_services_pb2.Event(revision=revision)], revision=revision
            )

    def _watch_ended(self, _):
        self.streams_cancelled += 1

    async def serve(self, address):
        server = grpc.aio.server()
        auth_services_pb2_grpc.add_AuthServiceServicer_to_server(self, server)
        process_services_pb2_grpc.add_ProcessServiceServicer_to_server(self, server)
        event_services_pb2_grpc.add_EventServiceServicer_to_server(self, server)
        server.add_insecure_port(address)
        await server.start()
        return server
