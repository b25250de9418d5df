"""Connections to addresses that were checked (`common.outbound`), whose answers are bounded.

An answer is read for as long as its connection's timeout and no longer, in whatever pieces it drips, and to
`MOST_BYTES`.
"""

import io
import time
from contextlib import suppress
from http.client import HTTPResponse
from socket import socket
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from common import outbound

MOST_BYTES = 1_000_000


class _Bounded(io.RawIOBase):
    """What a socket says within its timeout, all in all, and within `MOST_BYTES`."""

    def __init__(self, raw: io.RawIOBase, sock: socket, seconds: float) -> None:
        self._raw, self._sock, self._seconds = raw, sock, seconds
        self._until, self._count = time.monotonic() + seconds, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._sock.settimeout(left)
        count = self._raw.readinto(buffer)
        self._count += count or 0
        if self._count > MOST_BYTES:
            raise OSError("the answer is too large")
        return count

    def close(self) -> None:
        if not self.closed:
            with suppress(OSError):  # closed before
                self._sock.settimeout(self._seconds)
            self._raw.close()
        super().close()


class BoundedAnswer(HTTPResponse):
    """An answer that is read as the timeout of its socket allows, from its first byte to its last."""

    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if (seconds := sock.gettimeout()) is not None:
            self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock, seconds))


class _ToCheckedAddress:
    """Connects to the address that was checked; the certificate is that of the name."""

    _dns_host: str
    port: int
    response_class: Any = BoundedAnswer

    def _new_conn(self) -> Any:
        name = self._dns_host
        self._dns_host = str(outbound.checked(name, self.port))
        try:
            return super()._new_conn()  # type: ignore[misc]
        finally:
            self._dns_host = name


class CheckedHttp(_ToCheckedAddress, HTTPConnection):
    """A connection over HTTP."""


class CheckedHttps(_ToCheckedAddress, HTTPSConnection):
    """A connection over TLS."""
