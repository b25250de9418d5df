"""What a condition reads, in the bits of `customers.news`, and whether time alone changes its verdict."""

from dataclasses import dataclass

from customers import news
from customers.facts import types_behind
from customers.models import EventName
from segments.conditions import Assigned, Comparison, Condition, Happened, needs
from segments.conditions.needs import leaves
from segments.conditions.nodes import steps

_FACTS = "facts__"
_RELATIVE = ("within", "older_than")


@dataclass(frozen=True, slots=True)
class Reading:
    """The news after which it must be judged again, and whether it must be judged from time to time as well."""

    bits: int = news.EXISTS
    is_timed: bool = False

    def __or__(self, other: "Reading") -> "Reading":
        return Reading(self.bits | other.bits, self.is_timed or other.is_timed)


UNKNOWN = Reading(news.EVERYTHING, is_timed=True)


def reading_of(condition: Condition) -> Reading:
    """Return what the condition itself reads; what it is built on is not in it."""
    wanted = needs(condition)
    bits = news.EXISTS
    for path in wanted.fields:
        bits |= (
            news.of_events(types_behind(path.removeprefix(_FACTS)))
            if path.startswith(_FACTS)
            else news.PROFILE
        )
    for event in wanted.events:
        bits |= news.of_events(step.type for step in steps(event))
    if wanted.event_names:  # a name of the shop's own may count as any of these since
        bits |= news.of_events(EventName.TRACKABLE)
    if wanted.consents:
        bits |= news.CONSENT
    if wanted.scores:
        bits |= news.SCORE
    if wanted.stages:
        bits |= news.STAGE
    return Reading(bits, any(map(_is_timed, leaves(condition))))


def _is_timed(leaf: Condition) -> bool:
    """Whether it becomes true or false without news.

    Events may be dated up to a day ahead, and count once that moment has come; nobody tells of experiments.
    """
    match leaf:
        case Comparison():
            return leaf.op in _RELATIVE
        case Happened() | Assigned():
            return True
    return False
