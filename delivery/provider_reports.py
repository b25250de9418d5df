"""What a provider reports about a mail, in our own words: which message it is about, and what follows from it.

A report names its message by our key, which goes with each mail as metadata, by our Message-ID, or by the id that the
provider gave it. The last is known only when its answer is filed, which may be after the report has come.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.db.models import Q

from common.clock import now
from customers.consent import suppress
from customers.models import Suppression
from delivery.backends.esps.esp import METADATA_KEY
from delivery.bounces import classify, said_by
from delivery.bouncing import heed
from delivery.judging import HITS
from delivery.models import Dispatch, Message, MessageEvent
from delivery.tracking import may_note, unsubscribe
from delivery.verdicts import reported_verdict

Kind = MessageEvent.Kind
_KINDS = {
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.OPENED: Kind.OPENED,
    EventType.CLICKED: Kind.CLICKED,
    EventType.DEFERRED: Kind.DEFERRED,
    EventType.BOUNCED: Kind.BOUNCED,
    EventType.REJECTED: Kind.REJECTED,
    EventType.FAILED: Kind.REJECTED,
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
_OUR_MESSAGE_ID = re.compile(r"^<?(\d{1,18})\.regards@")
_OUR_KEY = re.compile(r"^regards-(\d{1,18})$")
_ANY_PROVIDER = ("gateway", "smtp")
"""Ways out behind which any provider may stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. `provider_id` and `key` name the mail, `words` are the server's; `raw` is what came in."""

    provider: str
    kind: str
    provider_id: str
    key: str
    recipient: str
    at: datetime
    user_agent: str
    words: str
    reject_reason: str
    raw: Any

    @classmethod
    def of(cls, event: AnymailTrackingEvent, esp_name: str, *, raw: Any) -> "Report":
        """Read an event of Anymail's; one from which nothing follows has no kind."""
        key = (event.metadata or {}).get(METADATA_KEY, "") if isinstance(event.metadata, Mapping) else ""
        kind = _KINDS.get(event.event_type)
        return cls(
            provider=esp_name,
            kind="" if kind is None else kind.value,
            provider_id=storable(str(event.message_id or ""))[:200],
            key=storable(str(key))[:50],
            recipient=storable((event.recipient or "").lower())[:320],
            at=event.timestamp or now(),
            user_agent=storable(event.user_agent or "")[:300],
            words=storable(f"{event.mta_response or ''} {event.description or ''}").strip(),
            reject_reason=storable(str(event.reject_reason or "")),
            raw=raw,
        )

    @classmethod
    def told(cls, said: Mapping[str, str], *, provider: str, raw: Any) -> "Report":
        """Read what `as_told` has written."""
        at = datetime.fromisoformat(said["at"])
        return cls(provider=provider, raw=raw, **{**said, "at": at})  # type: ignore[arg-type]

    def as_told(self) -> dict[str, str]:
        """The report as JSON, without what came in."""
        names = ("kind", "provider_id", "key", "recipient", "user_agent", "words", "reject_reason")
        return {name: getattr(self, name) for name in names} | {"at": self.at.isoformat()}

    @property
    def message_id(self) -> int | None:
        """Our own number of the message, if the report names it."""
        ours = _OUR_KEY.match(self.key) or _OUR_MESSAGE_ID.match(self.provider_id)
        return int(ours.group(1)) if ours else None

    @property
    def names_somebody(self) -> bool:
        """Whether it says anything by which its message could be found."""
        return self.message_id is not None or bool(self.provider_id)


def messages_of(reports: Collection[Report]) -> list[Message | None]:
    """Find the message of each report, if this provider had it, and for this address; one query.

    Whoever knows one provider's secret can thus say nothing about another's mails.
    """
    numbers = {one.message_id for one in reports} - {None}
    named = {spelling for one in reports for spelling in _spellings(one) if one.message_id is None}
    found = list(
        Message.objects.select_related("dispatch__sender")
        .defer("raw")
        .filter(Q(pk__in=numbers) | Q(provider_id__in=named))
        .order_by("pk")
    )
    return [_message_of(one, found) for one in reports]


def apply(report: Report, message: Message, *, dedupe_key: str) -> None:
    """Note what happened to a message, and let follow what follows: once for each `dedupe_key`.

    A complaint suppresses the address that the mail went to, as the books have it, or its customer's where it was held
    back when it was to go again; never the report's, for a provider's secret says nothing about other addresses. An
    erased customer has none, and a tombstone keeps it out.
    """
    kind = Kind(report.kind)
    if kind == Kind.UNSUBSCRIBED:
        unsubscribe(message, source="provider's report")
        return
    verdict = _verdict(message, report) if kind in HITS else ""
    bounce = _bounce_of(report)
    MessageEvent.objects.bulk_create(
        [
            MessageEvent(
                message=message,
                kind=kind,
                bounce=bounce,
                occurred_at=report.at,
                user_agent=report.user_agent,
                is_machine=bool(verdict),
                verdict=verdict,
                dedupe_key=dedupe_key,
            )
        ],
        ignore_conflicts=True,
    )
    if kind == Kind.COMPLAINED:
        if address := message.recipient or _address_of_customer(message):
            suppress(address, Suppression.Reason.COMPLAINT)
    elif bounce:
        heed(message, bounce, words=report.words)


def may_keep(report: Report, message: Message | None) -> bool:
    """Whether what came in may be kept: openings and clicks only of those who allow it."""
    return message is None or may_note(message.customer_id, Kind(report.kind))


def storable(said: str) -> str:
    """Text as PostgreSQL takes it: no NUL, and no half of a character."""
    return said.replace("\0", "").encode("utf-8", "replace").decode()


def _spellings(report: Report) -> set[str]:
    return {report.provider_id, report.provider_id.strip("<>")} - {""}


def _message_of(report: Report, found: Iterable[Message]) -> Message | None:
    if not report.names_somebody:
        return None
    named = [
        one
        for one in found
        if (
            one.pk == report.message_id
            if report.message_id is not None
            else one.provider_id in _spellings(report)
        )
    ]
    return next((one for one in named if _is_about(one, report)), None)


def _is_about(message: Message, report: Report) -> bool:
    backend = message.dispatch.sender.backend
    had_it = backend in _ANY_PROVIDER or _letters(backend) == _letters(report.provider)
    address = message.recipient.lower()
    return had_it and (not report.recipient or not address or address == report.recipient)


def _address_of_customer(message: Message) -> str:
    """Where the customer is written to now; of a test mail nowhere, for it went to a colleague."""
    is_test = message.dispatch.kind == Dispatch.Kind.TEST
    return "" if is_test else message.customer.email or ""


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _verdict(message: Message, report: Report) -> str:
    """Say why an opening or click that a provider reports counts as a machine's, or return an empty string."""
    elapsed = (report.at - message.sent_at).total_seconds() if message.sent_at else None
    return reported_verdict(user_agent=report.user_agent, report=report.raw, seconds_since_sent=elapsed)


def _bounce_of(report: Report) -> str:
    """The class of a bounce, and of a refusal because of the address; empty for other reports."""
    is_invalid = report.reject_reason == RejectReason.INVALID
    is_address = report.kind == Kind.REJECTED and (is_invalid or report.reject_reason == RejectReason.BOUNCED)
    if report.kind == Kind.BOUNCED or is_address:
        said = said_by(report.raw) or ("invalid" if is_invalid else "")
        return classify(text=report.words, kind=said or report.reject_reason)
    return ""
