"""What was deleted: lists by page, folder and role, and what `ls --deleted` and `undelete` make of them."""

import asyncio
import base64
import sqlite3

import pytest
from expectations import refused, until
from objects_api import creating, deleting, objects_of
from test_roles import TEAM_A, allow, calls_of, deny, make_ann, objects_with, Roles


@pytest.fixture
async def objects(system):
    async with objects_of(system) as objects:
        yield objects


async def make_and_delete(objects, *names):
    for first in range(0, len(names), 128):
        await objects.transact(success=[creating(name, name.encode()) for name in names[first : first + 128]])
    for first in range(0, len(names), 128):
        await objects.transact(success=[deleting(name) for name in names[first : first + 128]])


async def deleted(objects, prefix="/", **fields):
    return await objects.list(prefix, deleted=True, recursive=True, **fields)


# Through the API.


async def test_each_name_is_listed_as_it_comes_back(objects):
    first = await objects.create("/d/a", b"one", metadata={"k": "v"}, content_type="text/plain")
    await objects.put("/d/a", b"three")
    await objects.put("/d/replaced", b"1")
    await objects.put("/d/replaced", b"2")
    assert await deleted(objects) == [], "what is replaced is not deleted"
    gone = await objects.delete("/d/a")
    page = await objects.page("/d", deleted=True)
    [one] = page.objects
    assert page.revision == gone.revision and page.next_page_token == ""
    assert (one.name, one.id, one.size_bytes, one.deleted, one.data) == ("/d/a", first.id, 5, True, b"")
    assert dict(one.metadata) == {"k": "v"} and one.content_type == "text/plain" and one.HasField("retire_time")
    assert one == (await objects.versions("/d/a"))[0]
    # Taken again, it cannot come back and is not listed; deleted again, it is what was deleted last.
    await objects.create("/d/a", b"other")
    with refused("NAME_TAKEN"):
        await objects.undelete("/d/a")
    assert await deleted(objects) == []
    await objects.delete("/d/a")
    [last] = (await objects.page("/d", deleted=True)).objects
    assert last.id != first.id
    back = await objects.undelete("/d/a")
    assert back.id == last.id and await objects.data("/d/a") == b"other"
    # The older one is of the same name.
    await objects.move("/d/a", "/moved")
    [older] = (await objects.page("/d", deleted=True)).objects
    assert older == one
    assert (await objects.undelete("/d/a")).id == first.id
    assert await deleted(objects) == []


async def test_what_came_back_and_moved_is_not_listed_under_its_old_name(objects):
    made = await objects.create("/a", b"1")
    await objects.delete("/a")
    await objects.undelete("/a")
    await objects.delete("/a")
    await objects.undelete(made.id)
    await objects.move("/a", "/b")
    assert await deleted(objects) == []
    await objects.delete("/b", purge=True)
    assert await deleted(objects) == [], "nothing is left of what was purged"


async def test_lists_by_page_in_the_order_of_bytes(objects):
    names = [f"/p/{name}" for name in ("B", "a!b", "a/1", "a/2", "a/3", "a0", "b/1", "b/c/2", "z", "ä", "日")]
    await make_and_delete(objects, *names)
    await objects.create("/p/a/live", b"")
    in_folder = ["/p/B", "/p/a!b", "/p/a/", "/p/a0", "/p/b/", "/p/z", "/p/ä", "/p/日"]
    for size in (1, 2, 3, 7, 1000):
        assert await deleted(objects, "/p/", page_size=size) == names
        assert await objects.list("/p", deleted=True, page_size=size) == in_folder
        assert await objects.list("/", deleted=True, page_size=size) == ["/p/"]
        assert await deleted(objects, "/p/a", page_size=size) == names[1:6], "any beginning of names"
    folder = (await objects.page("/p", deleted=True)).objects[2]
    assert folder.folder and folder.id == "" and folder.generation == 0 and not folder.HasField("retire_time")
    assert await objects.list("/proc", deleted=True) == [] and await objects.list("/sys/", deleted=True) == []
    await objects.delete("/p", recursive=True)
    assert await deleted(objects, "/p/a/") == ["/p/a/1", "/p/a/2", "/p/a/3", "/p/a/live"]


