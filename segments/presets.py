"""Predictive segments to begin with: conditions on scores, which wait where no model has stored any yet."""

from django.http import Http404

from segments.models import Segment
from segments.starters import Shop, starters

PREDICTIONS = ("ltv-high", "ltv-medium", "ltv-low", "likely-to-churn", "likely-to-buy")


def preset(name: str) -> Segment:
    """Return an unsaved segment for the editor: one of PREDICTIONS, empty for an empty name. Raises Http404."""
    if not name:
        return Segment(condition=None)
    for starter in starters(Shop()):
        if starter.key == name and name in PREDICTIONS:
            return Segment(name=starter.name, description=starter.description, condition=starter.condition)
    raise Http404


def predictions() -> list[tuple[str, str]]:
    """Return the names that `preset` takes, and what each is called."""
    return [(starter.key, starter.name) for starter in starters(Shop()) if starter.key in PREDICTIONS]
