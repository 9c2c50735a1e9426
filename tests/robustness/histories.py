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
# What the daemon's death, or its absence, looks like.
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)
_REFUSED = (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)


def media_type(value):
    """By which the event of a write is known."""
    return f"text/{value}"


class History:
    """The calls of all clients, as `linearizability/main.go` reads them."""

    def __init__(self):
        self.calls = []

    def begin(self, client, kind, **what):
        call = {"client": client, "kind": kind, **what, "begin": time.monotonic_ns(), "end": 0, "outcome": "", "attempts": 0}
        call |= {"generation": UNKNOWN, "revision": 0}
        self.calls.append(call)
        return call

    def resolve(self, events, name_of):
        """Decides, by the log of events, what nobody was told: each write has a content_type of its own.

        What is in the log was done, at its revision, though nobody knows when it ended; what is not was never done. If the
        log were wrong, what others have read would contradict it.
        """
        written = [event for event in events if event.action in ("created", "updated")]
        revisions = {(event.name, event.attributes["content_type"]): event.revision for event in written}
        for call in self.calls:
            writes = call["writes"] if call["kind"] == "transaction" else [call] if "value" in call else []
            if not writes or call["generation"] != UNKNOWN or call["outcome"] == "refused":
                continue
            found = {revisions.get((name_of(one["key"]), media_type(one["value"])), UNKNOWN) for one in writes}
            assert len(found) == 1, f"{call} was done in part"
            (call["generation"],) = found
            if call["outcome"] == "":
                call["outcome"] = "never" if call["generation"] == UNKNOWN else "done"

    def write(self, path):
        # What nobody was told of a read tells nothing.
        reads = ("get", "snapshot")
        told = [call for call in self.calls if call["outcome"] != "never" and (call["outcome"] or call["kind"] not in reads)]
        path.write_text("".join(json.dumps(call) + "\n" for call in told))


