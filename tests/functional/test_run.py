"""A command beside a process: what it gets, what comes back, and that nothing of it outlives who asked for it."""

import asyncio
import contextlib
import hashlib
import os
import pathlib
import signal
import subprocess

import grpc
import pytest
from expectations import SLEEP, python, refused, shell, until
from grpc_os.v1 import process_services_pb2, process_services_pb2_grpc
from raw_calls import RawCalls
from running_system import command_line, is_alive, poll

PASSWORD = "a password of some length"


class Run:
    """One call of RunTask."""

    def __init__(self, client, name, command, **fields):
        self.stdout, self.stderr, self.exited, self.pid = bytearray(), bytearray(), None, None
        stub = process_services_pb2_grpc.ProcessServiceStub(client._transport._opened())
        self.call = stub.RunTask(
            process_services_pb2.RunTaskRequest(name=name, command=command, **fields),
            metadata=[("authorization", f"Bearer {client.token}")],
        )

    async def next(self):
        """The next message; None at the end."""
        message = await self.call.read()
        if message is grpc.aio.EOF:
            return None
        assert self.exited is None, "a message came after the last"
        kind = message.WhichOneof("kind")
        if kind == "started":
            self.pid = message.started.pid
        elif kind == "exited":
            self.exited = message.exited
        elif kind == "output":
            assert len(message.output.data) <= 32 << 10
            if message.output.stream == process_services_pb2.LogLine.STREAM_STDERR:
                self.stderr += message.output.data
            else:
                self.stdout += message.output.data
        return message

    async def to_its_end(self):
        while await self.next() is not None:
            pass
        assert self.exited is not None
        return self

    async def until_it_said(self, text):
        while text not in self.stdout:
            assert await self.next() is not None
        return self.stdout


async def run(client, name, command, **fields):
    return await Run(client, name, command, **fields).to_its_end()


async def web(client, **options):
    await client.create_process("web", SLEEP, **options)
    return await client.get_process("web")


def tasks_of(system):
    """Instance directories that no process has."""
    return [path for path in (system.data / "run/i").glob("*/launch") if path.read_bytes().endswith(b"\x30\x01")]


PIDS = "import os,subprocess,time; c=subprocess.Popen(['sleep','3600']); print(os.getpid(), c.pid, flush=True); time.sleep(3600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + PIDS


async def pids_of(task):
    await task.until_it_said(b"\n")
    return [int(word) for word in task.stdout.split()]


def assert_gone(system, pids):
    poll(lambda: not any(is_alive(pid) for pid in pids), f"{pids} have ended")
    poll(lambda: not tasks_of(system), "nothing of it is in run/i")


async def test_output_exact_and_apart(system, client):
    await web(client)
    script = "import os,sys; b=os.urandom(5<<20); sys.stdout.buffer.write(b); sys.stdout.flush(); import hashlib; sys.stderr.write(hashlib.sha256(b).hexdigest())"
    done = await run(client, "web", python(script))
    assert len(done.stdout) == 5 << 20
    assert hashlib.sha256(done.stdout).hexdigest() == done.stderr.decode()
    assert (done.exited.status, done.exited.exit.exit_code, done.exited.timed_out) == (0, 0, False)
    assert done.pid > 0
    assert_gone(system, [done.pid])


async def test_how_it_ended(client):
    await web(client)
    done = await run(client, "web", shell("exit 7"))
    assert (done.exited.status, done.exited.exit.exit_code) == (7, 7)
    done = await run(client, "web", shell("echo last; kill -SEGV $$"))
    assert done.stdout == b"last\n"
    assert (done.exited.status, done.exited.exit.signal) == (139, "SEGV")
    assert not done.exited.exit.HasField("exit_code")


