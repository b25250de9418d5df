"""Keeping reports up to date: what changed is claimed, read anew, and put into the sums; and all of it rebuilt.

Changes are rows that triggers write in the transaction of the change itself (docs/decisions/0013), so that nothing is
missed, whoever changes what: late events, verdicts made anew, refunds, merges. One process at a time refreshes.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F, Max

from common.clock import now
from delivery.models import Message
from reports import sums
from reports.attribution import attribute
from reports.facts import read_messages
from reports.models import Attribution, CampaignFigures, Change, MessageFact, ReportSettings

BATCH = 5_000
SECONDS = 5.0
"""For so long one refresh goes on: others wait behind it."""
LOCK = 7216_0077
# Materialised, for a subquery with a limit may be run again for each row and then claims more.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM reports_change WHERE id <= %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
DELETE FROM reports_change change USING due WHERE change.id = due.id
RETURNING change.kind, change.ref
"""
# Orders whose attribution may change: those that were attributed to the messages, and those of the messages' customers
# that were placed within the longer window of anything that was opened or clicked.
_ORDERS = """
SELECT order_id FROM reports_attribution WHERE message_id = ANY(%(ids)s)
UNION
SELECT o.id FROM delivery_message m
CROSS JOIN LATERAL (
    SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM delivery_messageevent
    WHERE message_id = m.id AND kind IN ('opened', 'clicked')
) e
JOIN customers_order o ON o.customer_id = m.customer_id AND o.placed_at >= e.first
    AND o.placed_at < e.last + make_interval(days => %(days)s)
WHERE m.id = ANY(%(ids)s)
"""
# Messages whose facts may change: those that had a share of the orders, or whose products the orders may hold.
_MESSAGES = """
SELECT message_id FROM reports_attribution WHERE order_id = ANY(%(ids)s)
UNION
SELECT m.id FROM customers_order o JOIN delivery_message m ON m.customer_id = o.customer_id
    AND m.sent_at <= o.placed_at AND m.sent_at > o.placed_at - make_interval(days => %(days)s)
WHERE o.id = ANY(%(ids)s)
"""
_STALE = """
UPDATE reports_campaignfigures SET is_stale = true WHERE NOT is_stale AND campaign_id IN (
    SELECT c.id FROM campaigns_campaign c WHERE c.dispatch_id = ANY(%(dispatches)s)
    UNION
    SELECT r.campaign_id FROM customers_order o JOIN campaigns_recipient r ON r.customer_id = o.customer_id
    JOIN campaigns_campaign c ON c.id = r.campaign_id AND o.placed_at >= c.launched_at
    JOIN experiments_experiment x ON x.id = c.experiment_id AND o.placed_at < coalesce(c.last_due_at, c.launched_at)
        + make_interval(days => x.conversion_window_days::int)
    WHERE o.id = ANY(%(orders)s)
    UNION
    SELECT unnest(%(campaigns)s::bigint[])
)
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """What was claimed: ids of messages, orders and campaigns."""

    messages: set[int]
    orders: set[int]
    campaigns: set[int]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many changes were taken in, and whether more of those that were there at the start are waiting."""

    changes: int
    is_more: bool


def refresh(*, batch: int = BATCH) -> int:
    """Take in everything that has changed by now, whatever time that takes; returns how many changes.

    0 too where another one refreshes. The first run of all, and the first after the rule of attribution changed, is a
    rebuild.
    """
    return rebuild_if_needed() or take_in_changes(batch=batch, seconds=None).changes


def rebuild_if_needed() -> int:
    """Rebuild where nothing was ever counted or the rule of attribution changed; returns messages read."""
    return 0 if _is_ready(ReportSettings.current()) else rebuild(only_if_needed=True)


def take_in_changes(*, batch: int = BATCH, seconds: float | None = SECONDS) -> Refreshed:
    """Take in, batch by batch, what had changed when this began; what changes meanwhile is left to the next one.

    Nothing is done where a rebuild is due or somebody else is at it. No batch begins after so many seconds.
    """
    at, begun = now(), time.monotonic()
    last = Change.objects.aggregate(last=Max("pk"))["last"] or 0
    total = 0
    while seconds is None or not total or time.monotonic() - begun < seconds:
        claimed = _refresh_batch(batch, last=last, at=at)
        if not claimed:
            return Refreshed(total, is_more=False)
        total += claimed
    return Refreshed(total, is_more=True)


