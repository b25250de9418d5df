"""Providers' reports. Anymail verifies their signature and gives them one vocabulary; here they are kept, once.

A report from which nothing follows (`queued`, `processed`: said of every mail) is not kept. One whose mail is not known
waits: it is looked for when the provider's id is filed (`link_filed`), and again after twice as long each time
(`try_waiting`), for a day. Then it is listed as one that nobody knows.
"""

import hashlib
import json
import logging
import math
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from anymail.signals import AnymailTrackingEvent, tracking
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now
from django.dispatch import receiver

from common.prepared_statements import answers, as_array
from delivery.models import Message, WebhookReceipt
from delivery.provider_reports import Report, apply, may_keep, messages_of, storable
from delivery.reconciling import settle_reported

logger = logging.getLogger(__name__)

FIRST_TRY_AFTER = timedelta(seconds=30)
LOOKED_FOR = timedelta(days=1)
"""For so long a report's mail is looked for."""
BATCH = 500
State = WebhookReceipt.State
_WAITS = Q(state=State.WAITING)
_IS_AWAITED = """
SELECT EXISTS (SELECT FROM delivery_webhookreceipt WHERE state = 'waiting' AND provider_id = ANY(%s::text[]))
"""


@receiver(tracking)
def take_report(sender: object, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Keep a verified report once, and what it says about its message; the order of reports does not matter."""
    raw = _plain(event.esp_event)
    report = Report.of(event, esp_name, raw=raw)
    if not report.kind:
        return
    (message,) = messages_of([report])
    with transaction.atomic():
        receipt, is_new = WebhookReceipt.objects.get_or_create(
            provider=esp_name,
            event_key=storable(str(event.event_id or _hash_of(raw)))[:200],
            defaults={
                "kind": storable(str(event.event_type))[:30],
                "raw": raw if may_keep(report, message) else {},
                "message": message,
                **({} if message is not None else _waiting(report)),
            },
        )
        if is_new and message is not None:
            _heed(receipt, report, message)


def link_filed(provider_ids: Collection[str]) -> int:
    """Look again at reports that waited for ids which have just been filed; returns how many found their mail."""
    spellings = {one for name in provider_ids if name for one in (name, name.strip("<>"), f"<{name}>")}
    if not spellings or not answers(_IS_AWAITED, [as_array(spellings)])[0][0]:
        return 0
    with transaction.atomic():
        waiting = WebhookReceipt.objects.filter(_WAITS, provider_id__in=spellings)
        return _link(_locked(waiting))


def try_waiting() -> int:
    """Look again for the mails of reports whose time has come; returns how many found theirs.

    Each is tried after twice as long as before; one that is a day old is given up.
    """
    total = 0
    while True:
        with transaction.atomic():
            due = _locked(WebhookReceipt.objects.filter(_WAITS, try_at__lte=Now()).order_by("try_at"))
            total += _link(due)
        if len(due) < BATCH:
            return total


def _locked(waiting: QuerySet[WebhookReceipt]) -> list[WebhookReceipt]:
    return list(waiting.select_for_update(skip_locked=True, of=("self",))[:BATCH])


def _waiting(report: Report) -> dict[str, object]:
    """The columns of a report whose mail is not known; one that names none is never going to find it."""
    told = {"told": report.as_told(), "provider_id": report.provider_id}
    if not report.names_somebody:
        return {**told, "state": State.UNKNOWN}
    return {**told, "state": State.WAITING, "try_at": Now() + FIRST_TRY_AFTER}


def _link(receipts: Sequence[WebhookReceipt]) -> int:
    """Link locked receipts to their mails; the others are tried later, or given up."""
    reports = [Report.told(one.told or {}, provider=one.provider, raw=one.raw) for one in receipts]
    left = []
    for receipt, report, message in zip(receipts, reports, messages_of(reports), strict=True):
        if message is None or not _is_linked(receipt, report, message):
            left.append(receipt.pk)
    _try_later(left)
    return len(receipts) - len(left)


def _is_linked(receipt: WebhookReceipt, report: Report, message: Message) -> bool:
    """Link one; what it says may be what nobody foresaw, and must not keep up the others."""
    try:
        with transaction.atomic():
            receipt.message, receipt.state, receipt.told, receipt.try_at = message, State.LINKED, None, None
            receipt.raw = receipt.raw if may_keep(report, message) else {}
            receipt.save(update_fields=["message", "state", "told", "try_at", "raw"])
            _heed(receipt, report, message)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("report %s cannot be linked", receipt.pk)
        return False
    return True


def _try_later(left: Sequence[int]) -> None:
    waiting = WebhookReceipt.objects.filter(pk__in=left)
    waiting.filter(received_at__lte=Now() - LOOKED_FOR).update(state=State.UNKNOWN, try_at=None)
    waited = Now() - F("received_at")
    waiting.filter(_WAITS).update(try_at=ExpressionWrapper(Now() + waited, output_field=DateTimeField()))


def _heed(receipt: WebhookReceipt, report: Report, message: Message) -> None:
    """Note what a report says, where that may be kept."""
    if may_keep(report, message):
        apply(report, message, dedupe_key=f"{receipt.provider}:{receipt.event_key}"[:200])
        settle_reported(message.pk)


def _hash_of(raw: Any) -> str:
    """The same for the same report, in whatever order its parts come."""
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def _plain(raw: Any) -> Any:
    """Make a provider's raw report storable as JSON, whatever mapping it came as."""
    if hasattr(raw, "lists"):
        raw = {name: values[0] if len(values) == 1 else values for name, values in raw.lists()}
    if isinstance(raw, dict):
        return {storable(str(name)): _plain(value) for name, value in raw.items()}
    if isinstance(raw, list | tuple):
        return [_plain(value) for value in raw]
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    return raw if isinstance(raw, int | float | bool | None) else storable(str(raw))
