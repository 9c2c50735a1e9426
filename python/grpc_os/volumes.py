"""Volumes: directories that outlive the processes that have them."""

from __future__ import annotations

import typing

from grpc_os.calls import Calls
from grpc_os.process_resources import Volume
from grpc_os.v1 import volume_services_pb2, volume_services_pb2_grpc

_VOLUMES = volume_services_pb2_grpc.VolumeServiceStub


class VolumeCalls(Calls):
    """VolumeService. A process gets volumes by the `volumes` of its spec, which also makes those that are not there."""

    async def get_volume(self, name: str) -> Volume:
        """NOT_FOUND (VOLUME_NOT_FOUND) if there is none."""
        return Volume(await self._read(_VOLUMES, "GetVolume", volume_services_pb2.GetVolumeRequest(name=name)))

    def list_volumes(self, page_size: int = 0) -> typing.AsyncGenerator[Volume, None]:
        """All volumes in the order of their names, fetched page by page."""
        request = volume_services_pb2.ListVolumesRequest(page_size=page_size)
        return self._pages(_VOLUMES, "ListVolumes", request, "volumes", Volume)

    async def create_volume(self, name: str, *, account: str = "", shared: bool = False, request_id: str = "") -> Volume:
        """Makes a volume of `account`, for life (with --user it must be named); with `shared` several processes may have
        it at a time. ALREADY_EXISTS (VOLUME_EXISTS) if there is one; FAILED_PRECONDITION (VOLUME_DIRECTORY) if something
        else lies in its place."""
        request = volume_services_pb2.CreateVolumeRequest(
            volume=volume_services_pb2.Volume(name=name, spec={"account": account, "shared": shared})
        )
        return Volume(await self._change(_VOLUMES, "CreateVolume", request, request_id))

    async def update_volume(self, name: str, *, shared: bool, etag: str = "", request_id: str = "") -> Volume:
        """FAILED_PRECONDITION (VOLUME_IN_USE) where several processes share what is not to be shared any more."""
        request = volume_services_pb2.UpdateVolumeRequest(
            volume=volume_services_pb2.Volume(name=name, spec={"shared": shared}, etag=etag)
        )
        return Volume(await self._change(_VOLUMES, "UpdateVolume", request, request_id))

    async def delete_volume(self, name: str, *, etag: str = "", request_id: str = "") -> None:
        """Removes it with all that is in it, for good; FAILED_PRECONDITION (VOLUME_IN_USE) while the spec of a process,
        running or not, names it."""
        request = volume_services_pb2.DeleteVolumeRequest(name=name, etag=etag)
        await self._change(_VOLUMES, "DeleteVolume", request, request_id)
