"""What the system tells of itself as objects: /proc and /sys, read as any other and never written."""

import asyncio
import contextlib
import hashlib
import pathlib

import grpc.aio
import pytest
import pytest_asyncio
from expectations import SLEEP, refused, shell, wait_for_state
from grpc_os.v1 import event_services_pb2, event_services_pb2_grpc
from grpc_os.v1 import filesystem_services_pb2 as messages
from objects_api import Change, Objects, compared, crc32c, creating, deleting, getting, objects_of, putting, when
from raw_calls import RawCalls

PASSWORD = "a password of some length"
FILES = ["env", "exit", "log", "status"]


@pytest_asyncio.fixture
async def objects(system):
    async with objects_of(system) as objects:
        yield objects


def told(data):
    """Lines of "name: value" as a dict."""
    return dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in data.decode().splitlines())


async def status_of(objects, name):
    return told(await objects.data(f"/proc/{name}/status"))


@contextlib.asynccontextmanager
async def objects_as(system, user, *rules):
    """As a user whose one role has these rules: (effect, permission, prefix)."""
    admin = RawCalls(system.address, (await system.client()).token)
    role = {
        "name": f"role-of-{user}",
        "rules": [{"effect": effect, "permission": permission, "prefix": prefix} for effect, permission, prefix in rules],
    }
    await admin.auth("CreateRole", role=role)
    await admin.auth("CreateUser", user={"name": user, "roles": [role["name"]]}, password=PASSWORD)
    await admin.close()
    raw = RawCalls(f"127.0.0.1:{system.port}")
    await raw.log_in(user, PASSWORD)
    async with grpc.aio.insecure_channel(system.address) as channel:
        yield Objects(channel, [("authorization", f"Bearer {raw.token}")])
    await raw.close()


async def test_the_status_of_a_running_process(client, objects):
    process = await client.create_process("web", "sleep 3600", {"MODE": "fast"})
    await client.wait_process("web", "ready")
    status = await status_of(objects, "web")
    assert (status["id"], status["name"], status["state"]) == (process.id, "web", "running")
    assert (status["desired_state"], status["ready"], status["restarts"]) == ("running", "yes", "0")
    assert status["command"] == "sleep 3600" and status["restart_policy"] == "always"
    pid = int(status["pid"])
    assert pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x003600\x00"
    assert await objects.data("/proc/web/env") == b"MODE=fast\n"
    assert await objects.data("/proc/web/exit") == b"", "it has never ended"


async def test_of_a_crashed_process_how_it_ended(client, objects):
    await client.create_process("web", shell("echo before; echo aside >&2; kill -SEGV $$"), restart="never")
    await wait_for_state(client, "web", "exited")
    status, end = await status_of(objects, "web"), told(await objects.data("/proc/web/exit"))
    assert (status["state"], status["pid"], status["ready"]) == ("exited", "0", "no")
    assert (end["reason"], end["signal"], end["requested"], end["attempt"]) == ("signaled", "SEGV", "no", "1")
    assert "exit_code" not in end
    log = (await objects.data("/proc/web/log")).decode().splitlines()
    assert {"before", "aside"} <= set(log)
    await client.create_process("job", shell("exit 7"), restart="never")
    await wait_for_state(client, "job", "exited")
    end = told(await objects.data("/proc/job/exit"))
    assert (end["reason"], end["exit_code"]) == ("exited", "7")


async def test_of_a_stopped_process_that_it_was_asked_to(client, objects):
    await client.create_process("web", SLEEP)
    await client.wait_process("web", "ready")
    await client.stop_process("web")
    status, end = await status_of(objects, "web"), told(await objects.data("/proc/web/exit"))
    assert (status["state"], status["desired_state"], status["pid"]) == ("stopped", "stopped", "0")
    assert (end["reason"], end["signal"], end["requested"]) == ("signaled", "TERM", "yes")


async def test_each_read_tells_of_now(client, objects):
    await client.create_process("web", SLEEP, {"A": "1"})
    assert await objects.data("/proc/web/env") == b"A=1\n"
    await client.update_process("web", environment={"A": "2", "B": "3"})
    assert await objects.data("/proc/web/env") == b"A=2\nB=3\n"
    assert (await status_of(objects, "web"))["generation"] == "2"