class Client:
    """Calls at random, one at a time. What was not answered it asks for again, with the same request_id; if it is not
    `patient`, only what it has deleted: nobody knows then whether the rest was done."""

    def __init__(self, number, system, token, rng, history, folder, patient, attempt_s=20):
        self._number = number
        self._rng = rng
        self._history = history
        self._folder = folder
        self._patient = patient
        self._attempt_s = attempt_s
        self._seen = dict.fromkeys(range(KEYS), 0)  # generations
        self._values = 0
        self._metadata = [("authorization", f"Bearer {token}")]
        # Reconnects at once, because a restart takes milliseconds; and repeats nothing by itself.
        options = (
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 10),
            ("grpc.min_reconnect_backoff_ms", 10),
            ("grpc.max_reconnect_backoff_ms", 100),
        )
        self._channel = grpc.aio.insecure_channel(system.address, options=options)
        self._files = stubs.FilesystemServiceStub(self._channel)

    async def run(self, calls):
        kinds = (
            *(self._create, self._put, self._compare_and_set, self._compare_and_set, self._delete),
            *(self._get, self._get, self._transaction, self._snapshot),
        )
        for _ in range(calls):
            await self._rng.choice(kinds)(self._rng.randrange(KEYS))
        await self._channel.close()

    def _name(self, key):
        return f"{self._folder}{key}"

    def _object(self, key, value):
        return pb.Object(name=self._name(key), content_type=media_type(value))

    def _value(self):
        self._values += 1
        return f"{self._number}.{self._values}"

    def _begin(self, kind, **what):
        return self._history.begin(self._number, kind, **what)

    async def _answer(self, call, method, request):
        """Asks until it is told something; the answer, or None if there is none, or it was refused."""
        changes = hasattr(request, "request_id")
        if changes:
            request.request_id = str(uuid.uuid4())
        while True:
            call["attempts"] += 1
            try:
                answer = await method(request, metadata=self._metadata, timeout=self._attempt_s)
            except grpc.RpcError as error:
                if error.code() in _LOST:
                    await asyncio.sleep(0.02)
                    if (self._patient or call["kind"] == "delete") and error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                        continue
                    return None
                if error.code() not in _REFUSED:
                    raise
                # Of what was done before and is asked for again, it may be that it is gone by now.
                if not changes or call["attempts"] == 1:
                    call |= {"end": time.monotonic_ns(), "outcome": "refused"}
                return None
            call |= {"end": time.monotonic_ns(), "outcome": "done"}
            return answer

    async def _write(self, call, method, request):
        answer = await self._answer(call, method, request)
        # A repeat is told how the object is by then.
        if answer is not None and call["attempts"] == 1:
            call["generation"] = self._seen[call["key"]] = answer.generation

    async def _create(self, key):
        call = self._begin("create", key=key, value=self._value())
        request = pb.CreateObjectRequest(object=self._object(key, call["value"]), data=call["value"].encode())
        await self._write(call, self._files.CreateObject, request)

    async def _put(self, key):
        call = self._begin("put", key=key, value=self._value())
        request = pb.PutObjectRequest(object=self._object(key, call["value"]), data=call["value"].encode())
        await self._write(call, self._files.PutObject, request)

    async def _compare_and_set(self, key):
        call = self._begin("put", key=key, value=self._value(), if_generation=self._seen[key])
        request = pb.PutObjectRequest(
            object=self._object(key, call["value"]),
            data=call["value"].encode(),
            preconditions={"if_generation_match": self._seen[key]},
        )
        await self._write(call, self._files.PutObject, request)

    async def _delete(self, key):
        call = self._begin("delete", key=key)
        answer = await self._answer(call, self._files.DeleteObject, pb.DeleteObjectRequest(name=self._name(key)))
        if answer is not None:
            call["revision"] = answer.revision
            self._seen[key] = 0

    async def _get(self, key):
        call = self._begin("get", key=key)
        request = pb.GetObjectRequest(name=self._name(key), include_data=True)
        answer = await self._answer(call, self._files.GetObject, request)
        if answer is not None:
            # Reading again changes nothing, so this is the object between the beginning and the end.
            call |= {"found": answer.data.decode(), "generation": answer.generation}
            self._seen[key] = answer.generation

    def _two(self, key):
        return key, (key + 1 + self._rng.randrange(KEYS - 1)) % KEYS

    async def _transaction(self, key):
        keys = self._two(key)
        call = self._begin(
            "transaction",
            key=key,
            compare=[{"key": one, "generation": self._seen[one]} for one in keys],
            writes=[{"key": one, "value": self._value()} for one in keys],
        )
        request = pb.TransactObjectsRequest()
        for written in call["writes"]:
            name = self._name(written["key"])
            request.compare.add(name=name, preconditions={"if_generation_match": self._seen[written["key"]]})
            request.success.add(put={"object": self._object(**written), "data": written["value"].encode()})
        answer = await self._answer(call, self._files.TransactObjects, request)
        if answer is None:
            return
        # A repeat is told the same.
        if answer.succeeded:
            call["generation"] = answer.revision
            self._seen |= dict.fromkeys(keys, answer.revision)
        else:
            call |= {"outcome": "refused", "revision": answer.revision}

    async def _snapshot(self, key):
        """Two objects at one moment. That one is missing tells nothing of the other."""
        keys = self._two(key)
        call = self._begin("snapshot", key=key, reads=[])
        request = pb.TransactObjectsRequest()
        for one in keys:
            request.success.add(get={"name": self._name(one), "include_data": True})
        answer = await self._answer(call, self._files.TransactObjects, request)
        if call["outcome"] == "refused" or (answer is not None and call["attempts"] > 1):
            # Not told which; or told as they are by then, one after the other.
            call |= {"end": 0, "outcome": ""}
        elif answer is not None:
            call["revision"] = answer.revision
            for one, read in zip(keys, answer.objects):
                call["reads"].append({"key": one, "found": read.data.decode(), "generation": read.generation})
                self._seen[one] = read.generation
