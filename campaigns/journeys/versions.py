"""Versions of a journey: published, opened to customers, paused, closed."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from campaigns.journeys import counting, uses
from campaigns.journeys.documents import (
    Document,
    JourneyError,
    Send,
    Split,
    Webhook,
    parse_document,
)
from campaigns.journeys.entering import segment_key_of, trigger_of
from campaigns.journeys.news import listens
from campaigns.journeys.walking import clock
from campaigns.journeys.ways import document_of
from campaigns.models import Journey, JourneyVersion, StepCount, Template, TemplateVersion
from delivery import steering
from delivery.models import Dispatch
from experiments.models import Experiment
from experiments.stats.assignment import WHOLE
from rules.documents import checksum
from segments import membership
from segments.conditions import needs, parse
from segments.models import LifecycleStage, Segment

MOVED = "moved"
_MOVE = """
WITH was AS (
    SELECT id, version_id, step FROM campaigns_enrolment
    WHERE journey_id = %(journey)s AND is_active AND version_id <> %(version)s AND step = ANY(%(steps)s)
    ORDER BY id FOR UPDATE
), moved AS (
    UPDATE campaigns_enrolment enrolment SET version_id = %(version)s FROM was WHERE enrolment.id = was.id
)
SELECT version_id, step, count(*) FROM was GROUP BY version_id, step
"""


def publish(
    journey: Journey, raw: Any, *, by: User | None = None, note: str = "", move: bool = False
) -> JourneyVersion:
    """Store a document as the next version, which new customers enter; return the newest where it says the same.

    Who is on the way finishes the version they entered, or with `move` goes on in the new one, where it has the step
    at which they stand. Raises JourneyError; then nothing is stored.
    """
    document = parse_document(raw)
    templates = _templates(document)
    for problem in (*_problems(document), *_secret_problem(journey, document)):
        raise JourneyError(problem)
    with transaction.atomic():
        locked = Journey.objects.select_for_update(no_key=True).get(pk=journey.pk)
        version = _stored(locked, raw, templates, by=by, note=note)
        locked.live_version = version
        locked.draft = raw
        locked.listens = _listens(locked)
        locked.save(update_fields=["live_version", "draft", "listens"])
        if move:
            _move_on(version, document)
    journey.refresh_from_db()
    _tell(journey)
    return version


def open_to_customers(journey: Journey) -> None:
    """Let customers enter from now on. Raises JourneyError where there is no version.

    `entering.enter_present` enters those who are in its segment or stage already.
    """
    if journey.live_version_id is None:
        raise JourneyError("steps: publish a version first.")
    with transaction.atomic():
        locked = Journey.objects.select_for_update(no_key=True).get(pk=journey.pk)
        locked.dispatch = locked.dispatch or Dispatch.objects.create(
            name=locked.name, sender=locked.sender, kind=Dispatch.Kind.JOURNEY, priority=1
        )
        locked.state, locked.active_since = Journey.State.ACTIVE, clock()
        locked.save(update_fields=["dispatch", "state", "active_since"])
        steering.steer(locked.dispatch.pk, "resume")
    journey.refresh_from_db()
    _tell(journey)


def pause(journey: Journey) -> None:
    """Stop at once: nobody enters, goes on, or is mailed, until it is opened or closed again."""
    _steer(journey, Journey.State.PAUSED, "pause")


def close(journey: Journey) -> None:
    """Let nobody enter any more; who is on the way goes on to the end."""
    _steer(journey, Journey.State.CLOSED, "resume")


def present_count(journey: Journey) -> int | None:
    """Return how many are in the journey's segment or stage now, by stored counts; None for an event."""
    kind, keys = trigger_of(journey)
    if kind == "event":
        return None
    stored = Segment.objects if kind == "segment" else LifecycleStage.objects
    return sum(stored.filter(key__in=keys).values_list("member_count", flat=True))


def _steer(journey: Journey, state: Journey.State, act: str) -> None:
    with transaction.atomic():
        locked = Journey.objects.select_for_update(no_key=True).exclude(dispatch=None).get(pk=journey.pk)
        locked.state = state
        locked.save(update_fields=["state"])
        assert locked.dispatch_id is not None
        steering.steer(locked.dispatch_id, act)
    journey.refresh_from_db()
    _tell(journey)


