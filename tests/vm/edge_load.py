"""Requests for a domain from the host, all the time, and what became of each."""

import collections
import http.client
import threading

from machine import poll

CLIENTS = 4
# The machine is emulated, and has more to do than to answer.
PAUSE_S = 0.1
PATIENCE_S = 120.0


def get(port, host, connection=None):
    """(status, text) of one request to the edge; on a connection of its own, if none is given."""
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        own.request("GET", "/", headers={"Host": host})
        answer = own.getresponse()
        return answer.status, answer.read().decode()
    finally:
        if connection is None:
            own.close()


class Load:
    """`with Load(port, host) as load:` sends until its end; half of the clients make a connection for each request."""

    def __init__(self, port, host):
        self._port, self._host = port, host
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(client % 2 == 0,)) for client in range(CLIENTS)]
        self._lock = threading.Lock()
        self.sent = 0
        self.answers = collections.Counter()  # (status, text): how many
        self.lost = []

    def answered(self, number):
        """Waits until so many more were answered."""
        goal = self._answered() + number
        poll(lambda: self.lost or self._answered() >= goal, f"{number} more answers", patience_s=PATIENCE_S)

    def _answered(self):
        with self._lock:
            return self.answers.total()

    def _send(self, keeps_connection):
        connection = None
        if keeps_connection:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        while not self._ended.wait(PAUSE_S):
            with self._lock:
                self.sent += 1
            try:
                answer = get(self._port, self._host, connection)
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.lost.append(repr(error))
                if keeps_connection:
                    connection.close()
            else:
                with self._lock:
                    self.answers[answer] += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()
