"""Who enters a journey: by an event, a stage, or a segment they came into.

News are claimed in the transaction that enters people by them, so that none is lost and none enters twice; the key of
an entry is what entered, and stands once. Old news enter nobody: what follows would come at the wrong time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from campaigns.journeys import counting
from campaigns.journeys.documents import Document
from campaigns.journeys.news import types_of
from campaigns.journeys.walking import clock
from campaigns.journeys.ways import document_of
from campaigns.models import Journey, StepCount
from customers.aliases import survivors
from segments.conditions import Needs, needs
from segments.evaluator import load_profiles, matches

STALE_AFTER = timedelta(days=1)
# News are as old as the first of them that waited; who wrote them may have begun before that.
LATENESS = timedelta(minutes=5)
BATCH = 1000
MOST_BATCHES = 20

_EVENTS = """
SELECT DISTINCT ON (bell.customer_id) bell.customer_id, event.message_id::text, event.received_at
FROM unnest(%(customers)s::bigint[], %(since)s::timestamptz[]) AS bell (customer_id, since)
JOIN customers_event event ON event.customer_id = bell.customer_id AND event.type = ANY(%(types)s)
    AND event.occurred_at > %(oldest)s AND event.occurred_at <= %(now)s
    AND event.received_at >= bell.since AND event.received_at >= %(active)s
