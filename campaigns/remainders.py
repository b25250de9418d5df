"""The part of an audience that waits for the winner: an arm of its own, outside of the comparison."""

from collections.abc import Sequence

from campaigns.splitting import apportioned
from experiments.models import Experiment, Variant
from experiments.stats.assignment import WHOLE

KEY = "remainder"


class NoRoom(ValueError):
    """The holdouts and the remainder leave too few people for the test; the text says so."""


def with_remainder(variants: Sequence[Variant], percent: int) -> list[Variant]:
    """Return the arms, changed and unsaved, so that this share of everybody waits for the winner.

    It is taken from all mailed arms in proportion to the weights that were entered, so that no change of the share is
    rounded twice; who gets no mail stays as it is. Raises NoRoom.
    """
    others = [one for one in variants if one.role != Variant.Role.REMAINDER]
    waiting = next((one for one in variants if one.role == Variant.Role.REMAINDER), None)
    if (waiting.weight if waiting else 0) == percent * 100:
        return list(variants)
    tested = [one for one in others if one.role != Variant.Role.NO_MAIL]
    unmailed = sum(one.weight for one in others if one.role == Variant.Role.NO_MAIL)
    left = WHOLE - unmailed - percent * 100
    if left < 100 * len(tested):
        raise NoRoom(
            f"{percent} % of everybody and the {unmailed / 100:g} % without mail leave less than 1 % for each of"
            f" {len(tested)} arms: let fewer wait."
        )
    entered = _entered(tested)
    weights = apportioned(left, entered)
    if min(weights, default=1) < 1:
        raise NoRoom(
            f"With {percent} % waiting, the smallest arm would get less than one in {WHOLE:,} of everybody: let fewer"
            " wait, or give it a larger share."
        )
    for one, weight, before in zip(tested, weights, entered, strict=True):
        one.weight, one.entered_weight = weight, before if percent else None
    if not percent:
        return others
    if waiting is None:
        waiting = Variant(
            experiment=others[0].experiment,
            key=KEY,
            name="Waits for the winner",
            role=Variant.Role.REMAINDER,
            position=max(one.position for one in others) + 1,
        )
    waiting.weight = percent * 100
    return [*others, waiting]


def _entered(tested: Sequence[Variant]) -> list[int]:
    """The weights before any remainder; those of now where something else has changed them since."""
    weights = [one.weight for one in tested]
    entered = [one.entered_weight or one.weight for one in tested]
    return entered if apportioned(sum(weights), entered) == tuple(weights) else weights


def store_remainder(experiment: Experiment) -> None:
    """Bring an experiment's arms in line with its plan; in the transaction that stores it. Raises NoRoom."""
    stored = list(experiment.variants.all())
    planned = with_remainder(stored, experiment.remainder_percent)
    for one in planned:
        one.save()
    kept = {one.pk for one in planned}
    for one in stored:
        if one.pk not in kept:
            one.delete()
