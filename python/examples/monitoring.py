"""A live table of the processes: python monitoring.py [ADDRESS]. Ctrl-C ends it. Into a pipe it writes the table once.

Nothing is polled: each event of a process brings its line up to date. Without an event loop, by GrpcOSClientSync.
"""

import os
import shutil
import sys

import grpc
from grpc_os import Gap, GrpcOSClientSync, GrpcOSError, Process, Synced

COLUMNS = ("NAME", "STATE", "READY", "PID", "PORT", "RESTARTS", "STARTED", "MESSAGE")


def row(process: Process) -> tuple[str, ...]:
    status = process.details
    return (
        process.name,
        status.state,
        "yes" if status.ready else "-",
        str(status.pid or "-"),
        str(status.port or "-"),
        str(status.restart_count),
        f"{status.start_time.astimezone():%d %b %H:%M:%S}" if status.start_time else "-",
        status.message,
    )


def table(processes: dict[str, Process]) -> list[str]:
    rows = [COLUMNS, *(row(process) for process in sorted(processes.values(), key=lambda process: process.name))]
    widths = [max(len(each[column]) for each in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(each, widths)).rstrip() for each in rows]
    # What a program says about itself does not reach the terminal as commands.
    return ["".join(letter if letter.isprintable() else "?" for letter in line) for line in lines]


def draw(processes: dict[str, Process]) -> None:
    columns, rows = shutil.get_terminal_size()
    lines = [*table(processes), "", f"{len(processes)} processes; Ctrl-C ends"]
    # To the upper left corner, each line to its end, and what is below; at once, so that nothing flickers.
    sys.stdout.write("\x1b[H" + "\x1b[K\n".join(line[: columns - 1] for line in lines[: rows - 1]) + "\x1b[J")
    sys.stdout.flush()


def monitor(client: GrpcOSClientSync) -> None:
    processes: dict[str, Process] = {}
    synced = False
    sys.stdout.write("\x1b[2J")
    for event in client.follow(kinds=["process"]):
        if isinstance(event, Gap):
            synced = False
        elif isinstance(event, Synced):
            synced = True
            processes = {process.id: process for process in client.list_processes()}
        elif event.action == "deleted":
            processes.pop(event.resource_id, None)
        elif synced and "system" not in event.attributes:
            try:
                processes[event.resource_id] = client.get_process(event.resource_id)
            except GrpcOSError as error:
                if error.code() != grpc.StatusCode.NOT_FOUND:  # it was deleted since
                    raise
        if synced:
            draw(processes)


def main(address: str) -> None:
    with GrpcOSClientSync(address) as client:
        if client.token is None:
            client.login_peer()
        if sys.stdout.isatty():
            monitor(client)
        else:
            print("\n".join(table({process.id: process for process in client.list_processes()})))


if __name__ == "__main__":
    default = os.environ.get("GRPC_OS_ADDRESS", "unix:/var/lib/grpc-os/run/api.sock")
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else default)
    except KeyboardInterrupt:
        print()