async def test_they_are_described_and_read_as_any_object(client, objects):
    await client.create_process("web", SLEEP, {"A": "1"})
    data = b"A=1\n"
    described = await objects.get("/proc/web/env")
    assert (described.name, described.folder, described.generation, described.id) == ("/proc/web/env", False, 0, "")
    assert (described.size_bytes, described.crc32c) == (len(data), crc32c(data))
    assert described.sha256 == hashlib.sha256(data).hexdigest()
    assert described.content_type == "text/plain; charset=utf-8" and not described.data
    read, begin, content = await objects.read("proc/web/env")
    assert (read.crc32c, begin, content) == (described.crc32c, 0, data)
    assert (await objects.read("/proc/web/env", offset=2, limit_bytes=1))[1:] == (2, b"1")
    assert (await objects.read("/proc/web/env", offset=-2))[1:] == (2, b"1\n")
    with refused("OFFSET_OUT_OF_RANGE"):
        await objects.read("/proc/web/env", offset=5)
    for name in ("/proc", "/proc/", "/proc/web", "/proc/web/", "/sys", "/domains", "/domains/"):
        assert (await objects.get(name)).folder, name
        with refused("IS_A_FOLDER"):
            await objects.read(name)
    assert (await objects.get("/proc/web")).name == "/proc/web/"
    with refused("PRECONDITION_FAILED"):
        await objects.get("/proc/web/env", preconditions=when(generation_match=5))
    with refused("OBJECT_NOT_FOUND"):
        await objects.get("/proc/web/env", generation=5)


async def test_sys_tells_of_the_daemon(client, objects):
    assert await objects.list("/sys") == ["/sys/limits", "/sys/threads", "/sys/version"]
    assert await objects.data("/sys/version") == (await client.get_system()).version.encode() + b"\n"
    limits = told(await objects.data("/sys/limits"))
    assert (limits["object_inline_bytes"], limits["message_bytes"]) == (str(64 << 10), str(4 << 20))
    threads = told(await objects.data("/sys/threads"))
    assert {"runtime", "store-writer", "store-reader", "log"} <= set(threads)


async def test_lists_show_them_beside_the_others(client, objects):
    for name in ("/zoo", "/product", "/proc.txt"):
        await objects.create(name)
    everything = ["/config/", "/domains/", "/proc.txt", "/proc/", "/product", "/sys/", "/zoo"]
    for page_size in (0, 1, 2, 3, 4, 5, 6, 7):
        assert await objects.list("/", page_size) == everything, page_size
    page = await objects.page("/", page_size=2)
    assert len(page.objects) == 2 and page.revision > 0
    assert await objects.list("/proc") == []
    for name in ("web", "web-2", "api"):
        await client.create_process(name, SLEEP)
    for page_size in (0, 1, 2, 3):
        assert await objects.list("/proc", page_size) == ["/proc/api/", "/proc/web-2/", "/proc/web/"], page_size
        assert await objects.list("/proc/web/", page_size) == [f"/proc/web/{file}" for file in FILES], page_size
    assert await objects.list("/proc/nobody") == []
    assert await objects.list("/proc/web/env") == []
    assert await objects.list("/domains") == []


async def test_recursive_lists_hold_them_below_their_folder_only(client, objects):
    for name in ("/zoo", "/proc-notes"):
        await objects.create(name)
    for name in ("web", "api"):
        await client.create_process(name, SLEEP)
    assert await objects.list("/", recursive=True) == ["/config/", "/proc-notes", "/zoo"]
    below = [f"/proc/{name}/{file}" for name in ("api", "web") for file in FILES]
    for page_size in (0, 1, 3, 8):
        assert await objects.list("/proc/", page_size, recursive=True) == below, page_size
        assert await objects.list("/proc", page_size, recursive=True) == ["/proc-notes", *below], page_size
    assert await objects.list("/proc/web/e", recursive=True) == ["/proc/web/env", "/proc/web/exit"]
    assert await objects.list("/sys/v", recursive=True) == ["/sys/version"]


async def test_what_is_not_there_is_not_found(client, objects):
    created = await client.create_process("web", SLEEP)
    odd = ["nobody", "web/nothing", "web/env/x", "web/env/", f"{created.id}/env", "WEB/env", "w\u00fcb/env", "web|x"]
    odd += ["w*/env", "%77eb/env", "$(id)/status", "web ", "'web'/env", "w" * 200, "obj_1"]
    for name in [*(f"/proc/{name}" for name in odd), "/sys/nothing", "/sys/version/x", "/domains/x", "/domains/x/y"]:
        for read in (objects.get, objects.read):
            with refused("OBJECT_NOT_FOUND") as refusal:
                await read(name)
            assert refusal.metadata["name"] == name
    for name in ("/proc/../config", "/proc/web/../env", "/proc//web", "/proc/./web", "/proc/web\x00/env", "/proc/web\n/env"):
        with refused("FIELD_INVALID", fields={"name"}):
            await objects.get(name)


