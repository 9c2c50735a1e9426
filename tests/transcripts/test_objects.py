"""Objects, typed into a terminal: the seed's lines word for word, and what a person does with files."""

import contextlib
import os
import re

import pytest

from running_system import poll
from test_shell import CTRL_C, PROMPT
from test_typing import complete

LARGE = os.urandom(40 << 20)


@pytest.fixture
def shell(run):
    opened = run()
    opened.expect(PROMPT)
    return opened


def test_the_seeds_lines(shell):
    shell.enter("touch /config/app.json '{}'")
    assert "config/" in shell.enter("ls /")
    assert "app.json" in shell.enter("ls /config")
    made = shell.enter("touch config.json '{\"port\": 8080}'")
    object_id = re.fullmatch(r"wrote /config\.json \((obj_[0-9a-z]{13})\), 14B, generation \d+", made)[1]
    assert shell.enter(f"cat {object_id}") == '{"port": 8080}'
    assert shell.enter(f"rm {object_id}") == f"deleted {object_id}"
    assert "no object" in shell.enter(f"cat {object_id}")


def test_the_seeds_lines_with_the_seeds_id(shell):
    assert "wrote /config.json (obj_123)" in shell.enter("touch config.json '{\"port\": 8080}' --id obj_123")
    assert shell.enter("cat obj_123") == '{"port": 8080}'
    assert shell.enter("rm obj_123") == "deleted obj_123"
    assert "no object" in shell.enter("rm obj_123")


def test_the_folder_of_the_configuration_is_there_from_the_first_start(shell):
    assert shell.enter("ls /config") == "/config/ is empty. `touch NAME DATA` creates an object."


def in_folder(folder):
    return f"admin@local:{folder} grpc-os> "


def test_names_count_from_the_folder(shell):
    shell.enter("cd /config")
    assert shell.text.endswith(in_folder("/config"))
    shell.enter("mkdir sites")
    shell.enter("touch sites/a one")
    shell.enter("cd sites")
    assert shell.enter("cat a") == "one"
    assert shell.enter("cat ../sites/a") == "one"
    assert shell.enter("pwd") == "/config/sites"
    shell.enter("cd")
    assert shell.enter("pwd") == "/"
    shell.enter("cd -")
    assert shell.enter("pwd") == "/config/sites"
    assert "no object" in shell.enter("cd nowhere")
    assert "is no folder" in shell.enter("cd a")


def test_versions_and_what_was_deleted(shell):
    first = re.search(r"generation (\d+)", shell.enter("touch /a one"))[1]
    shell.enter("touch /a two")
    assert shell.enter(f"cat /a@{first}") == "one"
    assert "`cat NAME@GENERATION` shows one." in shell.enter("history /a")
    assert f"copied /a@{first} to /a" in shell.enter(f"cp -f /a@{first} /a")
    assert shell.enter("cat /a") == "one"
    shell.enter("rm /a")
    assert "`undelete NAME` brings the last back" in shell.enter("history /a")
    assert shell.enter("undelete /a").startswith("brought back /a (obj_")
    assert shell.enter("cat /a") == "one"


def test_what_was_deleted_is_listed_and_brought_back(shell):
    assert shell.enter("ls --deleted /d") == "Nothing that was deleted in /d/ can be brought back."
    for name in ("/d/a.log", "/d/b.log", "/d/e/c"):
        shell.enter(f"touch {name} x")
    shell.enter("rm -r -y /d")
    lines = shell.enter("ls --deleted /d").splitlines()
    assert lines[0].split() == ["NAME", "SIZE", "DELETED"]
    assert [line.split()[0] for line in lines[1:-1]] == ["a.log", "b.log", "e/"]
    assert lines[-1] == "`undelete NAME` brings one back, `undelete -r FOLDER` all below a folder."
    complete(shell, "undelete /d/a", "undelete /d/a.log ")
    assert [line.split()[2] for line in shell.enter("undelete '/d/*.log'").splitlines()] == ["/d/a.log", "/d/b.log"]
    assert "`undelete -r` brings back what was deleted below it" in shell.enter("undelete /d/e")
    assert shell.enter("undelete -r /d") == "brought back /d/, 1 object"
    assert shell.enter("cat /d/e/c") == "x"
    assert "Nothing that was deleted below /d/" in shell.enter("undelete -r /d/")


