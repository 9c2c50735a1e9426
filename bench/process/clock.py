"""Time, load, and command lines that are timed."""

import os
import time


def now_ns():
    """The clock that the payload writes too."""
    return time.monotonic_ns()


def wait_until(condition, what, patience_s=60.0):
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"still not after {patience_s:g} s: {what}")
        time.sleep(0.02)


def load_average():
    return os.getloadavg()[0]


def spawn(arguments, environment):
    """Starts a command line with its output thrown away; gives its pid."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1)]
    return os.posix_spawn(arguments[0], arguments, environment, file_actions=null)


def end_of(pid, arguments):
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}")


def time_of(arguments, environment):
    """Nanoseconds from before a command line's execution to its end."""
    began = now_ns()
    end_of(spawn(arguments, environment), arguments)
    return now_ns() - began
