"""GrpcOSClientSync: the same as GrpcOSClient, for programs without an event loop."""

import asyncio
import collections.abc
import gc
import inspect
import os
import pathlib
import signal
import sys
import threading
import time
import typing

import grpc
import grpc.aio
import pytest
from grpc_os import GrpcOSClient, GrpcOSClientSync, GrpcOSError, sync
from grpc_os.v1 import process_services_pb2


@pytest.fixture
def inside(daemon):
    """Runs a function that has a synchronous client, in a thread: the daemon is on the test's event loop."""

    def work(function):
        with GrpcOSClientSync(daemon.address, timeout=10) as client:
            return function(client)

    yield lambda function: asyncio.to_thread(work, function)
    assert "grpc-os" not in [thread.name for thread in threading.enumerate()]


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def members(cls):
    return {name: getattr(cls, name) for name in dir(cls) if not name.startswith("_")}


def without_await(hint):
    if typing.get_origin(hint) is collections.abc.AsyncGenerator:
        return typing.Generator[typing.get_args(hint)[0], None, None]
    return hint


def parameters(function):
    hints = typing.get_type_hints(function)
    return [(each.name, each.kind, each.default, hints.get(each.name)) for each in inspect.signature(function).parameters.values()]


def test_both_clients_have_the_same_methods():
    theirs, ours = members(GrpcOSClient), members(GrpcOSClientSync)
    assert sorted(theirs) == sorted(ours) and len(theirs) > 80
    for name in set(theirs) - {"close"}:
        one, other = theirs[name], ours[name]
        if isinstance(one, property):
            assert isinstance(other, property) and (one.fset is None) == (other.fset is None), name
            one, other = one.fget, other.fget
        assert parameters(one) == parameters(other), name
        assert not inspect.iscoroutinefunction(other) and not inspect.isasyncgenfunction(other), name
        returned = without_await(typing.get_type_hints(one)["return"])
        assert returned == typing.get_type_hints(other)["return"], name
        assert (one.__doc__ or "").replace("contextlib.aclosing", "contextlib.closing") == (other.__doc__ or ""), name
    constructors = parameters(GrpcOSClient.__init__), parameters(GrpcOSClientSync.__init__)
    assert [each[:3] for each in constructors[0]] == [each[:3] for each in constructors[1]]


async def test_calls_and_errors(daemon, inside):
    def work(client):
        assert client.login("ann", "nna") == client.token == "access-1"
        assert client.create_process("web", "python app.py").name == "web"
        client.kill_process("web")
        assert client.metadata == [("authorization", "Bearer access-1")]
        with pytest.raises(GrpcOSError) as caught:
            client.get_process("nobody")
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        client.token = "altered"
        with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
            client.whoami()
        with pytest.raises(AttributeError):
            client.some_operation()

    await inside(work)


async def test_lists_are_iterators(daemon, inside):
    for number in range(7):
        daemon.processes[f"p{number}"] = process_services_pb2.Process(name=f"p{number}")
    names = await inside(lambda client: [process.name for process in client.list_processes(3)])
    assert names == [f"p{number}" for number in range(7)] and len(daemon.requests) == 3


async def test_contents_go_to_and_from_files(daemon, inside, tmp_path):
    (tmp_path / "from").write_bytes(b"content" * 1000)
    transferred = []

    def work(client):
        client.upload_object("/a", tmp_path / "from", progress=transferred.append)
        client.download_object("/a", tmp_path / "to")
        return b"".join(client.read_object_chunks("/a"))

    assert await inside(work) == (tmp_path / "from").read_bytes() == (tmp_path / "to").read_bytes()
    assert transferred[-1] == 7000


@pytest.mark.parametrize("leaving", ["break", "close", "thrown away"])
async def test_leaving_a_stream_early_ends_it(daemon, inside, leaving):
    def work(client):
        events = client.watch(1)
        assert next(events).revision == 2
        if leaving == "break":
            for event in events:
                assert event.revision == 3
                break
            del events
        elif leaving == "close":
            events.close()
        else:
            cycle = [events]
            cycle.append(cycle)
            del events, cycle
            gc.collect()
        end = time.monotonic() + 10
        while daemon.streams_cancelled == 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert daemon.streams_cancelled == 1

    await inside(work)


async def test_a_stream_outlives_the_name_of_its_client(daemon):
    def work():
        events = GrpcOSClientSync(daemon.address).watch(1)
        gc.collect()
        return [next(events).revision for _ in range(3)]

    assert await asyncio.to_thread(work) == [2, 3, 4]


