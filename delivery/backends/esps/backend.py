"""Hands mail to a provider through Anymail, one request a mail, several at once."""

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

import httpx
import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from urllib3 import exceptions as urllib3_errors

from delivery.answers import Accepted, Answer, InDoubt, Refused, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing
from delivery.backends.esps import patience
from delivery.backends.esps.connecting import connect
from delivery.backends.esps.esp import METADATA_KEY, Connection, Esp
from delivery.backends.esps.mail import ComposedMail, as_django_mail
from delivery.backends.http_answers import answer_to
from delivery.backends.kept import Kept
from delivery.backends.side_by_side import Answered, Halt, Mails, answered_by, side_by_side

CONNECTIONS = 8
_NOT_CONNECTED = (urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class EspBackend:
    """One account with a provider. `options` are what was filled in for it, as pairs."""

    esp: Esp
    options: tuple[tuple[str, str], ...]

    @property
    def in_doubt(self) -> InDoubt:
        """What the provider promises."""
        return self.esp.in_doubt

    @property
    def key_lifetime(self) -> timedelta | None:
        """For how long the provider keeps a key."""
        return self.esp.key_lifetime

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> Iterator[tuple[Outgoing, Answer]]:
        """Yield the answers as they come; raises Unavailable after them if the provider is to be left alone."""
        return side_by_side(batch, partial(self._hand_over_all, deadline), connections=CONNECTIONS)

    def ask(self, keys: Sequence[str], *, deadline: float) -> Mapping[str, str]:
        """Ask the provider, key by key; where it stops answering, what it has said counts."""
        if self.esp.ask is None:
            raise Unavailable(f"{self.esp.name} cannot be asked")
        found: dict[str, str] = {}
        try:
            with _kept(self.esp, self.options).one() as connection:
                for key in keys:
                    if _is_too_late(deadline):
                        break
                    found[key] = self.esp.ask(connection, key)
        except (requests.RequestException, httpx.TransportError, LookupError, TypeError, ValueError) as error:
            if not found:
                raise Unavailable(f"{self.esp.name} cannot be asked: {type(error).__name__}") from error
        return found

    def _hand_over_all(self, deadline: float, mails: Mails, halt: Halt) -> Iterator[Answered]:
        for mail in mails:
            if _is_too_late(deadline):
                yield mail, Untried(reason="there was no time left to hand it over")
            elif (answer := answered_by(self._hand_over, mail, halt)) is not None:
                halt.note(answer)
                yield mail, answer

    def _hand_over(self, mail: Outgoing, halt: Halt) -> Answer | None:
        """Hand one mail over; None if the provider cannot be reached."""
        written = as_django_mail(mail.raw, recipient=mail.recipient)
        if self.esp.takes_metadata:
            written.metadata = {METADATA_KEY: mail.key}
        self.esp.mark(written, mail.key)
        error: AnymailError | None
        try:
            with _kept(self.esp, self.options).one() as connection:
                error = self._post(connection, written, mail.key)
        except AnymailAPIError as lost:
            error = lost
        except (httpx.TransportError, Unavailable) as unreachable:
            halt.begin(f"{self.esp.name} cannot be reached: {unreachable}")
            return None
        if error is None:
            return _taken(written, mail)
        if isinstance(error, AnymailAPIError):
            return self._judged(error, mail, halt)
        said = _words(error.response) if isinstance(error, AnymailRecipientsRefused) else str(error)[:200]
        return Refused(reason=said or "the provider refuses this address")

    def _post(self, connection: Connection, written: ComposedMail, key: str) -> AnymailError | None:
        """Make the request and return what the provider has against it; raises where there was no answer."""
        if self.esp.key_header:
            connection.session.headers[self.esp.key_header] = key
        try:
            connection.send_messages([written])
        except AnymailError as error:
            if isinstance(error, AnymailAPIError) and error.response is None:
                raise
            return error
        return None

    def _judged(self, error: AnymailAPIError, mail: Outgoing, halt: Halt) -> Answer | None:
        """What an answer that is no yes, or none at all, means."""
        if error.response is None:
            if _never_left(error, self.esp):
                halt.begin(f"{self.esp.name} cannot be reached: {type(error.__cause__).__name__}")
                return None
            return Uncertain(reason=f"{type(error.__cause__).__name__}: the answer was lost")
        if self.esp.judge is not None and (answer := self.esp.judge(error.response, halt)) is not None:
            return answer if answer != Accepted(provider_id="") else Accepted(provider_id=mail.key)
        reason, status = _words(error.response), error.response.status_code
        if 200 <= status < 300:
            return Uncertain(reason=reason)
        retry_after = error.response.headers.get("Retry-After", "")
        return answer_to(status, reason=reason, retry_after=retry_after, halt=halt)


def _is_too_late(deadline: float) -> bool:
    """Whether one more request might still run at the deadline."""
    return time.monotonic() + patience.CONNECT_SECONDS + patience.ANSWER_SECONDS > deadline


@lru_cache(maxsize=64)
def _kept(esp: Esp, options: tuple[tuple[str, str], ...]) -> Kept[Connection]:
    """The connections of this process to one account."""
    return Kept(
        lambda: connect(
            esp.name,
            {**esp.kwargs(dict(options)), "timeout": (patience.CONNECT_SECONDS, patience.ANSWER_SECONDS)},
        )
    )


def _taken(written: ComposedMail, mail: Outgoing) -> Answer:
    """What the provider says about the one recipient of a request that succeeded."""
    status = written.anymail_status
    said = set(status.status or ())
    if said and said <= {"failed", "rejected", "invalid"}:
        return Refused(reason=_words(status.esp_response) or "the provider refuses this mail")
    if not said or (said == {"unknown"} and not status.message_id):
        return Uncertain(reason=f"the answer does not say what became of it: {_words(status.esp_response)}")
    return Accepted(provider_id=str(status.message_id or mail.key))


def _never_left(error: AnymailAPIError, esp: Esp) -> bool:
    """Whether no connection came about, so that nothing was handed over."""
    cause = error.__cause__
    if isinstance(cause, (requests.ConnectTimeout, *esp.not_sent)) or _is_certificate(cause):
        return True
    reason = getattr(cause.args[0] if cause and cause.args else None, "reason", None)
    return isinstance(cause, requests.ConnectionError) and isinstance(reason, _NOT_CONNECTED)


def _is_certificate(error: BaseException | None) -> bool:
    """Whether TLS ended at the certificate; any other trouble with TLS may come after the request was written."""
    if error is None or isinstance(error, ssl.SSLCertVerificationError):
        return error is not None
    inner = [one for one in (*error.args, getattr(error, "reason", None)) if isinstance(one, BaseException)]
    return any(map(_is_certificate, [*inner, error.__cause__ or error.__context__]))


def _words(response: Any) -> str:
    """Status and the beginning of the provider's answer."""
    if not isinstance(response, requests.Response):
        return ""
    return f"{response.status_code} {response.text[:150]}".replace("\0", "").strip()
