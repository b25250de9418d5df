"""Hands mail to a gateway over HTTP: one request a mail, several at once. The contract is in docs/delivery.md."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial

import httpx
from django.conf import settings

from common import outbound
from delivery.answers import Accepted, Answer, InDoubt, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing
from delivery.backends.http_answers import answer_to
from delivery.backends.side_by_side import Answered, Halt, Mails, answered_by, side_by_side

CONNECTIONS = 8
PATIENCE_SECONDS = min(20.0, settings.DELIVERY_LEASE_SECONDS / 8)
"""How long one answer may take; a quarter of the time in which a group may be handed over."""
MOST_READ = 65_536
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


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


def _answer(response: httpx.Response, mail: Outgoing, halt: Halt) -> Answer:
    """What the gateway says about the mail."""
    status, body = response.status_code, _read(response)
    if 200 <= status < 300:
        return Accepted(provider_id=_provider_id(body) or mail.key)
    reason = f"{status} {body[:150].decode(errors='replace')}".replace("\0", "").strip()
    return answer_to(status, reason=reason, retry_after=response.headers.get("Retry-After", ""), halt=halt)


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
