"""Hands mail to a gateway over HTTP: one request a mail, several at once. The contract is in docs/delivery.md."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

import httpx
from django.conf import settings

from common import outbound
from common.clock import now
from delivery.answers import Accepted, Answer, Deferred, InDoubt, Refused, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing

CONNECTIONS = 8
PATIENCE_SECONDS = min(20.0, settings.DELIVERY_LEASE_SECONDS / 8)
"""How long one answer may take; a quarter of the time in which a group may be handed over."""
MOST_SILENCE = 5
"""After so many lost answers in a row nothing more is risked."""
MOST_READ = 65_536
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_NOT_US = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407, 410})
_NOT_NOW = frozenset({425, 429, 503})
_NOT_THIS = frozenset({400, 406, 411, 413, 414, 415, 422, 451})


@dataclass(slots=True)
class _Halt:
    """Whether the gateway is to be left alone, why, and for how long; shared by the threads of one batch."""

    reason: str = ""
    retry_after: timedelta | None = None
    silent: int = 0

    def begin(self, reason: str, retry_after: timedelta | None = None) -> None:
        self.reason, self.retry_after = self.reason or reason, self.retry_after or retry_after

    def note(self, answer: Answer) -> None:
        """Count lost answers in a row."""
        self.silent = self.silent + 1 if isinstance(answer, Uncertain) else 0
        if self.silent >= MOST_SILENCE:
            self.begin("the gateway does not answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayBackend:
    """A gateway at `address`; `in_doubt` is what it promises. A key is used for a day at most."""

    address: str
    secret: str
    in_doubt: InDoubt
    key_lifetime = timedelta(hours=24)

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> Iterator[tuple[Outgoing, Answer]]:
        """Yield the answers as they come; raises Unavailable after them if the gateway is to be left alone."""
        halt = _Halt()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            try:
                handed = {pool.submit(self._hand_over, mail, deadline, halt): mail for mail in batch}
                for done in as_completed(handed):
                    if (answer := done.result()) is not None:
                        yield handed[done], answer
            finally:
                if any(not done.done() for done in handed):
                    halt.begin("the answers are not wanted any more")
        if halt.reason:
            raise Unavailable(halt.reason, retry_after=halt.retry_after)

    def ask(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask which of these keys the gateway has taken."""
        url = httpx.URL(self.address).copy_merge_params([("key", key) for key in keys])
        try:
            response = _client().get(url, headers=self._headers())
            response.raise_for_status()
            taken = response.json()["taken"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"the gateway cannot be asked: {type(error).__name__}") from error
        if not isinstance(taken, dict):
            raise Unavailable("the gateway cannot be asked: its answer is not an object")
        return {str(key): str(value) for key, value in taken.items()}

    def _hand_over(self, mail: Outgoing, deadline: float, halt: _Halt) -> Answer | None:
        """Hand one mail over; None if the gateway is to be left alone by now."""
        if halt.reason:
            return None
        if time.monotonic() + PATIENCE_SECONDS > deadline:
            return Untried(reason="there was no time left to hand it over")
        headers = self._headers() | {"Content-Type": "message/rfc822", "Idempotency-Key": mail.key}
        try:
            with _client().stream("POST", self.address, content=mail.raw, headers=headers) as response:
                answer = _answer(response, mail, halt)
        except (*_NOT_SENT, outbound.InternalAddress) as error:
            halt.begin(f"the gateway cannot be reached: {error}")
            return None
        except httpx.TransportError as error:
            answer = Uncertain(reason=f"{type(error).__name__}: {error}")
        halt.note(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    """The connections of this process, kept open between batches."""
    return outbound.client(timeout=httpx.Timeout(PATIENCE_SECONDS, connect=min(5.0, PATIENCE_SECONDS)))


def _answer(response: httpx.Response, mail: Outgoing, halt: _Halt) -> Answer:
    """What a status means: taken, not this mail, not now, not us (a wrong address or secret), or nobody knows."""
    status, body = response.status_code, _read(response)
    reason = f"{status} {body[:150].decode(errors='replace')}".replace("\0", "").strip()
    if 200 <= status < 300:
        return Accepted(provider_id=_provider_id(body) or mail.key)
    if status in _NOT_NOW or status in _NOT_US:
        wait = _retry_after(response.headers.get("Retry-After", ""))
        halt.begin(f"the gateway takes nothing: {reason}", wait)
        return Deferred(reason=reason, retry_after=wait)
    return Refused(reason=reason) if status in _NOT_THIS else Uncertain(reason=reason)


def _read(response: httpx.Response) -> bytes:
    """The beginning of the answer; the status counts even if the rest of it is lost or never ends."""
    body, until = b"", time.monotonic() + PATIENCE_SECONDS
    try:
        for piece in response.iter_bytes():
            body += piece
            if len(body) >= MOST_READ or time.monotonic() > until:
                break
    except (httpx.TransportError, httpx.DecodingError):
        pass
    return body


def _provider_id(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = answer.get("id", "") if isinstance(answer, dict) else ""
    return str(found).replace("\0", "") if isinstance(found, str | int) else ""


def _retry_after(text: str) -> timedelta | None:
    """Read Retry-After, seconds or a date (RFC 9110); between a second and an hour, None if it says neither."""
    if text.strip().isascii() and text.strip().isdigit():
        wait = timedelta(seconds=min(int(text.strip()[:9]), 3600))
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now()
    return min(max(wait, timedelta(seconds=1)), timedelta(hours=1))
