"""What is kept for how long: one rule a kind of thing, declared in `settings.RETENTION`, applied every night."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Greatest
from django.utils.module_loading import import_string

from common.clock import now
from customers.models import OptIn, PrivacyRequest, QuarantinedRow

BATCH = 5000


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Things of one kind are forgotten after so many days, by the function of that dotted path."""

    name: str
    what: str
    days: int
    forget: str


def schedule() -> Iterator[Rule]:
    """All rules, in the order of the settings."""
    for name, rule in settings.RETENTION.items():
        yield Rule(name=name, **rule)


def apply_retention(at: datetime | None = None) -> dict[str, int]:
    """Forget what is older than its rule says; returns how much of each kind."""
    moment = at or now()
    return {rule.name: import_string(rule.forget)(moment - timedelta(days=rule.days)) for rule in schedule()}


def delete_rejects(before: datetime) -> int:
    """Delete files of refused rows last written before that; returns how many."""
    folder = Path(settings.REJECTS_DIR)
    old = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mtime < before.timestamp()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def delete_opt_ins(before: datetime) -> int:
    """Delete sign-ups asked for before that; what was confirmed is in the consent log. Returns how many."""
    return OptIn.objects.filter(asked_at__lt=before).delete()[0]


def empty_privacy_requests(before: datetime) -> int:
    """Empty the names in requests settled before that; returns how many."""
    settled = PrivacyRequest.objects.filter(closed_at__lt=before)
    named = settled.filter(~Q(contact="") | ~Q(note="") | Q(customer__isnull=False))
    return named.update(contact="", note="", customer=None)


def delete_quarantined(before: datetime) -> int:
    """Delete rows that wait and were last refused before that, and empty settled ones; returns how many, both together.

    Settled ones are known by their fingerprint still, so that they do not come back when their file is read again.
    """
    last_refused = Greatest("created_at", "run__started_at")  # the run is that of the last refusal
    old = QuarantinedRow.objects.annotate(refused_at=last_refused).filter(refused_at__lt=before)
    is_waiting = Q(state=QuarantinedRow.State.WAITING)
    deleted = emptied = 0
    while ids := list(old.filter(is_waiting).values_list("pk", flat=True)[:BATCH]):
        deleted += QuarantinedRow.objects.filter(pk__in=ids).delete()[0]
    while ids := list(old.exclude(is_waiting | Q(raw=[])).values_list("pk", flat=True)[:BATCH]):
        emptied += QuarantinedRow.objects.filter(pk__in=ids).update(raw=[])
    return deleted + emptied
