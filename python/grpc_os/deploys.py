"""Deploys by the words of a spec, and waits for their ends."""

from __future__ import annotations

import time
import typing

from grpc_os.calls import WAIT_CALL_S
from grpc_os.specs import SpecFields, to_spec
from grpc_os.v1 import deploy_services_pb2, deploy_services_pb2_grpc
from grpc_os.v1.methods import DeployServiceMethods
from grpc_os.v1.resources import Revision
from grpc_os.values import to_duration

_DEPLOYS = deploy_services_pb2_grpc.DeployServiceStub


class DeployCalls(DeployServiceMethods):
    """DeployService. Each `name` takes the id or the name of a process."""

    async def deploy_process(
        self,
        name: str,
        command: str,
        environment: typing.Mapping[str, str] | None = None,
        *,
        bundle: str = "",
        no_rollback: bool = False,
        validate_only: bool = False,
        etag: str = "",
        timeout: float | None = None,
        request_id: str = "",
        **fields: typing.Unpack[SpecFields],
    ) -> Revision:
        """Begins a deploy of this spec, which is all of it: what is left out has its default, not what the process has.
        `wait_revision` waits for the end. If nothing differs, nothing is done, and the answer is the last revision.

        `bundle` is the SHA-256, 64 hexadecimal digits, of an archive that is the object /bundles/SHA256. The client packs
        no directories: `grpc-os register-process DIRECTORY` makes bundles and uploads them. With `no_rollback` what does
        not become ready stays as it is; with `validate_only` nothing is changed, and the answer is the revision as it
        would be. `timeout` seconds are for the call, in which the bundle is unpacked.

        NOT_FOUND (OBJECT_NOT_FOUND: there is no such bundle), FAILED_PRECONDITION (DEPLOY_IN_PROGRESS, VOLUME_IN_USE,
        PORT_TAKEN, …), INVALID_ARGUMENT (BUNDLE_REFUSED), DATA_LOSS (BUNDLE_DAMAGED).
        """
        spec, _ = to_spec(command, environment, fields)
        spec.bundle = bundle
        request = deploy_services_pb2.DeployProcessRequest(
            process=name, spec=spec, etag=etag, no_rollback=no_rollback, validate_only=validate_only
        )
        return Revision(await self._change(_DEPLOYS, "DeployProcess", request, request_id, timeout))

    async def wait_revision(self, name: str, number: int, timeout: float | None = None) -> Revision:
        """Waits until its deploy has ended, well ("deployed") or not ("failed", see its message), also over a restart of
        the daemon; TimeoutError after `timeout` seconds (None: as long as it takes), and the deploy goes on."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            part = WAIT_CALL_S if end is None else min(max(end - time.monotonic(), 0.001), WAIT_CALL_S)
            request = deploy_services_pb2.WaitRevisionRequest(process=name, number=number, timeout=to_duration(part))
            revision = Revision(await self._read(_DEPLOYS, "WaitRevision", request, part + 10.0))
            if revision.state != "deploying":
                return revision
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"revision {number} of {name} is still being deployed after {timeout:g} s")
