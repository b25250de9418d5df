"""What follows from conditions by logic alone: that one never fits, or fits only where others do.

Sound, not complete: an answer of yes is proved for every customer there can be; no may mean "not seen". A condition is
looked at in all the worlds of `rules.worlds`, thing by thing, as long as its verdict is open.
"""

from collections.abc import Iterable, Sequence

from rules.worlds import TooManyWorlds, World, worlds_of
from segments.conditions import AllOf, AnyOf, Condition, Not
from segments.conditions.needs import leaves

MOST_STEPS = 5_000


def never_fits(condition: Condition) -> bool:
    """Return whether it is proved that nobody can fit."""
    return _cannot_be(AllOf((condition,)))


def always_fits(condition: Condition) -> bool:
    """Return whether it is proved that everybody fits."""
    return _cannot_be(Not(condition))


def implies(condition: Condition, others: Iterable[Condition]) -> bool:
    """Return whether it is proved that whoever fits the condition fits at least one of the others."""
    return _cannot_be(AllOf((condition, *(Not(other) for other in others))))


def _cannot_be(condition: Condition) -> bool:
    try:
        things = worlds_of(leaves(condition))
    except TooManyWorlds:
        return False
    steps = MOST_STEPS

    def can_be(position: int, known: World) -> bool:
        nonlocal steps
        steps -= 1
        if steps < 0:
            raise TooManyWorlds
        verdict = _judge(condition, known)
        if verdict is not None or position == len(things):
            return verdict is not False
        return any(can_be(position + 1, {**known, **world}) for world in things[position])

    try:
        return not can_be(0, {})
    except TooManyWorlds:
        return False


def _judge(condition: Condition, known: World) -> bool | None:
    """The verdict as far as it is known: None while it is open."""
    match condition:
        case AllOf(parts):
            return _joined(parts, known, decides=False)
        case AnyOf(parts):
            return _joined(parts, known, decides=True)
        case Not(part):
            verdict = _judge(part, known)
            return None if verdict is None else not verdict
    return known.get(condition)


def _joined(parts: Sequence[Condition], known: World, *, decides: bool) -> bool | None:
    is_open = False
    for part in parts:
        verdict = _judge(part, known)
        if verdict is decides:
            return decides
        is_open = is_open or verdict is None
    return None if is_open else not decides
