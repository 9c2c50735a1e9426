"""DomainService of the fake daemon."""

import grpc
from grpc_os.v1 import domain_services_pb2 as pb
from grpc_os.v1 import domain_services_pb2_grpc


class FakeDomains(domain_services_pb2_grpc.DomainServiceServicer):
    def _stored(self, name, spec):
        known = self.domains.get(name, pb.Domain(id=f"dom_{len(self.domains)}", name=name))
        domain = pb.Domain(id=known.id, name=name, spec=spec, generation=known.generation + 1)
        domain.status.state = pb.DomainStatus.STATE_ACTIVE
        domain.status.active_generation = domain.generation
        domain.status.url = f"http://{name}:8880/"
        self.domains[name] = domain
        return domain

    async def GetDomain(self, request, context):
        await self._enter(request, context)
        if request.name not in self.domains:
            await self.refuse(context, grpc.StatusCode.NOT_FOUND, "no such domain", "DOMAIN_NOT_FOUND")
        return self.domains[request.name]

    async def ListDomains(self, request, context):
        await self._enter(request, context)
        names = sorted(self.domains)
        begin = int(request.page_token or 0)
        return pb.ListDomainsResponse(
            domains=[self.domains[name] for name in names[begin : begin + 1]],
            next_page_token=str(begin + 1) if begin + 1 < len(names) else "",
            edge_problem="nginx is missing",
        )

    async def CreateDomain(self, request, context):
        return await self._change(request, context, lambda: self._stored(request.domain.name, request.domain.spec))

    UpdateDomain = CreateDomain

    async def DeleteDomain(self, request, context):
        return await self._change(request, context, pb.DeleteDomainResponse)

    async def AssignDomain(self, request, context):
        target = {"process": request.process, "port": request.port}
        spec = pb.DomainSpec(routes=[{"path": request.path, "targets": [target]}])
        return await self._change(request, context, lambda: self._stored(request.name, spec))

    async def UnassignDomain(self, request, context):
        return await self._change(request, context, lambda: pb.UnassignDomainResponse(deleted=not request.process))

    async def TailDomainLogs(self, request, context):
        async for message in self._tail(request, context):
            yield message

    async def ReloadDomains(self, request, context):
        answer = pb.ReloadDomainsResponse(file="/etc/domains.conf", created=["a"], removed=["b", "c"], unchanged=4)
        return await self._change(request, context, lambda: answer)