ORDER BY bell.customer_id, event.occurred_at DESC, event.message_id
"""
_BELLS = """
DELETE FROM campaigns_journeybell WHERE id IN (
    SELECT id FROM campaigns_journeybell ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING customer_id, changed, since
"""
_STAGES = """
UPDATE segments_stagechange SET claimed_at = statement_timestamp() WHERE id IN (
    SELECT id FROM segments_stagechange WHERE claimed_at IS NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING customer_id, to_stage, changed_at, 'stage:' || id
"""
_SEGMENTS = """
UPDATE segments_membershipchange change SET is_news = false FROM segments_segment segment
WHERE segment.id = change.segment_id AND change.id IN (
    SELECT id FROM segments_membershipchange WHERE is_news ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING change.customer_id, segment.key, change.changed_at, 'segment:' || change.id
"""
_WAKE = """
UPDATE campaigns_enrolment enrolment SET due_at = least(due_at, statement_timestamp())
FROM unnest(%s::bigint[], %s::bigint[]) AS bell (customer_id, changed)
WHERE enrolment.customer_id = bell.customer_id AND enrolment.is_active AND enrolment.awaits & bell.changed <> 0
"""
_BEFORE = """
SELECT customer_id, bool_or(is_active IS TRUE), max(started_at), max(ended_at) FROM campaigns_enrolment
WHERE journey_id = %s AND customer_id = ANY(%s) GROUP BY customer_id
"""
_ENROL = """
INSERT INTO campaigns_enrolment (journey_id, version_id, customer_id, entry_key, step)
SELECT %s, %s, entry.customer_id, entry.key, %s FROM unnest(%s::bigint[], %s::text[]) AS entry (customer_id, key)
ON CONFLICT DO NOTHING
"""
_PRESENT = {
    "segment": """
        SELECT member.customer_id FROM segments_segmentmembership member
        JOIN segments_segment segment ON segment.id = member.segment_id
        WHERE segment.key = ANY(%s) AND member.customer_id > %s ORDER BY member.customer_id LIMIT %s""",
    "stage": """
        SELECT id FROM customers_customer WHERE stage = ANY(%s) AND NOT is_anonymous AND id > %s ORDER BY id LIMIT %s
    """,
}


Source = Callable[[datetime], tuple[int, int]]
"""Claims a batch of news at a moment; returns how many those were, and how many entered by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody whom a trigger names, by which piece of news, and when that came."""

    customer_id: int
    key: str
    at: datetime


def enter_by_news() -> int:
    """Enter whom unclaimed news name, wake who waits, and return how many entered; a bounded number of batches."""
    return sum(_claimed(one) for one in (_by_events, _by_stages, _by_segments))


def enter_present(journey_id: int) -> int:
    """Enter who is in the journey's segment or stage already, once each; return how many entered."""
    journey = Journey.objects.select_related("live_version").get(pk=journey_id)
    kind, keys = trigger_of(journey)
    entered, last = 0, 0
    while ids := _present(kind, keys, after=last):
        last = ids[-1]
        with transaction.atomic():
            now = clock()
            entered += enter(
                journey, [Candidate(customer_id=pk, key="present", at=now) for pk in ids], now=now
            )
    return entered


def trigger_of(journey: Journey) -> tuple[str, frozenset[str]]:
    """Return what enters the journey: `event`, `stage` or `segment`, and the keys of the latter two."""
    assert journey.live_version_id is not None
    trigger = document_of(journey.live_version_id).trigger
    if trigger.kind == "fits":
        return "segment", frozenset({segment_key_of(journey)})
    return trigger.kind, trigger.keys


def segment_key_of(journey: Journey) -> str:
    """Return the key of the segment that is made for the condition that begins a journey."""
    return f"journey-{journey.key}"


def enter(journey: Journey, candidates: Sequence[Candidate], *, now: datetime) -> int:
    """Enter those whom the journey lets in; return how many. A handful of queries for any number."""
    assert journey.live_version_id is not None and journey.active_since is not None
    document = document_of(journey.live_version_id)
    fresh = [one for one in candidates if one.at >= max(journey.active_since, now - STALE_AFTER)]
    let_in = _let_in(journey, document, _of_persons(fresh), now=now)
    rows = sorted((one.customer_id, one.key) for one in let_in)
    if not rows:
        return 0
    first = document.steps[0].name
    with connection.cursor() as cursor:
        cursor.execute(
            _ENROL, [journey.pk, journey.live_version_id, first, *map(list, zip(*rows, strict=True))]
        )
        entered = cursor.rowcount
    counting.add(Counter({(journey.live_version_id, first, StepCount.ARRIVED): entered}))
    return entered


def _of_persons(candidates: Iterable[Candidate]) -> dict[int, Candidate]:
    """One for each person: profiles that were merged lead to the survivor, and the latest news count."""
    listed = sorted(candidates, key=lambda one: (one.at, one.key))
    ways = survivors(one.customer_id for one in listed)
    people: dict[int, Candidate] = {}
    for one in listed:
        pk = ways.get(one.customer_id, one.customer_id)
        people[pk] = Candidate(customer_id=pk, key=one.key, at=one.at)
    return people


def _let_in(
    journey: Journey, document: Document, people: dict[int, Candidate], *, now: datetime
) -> list[Candidate]:
    """Those who are known, fit, and may enter (again). News from before they last left are no new occasion."""
    profiles = load_profiles(
        sorted(people), needs(document.only_if) if document.only_if else Needs(), now=now
    )
    fit = [
        pk
        for pk, profile in profiles.items()
        if document.only_if is None or matches(document.only_if, profile, now=now)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, [journey.pk, fit])
        before = {row[0]: row[1:] for row in cursor.fetchall()}
    return [people[pk] for pk in fit if _may_enter(document, people[pk], before.get(pk), now=now)]


def _may_enter(
    document: Document,
    candidate: Candidate,
    before: tuple[bool, datetime, datetime | None] | None,
    *,
    now: datetime,
) -> bool:
    if before is None:
        return True
    is_active, started_at, ended_at = before
    if is_active or document.reentry is None or ended_at is None:
        return False
    return now - started_at >= document.reentry and candidate.at > ended_at


def _claimed(source: Source) -> int:
    """Let a source enter people batch by batch, each in a transaction of its own, until it has no more."""
    entered = 0
    for _ in range(MOST_BATCHES):
        with transaction.atomic():
            claimed, came = source(clock())
        entered += came
        if claimed < BATCH:
            break
    return entered


def _by_events(now: datetime) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_BELLS, [BATCH])
        bells = sorted(cursor.fetchall())
        if not bells:
            return 0, 0
        cursor.execute(_WAKE, [[bell[0] for bell in bells], [bell[1] for bell in bells]])
    return len(bells), sum(_enter_by_event(journey, bells, now=now) for journey, _ in _active("event"))


def _enter_by_event(journey: Journey, bells: Sequence[tuple[int, int, datetime]], *, now: datetime) -> int:
    assert journey.live_version_id is not None
    event = document_of(journey.live_version_id).trigger.event
    heard = [(pk, since - LATENESS) for pk, changed, since in bells if changed & journey.listens]
    if event is None or not heard:
        return 0
    customers, since = map(list, zip(*heard, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _EVENTS,
            {
                "customers": customers,
                "since": since,
                "types": types_of(event),
                "oldest": now - STALE_AFTER,
                "now": now,
                "active": journey.active_since,
            },
        )
        found = [Candidate(customer_id=pk, key=f"event:{id}", at=at) for pk, id, at in cursor.fetchall()]
    return enter(journey, found, now=now)


def _by_stages(now: datetime) -> tuple[int, int]:
    return _by_changes("stage", _STAGES, now=now)


def _by_segments(now: datetime) -> tuple[int, int]:
    return _by_changes("segment", _SEGMENTS, now=now)


def _by_changes(kind: str, claim: str, *, now: datetime) -> tuple[int, int]:
    """Claim changes, whether a journey waits for them or not."""
    with connection.cursor() as cursor:
        cursor.execute(claim, [BATCH])
        changes = sorted(cursor.fetchall())
    entered = 0
    for journey, keys in _active(kind) if changes else ():
        named = [Candidate(customer_id=pk, key=name, at=at) for pk, key, at, name in changes if key in keys]
        entered += enter(journey, named, now=now)
    return len(changes), entered


def _active(kind: str) -> list[tuple[Journey, frozenset[str]]]:
    """The journeys that such a trigger enters, with its keys; they stay active until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM campaigns_journey WHERE state = 'active' ORDER BY id FOR SHARE")
        ids = [row[0] for row in cursor.fetchall()]
    told = [(one, *trigger_of(one)) for one in Journey.objects.filter(pk__in=ids).order_by("pk")]
    return [(one, keys) for one, its_kind, keys in told if its_kind == kind]


def _present(kind: str, keys: frozenset[str], *, after: int) -> list[int]:
    if kind not in _PRESENT:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT[kind], [sorted(keys), after, BATCH])
        return [row[0] for row in cursor.fetchall()]