async def test_several_threads_use_one_client(daemon, inside):
    names = [f"p{number}" for number in range(40)]

    def work(client):
        made = []
        threads = [threading.Thread(target=lambda name=name: made.append(client.create_process(name, "x").name)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return made

    assert sorted(await inside(work)) == sorted(names) == sorted(daemon.processes)


@pytest.mark.parametrize("whose", ["its own channel", "the caller's channel"])
async def test_closing_ends_what_other_threads_wait_for(daemon, whose):
    daemon.task_hangs = True
    # While another client works, the loop goes on.
    with grpc.insecure_channel(daemon.address) as channel, GrpcOSClientSync(daemon.address) as other:
        assert await asyncio.to_thread(list, other.list_processes()) == []
        client = GrpcOSClientSync(daemon.address if whose == "its own channel" else channel, timeout=None)
        idle = client.watch(1)
        assert (await asyncio.to_thread(next, idle)).revision == 2
        waiting = asyncio.create_task(asyncio.to_thread(list, client.run_task("web", "sleep inf")))
        await until(lambda: len(daemon.requests) == 3)
        await asyncio.to_thread(client.close)
        with pytest.raises(GrpcOSError, match="CANCELLED: the client was closed"):
            await waiting
        await until(lambda: daemon.streams_cancelled == 2)
        client.close()
        with pytest.raises(RuntimeError, match="the client is closed"):
            client.whoami()


async def test_one_client_goes_on_when_another_is_closed(daemon):
    def work():
        first, second = GrpcOSClientSync(daemon.address), GrpcOSClientSync(daemon.address)
        list(first.list_processes()), list(second.list_processes())
        first.close()
        list(second.list_processes())
        second.close()
        assert "grpc-os" not in [thread.name for thread in threading.enumerate()]
        with GrpcOSClientSync(daemon.address) as third:
            list(third.list_processes())

    await asyncio.to_thread(work)


async def test_channels(daemon):
    def work():
        with grpc.insecure_channel(daemon.address) as channel, GrpcOSClientSync(channel) as client:
            list(client.list_processes())
            assert next(client.watch(1)).revision == 2

    await asyncio.to_thread(work)
    async with grpc.aio.insecure_channel(daemon.address) as channel:
        with pytest.raises(TypeError, match="belongs to an event loop"):
            GrpcOSClientSync(channel)


async def test_many_streams_wait_at_a_time_on_one_channel(daemon):
    daemon.task_hangs = True
    number = 40

    def work():
        with grpc.insecure_channel(daemon.address) as channel, GrpcOSClientSync(channel) as first, GrpcOSClientSync(channel) as second:
            waiting = [threading.Thread(target=end_of, args=(client.run_task("web", "sleep inf"),)) for client in (first, second) * (number // 2)]
            for thread in waiting:
                thread.start()
            end = time.monotonic() + 10
            while len(daemon.requests) < number and time.monotonic() < end:
                time.sleep(0.01)
            assert next(second.watch(1)).revision == 2
        for thread in waiting:
            thread.join()

    def end_of(stream):
        with pytest.raises(GrpcOSError, match="CANCELLED"):
            list(stream)

    await asyncio.wait_for(asyncio.to_thread(work), 30)


async def test_a_callback_cannot_call(daemon, inside):
    def work(client):
        with pytest.raises(RuntimeError, match="from a callback"):
            client.upload_object("/a", b"content", progress=lambda _: list(client.list_processes()))
        list(client.list_processes())

    await inside(work)


async def test_a_forked_process_says_so(daemon, inside):
    def work(client):
        list(client.list_processes())
        pid = os.fork()
        if pid == 0:
            try:
                list(client.list_processes())
            except RuntimeError as error:
                os._exit(7 if "after the fork" in str(error) else 8)
            finally:
                os._exit(9)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert await inside(work) == 7


async def program(source, *arguments):
    # This process has imported the client already: what that did to its environment is not handed on.
    environment = {"PYTHONPATH": str(pathlib.Path(__file__).parents[1]), "PATH": os.defpath}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )


CTRL_C = """
import sys
from grpc_os import GrpcOSClientSync
client = GrpcOSClientSync(sys.argv[1], timeout=None)
try:
    list(client.run_task("web", "sleep inf"))
except KeyboardInterrupt:
    print("interrupted,", client.get_process("web").name, "is there")
"""


async def test_ctrl_c_cancels_the_call(daemon):
    daemon.processes["web"] = process_services_pb2.Process(name="web")
    daemon.task_hangs = True
    child = await program(CTRL_C, daemon.address)
    await until(lambda: daemon.requests)
    child.send_signal(signal.SIGINT)
    assert (await child.communicate())[0] == b"interrupted, web is there\n" and child.returncode == 0
    await until(lambda: daemon.streams_cancelled == 1)


async def test_ctrl_c_right_after_the_call_was_handed_over_cancels_it(daemon, inside, monkeypatch):
    daemon.task_hangs = True
    submit = sync._Worker._submit

    def interrupted(*arguments):
        submit(*arguments)
        monkeypatch.undo()
        raise KeyboardInterrupt

    def work(client):
        monkeypatch.setattr(sync._Worker, "_submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.run_task("web", "sleep inf").send(None)
        end = time.monotonic() + 10
        while client._worker._tasks and time.monotonic() < end:
            time.sleep(0.01)
        assert client._worker._tasks == set()
        list(client.list_processes())

    await inside(work)


@pytest.mark.filterwarnings("error")
async def test_ctrl_c_before_the_call_is_handed_over_leaves_nothing(daemon, inside, monkeypatch):
    def interrupted(*_):
        monkeypatch.undo()
        raise KeyboardInterrupt

    def work(client):
        for _ in range(2):  # before and after the loop is there
            monkeypatch.setattr(sync._Worker, "_submit", interrupted)
            with pytest.raises(KeyboardInterrupt):
                client.whoami()
            list(client.list_processes())

    await inside(work)


# Garbage is collected wherever Python likes, in the middle of what another client does, too.
GARBAGE = """
import gc, sys
from grpc_os import GrpcOSClientSync, sync

def throw_away(thing):
    cycle = [thing]
    cycle.append(cycle)

gc.disable()
is_here = sync._Loop.is_here

def collecting(self):
    gc.collect()
    return is_here(self)

sync._Loop.is_here = collecting
stays = GrpcOSClientSync(sys.argv[1])
for _ in range(3):
    client = GrpcOSClientSync(sys.argv[1])
    list(client.list_processes())
    throw_away(client)
    del client
    events = stays.watch(1)
    print(next(events).revision)
    throw_away(events)
    del events
    # A third has the loop for the first time, and the second calls, while they are found.
    list(GrpcOSClientSync(sys.argv[1]).list_processes())
    list(stays.list_processes())
gc.collect()
"""


async def test_clients_and_streams_may_be_thrown_away_in_the_middle_of_anything(daemon):
    child = await program(GARBAGE, daemon.address)
    try:
        async with asyncio.timeout(20):
            assert (await child.communicate())[0] == b"2\n" * 3 and child.returncode == 0
        await until(lambda: daemon.streams_cancelled == 3)
    finally:
        if child.returncode is None:
            child.kill()


NOT_CLOSED = """
import sys
from grpc_os import GrpcOSClientSync
client = GrpcOSClientSync(sys.argv[1])
events = client.watch(1)
print(next(events).revision)
"""


async def test_a_program_that_closes_nothing_ends_quietly(daemon):
    child = await program(NOT_CLOSED, daemon.address)
    async with asyncio.timeout(30):
        assert (await child.communicate())[0] == b"2\n" and child.returncode == 0
    await until(lambda: daemon.streams_cancelled == 1)


# All that a program may set and that an import has been seen to change somewhere.
IMPORT = """
import asyncio, builtins, locale, logging, os, signal, sys, threading, warnings

def state():
    root = logging.getLogger()
    return {
        "builtins": set(vars(builtins)),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook, sys.getprofile(), sys.gettrace()),
        "locale": locale.setlocale(locale.LC_ALL),
        "logging": (root.level, list(root.handlers), logging.root.manager.disable, logging.getLoggerClass(), logging.lastResort),
        "loop policy": asyncio.get_event_loop_policy(),
        "path": (list(sys.path), list(sys.meta_path), list(sys.path_hooks)),
        "recursion": (sys.getrecursionlimit(), sys.getswitchinterval()),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "standard": (sys.stdin, sys.stdout, sys.stderr),
        "threads": [thread.name for thread in threading.enumerate()],
        "umask": os.umask(0o22),
        "warnings": (list(warnings.filters), warnings.showwarning),
    }

os.umask(0o22)
import grpc, grpc.aio, google.protobuf.message
before = state()
import grpc_os
after = state()
print({key: (before[key], after[key]) for key in before if key != "builtins" and before[key] != after[key]})
print(after["builtins"] - before["builtins"], before["builtins"] - after["builtins"])
print('crc32c' in sys.modules)
"""


async def test_the_import_changes_one_name_and_nothing_else():
    child = await program(IMPORT)
    assert (await child.communicate())[0] == b"{}\n{'GrpcOSClient'} set()\nFalse\n"
