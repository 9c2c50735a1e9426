"""Debian's etcd, the peer of what is durable."""

import contextlib
import pathlib
import socket
import subprocess
import time

PATIENCE_S = 30.0


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Etcd:
    """`with Etcd(directory) as server:` Debian's, with its defaults but for where it listens and keeps its data."""

    method = "/etcdserverpb.KV/Put"

    def __init__(self, directory):
        client, peer = free_ports(2)
        self.address = f"127.0.0.1:{client}"
        urls = {"client": f"http://{self.address}", "peer": f"http://127.0.0.1:{peer}"}
        self._log = open(pathlib.Path(directory) / "log", "wb")
        self._process = subprocess.Popen(
            [
                *("etcd", "--data-dir", str(pathlib.Path(directory) / "data")),
                *("--listen-client-urls", urls["client"], "--advertise-client-urls", urls["client"]),
                *("--listen-peer-urls", urls["peer"], "--initial-advertise-peer-urls", urls["peer"]),
                *("--initial-cluster", f"default={urls['peer']}"),
            ],
            stdout=self._log,
            stderr=self._log,
            # As a daemon has, and ours: the kernel shares the processors out among sessions (autogroup).
            start_new_session=True,
        )
        self.pid = self._process.pid
        end = time.monotonic() + PATIENCE_S
        while self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", client), 1):
                time.sleep(2)  # elects itself
                return
            time.sleep(0.05)
        raise RuntimeError(f"etcd does not listen on {self.address}: see {directory}/log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._log.close()


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, content):
    """Of bytes, text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def put_request(key, value):
    return field(1, key) + field(2, value)


def range_request(key):
    return field(1, key)


def transaction_request(pairs):
    """Puts them all."""
    return b"".join(field(2, field(2, put_request(key, value))) for key, value in pairs)