async def test_what_it_gets(client, tmp_path):
    environment = {"A": "1", "B": "2", "S": "hidden"}
    await client.create_process("web", SLEEP, environment, secret_environment=["S"], working_directory=str(tmp_path))
    await client.stop_process("web")
    done = await run(client, "web", shell("pwd; echo $A $B $C $S $GRPC_OS_PROCESS; cat; id -u"), environment={"B": "3", "C": "4"})
    assert done.stdout.decode().split("\n") == [str(tmp_path), "1 3 4 hidden web", str(os.getuid()), ""]
    assert (await client.get_process("web")).status == "stopped"


async def test_it_sees_the_volumes_and_port_of_its_process(system, client):
    raw = RawCalls(system.address, client.token)
    spec = {"command": SLEEP, "volumes": [{"name": "up-loads"}], "auto_port": True}
    process = await raw.call("ProcessService", "CreateProcess", process={"name": "web", "spec": spec})
    await raw.close()
    done = await run(client, "web", shell("echo $PORT; cd $GRPC_OS_VOLUME_UP_LOADS && pwd && touch here"))
    volume = system.data / "volumes/up-loads"
    assert done.stdout.decode() == f"{process.status.port}\n{volume}\n" and process.status.port > 0
    assert (volume / "here").exists()


async def test_it_is_no_process_and_writes_no_log(system, client):
    process = await web(client)
    task = Run(client, "web", python(PIDS))
    await pids_of(task)
    assert [each.name async for each in client.list_processes()] == ["web"]
    assert (await client.get_process("web")).details.pid == process.details.pid
    task.call.cancel()
    poll(lambda: not tasks_of(system), "it has ended")
    log = b"".join(path.read_bytes() for path in (system.data / "logs" / process.id).glob("*"))
    assert str(task.pid).encode() not in log


async def test_what_it_left_behind_ends_with_it(system, client):
    await web(client)
    done = await run(client, "web", shell("sleep 3600 & echo $!"))
    assert_gone(system, [int(done.stdout)])


async def test_a_cancelled_one_ends(system, client):
    await web(client)
    task = Run(client, "web", python(PIDS))
    pids = await pids_of(task)
    task.call.cancel()
    assert_gone(system, pids)


async def test_one_cancelled_before_it_was_executed_leaves_nothing(system, client):
    await web(client)
    for _ in range(5):
        task = Run(client, "web", SLEEP)
        await asyncio.sleep(0)
        task.call.cancel()
    await asyncio.to_thread(assert_gone, system, [])
    assert not system.programs("grpc-os-supervise")[1:], "only the supervisor of the process is left"


async def test_the_timeout(system, client):
    await web(client)
    request = {"timeout": {"seconds": 1}}
    task = Run(client, "web", python(PIDS), **request)
    pids = await pids_of(task)
    await task.to_its_end()
    assert task.exited.timed_out and task.exited.exit.signal == "TERM" and task.exited.status == 143
    assert_gone(system, pids)


async def test_the_timeout_of_one_that_nobody_reads(client):
    await web(client)
    script = "import os,sys\nprint(os.getpid(), flush=True)\nwhile True: sys.stdout.write('x' * 65536)"
    task = Run(client, "web", python(script), timeout={"seconds": 1})
    pid = int((await task.until_it_said(b"\n")).split(b"\n")[0])
    poll(lambda: not is_alive(pid), "it has ended")
    await task.to_its_end()
    assert task.exited.timed_out and task.exited.exit.signal == "TERM"


async def test_many_leave_nothing_open(system, client):
    await web(client)
    programs = [system.daemon_pid(), *system.programs("grpc-os-init")]

    def descriptors():
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in programs]

    assert_gone(system, [(await run(client, "web", "echo first")).pid])
    before = descriptors()
    for _ in range(5):
        await asyncio.gather(*(run(client, "web", "echo more") for _ in range(6)))
    poll(lambda: not tasks_of(system), "nothing of them is in run/i")
    poll(lambda: descriptors() == before, f"{before} descriptors are open")
    assert len(system.programs("grpc-os-supervise")) == 1


