"""Copies of a data directory: nothing runs twice, and what was torn is not used."""

import contextlib
import pathlib
import re
import shutil
import sqlite3
import subprocess

import pytest
from expectations import one_sentence, refused
from running_system import DidNotStart, RunningSystem, poll

# Leaves a line each time that it is executed.
COUNTED = "sh -c 'echo run >> {runs}; exec sleep 1000000'"


class Counted:
    """A process that tells how often it was executed, in whichever system."""

    def __init__(self, system):
        self.path = system.home / "runs"

    async def create(self, client, name="counted"):
        await client.create_process(name, COUNTED.format(runs=self.path))
        self.await_runs(1)

    @property
    def runs(self):
        return len(self.path.read_text().splitlines()) if self.path.exists() else 0

    def await_runs(self, count):
        poll(lambda: self.runs >= count, f"{count} runs")
        assert self.runs == count


@contextlib.contextmanager
def system_on(directory):
    with RunningSystem(directory) as system:
        yield system


async def states(client):
    return {process.name: process.status async for process in client.list_processes()}


async def test_a_live_copy_beside_its_original_is_held_until_resume(system, client):
    counted = Counted(system)
    await counted.create(client)
    await client.create_process("dropped", "sleep 1000000")
    with system_on(system.copy_data()) as copy:
        copy.start()
        assert f"it is a copy of {system.data}, which is still there" in copy.said
        assert "Reads all of" in copy.said, "it was running, and so is looked at"
        mine = await copy.client()
        assert await states(mine) == {"counted": "held", "dropped": "held"}
        assert "held" in copy.cli("ps").stdout
        assert "`grpc-os resume` lets them run" in copy.cli("status").stdout
        for asked in (mine.start_process("counted"), mine.create_process("new", "true")):
            with refused("HELD") as refusal:
                await asked
            assert "`resume`" in refusal.message
        copy.kill_daemon()
        copy.stop()
        copy.start()  # a reboot of the copy does not end it either
        mine = await copy.client()
        assert await states(mine) == {"counted": "held", "dropped": "held"}
        assert counted.runs == 1, "the original's"

        assert copy.cli("stop", "dropped").returncode == 0
        assert "1 process is being started" in copy.cli("resume").stdout
        counted.await_runs(2)
        poll(lambda: "running" in copy.cli("ps").stdout, "it runs")
        audit = [record async for record in mine.list_audit_records() if "Resume" in record.proto.method]
        assert [record.proto.result for record in audit] == ["OK"]
        copy.kill_daemon()
        assert await mine.resume() == 0
        assert (await states(mine))["dropped"] == "stopped"
        assert (await client.get_system()).held_reason == ""
        assert await states(client) == {"counted": "running", "dropped": "running"}, "the original goes on"
        assert counted.runs == 2
        await copy.close_clients()


async def test_a_moved_directory_and_a_reboot_hold_nothing(system, client):
    counted = Counted(system)
    await counted.create(client)
    await system.close_clients()
    system.stop_all()
    moved = system.home / "moved"
    system.data.rename(moved)
    with system_on(moved) as same:
        same.start()
        counted.await_runs(2)
        assert "held" not in same.said
        same.stop_all()
        boot = same.home / "boot_id"
        boot.write_text("another-boot\n")
        same.start("--boot-id-file", boot)
        counted.await_runs(3)
        assert (await (await same.client()).get_system()).held_reason == ""
        await same.close_clients()
        same.stop_all()

        # Of a system that was stopped, a copy is taken as it is; and some are meant.
        with system_on(same.copy_data()) as copy:
            copy.start("--boot-id-file", boot, environment={"HELD_ON_COPY": "false"})
            assert "Reads all of" not in copy.said and "held" not in copy.said
            counted.await_runs(4)
            copy.stop_all()
            copy.start("--boot-id-file", boot)
            counted.await_runs(5)


async def test_a_torn_copy_is_refused_in_one_sentence_without_sql(system, client):
    for name in "abc":
        await client.put_object(f"/{name}", b"")
    torn = system.copy_data()
    with sqlite3.connect(torn / "grpc-os.db") as database:  # one page of an earlier moment would do the same
        database.execute("DELETE FROM audit_records WHERE id = (SELECT MAX(id) - 1 FROM audit_records)")
    database.close()
    with system_on(torn) as copy:
        with pytest.raises(DidNotStart) as caught:
            copy.start()
        noted, without_log, why = caught.value.said.splitlines()
        assert noted.startswith("Reads all of")
        assert "grpc-os.db-wal was not copied along" in without_log  # whoever opened the database has taken it in
        sentence = one_sentence(why)
        assert "is damaged (1 audit records are missing among the others)" in sentence
        assert "grpc-os-init --data-dir ORIGINAL --stop" in sentence
        assert not re.search(r"SELECT|INSERT|UPDATE|DELETE|PRAGMA", caught.value.said)


def refused_start(system, *arguments):
    with pytest.raises(DidNotStart) as caught:
        system.start(*arguments)
    return one_sentence(caught.value.said.splitlines()[-1])


def carry_out(sentence):
    """The cure, which is a command at its end."""
    subprocess.run(sentence.rpartition("; run: ")[2], shell=True, check=True)


async def test_secrets_that_others_may_read_stop_the_start_and_the_cure_is_a_command(idle_system):
    idle_system.start()
    idle_system.stop()
    secrets = idle_system.data / "secrets"
    settings = idle_system.home / "settings.env"
    settings.write_text("JWT_SECRET=0123456789abcdef0123456789abcdef\n")
    settings.chmod(0o600)
    elsewhere = idle_system.home / "elsewhere"
    shutil.copy(secrets / "admin.password", elsewhere)

    for path, mode in ((secrets / "admin.password", 0o644), (secrets / "jwt.key", 0o640), (secrets, 0o777), (settings, 0o644)):
        path.chmod(mode)
        sentence = refused_start(idle_system, "--env-file", settings)
        assert str(path) in sentence and "other accounts" in sentence
        carry_out(sentence)
    (secrets / "admin.password").unlink()
    (secrets / "admin.password").symlink_to(elsewhere)
    sentence = refused_start(idle_system, "--env-file", settings)
    assert "symbolic link" in sentence
    carry_out(sentence)
    idle_system.start("--env-file", settings)
    daemon = idle_system.daemon_pid()
    for pid in (daemon, idle_system.init.pid):
        assert b"0123456789abcdef" not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
