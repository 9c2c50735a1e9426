"""Clients that use objects at the same time and record what they asked for and were told."""

import asyncio
import json
import time
import uuid

import grpc
from grpc_os.v1 import filesystem_services_pb2 as pb
from grpc_os.v1 import filesystem_services_pb2_grpc as stubs

UNKNOWN = -1
KEYS = 5
# Of what the daemon's death, or its absence, looks like.
_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)
_REFUSED = (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)


def name_of(key):
    return f"/lin/{key}"


class History:
    """The calls of all clients, as `linearizability/main.go` reads them."""

    def __init__(self):
        self.calls = []

    def begin(self, client, kind, **what):
        call = {"client": client, "begin": time.monotonic_ns(), "end": 0, "kind": kind, "outcome": "", **what}
        self.calls.append(call)
        return call

    def write(self, path):
        path.write_text("".join(json.dumps(call) + "\n" for call in self.calls))


class Client:
    """Calls at random, one at a time, each until it is answered."""

    def __init__(self, number, system, token, rng, history, attempt_s=10):
        self._number = number
        self._rng = rng
        self._history = history
        self._attempt_s = attempt_s
        self._seen = dict.fromkeys(range(KEYS), 0)  # generations
        self._values = 0
        self._metadata = [("authorization", f"Bearer {token}")]
        # Reconnects at once: a restart takes milliseconds.
        options = (
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 10),
            ("grpc.min_reconnect_backoff_ms", 10),
            ("grpc.max_reconnect_backoff_ms", 100),
        )
        self._channel = grpc.aio.insecure_channel(system.address, options=options)
        self._files = stubs.FilesystemServiceStub(self._channel)

    async def run(self, calls):
        kinds = (self._create, self._put, self._compare_and_set, self._delete, self._get, self._get, self._transaction)
        for _ in range(calls):
            await self._rng.choice(kinds)(self._rng.randrange(KEYS))
        await self._channel.close()

    def _value(self):
        self._values += 1
        return f"{self._number}.{self._values}"

    async def _answer(self, call, method, request):
        """Asks until it is told something; the answer, or None if it was refused. A change keeps its request_id."""
        if hasattr(request, "request_id"):
            request.request_id = str(uuid.uuid4())
        attempts = 0
        while True:
            attempts += 1
            try:
                answer = await method(request, metadata=self._metadata, timeout=self._attempt_s)
            except grpc.RpcError as error:
                if error.code() in _AGAIN:
                    await asyncio.sleep(0.01)
                    continue
                if error.code() not in _REFUSED:
                    raise
                answer = None
            call["end"] = time.monotonic_ns()
            call["outcome"] = "refused" if answer is None else "done"
            # What a repeat is told is how the object is by then.
            call["generation"] = UNKNOWN
            if attempts == 1 and isinstance(answer, pb.Object):
                call["generation"] = answer.generation
            call["attempts"] = attempts
            return answer

    async def _create(self, key):
        value = self._value()
        call = self._history.begin(self._number, "create", key=key, value=value)
        await self._write(call, self._files.CreateObject, pb.CreateObjectRequest(object={"name": name_of(key)}, data=value.encode()))

    async def _put(self, key):
        value = self._value()
        call = self._history.begin(self._number, "put", key=key, value=value)
        await self._write(call, self._files.PutObject, pb.PutObjectRequest(object={"name": name_of(key)}, data=value.encode()))

    async def _compare_and_set(self, key):
        value, seen = self._value(), self._seen[key]
        call = self._history.begin(self._number, "put", key=key, value=value, if_generation=seen)
        request = pb.PutObjectRequest(
            object={"name": name_of(key)}, data=value.encode(), preconditions={"if_generation_match": seen}
        )
        await self._write(call, self._files.PutObject, request)

    async def _write(self, call, method, request):
        await self._answer(call, method, request)
        if call["generation"] != UNKNOWN:
            self._seen[call["key"]] = call["generation"]

    async def _delete(self, key):
        call = self._history.begin(self._number, "delete", key=key)
        if await self._answer(call, self._files.DeleteObject, pb.DeleteObjectRequest(name=name_of(key))) is not None:
            self._seen[key] = 0

    async def _get(self, key):
        call = self._history.begin(self._number, "get", key=key)
        answer = await self._answer(call, self._files.GetObject, pb.GetObjectRequest(name=name_of(key), include_data=True))
        if answer is not None:
            # Reading again changes nothing, so this is the object between the beginning and the end.
            call |= {"found": answer.data.decode(), "generation": answer.generation}
            self._seen[key] = answer.generation

    async def _transaction(self, key):
        other = (key + 1 + self._rng.randrange(KEYS - 1)) % KEYS
        keys, values = (key, other), (self._value(), self._value())
        call = self._history.begin(
            self._number,
            "transaction",
            key=key,
            compare=[{"key": one, "generation": self._seen[one]} for one in keys],
            writes=[{"key": one, "value": value} for one, value in zip(keys, values)],
        )
        request = pb.TransactObjectsRequest()
        for one, value in zip(keys, values):
            request.compare.add(name=name_of(one), preconditions={"if_generation_match": self._seen[one]})
            request.success.add(put={"object": {"name": name_of(one)}, "data": value.encode()})
        answer = await self._answer(call, self._files.TransactObjects, request)
        if answer is None:
            return
        if call["attempts"] == 1:
            if not answer.succeeded:
                call["outcome"] = "refused"
                return
            call["generation"] = answer.revision
            self._seen |= dict.fromkeys(keys, answer.revision)
        else:
            # Whether the first attempt compared as wanted is not told by a repeat.
            call |= {"outcome": "", "end": 0}
