"""Which segments and stages journeys use: told to segments, so that none is put away while somebody needs it."""

from collections.abc import Iterator

from django.urls import reverse

from campaigns.journeys.documents import Document
from campaigns.journeys.entering import trigger_of
from campaigns.journeys.steps import reads
from campaigns.journeys.ways import document_of
from campaigns.models import Enrolment, Journey
from segments.conditions import Needs, needs
from segments.models import Segment
from segments.references import Use
from segments.references import tell_uses as tell_segment_uses

JOURNEY = "journey"


def tell_uses() -> None:
    """Tell which segments the journeys use, and mark those whose newcomers active ones wait for."""
    used = list(_asked())
    tell_segment_uses(
        JOURNEY,
        [
            Use(str(one.pk), _label(one), wanted.segments, reverse("campaigns:journey", args=[one.key]))
            for one, wanted in used
        ],
    )
    active = [one for one, _ in used if one.state == Journey.State.ACTIVE]
    triggers = sorted(
        {key for one in active for kind, keys in [trigger_of(one)] if kind == "segment" for key in keys}
    )
    for is_trigger, segments in (
        (True, Segment.objects.filter(key__in=triggers)),
        (False, Segment.objects.exclude(key__in=triggers)),
    ):
        segments.exclude(is_trigger=is_trigger).update(is_trigger=is_trigger)


def stage_uses() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what each journey is called, with the keys of the stages that it asks about or waits for."""
    for journey, wanted in _asked():
        yield _label(journey), wanted.stages


def needs_of(document: Document) -> Needs:
    """Return what the document's conditions read, its trigger apart."""
    return reads(document) | (needs(document.only_if) if document.only_if is not None else Needs())


def _asked() -> Iterator[tuple[Journey, Needs]]:
    """The journeys that somebody may enter or is in, with what their live version and those on the way ask about."""
    for journey in Journey.objects.exclude(live_version=None).order_by("pk"):
        kind, keys = trigger_of(journey)
        on_the_way = Enrolment.objects.filter(journey=journey, is_active=True)
        versions = {journey.live_version_id, *on_the_way.values_list("version", flat=True).distinct()}
        wanted = Needs(segments=keys) if kind == "segment" else Needs(stages=keys)
        for pk in versions:
            wanted |= needs_of(document_of(pk)) if pk is not None else Needs()
        yield journey, wanted


def _label(journey: Journey) -> str:
    return f"Journey: {journey.name}"
