"""Runs bench-load."""

import dataclasses
import json
import subprocess

# In a request's bytes: becomes the number of the call.
NUMBER = "%" * 12


@dataclasses.dataclass
class Load:
    """What one run of bench-load measured."""

    calls: int
    seconds: float
    server_cpu_us: int
    p50_us: float
    p99_us: float

    @property
    def calls_per_s(self):
        return self.calls / self.seconds

    @property
    def server_cpu_us_per_call(self):
        return self.server_cpu_us / self.calls


def run(program, address, method, pid, request=b"", metadata=None, in_flight=64, channels=4, seconds=3.0, threads=1):
    """`pid`: the server's. Raises if a call failed."""
    command = [program, "--address", address, "--method", method, "--request", request.hex()]
    command += ["--in-flight", str(in_flight), "--channels", str(channels), "--threads", str(threads)]
    command += ["--seconds", str(seconds), "--cpu-of", str(pid)]
    lines = "".join(f"{name}={value}\n" for name, value in (metadata or {}).items())
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60 + 10 * seconds)
    if done.returncode != 0:
        raise RuntimeError(f"bench-load ended with {done.returncode}: {done.stderr}")
    measured = json.loads(done.stdout)
    return Load(**{field.name: measured[field.name] for field in dataclasses.fields(Load)})
