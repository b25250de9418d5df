"""Giving customers their variant: one statement for any number of them, once and for good."""

from typing import cast

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from customers.models import Customer
from experiments.models import Experiment
from experiments.stats.assignment import Share, variant_sql

_ASSIGN = """
WITH added AS (
    INSERT INTO customers_assignment (customer_id, experiment_key, variant_key, assigned_at)
    SELECT customer.id, %s, {variant}, now() FROM customers_customer customer
    WHERE customer.id IN ({customers}) ORDER BY customer.id
    ON CONFLICT (customer_id, experiment_key) DO NOTHING
    RETURNING variant_key
)
SELECT variant_key, count(*) FROM added GROUP BY variant_key
"""


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


def assign(experiment: Experiment, customers: QuerySet[Customer]) -> dict[str, int]:
    """Assign every one of `customers` who has no variant yet, and count the new ones by variant.

    A variant once given stays, whatever happens to weights or salt later; the first call starts the experiment.
    Three statements for any number of customers.
    """
    shares = shares_of(experiment)
    variant, variant_parameters = variant_sql(
        salt=experiment.salt, public_id="customer.public_id", shares=shares
    )
    added = {share.key: 0 for share in shares}
    try:
        chosen, chosen_parameters = customers.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return added
    statement = _ASSIGN.format(variant=variant, customers=chosen)
    parameters = [experiment.key, *variant_parameters, *chosen_parameters]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        added.update(cast("list[tuple[str, int]]", cursor.fetchall()))
        Experiment.objects.filter(pk=experiment.pk, started_at=None).update(started_at=Now())
    return added
