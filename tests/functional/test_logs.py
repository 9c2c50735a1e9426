"""What a process says is kept and can be followed."""

import asyncio
import contextlib
import json
import re
import shutil

import pytest
from expectations import SLEEP, await_line, python, refused, shell, texts, until
from running_system import PATIENCE_S

SEGMENT_LINE = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr|system) ([FP]) (.*)", re.DOTALL
)


def segments(system, process_id):
    """The log files of a process, oldest first."""
    return sorted((system.data / "logs" / process_id).glob("*.log"))


def stored(system, process_id, streams=(b"stdout", b"stderr")):
    """What the files hold, read by ourselves: the bytes of these streams."""
    data = b""
    for segment in segments(system, process_id):
        for line in segment.read_bytes().split(b"\n")[:-1]:
            _, stream, whole, text = SEGMENT_LINE.fullmatch(line).groups()
            if stream in streams:
                data += text + (b"\n" if whole == b"F" else b"")
    return data


async def test_both_streams_are_kept(client):
    await client.create_process("web", shell("echo out; echo err >&2"), restart="never")
    await client.wait_process("web", "exited")
    lines = [line async for line in client.tail_logs("web")]
    said = {(line.stream, line.text) for line in lines if line.stream != "system"}
    assert said == {("stdout", "out"), ("stderr", "err")}
    assert [line.time_ns for line in lines] == sorted(line.time_ns for line in lines)
    assert any(line.stream == "system" for line in lines)


async def test_the_last_lines(client):
    await client.create_process("web", shell("for i in $(seq 1000); do echo $i; done"), restart="never")
    await client.wait_process("web", "exited")
    # gRPC OS's own word about the end comes after them.
    for count in (1, 5, 500):
        lines = [line async for line in client.tail_logs("web", count)]
        assert len(lines) == count
    assert await texts(client, "web") == [str(number) for number in range(1, 1001)]
    assert len([line async for line in client.tail_logs("web")]) == 100
    assert [line async for line in client.tail_logs("web", 0)] == []


@pytest.mark.parametrize("lines", [-2, 1_000_001])
async def test_line_counts_that_are_none(client, lines):
    await client.create_process("web", SLEEP)
    with refused("FIELD_INVALID", fields={"lines"}):
        await anext(client.tail_logs("web", lines))


async def test_following_goes_on_over_restarts(client):
    await client.create_process("web", shell("echo started; exec sleep 3600"))
    seen = []
    async with asyncio.timeout(PATIENCE_S):
        async with contextlib.aclosing(client.tail_logs("web", follow=True)) as lines:
            async for line in lines:
                if line.text == "started":
                    seen.append(line)
                    if len(seen) == 4:
                        break
                    await client.restart_process("web")


async def test_following_a_job_ends_with_it(system, client, tmp_path):
    gate = tmp_path / "gate"
    command = shell(f"echo one; until [ -e {gate} ]; do sleep 0.02; done; printf 'caf\\303\\251\\ncaf\\351\\n'; printf end")
    await client.create_process("job", command, restart="never")
    lines = client.tail_logs("job", follow=True)
    async with asyncio.timeout(PATIENCE_S):
        async for line in lines:
            if line.text == "one":
                break
        gate.touch()
        followed = [line.data async for line in lines if line.stream == "stdout"]
    assert followed == ["café".encode(), b"caf\xe9", b"end"]
    # By the command line too, of a job that has ended already.
    done = system.cli("logs", "-f", "job", timeout=PATIENCE_S, errors="surrogateescape")
    assert done.returncode == 0 and done.stdout == "one\ncafé\ncaf\udce9\nend\n", done
    assert "-- job is exited, exit 0: nothing more will come" in done.stderr
    shown = [json.loads(line) for line in system.cli("logs", "job", "-o", "json").stdout.splitlines()]
    written = [(line["text"], line["raw"]) for line in shown if line["stream"] == "STREAM_STDOUT"]
    assert written == [("one", ""), ("café", ""), ("", "Y2Fm6Q=="), ("end", "")]