async def test_a_page_token_is_of_its_list(objects):
    await make_and_delete(objects, *(f"/p/{i}" for i in range(5)))
    await objects.transact(success=[creating(f"/q/{i}") for i in range(5)])
    token = (await objects.page("/p", deleted=True, page_size=2)).next_page_token
    assert [o.name for o in (await objects.page("/p", deleted=True, page_size=9, page_token=token)).objects] == ["/p/2", "/p/3", "/p/4"]
    for other in ({"prefix": "/p"}, {"prefix": "/p", "deleted": True, "recursive": True}, {"prefix": "/q", "deleted": True}):
        with refused("PAGE_TOKEN_INVALID"):
            await objects.page(page_token=token, **other)
    live = (await objects.page("/q", page_size=2)).next_page_token
    with refused("PAGE_TOKEN_INVALID"):
        await objects.page("/q", page_token=live, deleted=True)


async def test_what_expired_is_listed_and_after_the_retention_no_more(system, objects):
    await make_and_delete(objects, "/old", "/young")
    assert await deleted(objects) == ["/old", "/young"]
    assert system.stop() == 0
    database = sqlite3.connect(system.data / "grpc-os.db")
    week = 7 * 86_400_000
    with database:
        changed = database.execute("UPDATE object_versions SET retire_time_ms = retire_time_ms - ? WHERE name = '/old'", [week])
    assert changed.rowcount == 1
    database.close()
    system.start()
    async with objects_of(system) as again:

        async def swept():
            # What is due is looked for every so many commits.
            await asyncio.gather(*(again.put(f"/more/{i}", b"") for i in range(50)))
            return await deleted(again) == ["/young"]

        await until(swept, "it is forgotten")
        with refused("OBJECT_NOT_FOUND"):
            await again.undelete("/old")
        assert (await again.undelete("/young")).name == "/young"


async def test_deletions_outlive_the_daemon(system, objects):
    await make_and_delete(objects, "/a", "/b/c")
    system.kill_daemon()
    async with objects_of(system) as again:
        assert await deleted(again) == ["/a", "/b/c"]


# To whom.


async def test_roles_filter_it_as_they_filter_what_is_there(system, objects):
    names = [f"/{folder}/{i:02}" for folder in ("team-a", "team-a/l", "team-a/secret", "team-ab", "team-b") for i in range(12)]
    names += ["/team-a/secrets", "/team-a/secret/deep/x", "/team-z"]
    readable = sorted(n for n in names if n.startswith("/team-a/") and not n.startswith("/team-a/secret/"))
    await objects.transact(success=[creating(name) for name in names])
    async with calls_of(system) as raw:
        roles = Roles(raw)
        async with objects_with(system, await make_ann(roles, TEAM_A)) as ann:

            async def views(**fields):
                return {
                    (prefix, recursive, size): await ann.list(prefix, page_size=size, recursive=recursive, **fields)
                    for prefix in ("/", "/team-a", "/team-a/", "/team-a/secret", "/team-a/secret/deep", "/team-ab", "/team-b")
                    for recursive in (True, False)
                    for size in (0, 1, 3, 7)
                }

            before = await views()
            await objects.transact(success=[deleting(name) for name in names])
            assert await views() == {view: [] for view in before}
            assert await views(deleted=True) == before
            assert before["/", True, 3] == readable and "/team-a/l/" in before["/team-a", False, 3]
            token, seen = "", []
            while True:
                page = await ann.page("/", recursive=True, deleted=True, page_size=5, page_token=token)
                seen += [one.name for one in page.objects]
                token = page.next_page_token
                if not token:
                    break
                assert len(page.objects) == 5
                told = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
                assert seen[-1] in told and "/team-a/secret/" not in told and "/team-b" not in told
            assert seen == readable
            # Who may not write it does not bring it back, but sees it.
            await roles.update("team", [allow("object.read", "/team-a"), deny("object.read", "/team-a/l")])
            assert "/team-a/00" in await deleted(ann) and not [n for n in await deleted(ann) if n.startswith("/team-a/l/")]
            with refused("PERMISSION_MISSING"):
                await ann.undelete("/team-a/00")
            await roles.update("team", [allow("object.write", "/team-a")])
            with refused("PERMISSION_MISSING"):
                await ann.page("/team-a", deleted=True)


