"""The split of an experiment, for use inside larger SQL statements."""

from experiments.models import Experiment
from experiments.stats.assignment import Share, variant_sql


def shares_of(experiment: Experiment) -> list[Share]:
    """The experiment's variants in the order that decides the split; one query."""
    variants = experiment.variants.order_by("position", "key")
    return [Share(key=variant.key, weight=variant.weight) for variant in variants]


def variant_case_sql(
    experiment: Experiment, *, public_id: str = "customer.public_id"
) -> tuple[str, list[object]]:
    """The variant key as a PostgreSQL expression with its parameters, for use inside a larger statement.

    `public_id` is trusted SQL of type uuid. Raises ValueError where the weights do not add up to 10,000.
    """
    return variant_sql(salt=experiment.salt, public_id=public_id, shares=shares_of(experiment))