async def test_following_goes_on_when_the_log_is_removed_and_ends_with_a_stop(system, client):
    made = await client.create_process("web", shell("i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"))
    seen, removed = [], 0
    async with asyncio.timeout(PATIENCE_S):
        async for line in client.tail_logs("web", follow=True):
            if line.stream != "stdout":
                continue
            seen.append(int(line.text))
            if len(seen) == 3:
                shutil.rmtree(system.data / "logs" / made.id)
                removed = seen[-1]
            elif removed and seen[-1] > removed + 3:
                removed = 0
                stopping = asyncio.create_task(client.stop_process("web"))
    await stopping
    assert seen == sorted(seen)


async def test_following_from_the_end_shows_only_what_is_new(client):
    await client.create_process("web", shell("echo old; exec sleep 3600"))
    await await_line(client, "web", "old")
    stream = client.tail_log_messages("web", 0, follow=True)
    new = []

    async def read():
        async for message in stream:
            new.extend(line.text for line in message.lines if line.stream == line.STREAM_STDOUT)
            if new:
                return

    reading = asyncio.create_task(read())
    async with asyncio.timeout(PATIENCE_S):
        while not reading.done():
            await client.restart_process("web")
            await asyncio.wait([reading], timeout=0.2)
    await stream.aclose()
    assert new[0] == "old"  # of a later run: the file held one line, and it was not repeated
    assert len(await texts(client, "web")) >= 2


async def test_a_cursor_goes_on_exactly_there(client):
    await client.create_process("web", shell("for i in $(seq 1000); do echo $i; done"), restart="never")
    await client.wait_process("web", "exited")
    whole = []
    cursors = []
    async for message in client.tail_log_messages("web", 1_000_000):
        whole += [line.text.encode() for line in message.lines]
        if message.lines:
            cursors.append((len(whole), message.cursor))
    assert cursors
    for count, cursor in cursors:
        rest = [line.data async for line in client.tail_logs("web", cursor=cursor)]
        assert rest == whole[count:]


async def test_a_follow_is_resumed_over_a_killed_daemon_without_loss_or_repetition(system, client):
    await client.create_process("web", shell("i=0; while :; do i=$((i+1)); echo $i; sleep 0.005; done"))
    seen, cursor, kills = [], "", 0
    async with asyncio.timeout(100):
        while kills < 3 or len(seen) < 100:
            try:
                async for message in client.tail_log_messages("web", 1_000_000, follow=True, cursor=cursor):
                    seen += [int(line.text) for line in message.lines if line.stream == line.STREAM_STDOUT]
                    cursor = message.cursor or cursor
                    if kills < 3 and len(seen) > 30 * (kills + 1):
                        kills += 1
                        await asyncio.to_thread(system.kill_daemon)
                    elif kills == 3 and len(seen) > 200:
                        break
            except Exception as error:
                assert "UNAVAILABLE" in str(error) or "INTERNAL" in str(error), error
    assert seen == list(range(1, len(seen) + 1))


@pytest.mark.parametrize("cursor", ["nonsense", "1", "1:2:3", "-1:0", "1:-5", "999:0", "1:99999999", "1:1", "x" * 10_000])
async def test_a_cursor_that_is_none(client, cursor):
    await client.create_process("web", shell("echo hello; exec sleep 3600"))
    await await_line(client, "web", "hello")
    with refused("CURSOR_INVALID") as refusal:
        [line async for line in client.tail_logs("web", cursor=cursor)]
    assert len(refusal.message) < 1000


async def test_any_bytes_come_back_as_they_were(client, tmp_path):
    data = bytes(byte for byte in range(256) if byte != 10) * 5
    (tmp_path / "data").write_bytes(data + b"\n\n" + data)
    await client.create_process("web", f"cat {tmp_path}/data", restart="never")
    await client.wait_process("web", "exited")
    lines = [line.data async for line in client.tail_logs("web", join=True) if line.stream == "stdout"]
    assert lines[:2] == [data, b""]
    raw = [line async for line in client.tail_logs("web") if line.stream == "stdout"]
    assert b"".join(line.data for line in raw[2:]) == data