# As people type it.


def cli_of(system):
    def cli(*words, code=0):
        done = system.cli(*words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return cli


async def test_ls_and_undelete(system, objects):
    cli = cli_of(system)
    await make_and_delete(objects, "/d/a.log", "/d/b.log", "/d/c", "/d/e/f", "/x")
    shown = cli("ls", "--deleted", "/d")
    assert shown.split("\n")[0].split() == ["NAME", "SIZE", "DELETED"]
    assert [line.split()[0] for line in shown.splitlines()[1:]] == ["a.log", "b.log", "c", "e/"]
    assert cli("ls", "--deleted", "-o", "name", "/d/*.log", "/x").split() == ["/d/a.log", "/d/b.log", "/x"]
    assert cli("find", "--deleted", "/d/").split() == ["/d/a.log", "/d/b.log", "/d/c", "/d/e/f"]
    said = cli("undelete", "/d/*.log", "/none", "/x", code=3)
    assert "brought back /d/a.log" in said and "brought back /d/b.log" in said and "brought back /x" in said and "/none" in said
    assert "undelete -r" in cli("undelete", "/d/e", code=3)
    # One name is taken again, as a folder; it is not held against the rest.
    await objects.create("/d/c/taken")
    said = cli("undelete", "-r", "/d", code=5)
    assert "brought back /d/, 1 object" in said and "/d/c" in said
    assert await objects.data("/d/e/f") == b"/d/e/f"
    assert "Nothing that was deleted below /d/e/" in cli("undelete", "-r", "/d/e/", code=3)
    await objects.delete("/d/c/taken", purge=True)
    assert cli("undelete", "-r", "/d") == "brought back /d/, 1 object\n"
    assert await objects.data("/d/c") == b"/d/c"


async def test_a_thousand_come_back(system, objects):
    names = sorted(f"/many/{k}/{i:03}" for k in range(10) for i in range(100))
    for first in range(0, 1000, 125):
        await objects.transact(success=[creating(name, name.encode()) for name in names[first : first + 125]])
    before = {one.name: one.id for one in (await objects.page("/many/", recursive=True, page_size=1000)).objects}
    await objects.delete("/many", recursive=True)
    assert await deleted(objects, "/many/", page_size=333) == names
    done = await asyncio.to_thread(cli_of(system), "undelete", "-r", "/many")
    assert done == "brought back /many/, 1000 objects\n"
    after = {one.name: one.id for one in (await objects.page("/many/", recursive=True, page_size=1000)).objects}
    assert after == before and len(after) == 1000
    assert await deleted(objects) == []


async def test_hostile_names(system, objects):
    names = ["/h\u202etxt/a\u200b", "/h\u2066x", "/h/-rf", "/h/*", "/h/it's \"quoted\" $(x)", "/h/@5"]
    await make_and_delete(objects, *names)
    for words in (["ls", "--deleted", "/", "/h"], ["ls", "--deleted", "-l", "/h*"], ["find", "--deleted", "-o", "json"]):
        shown = system.cli(*words)
        assert shown.returncode == 0 and not {"\u202e", "\u200b", "\u2066"} & set(shown.stdout + shown.stderr), words
    cli = cli_of(system)
    assert "brought back /h/*" in cli("undelete", "/h/\\*")
    assert await objects.list("/h") == ["/h/*"]
    for name in ("--", "/h/-rf"), ("/h/it's \"quoted\" $(x)",), ("/h/@5@0",):
        cli("undelete", *name)
    cli("undelete", "-r", "/h\u202etxt", "/h\u2066x")
    assert await deleted(objects) == []
    assert sorted(await objects.list("/h", recursive=True)) == sorted(names)