@transaction.atomic
def rebuild(*, only_if_needed: bool = False) -> int:
    """Make everything anew from the raw rows, in one transaction that readers do not notice; returns messages read.

    `only_if_needed`: nothing is done where somebody else is at it, or has just done it.
    """
    ReportSettings.objects.get_or_create(pk=ReportSettings.ONLY)
    if not _locked(is_patient=not only_if_needed):
        return 0
    settings = ReportSettings.objects.get()
    if only_if_needed and _is_ready(settings):
        return 0
    at = now()
    Change.objects.all().delete()
    Attribution.objects.all().delete()
    attribute(settings)
    read_messages(settings)
    sums.rebuild()
    CampaignFigures.objects.update(is_stale=True)
    ReportSettings.objects.update(attributed_version=settings.attribution_version, refreshed_at=at)
    return MessageFact.objects.count()


def ask_for_attribution_anew() -> None:
    """Let the next refresh attribute all orders anew: the rule or a window changed."""
    ReportSettings.objects.update(attribution_version=F("attribution_version") + 1)


def _locked(*, is_patient: bool) -> bool:
    """Take the lock of who refreshes until the transaction ends; without patience only if it is free."""
    function = "pg_advisory_xact_lock" if is_patient else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [LOCK])
        return is_patient or bool(cursor.fetchone()[0])


def _is_ready(settings: ReportSettings) -> bool:
    """Whether there are sums to which changes can be added."""
    return settings.refreshed_at is not None and settings.is_attributed


@transaction.atomic
def _refresh_batch(batch: int, *, last: int, at: datetime) -> int | None:
    """Take in one batch up to the change `last`; how many it had. None where another one is at it or a rebuild is due.

    Whoever finds nothing left, and holds the lock, notes `at`: all that had changed by then is counted.
    """
    if not _locked(is_patient=False) or not _is_ready(settings := ReportSettings.current()):
        return None
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [last, batch])
        claimed = cursor.fetchall()
    if claimed:
        _take_in(settings, _by_kind(claimed))
    else:
        ReportSettings.objects.filter(refreshed_at__lt=at).update(refreshed_at=at)
    return len(claimed)


def _by_kind(claimed: Sequence[tuple[str, int]]) -> Changed:
    def of(wanted: Change.Kind) -> set[int]:
        return {ref for kind, ref in claimed if kind == wanted}

    return Changed(of(Change.Kind.MESSAGE), of(Change.Kind.ORDER), of(Change.Kind.CAMPAIGN))


def _take_in(settings: ReportSettings, changed: Changed) -> None:
    """Read anew what the changes reach, and move the sums by the difference."""
    days = max(settings.click_window_days, settings.open_window_days)
    orders = sorted(changed.orders | _reached(_ORDERS, changed.messages, days=days))
    messages = changed.messages | _reached(_MESSAGES, orders, days=days)
    sums.add(message_ids=sorted(messages), order_ids=orders, sign=-1)
    Attribution.objects.filter(order__in=orders).delete()
    attribute(settings, order_ids=orders)
    newly = _reached(_MESSAGES, orders, days=days) - messages
    sums.add(message_ids=sorted(newly), order_ids=[], sign=-1)
    every = sorted(messages | newly)
    read_messages(settings, message_ids=every)
    sums.add(message_ids=every, order_ids=orders, sign=1)
    dispatches = _dispatches(messages | newly)
    sums.drop_empty(dispatches)
    with connection.cursor() as cursor:
        given = {"dispatches": dispatches, "orders": orders, "campaigns": sorted(changed.campaigns)}
        cursor.execute(_STALE, given)


def _reached(statement: str, ids: Iterable[int], *, days: int) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": sorted(ids), "days": days})
        return {id for (id,) in cursor.fetchall()}


def _dispatches(message_ids: set[int]) -> list[int]:
    messages = Message.objects.filter(pk__in=message_ids)
    return list(messages.values_list("dispatch_id", flat=True).distinct().order_by("dispatch_id"))