def test_what_is_said_of_an_object(shell):
    shell.enter("touch /a {} --meta type=config --type application/json --expire 1h")
    said = shell.enter("stat /a")
    assert re.search(r"type +application/json", said) and re.search(r"metadata +type=config", said) and "expires" in said
    shell.enter("touch /a --expire never --meta type=other")
    said = shell.enter("stat /a")
    assert "expires" not in said and "type=other" in said and shell.enter("cat /a") == "{}"


def test_moving_copying_finding(shell):
    for name in ("a.json", "b.json", "c.txt"):
        shell.enter(f"touch /d/{name} x")
    assert shell.enter("mv /d /e") == "moved /d to /e/"
    assert shell.enter("find /e -name '*.json'").split() == ["/e/a.json", "/e/b.json"]
    assert "There is /e/b.json already; `cp -f`" in shell.enter("cp /e/a.json /e/b.json")
    assert shell.enter("rm '/e/*.json'").splitlines() == ["deleted /e/a.json", "deleted /e/b.json"]
    assert "`rm -r /e/`" in shell.enter("rm /e")
    shell.type("rm -r /e\r")
    shell.expect("and everything in it (1 object, 1B)? [y/N] ")
    shell.type("y\r")
    shell.expect("deleted /e")
    shell.expect(PROMPT)


def test_mistakes_are_answered_with_the_cure(shell):
    assert "can only be read" in shell.enter("touch /proc/x y")
    assert "--expire needs a time" in shell.enter("touch /a --expire soon")
    shell.enter("touch /lock --if-generation 0")
    assert "taken" in shell.enter("touch /lock --if-generation 0")
    assert "`quota rm` removes one" in shell.enter("quota set /logs")
    assert "is an object and no folder" in shell.enter("touch /lock/below x")


def test_tab_completes_the_names_of_objects(shell):
    shell.enter("touch /config/application.json {}")
    shell.enter("mkdir /config/sites")
    complete(shell, "cat /con", "cat /config/")
    complete(shell, "cat /config/app", "cat /config/application.json ")
    shell.enter("cd /config")
    complete(shell, "cat app", "cat application.json ")
    complete(shell, "cd s", "cd sites/")


def test_nothing_that_acts_reaches_the_terminal(system, shell, tmp_path):
    evil = b"\x1b]0;owned\x07\x1b[2J\xc2\x9b31mred\n\xff end"
    (tmp_path / "evil").write_bytes(evil)
    shell.enter(f"put {tmp_path}/evil /evil")
    before = len(shell.raw)
    assert shell.enter("cat /evil") == "\\x1b]0;owned\\x07\\x1b[2J\\x9b31mred\n\\xff end"
    shell.enter("get /evil -")
    system.cli("touch", "/rtl\u202etxt.exe", "x")
    assert "rtl\\u202etxt.exe" in shell.enter("ls /")
    came = shell.raw[before:]
    assert "\x1b]" not in came and "\x1b[2J" not in came and "\x9b" not in came and "\u202e" not in came
    # In a pipe they are what they are.
    assert system.cli("cat", "/evil", errors="surrogateescape").stdout.encode(errors="surrogateescape") == evil


def editor(tmp_path, script):
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_edit_with_the_users_editor(run, tmp_path):
    shell = run(VISUAL="", EDITOR=editor(tmp_path, 'echo typing; read line; echo "$line" > "$1"'))
    shell.expect(PROMPT)
    shell.enter("touch /a old")
    shell.type("edit /a\r")
    shell.expect("typing\n")
    shell.type("new\r")
    shell.expect("wrote /a (obj_")
    shell.expect(PROMPT)
    assert shell.enter("cat /a") == "new"


def test_edit_stores_nothing_over_what_somebody_else_stored(system, run, tmp_path):
    shell = run(VISUAL="", EDITOR=editor(tmp_path, 'echo typing; read line; echo "$line" > "$1"'), TMPDIR=str(tmp_path))
    shell.expect(PROMPT)
    shell.enter("touch /a old")
    shell.type("edit /a\r")
    shell.expect("typing\n")
    assert system.cli("touch", "/a", "theirs").returncode == 0
    shell.type("mine\r")
    kept = re.search(r"Your text is kept in (\S+)\.\n", shell.expect("is kept in") + shell.expect(PROMPT))[1]
    with open(kept, encoding="utf-8") as file:
        assert file.read() == "mine\n"
    assert "Somebody else changed /a while you edited it" in shell.text
    assert shell.enter("cat /a") == "theirs"


