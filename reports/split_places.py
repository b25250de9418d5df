"""Where journeys split people by one experiment: whoever came at another place is not quite comparable."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q

from campaigns.models import Journey, JourneyVersion, StepCount


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a journey: which step splits, and the steps that stand above it, as they are written."""

    journey: Journey
    step: str
    above: str


def pooled_warning(key: str, journeys: Sequence[Journey]) -> str:
    """Name the journeys and versions that split people at different places; empty where there is one place.

    A version counts while it is the one that people enter, or once somebody has entered it. One query.
    """
    places: dict[Place, list[int]] = {}
    for version in _versions(key, journeys):
        for place in _places(version, key):
            places.setdefault(place, []).append(version.number)
    if len(places) < 2:
        return ""
    named = "; ".join(
        f"{place.journey.name}, step “{place.step}” of {_versions_named(numbers)}"
        for place, numbers in places.items()
    )
    return (
        f"People were split at {len(places)} different places, and are counted together here: {named}. "
        "An effect may differ from place to place. Use an experiment of its own for each to tell them apart."
    )


def _versions(key: str, journeys: Sequence[Journey]) -> list[JourneyVersion]:
    entered = StepCount.objects.filter(version=OuterRef("pk"), outcome=StepCount.ARRIVED, count__gt=0)
    splitting = JourneyVersion.objects.filter(
        journey__in=journeys, document__contains={"steps": [{"split": key}]}
    )
    used = splitting.filter(Q(journey__live_version=F("pk")) | Exists(entered))
    return list(used.select_related("journey").order_by("journey__name", "journey", "number"))


def _places(version: JourneyVersion, key: str) -> list[Place]:
    steps = version.document["steps"]
    return [
        Place(version.journey, step["name"], repr(steps[:above]))
        for above, step in enumerate(steps)
        if step.get("split") == key
    ]


def _versions_named(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"version {numbers[0]}"
    return f"versions {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