async def test_a_killed_daemon_leaves_none(system, client):
    await web(client)
    task = Run(client, "web", python(PIDS))
    pids = await pids_of(task)
    process = (await client.get_process("web")).details.pid
    system.kill_daemon()
    assert_gone(system, pids)
    assert is_alive(process)


async def test_a_stopped_system_leaves_none_and_keeps_the_process(system, client):
    process = await web(client)
    task = Run(client, "web", python(PIDS))
    pids = await pids_of(task)
    await system.close_clients()
    system.stop()
    poll(lambda: not any(is_alive(pid) for pid in pids), "the task has ended")
    assert is_alive(process.details.pid)
    system.start()
    assert_gone(system, pids)


async def test_a_killed_supervisor_is_told_and_leaves_nothing(system, client):
    await web(client)
    task = Run(client, "web", python(PIDS))
    pids = await pids_of(task)
    (instance,) = [path.parent.name for path in tasks_of(system)]
    (supervisor,) = [pid for pid in system.programs("grpc-os-supervise") if instance in command_line(pid)]
    os.kill(supervisor, signal.SIGKILL)
    with refused("RUNTIME_UNAVAILABLE"):
        await task.to_its_end()
    assert_gone(system, [*pids, supervisor])


async def test_a_slow_reader_slows_it_down(client, tmp_path):
    await web(client)
    count = tmp_path / "count"
    script = f"import sys\nfor n in range(400):\n  sys.stdout.write('x'*65536); sys.stdout.flush(); open({str(count)!r},'w').write(str(n+1))"
    task = Run(client, "web", python(script))
    await task.until_it_said(b"x")

    async def settled():
        before = count.exists() and count.read_text()
        await asyncio.sleep(0.5)
        return before and count.read_text() == before and before

    assert int(await until(settled, "it waits")) < 400
    await task.to_its_end()
    assert len(task.stdout) == 400 * 65536 and task.exited.status == 0


async def test_who_goes_without_reading_leaves_no_task_behind(system, client):
    await web(client)
    daemon = system.daemon_pid()
    for _ in range(10):  # more than there may be of one user
        task = Run(client, "web", python("import sys\nwhile True: sys.stdout.write('x' * 65536)"))
        await task.until_it_said(b"x")
        task.call.cancel()
        poll(lambda: not tasks_of(system), "it has ended")
    task = Run(client, "web", python(STUBBORN))
    await task.until_it_said(b"\n")
    task.call.cancel()
    await client.get_process("web")
    # One that is still being ended when the daemon ends.
    system.stop()
    assert not is_alive(daemon)
    assert not any("signal" in path.read_text() for path in (system.data / "logs/system").glob("init*"))
    system.start()


async def test_refusals(client):
    await web(client)
    for fields, name, command in (
        ({"name"}, "", "true"),
        ({"command"}, "web", ""),
        ({"command"}, "web", "a | b"),
        ({"environment"}, "web", "true"),
        ({"timeout"}, "web", "true"),
    ):
        more = {"environment": {"1": "x"}} if "environment" in fields else {}
        more = {"timeout": {"seconds": 86401}} if "timeout" in fields else more
        with refused("FIELD_INVALID", fields=fields):
            await run(client, name, command, **more)
    with refused("PROCESS_NOT_FOUND"):
        await run(client, "wbe", "true")
    with refused("EXEC_FAILED") as refusal:
        await run(client, "web", "no-such-program")
    assert "no-such-program" in refusal.message and refusal.metadata["errno"] == "2"