async def test_a_process_removed_between_list_and_read_is_not_found(client, objects):
    await client.create_process("web", SLEEP)
    [web] = await objects.list("/proc")
    await client.delete_process("web", force=True)
    for file in ("", *FILES):
        with refused("OBJECT_NOT_FOUND"):
            await objects.get(web + file)
    assert await objects.list(web) == []


async def test_versions_there_are_none(client, objects):
    await client.create_process("web", SLEEP)
    for name in ("/proc", "/proc/web/status", "/sys/version", "/proc/nobody/status"):
        assert await objects.versions(name) == []


WRITES = {
    "create": lambda objects, name: objects.create(name, b"x"),
    "put": lambda objects, name: objects.put(name, b"x"),
    "update": lambda objects, name: objects.update(name, ["content_type"], content_type="text/html"),
    "delete": lambda objects, name: objects.delete(name),
    "delete recursively": lambda objects, name: objects.delete(name, recursive=True, purge=True),
    "undelete": lambda objects, name: objects.undelete(name),
    "move away": lambda objects, name: objects.move(name, "/mine"),
    "move there": lambda objects, name: objects.move("/own", name),
    "move into": lambda objects, name: objects.move("/own", name + "/"),
    "copy away": lambda objects, name: objects.copy(name, "/mine"),
    "copy there": lambda objects, name: objects.copy("/own", name),
    "copy into": lambda objects, name: objects.copy("/own", name + "/"),
    "make a folder": lambda objects, name: objects.mkdir(name),
    "create in a transaction": lambda objects, name: objects.transact(success=[creating(name)]),
    "put in a transaction": lambda objects, name: objects.transact(success=[putting(name)]),
    "put if not so": lambda objects, name: objects.transact(success=[putting("/mine")], failure=[putting(name)]),
    "delete in a transaction": lambda objects, name: objects.transact(success=[deleting(name)]),
    "update in a transaction": lambda objects, name: objects.transact(
        success=[Change(update=messages.UpdateObjectRequest(object=messages.Object(name=name)))]
    ),
    "get in a transaction": lambda objects, name: objects.transact(success=[getting(name)]),
    "compare": lambda objects, name: objects.transact([compared(name, generation_match=0)], [putting("/mine")]),
    "upload": lambda objects, name: objects.call(
        "StartUpload", messages.StartUploadRequest(object=messages.Object(name=name))
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_nothing_can_be_changed_there(client, objects, write):
    await client.create_process("web", SLEEP)
    await objects.create("/own", b"x")
    before = (await objects.page("/")).revision
    for name in ("/proc/web/env", "/proc/web", "/proc/new", "/proc", "proc", "/sys/version", "/sys", "/domains/a.example"):
        with refused("SYSTEM_OBJECT") as refusal:
            await write(objects, name)
        assert refusal.metadata["name"].startswith(("/proc", "/sys", "/domains"))
    assert await objects.list("/") == ["/config/", "/domains/", "/own", "/proc/", "/sys/"]
    assert await objects.data("/proc/web/env") == b""
    assert (await objects.page("/")).revision - before <= 2, "the process may have become ready meanwhile"


async def test_nothing_gets_there_by_its_last_part(objects):
    await objects.create("/a/proc", b"x")
    await objects.create("/b/sys/c", b"x")
    for change in (objects.move("/a/proc", "/"), objects.copy("/a/proc", "/"), objects.move("/b/sys", "/")):
        with refused("SYSTEM_OBJECT"):
            await change


async def test_a_long_log_is_told_by_its_end(client, objects):
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo END"
    await client.create_process("many", shell(script), restart="never")
    await wait_for_state(client, "many", "exited")
    log = await objects.get("/proc/many/log", include_data=True)
    lines = log.data.decode().splitlines()
    assert len(lines) == 1000 and "END" in lines and "line 2999" in lines and "line 1" not in lines
    assert dict(log.metadata) == {"truncated": "true"}
    wide = "i=0; while [ $i -lt 300 ]; do printf '%01000d\\n' $i; i=$((i+1)); done"
    await client.create_process("wide", shell(wide), restart="never")
    await wait_for_state(client, "wide", "exited")
    log = await objects.get("/proc/wide/log", include_data=True)
    lines = log.data.decode().splitlines()
    assert log.size_bytes == len(log.data) <= 64 << 10 and dict(log.metadata) == {"truncated": "true"}
    assert f"{299:01000}" in lines and all(len(line) == 1000 for line in lines if line.startswith("0"))
    await client.create_process("few", shell("echo one"), restart="never")
    await wait_for_state(client, "few", "exited")
    log = await objects.get("/proc/few/log", include_data=True)
    assert b"one\n" in log.data and not log.metadata


async def test_no_value_can_be_taken_for_another_line(client, objects):
    await client.create_process("web", shell("sleep 3600 # \nstate: stopped"), {"A": "1\nB=2"})
    assert await objects.data("/proc/web/env") == b"A=1\\nB=2\n"
    lines = (await objects.data("/proc/web/status")).decode().splitlines()
    assert len([line for line in lines if line.startswith("state: ")]) == 1


async def test_the_permission_of_what_they_tell_is_needed_too(system, client):
    await client.create_process("web", SLEEP)
    async with objects_as(system, "ada", (1, "object.read", ""), (1, "object.write", "")) as ada:
        needed = {"/proc/web/env": "process.read", "/proc": "process.read", "/sys/version": "system.read"}
        for name, permission in needed.items():
            for ask in (ada.get, ada.read, ada.list):
                with refused("PERMISSION_MISSING") as refusal:
                    await ask(name)
                assert refusal.metadata["permission"] == permission
        with refused("PERMISSION_MISSING"):
            await ada.get("/proc/nobody")
        assert await ada.list("/") == ["/config/"]
    async with objects_as(system, "bob", (1, "object.read", ""), (1, "process.read", "")) as bob:
        assert await bob.list("/") == ["/config/", "/proc/"]
        assert "state" in await status_of(bob, "web")
        with refused("PERMISSION_MISSING"):
            await bob.get("/sys/version")


async def test_roles_by_prefix_hold_for_them(system, client):
    for name in ("web", "db"):
        await client.create_process(name, SLEEP)
    rules = [(1, "process.read", ""), (1, "system.read", "")]
    async with objects_as(system, "ada", *rules, (1, "object.read", "/config"), (1, "object.read", "/proc/web")) as ada:
        assert await ada.list("/") == ["/config/"]
        for page_size in (0, 1):
            assert await ada.list("/proc", page_size) == ["/proc/web/"]
            assert await ada.list("/proc/", page_size, recursive=True) == [f"/proc/web/{file}" for file in FILES]
        assert await ada.data("/proc/web/env") == b""
        for name in ("/proc/db/env", "/proc/nobody/env", "/proc", "/sys/version"):
            with refused("PERMISSION_MISSING") as refusal:
                await ada.get(name)
            assert refusal.metadata["name"] == name
    async with objects_as(system, "bob", *rules, (1, "object.read", ""), (2, "object.read", "/proc/db/env")) as bob:
        assert await bob.list("/proc/db") == ["/proc/db/exit", "/proc/db/log", "/proc/db/status"]
        with refused("PERMISSION_MISSING"):
            await bob.get("/proc/db/env")


async def test_they_cannot_be_watched_and_that_is_said(system, client):
    async with grpc.aio.insecure_channel(system.address) as channel:
        stub = event_services_pb2_grpc.EventServiceStub(channel)
        for prefix in ("/proc", "/proc/web/", "sys/version"):
            request = event_services_pb2.WatchRequest(prefix=prefix)
            with refused("FIELD_INVALID", fields={"prefix"}):
                await stub.Watch(request, metadata=client.metadata, timeout=30).read()


async def test_many_read_while_processes_come_and_go(client, objects):
    async def come_and_go():
        for _ in range(5):
            await client.create_process("web", shell("echo hello; sleep 3600"))
            await client.delete_process("web", force=True)

    async def read():
        seen = 0
        while not going.done():
            for name in await objects.list("/proc/", recursive=True):
                try:
                    assert isinstance(await objects.data(name), bytes)
                    seen += 1
                except grpc.aio.AioRpcError as error:
                    assert error.code() == grpc.StatusCode.NOT_FOUND, error
        return seen

    going = asyncio.ensure_future(come_and_go())
    seen = await asyncio.gather(*(read() for _ in range(4)))
    await going
    assert all(seen)
    assert await objects.list("/proc") == []


async def test_the_shell_shows_them(system, client):
    await client.create_process("web", SLEEP, {"PORT": "8080"})
    listed = system.cli("ls", "/")
    assert listed.returncode == 0 and {"config/", "proc/", "sys/"} <= set(listed.stdout.split()), listed
    shown = system.cli("cat", "/proc/web/env")
    assert (shown.returncode, shown.stdout) == (0, "PORT=8080\n"), shown
    assert system.cli("cat", "/proc/nobody/env").returncode == 3
    assert system.cli("rm", "/proc/web/env").returncode == 5
