"""A program on a pseudo-terminal, and what a person would see of it."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

PATIENCE_S = 30.0

# What readline sends to move the cursor and to switch bracketed paste; nothing else is taken away.
_EDITING = re.compile(r"\x1b\[\?2004[hl]\r?|\x1b\[[0-9]*[CDKP@]|\a|\r(?!\n)")


class Terminal:
    def __init__(self, command, environment, cwd=None):
        self._master, slave = pty.openpty()

        def take_terminal():
            os.setsid()
            os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first terminal that a session opens is its own

        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": "200", **environment},
            preexec_fn=take_terminal,
        )
        os.close(slave)
        self.raw = ""  # all that came, byte for byte
        self._seen = 0  # how much of `text` was expected already

    @property
    def master(self):
        """The side of the terminal that is ours."""
        return self._master

    def resize(self, columns, rows):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def text(self):
        """All that came, as lines, without the movements of line editing."""
        return _EDITING.sub("", self.raw).replace("\r\n", "\n")

    def _receive(self, wait_s):
        if not select.select([self._master], [], [], wait_s)[0]:
            return True
        with contextlib.suppress(OSError):  # the other side was closed
            if data := os.read(self._master, 65536):
                self.raw += data.decode(errors="surrogateescape")
                return True
        return False

    def expect_mode(self, sequence):
        """Waits until a control sequence came, at any time."""
        end = time.monotonic() + PATIENCE_S
        while sequence not in self.raw:
            assert time.monotonic() < end and self._receive(0.1), f"{sequence!r} did not come"

    def expect(self, text, patience_s=PATIENCE_S):
        """Waits until `text` comes, after what was expected before; gives what came up to its end."""
        end = time.monotonic() + patience_s
        while (found := self.text.find(text, self._seen)) < 0:
            if time.monotonic() > end or not self._receive(0.1):
                found = self.text.find(text, self._seen)
                assert found >= 0, f"{text!r} did not come; since the last that did: {self.text[self._seen:]!r}"
        start, self._seen = self._seen, found + len(text)
        return self.text[start : self._seen]

    def type(self, text):
        os.write(self._master, text.encode())

    def enter(self, line, prompt="grpc-os> "):
        """Types a line; gives what the shell answers, up to the next prompt."""
        self.type(line + "\r")
        self.expect(line + "\n")
        return self.expect(prompt).rpartition("\n")[0]

    def wait(self):
        """Reads to the end; gives the exit code."""
        end = time.monotonic() + PATIENCE_S
        while self._receive(0.1) and time.monotonic() < end:
            if self.process.poll() is not None and not select.select([self._master], [], [], 0)[0]:
                break
        return self.process.wait(PATIENCE_S)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._master)
