"""The clock of the machine is 40 days ahead for a while, over a restart, and back: what is kept for a time is all there."""

import asyncio
import pathlib
import subprocess

from expectations import refused

DAY_S = 86_400
SOURCE = pathlib.Path(__file__).parent / "wrong_clock.c"


class Clock:
    """Of the daemon alone: init and the supervisors go by the right one."""

    def __init__(self, directory, daemon):
        library = directory / "wrong_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, SOURCE], check=True)
        self._offset = directory / "offset"
        self.set(0)
        self.daemon = directory / "osd"
        self.daemon.write_text(
            f'#!/bin/bash\nexport LD_PRELOAD="{library}" WRONG_CLOCK="{self._offset}"\nexec -a grpc-osd {daemon} "$@"\n'
        )
        self.daemon.chmod(0o755)

    def set(self, days):
        new = self._offset.with_suffix(".new")
        new.write_text(str(days * DAY_S))
        new.rename(self._offset)


async def churn(client, prefix):
    """Changes enough that the store looks for what is to be forgotten, which it does after each 1,000."""
    for start in range(0, 1200, 100):
        await asyncio.gather(*(client.put_object(f"/{prefix}/{start + i}", b"x") for i in range(100)))


async def test_a_clock_that_is_ahead_for_a_while_takes_nothing(idle_system, tmp_path):
    clock = Clock(tmp_path, idle_system.bin / "grpc-osd")
    idle_system.start("--osd", clock.daemon)
    client = await idle_system.client()
    await client.create_user("ada", roles=["admin"], password="correct horse battery")
    ada = idle_system.anonymous()
    await ada.login("ada", "correct horse battery")
    token = (await ada.create_token("robot", ttl=30 * DAY_S)).token
    await client.put_object("/kept", b"first", request_id="once")
    await client.put_object("/kept", b"second")
    newest = await client.get_object("/kept")
    before = {record.id async for record in client.list_audit_records()}

    clock.set(40)
    robot = idle_system.anonymous(token=token)
    with refused("TOKEN_INVALID"):
        await robot.get_object("/kept")
    for prefix in ("one", "two"):
        during = await idle_system.client()  # a log-in forgets what has expired
        await churn(during, prefix)
        idle_system.kill_daemon()

    clock.set(0)
    idle_system.kill_daemon()
    after = await idle_system.client()
    await churn(after, "three")
    assert [version.generation async for version in after.list_versions("/kept")] != [newest.generation]
    assert len([version async for version in after.list_versions("/kept")]) == 2
    assert (await robot.get_object("/kept")).generation == newest.generation
    assert (await ada.whoami()).user == "ada"
    assert before <= {record.id async for record in after.list_audit_records()}
    # It was done once: the same answer, and no third version.
    await after.put_object("/kept", b"first", request_id="once")
    assert (await after.get_object("/kept")).generation == newest.generation
    await idle_system.close_clients()
