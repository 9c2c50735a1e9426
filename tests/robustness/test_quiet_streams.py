"""Streams on which nothing is said for long: a heartbeat's place is as good to go on from as any other."""

import asyncio
import subprocess
import time

from expectations import shell

# Longer than between two heartbeats.
HEARTBEAT_S = 25


async def await_heartbeat(messages, is_heartbeat):
    """The messages until the first heartbeat."""
    seen = []
    async with asyncio.timeout(HEARTBEAT_S):
        async for message in messages:
            seen.append(message)
            if is_heartbeat(message):
                return seen
    raise AssertionError("the stream ended")


async def test_going_on_after_a_heartbeat_loses_and_doubles_nothing(running, tmp_path):
    client = await running.client()
    more = tmp_path / "more"
    await client.create_process("web", shell(f"echo one; echo two; while [ ! -e {more} ]; do sleep 0.1; done; echo three; sleep 1000"))

    async def lines_until(count):
        texts = []
        async with asyncio.timeout(30):
            async for message in client.tail_log_messages("web", 1000, follow=True):
                texts += [line.text for line in message.lines if line.stream != 3]
                if len(texts) == count:
                    return message.cursor

    def is_beat(message):
        return not message.lines and not message.gap

    def is_event_beat(message):
        return not message.events and not message.synced

    cursor = await lines_until(2)
    await client.wait_process("web", "ready")
    revision = (await client.get_system()).revision
    from_cursor, from_lines, from_now, watched = await asyncio.gather(
        await_heartbeat(client.tail_log_messages("web", follow=True, cursor=cursor), is_beat),
        await_heartbeat(client.tail_log_messages("web", 1000, follow=True), is_beat),
        await_heartbeat(client.tail_log_messages("web", 0, follow=True), is_beat),
        await_heartbeat(client.watch_messages(revision), is_event_beat),
    )
    running.kill_daemon()
    more.touch()
    # Who resumes with "" would begin anew.
    for seen in (from_cursor, from_lines, from_now):
        assert seen[-1].cursor == cursor
        async with asyncio.timeout(30):
            async for message in client.tail_log_messages("web", 1000, follow=True, cursor=seen[-1].cursor):
                if message.lines:
                    assert [line.text for line in message.lines] == ["three"]
                    break
    assert watched[-1].revision >= revision
    await client.stop_process("web")
    events = []
    async for message in client.watch_messages(watched[-1].revision):
        events += message.events
        if message.synced:
            break
    assert [event.action for event in events] == ["stop_requested", "exited", "stopped"]


def test_a_quiet_follower_of_the_shell_lives_through_a_restart(running, tmp_path):
    """Longer quiet than a call may take: that says nothing about how long the daemon has been away."""
    timeout_s = 5
    more = tmp_path / "more"
    running.cli("start", "quiet", f"sh -c 'echo one; while [ ! -e {more} ]; do sleep 0.1; done; echo two; sleep 1000'")
    follower = subprocess.Popen(
        [running.bin / "grpc-os", "--address", running.address, "--timeout", str(timeout_s), "logs", "-f", "quiet"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout.readline().endswith("one\n")
    time.sleep(timeout_s + 0.5)  # the time is what this is about
    running.kill_daemon()
    more.touch()
    for line in follower.stdout:
        if line.endswith("two\n"):
            break
    else:
        raise AssertionError(f"it ended with {follower.wait()}")
    follower.kill()
    follower.wait()
