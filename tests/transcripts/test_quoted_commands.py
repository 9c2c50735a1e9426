"""Every command that a message, the help or a page of the documentation names is one that its program understands."""

import os
import re
import shlex
import subprocess

import pytest
from quoted_commands import ROOT, of_documents, of_sources
from running_system import bin_dir

# Other programs' commands that begin with a word of ours, and what a page says is not there yet.
FOREIGN = re.compile(r"cp \.env|rm -rf build|start (all|w:)|exit \d|cp -r|get -r|grpc-os (\(shell|\w+ ─)")
# What stands for a part that is left out.
ELISION = re.compile(r"\s*(…|\.\.\.)$|\s…(?=\s)|\[[^]]*\]")
PROGRAMS = ("grpc-osd", "grpc-os-init", "grpc-os-supervise")
OF_THE_PROGRAM = re.compile(r"^grpc-os(?=\s|$)( (-o|--output|--timeout|--address|--context|--ca) \S+| --secure)*")
# A word for any command.
ANY = re.compile(r"^(help )?(COMMAND…?|X)$")
# What the parser says. The name of a command or an option with its arguments left out is a mention of it, not a whole
# command; and a placeholder is no value.
REFUSAL = re.compile(
    r"There is no (command|option|output format|restart policy|condition)|Too many arguments|takes no value|is given twice"
)


def run(*words, **options):
    return subprocess.run([*words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **options)


@pytest.fixture(scope="module")
def first_words():
    listed = run(bin_dir() / "grpc-os", "__reference").stdout
    return {line.split()[0] for line in re.findall(r"^```\n(.*?)\n```", listed, re.M)}


def quoted():
    return sorted(set(of_sources()) | set(of_documents()))


def as_words(span, first_words):
    """The words of a command for grpc-os, or None."""
    span = re.sub(r"\s+#.*", "", span).strip()
    if FOREIGN.match(span):
        return None
    span = re.sub(r"\s[<>|]\s?.*", "", ELISION.sub("", span))
    ours = OF_THE_PROGRAM.match(span)
    span = span[ours.end() :].strip() if ours else span
    try:
        words = shlex.split(span)
    except ValueError:
        return None  # a part of a text with quotes of its own
    ends = [number for number, word in enumerate(words) if word.endswith(";")]
    if ends:  # several commands: the first of them
        words = [*words[: ends[0]], words[ends[0]][:-1]]
    if not words or ANY.match(span) or words[0] in ("exit", "quit", "-c", "--help", "--version"):
        return None
    # One word is the name of many things.
    return words if ours or (len(words) > 1 and words[0] in first_words) else None


def refusals(commands):
    """What the parser says of each. The address is none, so that none of them gets further."""
    script = "; ".join(f"{shlex.join(words)}; mark-{number}" for number, words in enumerate(commands))
    environment = {**os.environ, "GRPC_OS_ADDRESS": "no address", "HOME": "/proc/nowhere", "XDG_CONFIG_HOME": ""}
    said = run(bin_dir() / "grpc-os", "-c", script, env=environment).stderr
    parts = re.split(r"There is no command mark-\d+\..*\n", said)
    assert len(parts) == len(commands) + 1, said[-2000:]
    for part in parts[:-1]:
        yield part if REFUSAL.search(part) else ""


def test_each_is_a_command_of_the_shell(first_words):
    places = {}
    for place, span in quoted():
        if words := as_words(span, first_words):
            places.setdefault(tuple(words), []).append(f"{place}: `{span}`")
    assert len(places) > 150, "the search finds them"
    wrong = [
        f"{', '.join(found)}\n    {refusal.strip()}"
        for (words, found), refusal in zip(places.items(), refusals(list(places)), strict=True)
        if refusal
    ]
    assert not wrong, "\n".join(wrong)


def test_what_does_not_exist_is_found(first_words):
    wrong = ["rm --purge /a", "grpc-os stat --all /a", "grpc-os users ls", "user frob", "grpc-os -o json pps", "stat /a -o xml"]
    right = ["ps -l web", "start web", "grpc-os put - /x < FILE", "grpc-os -o json ps", "rm -r", "login --password-stdin"]
    found = list(refusals([as_words(span, first_words) for span in wrong + right]))
    assert [bool(refusal) for refusal in found] == [True] * len(wrong) + [False] * len(right)
    assert not knows("grpc-os-init", "--frob") and not knows("grpc-osd", "--frob") and not knows("grpc-os-supervise", "--frob")


def test_each_option_of_the_programs_exists():
    for place, span in quoted():
        program = span.split()[0] if span.split() else ""
        if program in PROGRAMS:
            for option in re.findall(r"--[a-z][a-z-]*", span):
                assert knows(program, option), f"{place}: `{span}`"


def knows(program, option):
    if program == "grpc-os-supervise":  # it has no help; without the others, no option makes it do anything
        return "unknown option" not in run(bin_dir() / program, option, "0").stderr
    usage = run(bin_dir() / program, "--help")
    return option in re.findall(r"--[a-z][a-z-]*", usage.stdout + usage.stderr.partition("usage:")[2])


def test_each_target_of_make_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for place, span in quoted():
        if match := re.match(r"make ([a-z-]+)", span):
            assert match[1] in targets, f"{place}: `{span}`"
