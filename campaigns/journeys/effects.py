"""What follows from a batch of walks: rows, all in the walker's transaction. Nothing leaves the house from here."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection
from django.db.models.functions import Now

from campaigns.journeys.documents import Send, SetAttributes, Split, Step, Webhook
from campaigns.journeys.mailing import variant_key_of
from campaigns.journeys.ways import Way
from campaigns.models import Journey, WebhookCall
from campaigns.models.journey import occasion_of
from customers.models import Assignment
from customers.profiles import update_profiles
from experiments.models import Experiment

_VISITS = """
INSERT INTO campaigns_stepvisit (enrolment_id, position, step, outcome, at)
SELECT v.*, %s FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[]) AS v
"""
_GO = """
UPDATE campaigns_enrolment enrolment SET step = went.step, position = went.position, due_at = went.due_at,
    waits_since = went.waits_since, awaits = went.awaits, ending = went.ending, failures = 0,
    is_active = CASE WHEN went.ending = '' THEN true END,
    ended_at = CASE WHEN went.ending <> '' THEN %s::timestamptz END
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[])
    AS went (id, step, position, due_at, waits_since, awaits, ending)
WHERE enrolment.id = went.id
"""
_MAILS = """
INSERT INTO delivery_message (dispatch_id, customer_id, variant_key, occasion)
SELECT %s, mail.* FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS mail
ON CONFLICT (dispatch_id, customer_id, occasion) DO NOTHING
"""

Done = list[tuple[Way, int, Step]]


def store(journey: Journey, ways: Sequence[Way], *, now: datetime) -> int:
    """Write where everybody went and what follows; return how many mails were queued.

    The customers are locked. A step that was done before stops the whole by its constraint: nothing is done twice.
    """
    done = [(way, position, step) for way in ways for position, step in way.done]
    _write_visits(ways, now=now)
    _write_profiles(done)
    _assign(done, ways, now=now)
    _call(journey, done, now=now)
    mails = _queue_mails(journey, done)
    _write_enrolments(ways, now=now)
    return mails


def _of(done: Done, kind: type) -> Done:
    return [one for one in done if isinstance(one[2].act, kind)]


def _write_visits(ways: Iterable[Way], *, now: datetime) -> None:
    rows = sorted((way.enrolment.pk, *visit) for way in ways for visit in way.visits)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_VISITS, [now, *map(list, zip(*rows, strict=True))])


def _write_enrolments(ways: Iterable[Way], *, now: datetime) -> None:
    ones = sorted((way.enrolment for way in ways), key=lambda one: one.pk)
    columns = ("pk", "step", "position", "due_at", "waits_since", "awaits", "ending")
    if ones:
        with connection.cursor() as cursor:
            cursor.execute(_GO, [now, *([getattr(one, name) for one in ones] for name in columns)])


def _queue_mails(journey: Journey, done: Done) -> int:
    rows = sorted(
        (way.customer.pk, variant_key_of(way.enrolment.version.number, step.name), _occasion(way, position))
        for way, position, step in _of(done, Send)
    )
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_MAILS, [journey.dispatch_id, *map(list, zip(*rows, strict=True))])
        return cursor.rowcount


def _occasion(way: Way, position: int) -> str:
    return occasion_of(way.enrolment.pk, position)


def _write_profiles(done: Done) -> None:
    told: dict[int, dict[str, object]] = {}
    for way, _, step in _of(done, SetAttributes):
        assert isinstance(step.act, SetAttributes)
        told[way.customer.pk] = {"attributes": dict(step.act.attributes)}
    if told:
        update_profiles(told)


def _assign(done: Done, ways: Sequence[Way], *, now: datetime) -> None:
    """Freeze the arms that were drawn; an experiment starts with its first customer."""
    drawn = [
        Assignment(
            customer_id=way.customer.pk,
            experiment_key=step.act.experiment,
            variant_key=next(outcome for at, _, outcome in way.visits if at == position),
            assigned_at=now,
        )
        for way, position, step in _of(done, Split)
        if isinstance(step.act, Split)
    ]
    if drawn:
        drawn.sort(key=lambda one: (one.customer_id, one.experiment_key))
        Assignment.objects.bulk_create(drawn, ignore_conflicts=True)
        keys = {one.experiment_key for one in drawn}
        Experiment.objects.filter(key__in=keys, started_at=None).update(started_at=Now())


def _call(journey: Journey, done: Done, *, now: datetime) -> None:
    WebhookCall.objects.bulk_create(
        WebhookCall(
            enrolment=way.enrolment,
            position=position,
            url=step.act.url,
            body={
                "type": "journey.step",
                "timestamp": now.isoformat(),
                "data": {
                    **step.act.data,
                    "journey": journey.key,
                    "step": step.name,
                    "customer": str(way.customer.public_id),
                },
            },
        )
        for way, position, step in _of(done, Webhook)
        if isinstance(step.act, Webhook)
    )
