"""Hands mail to a gateway over HTTP: one request a mail, several at once. The contract is in docs/delivery.md."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from http.client import HTTPException
from typing import NamedTuple

import httpx
from django.conf import settings
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from delivery.answers import Accepted, Answer, InDoubt, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing
from delivery.backends.checked_connections import CheckedHttp, CheckedHttps
from delivery.backends.http_answers import answer_to
from delivery.backends.kept import Kept
from delivery.backends.side_by_side import Answered, Halt, Mails, answered_by, side_by_side

CONNECTIONS = 8
PATIENCE_SECONDS = min(20.0, settings.DELIVERY_LEASE_SECONDS / 8)
"""How long one answer may take, from its first byte to its last; a quarter of the time for handing a group over."""
CONNECT_SECONDS = min(5.0, settings.DELIVERY_LEASE_SECONDS / 16)
STALE_AFTER_SECONDS = 5.0
"""A connection that was idle for longer may be dead without our knowing, and a mail lost in it is *unknown*."""
MOST_READ = 65_536
ASKED_AT_ONCE = 50
"""Servers take addresses of some thousand characters."""
_LOST = (OSError, HTTPException, HTTPError)
"""What ends a request that may have arrived."""
_Connection = CheckedHttp | CheckedHttps


class _NotReached(Exception):
    """No connection came about: nothing was handed over."""


class _Said(NamedTuple):
    """What a gateway answered, and the beginning of its words."""

    status: int
    retry_after: str
    words: bytes

    @property
    def is_yes(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayBackend:
    """A gateway at `address`; `in_doubt` is what it promises. A key is used for a day at most."""

    address: str
    secret: str
    in_doubt: InDoubt
    key_lifetime = timedelta(hours=24)

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> Iterator[tuple[Outgoing, Answer]]:
        """Yield the answers as they come; raises Unavailable after them if the gateway is to be left alone."""
        return side_by_side(batch, partial(self._hand_over_all, deadline), connections=CONNECTIONS)

    def ask(self, keys: Sequence[str], *, deadline: float) -> Mapping[str, str]:
        """Ask which of these keys the gateway has taken, so many at a time; what it has said counts."""
        found: dict[str, str] = {}
        for start in range(0, len(keys), ASKED_AT_ONCE):
            if time.monotonic() + PATIENCE_SECONDS > deadline:
                break
            asked = keys[start : start + ASKED_AT_ONCE]
            try:
                taken = self._taken_of(asked)
            except Unavailable:
                if found:
                    break
                raise
            found |= {key: (str(taken[key]) or key) if key in taken else "" for key in asked}
        return found

    def _taken_of(self, keys: Sequence[str]) -> Mapping[str, object]:
        url = httpx.URL(self.address).copy_merge_params([("key", key) for key in keys])
        try:
            said = _request(url, "GET", self._headers())
            if not said.is_yes:
                raise Unavailable(f"the gateway cannot be asked: {said.status}")
            taken = json.loads(said.words)["taken"]
        except (*_LOST, _NotReached, ValueError, KeyError, TypeError, RecursionError) as error:
            raise Unavailable(f"the gateway cannot be asked: {type(error).__name__}") from error
        if not isinstance(taken, dict):
            raise Unavailable("the gateway cannot be asked: its answer is not an object")
        return taken

    def _hand_over_all(self, deadline: float, mails: Mails, halt: Halt) -> Iterator[Answered]:
        hand_over = partial(self._hand_over, deadline)
        for mail in mails:
            if (answer := answered_by(hand_over, mail, halt)) is not None:
                yield mail, answer

    def _hand_over(self, deadline: float, mail: Outgoing, halt: Halt) -> Answer | None:
        """Hand one mail over; None if the gateway cannot be reached."""
        if time.monotonic() + PATIENCE_SECONDS > deadline:
            return Untried(reason="there was no time left to hand it over")
        headers = self._headers() | {"Content-Type": "message/rfc822", "Idempotency-Key": mail.key}
        try:
            said = _request(httpx.URL(self.address), "POST", headers, mail.raw)
            answer = _answer(said, mail, halt)
        except _NotReached as error:
            halt.begin(f"the gateway cannot be reached: {error}")
            return None
        except _LOST as error:
            answer = Uncertain(reason=f"{type(error).__name__}: {error}")
        halt.note(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}


def _request(url: httpx.URL, method: str, headers: Mapping[str, str], body: bytes | None = None) -> _Said:
    """Make a request and read its answer; raises _NotReached, or what is in `_LOST`.

    The status counts even if the rest of the answer is lost or never ends.
    """
    if url.userinfo:
        basic = make_headers(basic_auth=f"{url.username}:{url.password}")["authorization"]
        headers = {**headers, "Authorization": basic}
    with _kept(url.scheme, url.raw_host.decode(), url.port).one() as connection:
        _connect(connection)
        connection.timeout = PATIENCE_SECONDS
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it hung up
            target = url.raw_path.decode()
            connection.request(method, target, body=body, headers=headers, preload_content=False)
        response = connection.getresponse()
        try:
            words, is_whole = response.read(MOST_READ), response.isclosed()
        except _LOST:
            words, is_whole = b"", False
        if not is_whole:  # what nobody read would stand before the next answer
            connection.close()
        return _Said(response.status, response.headers.get("Retry-After", ""), words)


@lru_cache(maxsize=64)
def _kept(scheme: str, host: str, port: int | None) -> Kept[_Connection]:
    """The connections of this process to one server."""
    if scheme == "https":
        trusted = httpx.create_ssl_context(trust_env=False)
        return Kept(lambda: CheckedHttps(host, port, ssl_context=trusted), stale_after=STALE_AFTER_SECONDS)
    return Kept(lambda: CheckedHttp(host, port), stale_after=STALE_AFTER_SECONDS)


def _connect(connection: _Connection) -> None:
    """Connect where there is no connection, or none any more; raises _NotReached."""
    if connection.is_connected:
        return
    connection.close()
    connection.timeout = CONNECT_SECONDS
    try:
        connection.connect()
    except (httpx.TransportError, *_LOST) as error:
        raise _NotReached(str(error)) from error


def _answer(said: _Said, mail: Outgoing, halt: Halt) -> Answer:
    """What the gateway says about the mail."""
    if said.is_yes:
        return Accepted(provider_id=_provider_id(said.words) or mail.key)
    reason = f"{said.status} {said.words[:150].decode(errors='replace')}".replace("\0", "").strip()
    return answer_to(said.status, reason=reason, retry_after=said.retry_after, halt=halt)


def _provider_id(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = answer.get("id", "") if isinstance(answer, dict) else ""
    return str(found).replace("\0", "") if isinstance(found, str | int) else ""
