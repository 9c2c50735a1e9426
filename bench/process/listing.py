"""The list of 200 running processes, command line against command line."""

import subprocess

from clock import time_of
from results import Comparison


def measure(system, environment, peer, rounds, count):
    ours = [str(system.bin / "grpc-os"), "--address", system.address, "ps"]
    theirs = peer.command_line("status")
    for arguments in (ours, theirs):  # also makes both hot
        said = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout
        running = sum("running" in line.lower() for line in said.splitlines())
        if running != count:
            raise RuntimeError(f"{' '.join(arguments)} lists {running} running processes, expected {count}")
    times = {"ours": [], "theirs": []}
    for _ in range(rounds):
        times["theirs"].append(time_of(theirs, environment) / 1e6)
        times["ours"].append(time_of(ours, environment) / 1e6)
    return [
        Comparison(
            name=f"ps of {count}, command lines",
            unit="ms",
            target=5.0,
            theirs=times["theirs"],
            ours=times["ours"],
            note="`supervisorctl status`, `grpc-os ps`; hot, by turns",
        )
    ]