def _stored(
    journey: Journey, raw: Any, templates: dict[str, int], *, by: User | None, note: str
) -> JourneyVersion:
    newest = journey.versions.first()
    spelling = checksum({"document": raw, "templates": templates})
    if newest is not None and newest.checksum == spelling:
        return newest
    return JourneyVersion.objects.create(
        journey=journey,
        number=(newest.number if newest else 0) + 1,
        document=raw,
        templates=templates,
        checksum=spelling,
        author=by,
        note=note,
    )


def _listens(journey: Journey) -> int:
    """What any version listens to: customers may still be on the way in it."""
    bits = 0
    for pk in journey.versions.values_list("pk", flat=True):
        bits |= listens(document_of(pk))
    return bits


def _move_on(version: JourneyVersion, document: Document) -> None:
    with connection.cursor() as cursor:
        steps = [step.name for step in document.steps]
        cursor.execute(_MOVE, {"journey": version.journey_id, "version": version.pk, "steps": steps})
        rows = cursor.fetchall()
    counts: counting.Counts = counting.Counts()
    for was, step, number in rows:
        counts[was, step, MOVED] += number
        counts[version.pk, step, StepCount.ARRIVED] += number
    counting.add(counts)


def _tell(journey: Journey) -> None:
    """Tell what the journey uses and waits for; outside of its transaction, whose locks segments must not wait for."""
    if journey.live_version_id is not None:
        _make_segment(journey)
        uses.tell_uses()


def _make_segment(journey: Journey) -> None:
    assert journey.live_version_id is not None
    trigger = document_of(journey.live_version_id).trigger
    if trigger.kind != "fits":
        return
    key = segment_key_of(journey)
    segment = Segment.objects.filter(key=key).first() or Segment(key=key, name=f"Begins {journey.name}"[:200])
    if segment.condition != dict(trigger.fits):
        segment.condition = dict(trigger.fits)
        segment.description = "Made by a journey that begins when somebody comes to fit this."
        membership.store(segment)


def _templates(document: Document) -> dict[str, int]:
    """The newest version of each step's template."""
    found = {}
    for position, step in enumerate(document.steps):
        if isinstance(step.act, Send):
            place = f"steps[{position}].send.template"
            version = TemplateVersion.objects.filter(template__key=step.act.template).first()
            if version is None:
                known = ", ".join(Template.objects.order_by("key").values_list("key", flat=True)[:20])
                raise JourneyError(f"{place}: there is no template “{step.act.template}”; known are {known}.")
            found[step.name] = version.pk
    return found


def _problems(document: Document) -> Iterator[str]:
    """What the document names and is not there."""
    trigger = document.trigger
    for key in sorted(trigger.keys):
        stored = Segment.objects.active() if trigger.kind == "segment" else LifecycleStage.objects
        if not stored.filter(key=key).exists():
            yield f"trigger.{trigger.kind}: there is no {trigger.kind} “{key}”."
    wanted = uses.needs_of(document)
    if trigger.fits:
        wanted |= needs(parse(dict(trigger.fits)))
    for key in sorted(wanted.segments - set(Segment.objects.active().values_list("key", flat=True))):
        yield f"document: a condition asks about the segment “{key}”, which is not there."
    for key in sorted(wanted.stages - set(LifecycleStage.objects.values_list("key", flat=True))):
        yield f"document: a condition asks about the stage “{key}”, which is not there."
    for position, step in enumerate(document.steps):
        if isinstance(step.act, Split):
            yield from _split_problems(step.act.experiment, set(step.ways), f"steps[{position}]")


def _split_problems(key: str, arms: set[str], place: str) -> Iterator[str]:
    experiment = Experiment.objects.filter(key=key).first()
    if experiment is None:
        yield f"{place}.split: there is no experiment “{key}”."
        return
    variants = dict(experiment.variants.values_list("key", "weight"))
    if sum(variants.values()) != WHOLE:
        yield f"{place}.split: the weights of the experiment's arms do not add up to 100 %."
    if arms != set(variants):
        yield f"{place}.arms: expected one way for each of {', '.join(sorted(variants))}."


def _secret_problem(journey: Journey, document: Document) -> Iterator[str]:
    if any(isinstance(step.act, Webhook) for step in document.steps) and not journey.webhook_secret:
        yield "document: give the journey a secret first; it signs what webhook steps send."
