"""A draft changed step by step. Whatever a change does to the order, every step goes on leading downwards."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from campaigns.journeys.documents import END

Raw = dict[str, Any]
_WAYS = ("then", "yes", "no", "happened", "otherwise")


def names_of(draft: Mapping[str, Any]) -> list[str]:
    """Return the names of the steps in their order."""
    return [str(step["name"]) for step in draft["steps"]]


def with_step(draft: Raw, step: Raw, *, at: int) -> Raw:
    """Return the draft with one more step, before the one that stands at `at` now."""
    steps = deepcopy(draft["steps"])
    steps.insert(at, step)
    return draft | {"steps": _mended(steps)}


def with_changed_step(draft: Raw, step: Raw, *, name: str) -> Raw:
    """Return the draft with this step in the place of the one of this name; what led there leads there still."""
    place = names_of(draft).index(name)
    steps = [_renamed(one, {name: step["name"]}) for one in draft["steps"]]
    steps[place] = step
    return draft | {"steps": _mended(steps)}


def without_step(draft: Raw, name: str) -> Raw:
    """Return the draft without a step; what led there leads to the step after it."""
    place = names_of(draft).index(name)
    following = names_of(draft)[place + 1 :]
    heir = following[0] if following else END
    steps = [_renamed(one, {name: heir}) for one in draft["steps"] if one["name"] != name]
    return draft | {"steps": _mended(steps)}


def with_moved_step(draft: Raw, name: str, *, by: int) -> Raw:
    """Return the draft with a step moved so many places down, or up; at most to the end."""
    steps = deepcopy(draft["steps"])
    place = names_of(draft).index(name)
    steps.insert(max(0, min(len(steps) - 1, place + by)), steps.pop(place))
    return draft | {"steps": _mended(steps)}


def _renamed(step: Raw, names: Mapping[str, str]) -> Raw:
    changed = {
        key: names.get(value, value) if key in _WAYS and isinstance(value, str) else value
        for key, value in step.items()
    }
    if "arms" in step:
        changed["arms"] = {arm: names.get(target, target) for arm, target in step["arms"].items()}
    return changed


def _mended(steps: Sequence[Raw]) -> list[Raw]:
    """The steps without ways that lead up: the next one follows instead."""
    mended = []
    for place, step in enumerate(steps):
        below = [str(one["name"]) for one in steps[place + 1 :]]
        reachable = {*below, END}
        kept = {key: value for key, value in step.items() if key not in _WAYS or value in reachable}
        if "arms" in step:
            following = below[0] if below else END
            kept["arms"] = {
                arm: target if target in reachable else following for arm, target in step["arms"].items()
            }
        mended.append(kept)
    return mended
