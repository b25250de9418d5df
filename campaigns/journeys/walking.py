"""Moving everybody on whose wait is over.

One transaction claims, asks, and writes the effects together with the next `due_at`: a worker that dies at any point
leaves the rows as they were, and due. Nothing is called from here; mails and webhooks are rows that others send. Locks
are taken in one order: the journey (shared, so that a pause waits for us), customers by id, enrolments, counters.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from campaigns.journeys import counting
from campaigns.journeys.effects import store
from campaigns.journeys.ways import Way, counts_of, go_on
from campaigns.models import Enrolment, Journey
from customers.models import Customer

logger = logging.getLogger(__name__)
BATCH = 200
MOST_BATCHES = 50
MOST_FAILURES = 5
_WALKING = [str(state) for state in Journey.WALKING]

_SHARED = "SELECT id FROM campaigns_journey WHERE id = %s AND state = ANY(%s) FOR SHARE"
_DUE = """
SELECT id FROM campaigns_enrolment WHERE journey_id = %s AND is_active AND due_at <= statement_timestamp()
ORDER BY due_at, id LIMIT %s
"""
_HELD = """
SELECT id FROM customers_customer WHERE id IN (SELECT customer_id FROM campaigns_enrolment WHERE id = ANY(%s))
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""


def walk_due(journey_id: int) -> int:
    """Move on who is due in a journey, a bounded number of batches; return how many times somebody was moved.

    Several workers may do this at once. Who cannot be moved is left out and tried again later, and leaves the journey
    after the fifth time.
    """
    total = 0
    for _ in range(MOST_BATCHES):
        due = _due(journey_id)
        try:
            walked = walk(journey_id, due)
        except Exception:
            logger.exception("a batch of journey %s failed; its customers go one by one", journey_id)
            walked = _walk_singly(journey_id, due)
        total += walked
        if not walked:
            break
    return total


def due_journeys() -> list[int]:
    """Return the journeys in which somebody is due."""
    walking = Journey.objects.filter(state__in=Journey.WALKING).order_by("pk")
    return [pk for pk in walking.values_list("pk", flat=True) if _due(pk, limit=1)]


@transaction.atomic
def walk(journey_id: int, enrolment_ids: Sequence[int]) -> int:
    """Move these on if they are due, all or nothing; who is being written by somebody else is left out."""
    if not enrolment_ids or not share(journey_id):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [list(enrolment_ids)])
        held = [row[0] for row in cursor.fetchall()]
    now = clock()
    claimed = Enrolment.objects.select_for_update(skip_locked=True, of=("self",)).select_related("version")
    ours = claimed.filter(pk__in=enrolment_ids, customer__in=held, is_active=True, due_at__lte=now)
    standing = list(ours.order_by("pk"))
    columns = ("public_id", "timezone", "erased_at", "do_not_sell")
    people = Customer.objects.only(*columns).in_bulk([one.customer_id for one in standing])
    ways = [Way(one, people[one.customer_id]) for one in standing]
    go_on(ways, now=now)
    store(Journey.objects.get(pk=journey_id), ways, now=now)
    counting.add(Counter(counts_of(ways)))
    return len(ways)


def share(journey_id: int) -> bool:
    """Keep a journey in its state until the transaction ends; False where nobody walks in it."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [journey_id, _WALKING])
        return cursor.fetchone() is not None


def clock() -> datetime:
    """Return the database's present moment, in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(UTC)


def _due(journey_id: int, *, limit: int = BATCH) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [journey_id, limit])
        return [row[0] for row in cursor.fetchall()]


def _walk_singly(journey_id: int, enrolment_ids: Sequence[int]) -> int:
    walked = 0
    for enrolment_id in enrolment_ids:
        try:
            walked += walk(journey_id, [enrolment_id])
        except Exception:
            logger.exception("enrolment %s cannot go on", enrolment_id)
            _postpone(enrolment_id)
    return walked


@transaction.atomic
def _postpone(enrolment_id: int) -> None:
    """Look again later, each time after twice as long; who failed too often leaves."""
    one = Enrolment.objects.select_for_update().get(pk=enrolment_id)
    if not one.is_active:
        return
    now = clock()
    one.failures += 1
    one.due_at = now + timedelta(minutes=2**one.failures)
    if one.failures >= MOST_FAILURES:
        one.is_active, one.ended_at, one.ending = None, now, "failed"
        counting.add(Counter({(one.version_id, one.step, "failed"): 1}))
    one.save(update_fields=["failures", "due_at", "is_active", "ended_at", "ending"])
