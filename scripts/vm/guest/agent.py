"""Runs commands for the tests: a JSON object a line in, one a line out. Ends with the line."""

import json
import subprocess
import sys


def answer(request):
    try:
        done = subprocess.run(
            request["command"], input=request["input"], capture_output=True, text=True, errors="replace",
            timeout=request["timeout"], cwd="/",
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return {"code": 124, "out": "", "err": str(late)}
    except OSError as error:
        return {"code": 127, "out": "", "err": str(error)}
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def main():
    with open(sys.argv[1], "r+b", buffering=0) as line:

        def send(message):
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[line.write(data) :]

        send({"hello": True})
        received = b""
        while True:
            received += line.read(4096)
            while b"\n" in received:
                request, _, received = received.partition(b"\n")
                request = json.loads(request)
                send({"id": request["id"], **answer(request)})


main()
