"""Asks a site on this machine over many connections at once, each for the next as soon as it has an answer.

One thread with a selector costs a tenth of what a client library does, so that the site is measured and not the client.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import cast

CONNECTIONS = 16
FEWEST_ANSWERS = 500
PATIENCE_SECONDS = 60.0
"""A site that answers nothing for so long ends the measurement, as one that hangs up does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Seconds of each answer, of all of them together, and of this process's CPU."""

    seconds: list[float]
    elapsed: float
    cpu: float


def ask(
    port: int,
    requests: Sequence[bytes],
    *,
    seconds: float,
    is_right: Callable[[bytes], bool] = lambda body: True,
) -> Asked:
    """Send these requests by turns for so long, and until `FEWEST_ANSWERS` have come; each is awaited to its end.

    Raises RuntimeError where the site hangs up, falls silent, refuses, or answers with a body that is not right.
    """
    asking = _Asking(port=port, requests=cycle(requests), seconds=seconds, is_right=is_right)
    for _ in range(CONNECTIONS):
        asking.connect()
    asking.run()
    return Asked(
        seconds=asking.taken,
        elapsed=time.perf_counter() - asking.began,
        cpu=time.process_time() - asking.cpu_before,
    )


class _Asking:
    def __init__(
        self, *, port: int, requests: Iterator[bytes], seconds: float, is_right: Callable[[bytes], bool]
    ) -> None:
        self.port, self.requests, self.seconds, self.is_right = port, requests, seconds, is_right
        self.waiting = selectors.DefaultSelector()
        self.begun: dict[socket.socket, float] = {}
        self.taken: list[float] = []
        self.cpu_before, self.began = time.process_time(), time.perf_counter()

    def connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        self.waiting.register(connection, selectors.EVENT_READ, bytearray())
        self._ask(connection)

    def run(self) -> None:
        while self.waiting.get_map():
            ready = self.waiting.select(timeout=PATIENCE_SECONDS)
            if not ready:
                raise RuntimeError(f"The site has answered nothing for {PATIENCE_SECONDS:.0f} seconds.")
            for key, _ in ready:
                self._read(cast(socket.socket, key.fileobj), key.data)

    def _read(self, connection: socket.socket, content: bytearray) -> None:
        piece = connection.recv(65_536)
        if not piece:
            raise RuntimeError(f"The site hung up after {len(self.taken)} answers: {bytes(content[:200])!r}")
        content += piece
        if not _is_whole(content):
            return
        if not self.is_right(bytes(content).partition(b"\r\n\r\n")[2]):
            raise RuntimeError(f"This is not the right answer: {bytes(content[:500])!r}")
        content.clear()
        self.taken.append(time.perf_counter() - self.begun[connection])
        if time.perf_counter() < self.began + self.seconds or len(self.taken) < FEWEST_ANSWERS:
            self._ask(connection)
        else:
            self.waiting.unregister(connection)
            connection.close()

    def _ask(self, connection: socket.socket) -> None:
        self.begun[connection] = time.perf_counter()
        connection.sendall(next(self.requests))


def _is_whole(content: bytearray) -> bool:
    """Whether an answer has come to its end; raises where it is none that can be measured."""
    head, end, body = bytes(content).partition(b"\r\n\r\n")
    if not end:
        return False
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302")):
        raise RuntimeError(head.decode(errors="replace"))
    lowered = head.lower()
    if b"content-length:" not in lowered:
        raise RuntimeError(f"The answer does not say its length: {head.decode(errors='replace')}")
    return len(body) >= int(lowered.split(b"content-length:")[1].split(b"\r\n")[0])
