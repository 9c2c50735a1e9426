"""The man pages, and the completion of bash where the packages install it: from what the programs print of themselves."""

import os
import re
import shutil
import subprocess

import pytest
from quoted_commands import ROOT
from running_system import bin_dir
from terminal import Terminal

PAGES = ("grpc-os.1", "grpc-os-init.8", "grpc-osd.8", "grpc-os-supervise.8")
OPTION = r"--[a-z][a-z-]*"
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where the script wrote to."""
    directory = tmp_path_factory.mktemp("made")
    subprocess.run([ROOT / "scripts/generate_man_pages.sh", bin_dir(), directory], check=True)
    return directory


@pytest.fixture(scope="module")
def shown(made):
    """{page: its text on a terminal that is wide enough for every line}; a warning of groff fails."""
    texts = {}
    for page in PAGES:
        groff = ["groff", "-K", "utf8", "-man", "-Tutf8", "-ww", "-rLL=400n", "-P-cbou", made / page]
        done = subprocess.run(groff, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        assert done.stderr == "", page
        texts[page] = done.stdout
    return texts


def printed(program, *arguments):
    done = subprocess.run([bin_dir() / program, *arguments], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_there_is_a_page_of_each_program_and_nothing_is_left_to_fill_in(made, shown):
    assert sorted(path.name for path in made.iterdir()) == sorted(PAGES)
    version = printed("grpc-os", "--version").split()[1]
    for page, text in shown.items():
        assert re.search(r"^NAME\n +" + page[:-2] + " - ", text, re.M), page
        assert f"gRPC OS {version}" in text.splitlines()[-1]
        assert not re.search(r"@[A-Z]+@", text), page


def test_every_command_is_in_it_word_for_word(shown):
    lines = {line.strip() for line in shown["grpc-os.1"].splitlines()}
    commands = re.findall(r"^### (.*)\n\n```\n(.*)\n```\n([^#]*)", printed("grpc-os", "__reference"), re.M)
    assert len(commands) > 80
    for name, synopsis, rest in commands:
        assert synopsis in lines, f"grpc-os(1) lacks the heading of {name}"
        for example in re.search(r"```sh\n(.*)\n```", rest, re.S)[1].splitlines():
            assert example in lines, f"grpc-os(1) lacks or changes an example of {name}: {example}"
        # Each begins a paragraph of its own.
        for option in re.findall(rf"^\s+(?:-\w, )?({OPTION})", printed("grpc-os", "help", *name.split()), re.M):
            assert any(re.match(rf"(-\w, )?{option}\b", line) for line in lines), f"{name} {option}"


def test_the_options_of_init_are_those_that_it_has(shown):
    options = re.search(r"^OPTIONS\n(.*?)\n(?=\S)", shown["grpc-os-init.8"], re.M | re.S)[1]
    usage = re.findall(rf"^  (?:{OPTION}, )?({OPTION})", printed("grpc-os-init", "--help"), re.M)
    assert len(usage) > 10
    assert re.findall(rf"^ +(?:{OPTION}, )?({OPTION})", options, re.M) == usage


def test_each_variable_that_the_program_reads_is_explained(shown):
    read = set()
    for room in ("shell", "client"):
        for path in (ROOT / "src" / room).rglob("*.cc"):
            if not path.name.endswith("_test.cc"):
                read |= set(re.findall(r'(?:getenv|[Ee]nvironment|variable|OwnDirectory)\("([A-Z_]+)"', path.read_text()))
    assert {"GRPC_OS_TOKEN", "GRPC_OS_CONTEXT", "GRPC_OS_CA", "NO_COLOR", "COLUMNS", "HOME", "XDG_CONFIG_HOME"} <= read
    explained = re.search(r"^ENVIRONMENT\n(.*?)\n(?=\S)", shown["grpc-os.1"], re.M | re.S)[1]
    assert {name for name in read if not re.search(rf"^ +(\w+, )*{name}\b", explained, re.M)} == set()


def test_bash_loads_the_completion_by_the_name_of_the_program(tmp_path):
    installed = tmp_path / "share/bash-completion/completions"
    installed.mkdir(parents=True)
    (installed / "grpc-os").write_text(printed("grpc-os", "completion", "bash"))
    bash = Terminal(
        [shutil.which("bash"), "--norc", "--noprofile", "-i"],
        {
            "HOME": str(tmp_path),
            "PS1": "$ ",
            "PATH": f"{bin_dir()}:{os.environ['PATH']}",
            "XDG_DATA_DIRS": str(tmp_path / "share"),
            "BASH_COMPLETION_USER_DIR": str(tmp_path / "none"),
            "GRPC_OS_ADDRESS": f"unix:{tmp_path}/nobody.sock",
        },
    )
    try:
        bash.expect("$ ")
        bash.type(f"source {BASH_COMPLETION}; complete -p grpc-os\r")
        bash.expect("grpc-os: no completion specification\n")
        bash.type("grpc-os user pa\t")
        bash.expect("grpc-os user passwd ")
        bash.type("\x15complete -p grpc-os\r")
        bash.expect("complete -F _grpc_os grpc-os\n")
    finally:
        bash.close()
