"""What others wrote reaches the terminal as text: 150 strings through logs, errors, the audit and completion."""

import shlex
import subprocess
import unicodedata

from test_shell import PROMPT

CONTROLS = [chr(c) for c in (*range(1, 0x20), 0x7F, *range(0x80, 0xA0))]
SEQUENCES = [
    "\x1b" + rest
    for rest in "[2J [31m ]0;owned\a ]52;c;aGk=\a ]8;;http://x\x1b\\ P1$r\x1b\\ c [6n [5i _Gx\x1b\\ ^x\x1b\\ [?1049h #8 (0 [201~ [?2004l".split()
]
C1_SEQUENCES = [chr(c) + rest for c in (0x90, 0x9B, 0x9D, 0x9E, 0x9F) for rest in ("2J", "31m", "0;x\x9c")]
UNICODE = [
    chr(c)
    for c in (
        *(0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0x200E, 0x200F, 0x61C),
        *(0x2028, 0x2029, 0x200B, 0x200C, 0x200D, 0xFEFF, 0xAD, 0x2060, 0xE0001, 0xE007F),
    )
]
TEXTS = [f"x{text}y" for text in (*CONTROLS, *SEQUENCES, *C1_SEQUENCES, *UNICODE)]
TEXTS += ["x\r" + "\b" * n + PROMPT for n in range(40)]
# Ours, between the texts: lines end so, and readline edits so.
OURS = ("\r\n", "\x1b[?2004h", "\x1b[?2004l\r", "\x1b[K", "\x1b[C", "\x1b[A", "\r", "\a")


def harmful(raw):
    """What a terminal would act on, in what came from it."""
    for ours in OURS:
        raw = raw.replace(ours, "")
    return [c for c in raw if c != "\t" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") or "\udc80" <= c <= "\udcff")]


def test_there_are_150_and_the_check_sees_them():
    assert len(set(TEXTS)) >= 150
    assert all(harmful(text.replace("\r", "\x0c").replace("\t", "\x0c").replace("\a", "\x0c")) for text in TEXTS)


def test_in_logs(system, run, tmp_path):
    script = tmp_path / "write"
    script.write_bytes("\n".join(TEXTS).encode() + b"\n\x9b31m \xff \xc0\x9b \xed\xa0\x80\n")
    system.cli("start", "web", f"cat {script}", "--restart", "never")
    system.cli("wait", "web", "--for", "exited")
    for arguments in ([], ["-t"], ["-o", "json"], ["-o", "yaml"]):
        logs = run("logs", "web", "-n", "1000", *arguments)
        assert logs.wait() == 0
        assert harmful(logs.raw) == []
        assert logs.raw.count("\n") >= 150


def test_in_errors_the_audit_and_events(system, run):
    for command in ("kill", "user rm -y", "sessions end", "role grant admin", "user show", "log-level", "help", "ps -o", ""):
        refused = run("-c", ";".join(f"{command} {shlex.quote(text)}" for text in TEXTS))
        assert refused.wait() in (2, 3, 5), command
        assert harmful(refused.raw) == [], command
        assert refused.raw.count("\n") >= 150, command
    for command in ("audit", "audit -o wide", "audit -o json", "events", "user ls", "ps -l"):
        shown = run("-c", command)
        assert shown.wait() == 0, command
        assert harmful(shown.raw) == [], command


def test_in_completion(system, run):
    shell = run()
    shell.expect(PROMPT)
    for text in ("x\x1b[2J", "x\x9b31m", "x\u202ey", "whoami"):
        words = ["__complete", "--address", system.address, *([] if text == "whoami" else ["kill"]), text]
        done = subprocess.run([system.bin / "grpc-os", *words], capture_output=True, text=True)
        assert done.stdout + done.stderr == ("whoami\n" if text == "whoami" else "")
    shell.type("kill \t\t")
    shell.type("\x03")
    shell.expect("^C\n" + PROMPT)
    assert harmful(shell.raw) == []