async def test_a_long_line_comes_in_parts(client, system):
    created = await client.create_process(
        "web", python("print('x' * 100_000); print('end')"), restart="never", log_max_bytes=10 << 20
    )
    await client.wait_process("web", "exited")
    parts = [line async for line in client.tail_logs("web") if line.stream == "stdout"]
    assert max(len(line.data) for line in parts) == 16 << 10
    assert [line.partial for line in parts[-2:]] == [False, False]
    assert await texts(client, "web") == ["x" * 100_000, "end"]
    assert stored(system, created.id) == b"x" * 100_000 + b"\nend\n"


async def test_a_line_without_its_end_is_shown_after_a_while(client):
    await client.create_process("web", shell("printf 'Password: '; exec sleep 3600"))

    async def shown():
        return [line async for line in client.tail_logs("web") if line.data == b"Password: " and line.partial]

    await until(shown, "the prompt is shown")


async def test_output_of_a_process_that_ends_at_once_is_whole(system, client):
    for number in range(10):
        script = f"import sys; sys.stdout.write('x' * 99 + '\\n' * 1); sys.stdout.write(('y' * 99 + '\\n') * 600)"
        created = await client.create_process(f"p{number}", python(script), restart="never")
        await client.wait_process(created.id, "exited")
        assert stored(system, created.id) == b"x" * 99 + b"\n" + (b"y" * 99 + b"\n") * 600


async def test_rotation_keeps_the_newest_and_its_bound(system, client):
    limit = 256 << 10
    created = await client.create_process(
        "web", shell("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo line $i; done"), restart="never", log_max_bytes=limit
    )
    await client.wait_process("web", "exited", timeout=60)
    files = segments(system, created.id)
    assert 1 < len(files) <= 5
    assert sum(file.stat().st_size for file in files) <= limit
    assert all(file.stat().st_size <= limit // 5 for file in files)
    numbers = [int(text.split()[1]) for text in await texts(client, "web")]
    assert numbers == list(range(30_001 - len(numbers), 30_001))
    assert len(numbers) > 1000
    assert (await client.get_process("web")).proto.status.log_dropped_bytes == 0


async def test_a_reader_whose_place_was_rotated_away_is_told(client):
    await client.create_process("web", shell("for i in $(seq 100); do echo $i; done"), restart="never", log_max_bytes=64 << 10)
    await client.wait_process("web", "exited")
    messages = [message async for message in client.tail_log_messages("web", 100)]
    cursor = messages[0].cursor
    assert not any(message.gap for message in messages)
    await client.update_process("web", command=shell("i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo line $i; done"))
    await client.start_process("web")
    await client.wait_process("web", "exited", timeout=60)
    resumed = [message async for message in client.tail_log_messages("web", cursor=cursor)]
    assert resumed[0].gap
    assert [message.gap for message in resumed].count(True) == 1
    assert any(line.text == "line 10000" for message in resumed for line in message.lines)


async def test_a_name_in_the_log_is_no_other_processes(client):
    for name in ("a", "b"):
        await client.create_process(name, shell(f"echo I am {name}; exec sleep 3600"))
        await await_line(client, name, "I am")
    assert await texts(client, "a") == ["I am a"]
    assert await texts(client, "b") == ["I am b"]


async def test_many_followers_of_one(client):
    await client.create_process("web", shell("while :; do echo tick; sleep 0.05; done"))

    async def follow():
        count = 0
        async with contextlib.aclosing(client.tail_logs("web", 0, follow=True)) as lines:
            async for line in lines:
                count += line.text == "tick"
                if count == 5:
                    return count

    async with asyncio.timeout(60):
        assert await asyncio.gather(*(follow() for _ in range(50))) == [5] * 50
