"""The split of an experiment: one draw by its own salt, after one more for each holdout that has a salt of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from experiments.models import Experiment, Variant
from experiments.stats.assignment import WHOLE, Share, variant_of, variant_sql

SAME_SALT = (
    "A holdout with the salt of the experiment, or of another holdout, is not drawn apart: give it its own."
)
ONWARD = ""
"""Stands in a draw for whoever is left to the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Who is drawn with one salt: weights in basis points of everybody, which add up to `whole`."""

    salt: str
    shares: tuple[Share, ...]
    whole: int


def draws_of(experiment: Experiment) -> list[Draw]:
    """Return the draws that decide an experiment's split, in their order; one query.

    Who gets no mail is drawn first, then the other holdouts with a salt of their own, then the arms that are tested: so
    a holdout's members stay when the arms change, and are no others in an experiment that shares its salt. Raises
    ValueError where the weights do not add up to 10,000, or where a holdout is not drawn apart; one that has started
    so goes on so, for its people have been drawn.
    """
    variants = list(experiment.variants.order_by("position", "key"))
    left = sum(one.weight for one in variants)
    if left != WHOLE:
        raise ValueError(f"weights must be basis points that add up to {WHOLE}, not {left}")
    if not experiment.is_frozen and not are_apart(experiment, variants):
        raise ValueError(SAME_SALT)
    draws = []
    for one in sorted(variants, key=lambda one: one.role != Variant.Role.NO_MAIL):
        if one.salt:
            shares = (Share(one.key, one.weight), Share(ONWARD, left - one.weight))
            draws.append(Draw(salt=one.salt, shares=shares, whole=left))
            left -= one.weight
    rest = tuple(Share(one.key, one.weight) for one in variants if not one.salt)
    return [*draws, Draw(salt=experiment.salt, shares=rest, whole=left)] if rest else draws


def are_apart(experiment: Experiment, variants: Sequence[Variant]) -> bool:
    """Whether no two draws have the same salt: the second would divide those whom the first has already sorted."""
    salts = [experiment.salt, *(one.salt for one in variants if one.salt)]
    return len(set(salts)) == len(salts)


def variant_for(public_id: UUID, draws: Sequence[Draw]) -> str:
    """Return the key of the variant that somebody belongs to."""
    for draw in draws:
        if key := variant_of(salt=draw.salt, public_id=public_id, shares=draw.shares, whole=draw.whole):
            return key
    raise ValueError("the last draw leaves somebody over")


def variant_case_sql(
    experiment: Experiment, *, public_id: str = "customer.public_id"
) -> tuple[str, list[object]]:
    """The variant key as a PostgreSQL expression with its parameters, for use inside a larger statement.

    `public_id` is trusted SQL of type uuid. Raises ValueError where the weights do not add up to 10,000.
    """
    parts, parameters = [], []
    for draw in draws_of(experiment):
        sql, values = variant_sql(salt=draw.salt, public_id=public_id, shares=draw.shares, whole=draw.whole)
        parts.append(f"nullif({sql}, '')")
        parameters += values
    return f"coalesce({', '.join(parts)})", parameters