def test_a_watch_tells_what_happens_and_ends_with_ctrl_c(system, shell):
    shell.enter("touch /w/before x")
    shell.type("watch /w/\r")
    shell.expect("/w/before")
    shell.expect("snapshot")
    system.cli("touch", "/w/new", "x")
    shell.expect("/w/new")
    shell.expect("created")
    system.kill_daemon()
    system.cli("rm", "/w/new")
    shell.expect("deleted")
    shell.type(CTRL_C)
    shell.expect(PROMPT)


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(LARGE)
    return path


def test_large_files_there_and_back(shell, big, tmp_path):
    assert "40MiB, generation" in shell.enter(f"put {big} /big")
    assert "40MiB" in shell.enter("ls /")
    assert shell.enter(f"get /big {tmp_path}/copy").endswith(f"wrote {tmp_path}/copy, 40MiB")
    assert (tmp_path / "copy").read_bytes() == LARGE


def test_a_put_that_was_interrupted_is_gone_on_with(system, shell, big, tmp_path):
    shell.type(f"put {big} /big\r")
    shell.expect(f"put {big} /big\n")
    uploads = system.home / ".local/state/grpc-os/uploads"
    poll(lambda: uploads.is_dir() and any(uploads.iterdir()), "the upload has begun")
    shell.type(CTRL_C)
    said = shell.expect(PROMPT)
    again = shell.enter(f"put {big} /big")
    assert "40MiB, generation" in again
    if "wrote" not in said:
        assert "no object" not in shell.enter("stat /big")
    shell.enter(f"get /big {tmp_path}/copy")
    assert (tmp_path / "copy").read_bytes() == LARGE
    assert not any(uploads.iterdir())


def test_the_death_of_the_daemon_does_not_end_a_put_or_a_get(system, shell, big, tmp_path):
    shell.type(f"put {big} /big\r")
    uploads = system.home / ".local/state/grpc-os/uploads"
    poll(lambda: uploads.is_dir() and any(uploads.iterdir()), "the upload has begun")
    system.kill_daemon()
    shell.expect("40MiB, generation")
    shell.expect(PROMPT)
    shell.type(f"get /big {tmp_path}/copy\r")
    poll(lambda: any(tmp_path.glob(".copy.*.part")) or (tmp_path / "copy").exists(), "the download has begun")
    system.kill_daemon()
    shell.expect(f"wrote {tmp_path}/copy")
    assert (tmp_path / "copy").read_bytes() == LARGE
    assert not any(tmp_path.glob(".copy.*.part"))


def test_long_transfers_show_how_far_they_are(run, tmp_path):
    shell = run()
    shell.expect(PROMPT)
    os.mkfifo(tmp_path / "pipe")
    shell.type(f"put {tmp_path}/pipe /piped\r")
    with open(tmp_path / "pipe", "wb", buffering=0) as pipe:
        # The bar comes with the pieces that are sent; the pipe keeps the end back until it was seen.
        pipe.write(LARGE)
        for _ in range(200):
            if re.search(r"put \S+pipe  [0-9.]+MiB", shell.text):
                break
            pipe.write(b"x" * (1 << 20))
            with contextlib.suppress(AssertionError):
                shell.expect("no such text", 0.1)
        else:
            raise AssertionError("no bar was shown")
    shell.expect("wrote /piped")


def test_quotas(shell):
    assert shell.enter("quota ls") == "No quotas. `quota set FOLDER --bytes SIZE` makes one."
    assert "/logs/ may hold 1 object" in shell.enter("quota set /logs --objects 1")
    shell.enter("touch /logs/a x")
    assert "quota" in shell.enter("touch /logs/b x")
    assert re.search(r"/logs/ +1 +1", shell.enter("quota ls"))
    assert shell.enter("quota rm /logs") == "removed the quota of /logs/"
    assert "wrote" in shell.enter("touch /logs/b x")


def test_a_check_of_all_that_is_stored(shell, big):
    shell.enter(f"put {big} /big")
    assert re.search(r"^\d+ contents?, 40.*, read; all are whole$", shell.enter("fsck"), re.M)