async def test_rights_and_limits(system, client):
    admin = RawCalls(system.address, client.token)
    try:
        await client.create_process("web-1", SLEEP)
        await client.create_process("db", SLEEP)
        await admin.auth("CreateRole", role={"name": "runs-web", "rules": [{"effect": 1, "permission": "process.run", "prefix": "web-"}]})
        for user, role in (("eve", "viewer"), ("ann", "runs-web")):
            await admin.auth("CreateUser", user={"name": user, "roles": [role]}, password=PASSWORD)
        eve, ann = system.anonymous(), system.anonymous()
        await eve.login("eve", PASSWORD)
        await ann.login("ann", PASSWORD)
        with refused("PERMISSION_MISSING"):
            await run(eve, "web-1", "true")
        with refused("PERMISSION_MISSING"):
            await run(ann, "db", "true")
        assert (await run(ann, "web-1", "echo yes")).stdout == b"yes\n"

        running = [Run(ann, "web-1", shell("echo here; exec sleep 3600")) for _ in range(8)]
        for task in running:
            await task.until_it_said(b"here")
        with refused("LIMIT_REACHED") as refusal:
            await run(ann, "web-1", "true")
        assert refusal.metadata["limit"] == "tasks_per_user"
        assert (await run(client, "web-1", "echo other")).stdout == b"other\n"
        running[0].call.cancel()

        async def again():
            with contextlib.suppress(grpc.RpcError):
                return (await run(ann, "web-1", "true")).exited
            return None

        await until(again, "there is room again")

        # One that says nothing ends too when what it runs beside is not theirs any more.
        await client.create_process("web-2", SLEEP)
        other = Run(client, "web-2", shell("echo here; exec sleep 3600"))
        await other.until_it_said(b"here")
        await admin.auth("UpdateRole", role={"name": "runs-web", "rules": [{"effect": 1, "permission": "process.run", "prefix": "web-2"}]})
        for task in running[1:]:
            with refused("PERMISSION_MISSING"):
                await task.to_its_end()
        poll(lambda: len(tasks_of(system)) == 1, "they ended with their caller's rights")
        of_ann = Run(ann, "web-2", shell("echo here; exec sleep 3600"))
        await of_ann.until_it_said(b"here")
        await admin.auth("DisableUser", name="ann")
        with refused("TOKEN_INVALID"):
            await of_ann.to_its_end()
        poll(lambda: len(tasks_of(system)) == 1, "it ended with its caller's log-in")
        other.call.cancel()
        records = (await admin.auth("ListAuditRecords", page_size=1000)).records
        assert any(
            record.user == "ann" and record.method.endswith("/RunTask") and record.resource == "web-1: echo yes" and record.result == "OK"
            for record in records
        )
    finally:
        await admin.close()


async def test_on_the_command_line(system, client):
    await web(client, environment={"A": "1"})
    done = await asyncio.to_thread(system.cli, "run", "web", "--", "sh", "-c", 'echo "$A $B $1"; echo wrong >&2; exit 7', "sh", "a  b", "-x")
    assert (done.returncode, done.stdout, done.stderr) == (7, "1  a  b\n", "wrong\n")
    done = await asyncio.to_thread(system.cli, "run", "web", "-e", "B=2", "sh -c 'echo $A $B'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 2\n", "")
    assert (await asyncio.to_thread(system.cli, "run", "web", "--", "sh", "-c", "kill -9 $$")).returncode == 137
    assert (await asyncio.to_thread(system.cli, "run", "web", "--", "no-such-program")).returncode == 127
    assert (await asyncio.to_thread(system.cli, "run", "web", "--", "/etc/passwd")).returncode == 126
    done = await asyncio.to_thread(system.cli, "run", "web", "--timeout", "500ms", "--", "sleep", "3600")
    assert done.returncode == 7 and "500ms" in done.stderr
    done = await asyncio.to_thread(system.cli, "run", "web", "echo", "hi")
    assert done.returncode == 2 and "run web -- echo hi" in done.stderr


async def test_ctrl_c(system, client, tmp_path):
    await web(client)
    said = pathlib.Path(tmp_path / "said")
    with open(said, "wb") as out:
        program = subprocess.Popen([system.bin / "grpc-os", "--address", system.address, "run", "web", python(STUBBORN)], stdout=out)
    poll(lambda: said.read_bytes().endswith(b"\n"), "it runs")
    pids = [int(word) for word in said.read_text().split()]
    program.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(program.wait, 30) == 130
    assert_gone(system, pids)
