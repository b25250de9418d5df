"""Where journeys split people by one experiment: whoever came at another place is not quite comparable."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.models import Journey, JourneyVersion, StepCount


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a journey: which step splits, and the steps that stand above it, as they are written."""

    journey: Journey
    step: str
    above: str


def pooled_warning(key: str, journeys: Sequence[Journey]) -> str:
    """Name the journeys and versions that split people at different places; empty where there is one place.

    A place counts once somebody has left its split by an arm. Two queries.
    """
    splitting = JourneyVersion.objects.filter(
        journey__in=journeys, document__contains={"steps": [{"split": key}]}
    )
    left = set(
        StepCount.objects.filter(version__in=splitting, count__gt=0).values_list("version", "step", "outcome")
    )
    places: dict[Place, list[int]] = {}
    for version in splitting.select_related("journey").order_by("journey__name", "journey", "number"):
        for place, arms in _places(version, key):
            if any((version.pk, place.step, arm) in left for arm in arms):
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


def _places(version: JourneyVersion, key: str) -> list[tuple[Place, list[str]]]:
    """Where a version splits by this experiment, with the arms there."""
    steps = version.document["steps"]
    return [
        (Place(version.journey, step["name"], repr(steps[:above])), list(step["arms"]))
        for above, step in enumerate(steps)
        if step.get("split") == key
    ]


def _versions_named(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"version {numbers[0]}"
    return f"versions {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
