"""Watches of names, actions and a time, and `events` as people type it."""

import asyncio
import datetime
import re

from expectations import SLEEP, refused, shell
from running_system import PATIENCE_S
from test_watch import until_synced

LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)


def in_short(events):
    return [(event.action, event.name) for event in events]


async def watched(client, **wanted):
    stream = client.watch_messages(**wanted)
    events, revision = await until_synced(stream)
    await stream.aclose()
    return in_short(events), revision


async def test_only_what_is_asked_for_comes(client):
    for name, code in (("web", 3), ("db", 4)):
        await client.create_process(name, shell(f"exit {code}"), restart="never")
        await client.wait_process(name, "exited")
    told, revision = await watched(client, from_time=LONG_AGO, names=["web"], actions=["exited"])
    assert told == [("exited", "web")]
    assert revision == (await client.get_system()).revision
    told, _ = await watched(client, from_time=LONG_AGO, names=["web", "db"], actions=["exited", "created"])
    assert sorted(told) == [("created", "db"), ("created", "web"), ("exited", "db"), ("exited", "web")]
    identity = (await client.get_process("db")).id
    assert (await watched(client, from_time=LONG_AGO, names=[identity], actions=["exited"]))[0] == [("exited", "db")]


async def test_what_there_is_is_filtered_too(client):
    for name in ("web", "db"):
        await client.create_process(name, SLEEP)
    assert (await watched(client, names=["web"]))[0] == [("snapshot", "web")]
    told, revision = await watched(client, actions=["created"])
    assert told == [] and revision > 0
    told, _ = await watched(client, actions=["snapshot"], kinds=["process"])
    assert told == [("snapshot", "db"), ("snapshot", "web")]


async def test_from_a_time_on(client):
    await client.put_object("/a", b"1")
    between = (await client.put_object("/b", b"1")).update_time
    await client.put_object("/c", b"1")
    told, _ = await watched(client, from_time=between, kinds=["object"])
    assert ("created", "/b") in told and told[-1] == ("created", "/c")
    newest = (await client.get_system()).revision
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=400)
    stream = client.watch_messages(from_time=later, kinds=["object"])
    events, revision = await until_synced(stream)
    assert events == [] and revision == newest
    await client.put_object("/d", b"1")
    message = await asyncio.wait_for(anext(stream), PATIENCE_S)
    assert in_short(message.events) == [("created", "/d")]
    await stream.aclose()


async def test_a_name_that_was_given_again_means_both(client):
    await client.put_object("/a", b"1")
    await client.delete_object("/a")
    second = await client.put_object("/a", b"2")
    told, _ = await watched(client, from_time=LONG_AGO, kinds=["object"], names=["/a"])
    assert told == [("created", "/a"), ("deleted", "/a"), ("created", "/a")]
    told, _ = await watched(client, from_time=LONG_AGO, kinds=["object"], names=[second.id])
    assert told == [("created", "/a")]


async def test_what_is_wrong_with_a_filter_is_said(client):
    with refused("FIELD_INVALID", fields={"actions"}) as refusal:
        await watched(client, actions=["exploded"])
    assert "'exploded'" in refusal.message and "crash_looping, created" in refusal.message
    for wrong in ([""], ["x" * 1025], ["x"] * 101):
        with refused("FIELD_INVALID", fields={"names"}):
            await watched(client, names=wrong)
    with refused("FIELD_INVALID", fields={"from_time"}):
        await watched(client, from_revision=1, from_time=LONG_AGO)


async def test_events_of_a_process_since_a_time_in_local_time(system, client, monkeypatch):
    monkeypatch.setenv("TZ", "CET-1")
    for name, code in (("web", 3), ("db", 4)):
        await client.create_process(name, shell(f"exit {code}"), restart="never")
        await client.wait_process(name, "exited")
    done = system.cli("events", "web", "--since", "12h", "--action", "exited")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    shown = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+0100)  \d+ +process  web +exited .*exit_code=3.*", line)
    assert shown, line
    # As it is shown it can be given, and without the zone too.
    for since in (shown[1], shown[1].removesuffix(" +0100")):
        assert system.cli("events", "web", "--since", since, "--action", "exited").stdout == done.stdout
    assert system.cli("events", "web", "--action", "exited").stdout == done.stdout
    assert '"time":"20' in system.cli("events", "web", "-o", "jsonl").stdout
    assert system.cli("events", "--since", "2999-01-01").stdout == ""
    wrong = system.cli("events", "--action", "exploded")
    assert wrong.returncode == 2 and "crash_looping" in wrong.stderr


async def test_every_time_that_people_see_is_local(system, client, monkeypatch):
    monkeypatch.setenv("TZ", "CET-1")
    await client.create_process("web", shell("echo hello; exit 3"), restart="never")
    await client.wait_process("web", "exited")
    await client.put_object("/a", b"1")
    commands = ("ps -l web", "logs -t web", "audit", "sessions", "history /a", "stat /a", "status", "user show admin", "events")
    for command in commands:
        done = system.cli(*command.split())
        assert done.returncode == 0, done.stderr
        said = done.stdout + done.stderr
        assert " +0100" in said, command
        assert not re.search(r"\d\d:\d\d(:\d\d)?(\.\d+)?Z", said), command
