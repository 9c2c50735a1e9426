"""Writers that change objects all the time, small and large ones, and what of it must be there after the power was cut.

As with processes (writers.py): each name has one writer, which waits for each answer before its next call.
"""

import asyncio
import contextlib
import dataclasses
import itertools

import grpc
from grpc_os.v1 import filesystem_services_pb2 as messages
from grpc_os.v1 import filesystem_services_pb2_grpc as services
from uploads_api import MIB, Uploads, content, crc32c, sha256
from writers import PowerCut, answer

WRITERS = 3
NAMES_OF_ONE = 3
# A small one lies in the database, a large one in a file of its own.
SMALL_BYTES = 60_000
LARGE_BYTES = (100_000, 3_000_000)


@dataclasses.dataclass(frozen=True)
class Known:
    """A content, by its size and the number that it was made from."""

    size: int
    seed: int

    @property
    def data(self):
        return content(self.size, self.seed)


@dataclasses.dataclass
class Open:
    """An upload, with what was acknowledged of it."""

    known: Known
    persisted: int = 0
    ending: bool = False


class Calls:
    """What uploads_api speaks through."""

    def __init__(self, channel, client):
        self._stub = services.FilesystemServiceStub(channel)
        self._metadata = client.metadata

    def call(self, method, request, timeout=120):
        return getattr(self._stub, method)(request, metadata=self._metadata, timeout=timeout)

    async def put(self, name, data):
        request = messages.PutObjectRequest(object=messages.Object(name=name), data=data, crc32c=crc32c(data))
        return await self.call("PutObject", request)

    async def delete(self, name):
        return await self.call("DeleteObject", messages.DeleteObjectRequest(name=name, purge=True))

    async def sha256_of(self, name):
        """None: there is no such object."""
        try:
            return (await self.call("GetObject", messages.GetObjectRequest(name=name))).sha256
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
            return None


@contextlib.asynccontextmanager
async def calls_of(machine, client):
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{machine.port}", options=options) as channel:
        yield Calls(channel, client)


class ObjectWriters:
    def __init__(self, rng):
        self._rng = rng
        self._numbers = itertools.count(1)
        self._tasks = []
        self.acknowledged = {}  # name: Known or None
        self.under_way = {}  # name: what else it may be
        self.uploads = {}  # id: Open
        self.counts = {"put": 0, "upload": 0, "delete": 0, "piece": 0}

    def start(self, calls):
        self._tasks = [asyncio.create_task(self._write(calls, writer)) for writer in range(WRITERS)]

    async def end(self):
        """After the cut: the calls that were under way stay unanswered. A refusal fails the test."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _write(self, calls, writer):
        with contextlib.suppress(PowerCut):
            while True:
                name = f"/vm/{writer}/{self._rng.randrange(NAMES_OF_ONE)}"
                there = self.acknowledged.get(name) is not None
                kind = self._rng.choices(["put", "upload", "delete"], [3, 6, 1 if there else 0])[0]
                await getattr(self, f"_{kind}")(calls, name)
                self.counts[kind] += 1

    async def _put(self, calls, name):
        known = Known(self._rng.randrange(SMALL_BYTES), next(self._numbers))
        await self._change(name, known, calls.put(name, known.data))

    async def _delete(self, calls, name):
        await self._change(name, None, calls.delete(name))

    async def _upload(self, calls, name):
        uploads = Uploads(calls)
        # Now and then what another object has already.
        new = self._rng.random() < 0.8
        known = Known(self._rng.randrange(*LARGE_BYTES), next(self._numbers)) if new else Known(200_000, 0)
        data = known.data
        upload_id = (await answer(uploads.start(name, len(data)))).upload_id
        upload = self.uploads[upload_id] = Open(known)
        while upload.persisted < len(data):
            end = min(len(data), upload.persisted + MIB)
            state = await answer(uploads.write(upload_id, data[:end], upload.persisted, chunk=200_000))
            upload.persisted = state.persisted_bytes
            self.counts["piece"] += 1
        upload.ending = True
        await self._change(name, known, uploads.finish(upload_id, sha=sha256(data)))
        del self.uploads[upload_id]

    async def _change(self, name, known, call):
        self.acknowledged.setdefault(name, None)
        self.under_way[name] = known
        await answer(call)
        self.acknowledged[name] = known
        del self.under_way[name]

    async def check(self, calls):
        """Fails with every name and every upload that is not as it must be; what is so is what is known from here on."""
        wrong = []
        for name in sorted(self.acknowledged):
            allowed = [self.acknowledged[name]]
            if name in self.under_way:
                allowed.append(self.under_way[name])
            so = await calls.sha256_of(name)
            fitting = [known for known in allowed if (sha256(known.data) if known else None) == so]
            if not fitting:
                wrong.append(f"{name} is {so}, and must be one of {allowed}")
                continue
            self.acknowledged[name] = fitting[0]
            if fitting[0] and (await Uploads(calls).read(name))[1] != fitting[0].data:
                wrong.append(f"{name} has other bytes than its checksum says")
        self.under_way = {}
        for upload_id, upload in self.uploads.items():
            wrong += await self._check_upload(calls, upload_id, upload)
        self.uploads = {}
        wrong += [f"damaged: {one}" for one in await self._damaged(calls)]
        assert not wrong, "; ".join(wrong)

    async def _check_upload(self, calls, upload_id, upload):
        """What was acknowledged is there, and the rest can follow it."""
        uploads, data = Uploads(calls), upload.known.data
        state = await uploads.get(upload_id)
        if state.finished and upload.ending:
            return []
        persisted = state.persisted_bytes
        if persisted < upload.persisted:
            return [f"{upload_id} had {upload.persisted} bytes and has {persisted}"]
        if state.crc32c != crc32c(data[:persisted]):
            return [f"{upload_id} has another checksum"]
        if persisted < len(data):
            await uploads.write(upload_id, data, persisted)
        made = await uploads.finish(upload_id, sha=sha256(data))
        self.acknowledged[made.name] = upload.known
        return []

    async def _damaged(self, calls):
        """What CheckObjects finds."""
        damaged, done = [], False
        async for message in calls.call("CheckObjects", messages.CheckObjectsRequest(), 300):
            damaged += message.damaged
            done = message.done
        assert done
        return damaged
