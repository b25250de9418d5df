"""Assignment in PostgreSQL."""

from datetime import timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import connection

from common.clock import now
from customers.models import Assignment, Customer
from experiments.assigning import assign, shares_of, variant_case_sql
from experiments.models import Experiment, Variant
from experiments.stats.assignment import Share, bucket, bucket_sql, variant_of, variant_sql, variants_of

pytestmark = pytest.mark.django_db
IDS = [UUID(bytes=np.random.default_rng(seed).bytes(16)) for seed in range(3000)]


@pytest.fixture
def experiment() -> Experiment:
    experiment = Experiment.objects.create(key="spring", name="Spring", salt="s4lt")
    arms = [("A", "baseline", 4500), ("B", "treatment", 4500), ("none", "no_mail", 1000)]
    for position, (key, role, weight) in enumerate(arms):
        Variant.objects.create(
            experiment=experiment, key=key, name=key, role=role, weight=weight, position=position
        )
    return experiment


@pytest.fixture
def customers() -> list[Customer]:
    made = [Customer(public_id=public_id, email=f"{public_id}@example.com") for public_id in IDS[:200]]
    return Customer.objects.bulk_create(made)


def selected(expression: str, parameters: list[object]) -> list[object]:
    """The expression's value for each of IDS, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {expression} FROM unnest(%s::uuid[]) WITH ORDINALITY AS one(public_id, place) ORDER BY place",
            [*parameters, IDS],
        )
        return [value for (value,) in cursor.fetchall()]


@pytest.mark.parametrize("salt", ["s4lt", "", "it's 100 % naïve: ✉"])
def test_the_bucket_in_sql_is_the_bucket_in_python(salt: str) -> None:
    found = selected(*bucket_sql(salt=salt, public_id="public_id"))
    assert found == [bucket(salt=salt, public_id=public_id) for public_id in IDS]


@pytest.mark.parametrize(
    "weights", [[4500, 4500, 1000], [3333, 3333, 3334], [1, 9999], [5000, 0, 5000], [10_000], [0, 10_000, 0]]
)
def test_the_variant_in_sql_is_the_variant_in_python(weights: list[int]) -> None:
    shares = [Share(f"v{index}", weight) for index, weight in enumerate(weights)]
    found = selected(*variant_sql(salt="x", public_id="public_id", shares=shares))
    assert found == variants_of(salt="x", public_ids=IDS, shares=shares).tolist()


def test_a_bucket_on_a_threshold_belongs_to_the_next_variant_in_both() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT width_bucket(v, ARRAY[5, 5, 7]::bigint[]) FROM unnest(ARRAY[4, 5, 6, 7]) v")
        found = [position for (position,) in cursor.fetchall()]
    assert found == np.searchsorted([5, 5, 7], [4, 5, 6, 7], side="right").tolist()


def test_it_gives_every_customer_the_variant_of_his_bucket(
    experiment: Experiment, customers: list[Customer]
) -> None:
    added = assign(experiment, Customer.objects.all())
    stored = dict(Assignment.objects.values_list("customer__public_id", "variant_key"))
    shares = shares_of(experiment)
    assert stored == {one: variant_of(salt="s4lt", public_id=one, shares=shares) for one in IDS[:200]}
    assert added == {key: list(stored.values()).count(key) for key in ("A", "B", "none")}


def test_a_variant_once_given_stays(experiment: Experiment, customers: list[Customer]) -> None:
    assign(experiment, Customer.objects.all())
    before = list(Assignment.objects.order_by("pk").values())
    experiment.salt = "another"
    assert assign(experiment, Customer.objects.all()) == {"A": 0, "B": 0, "none": 0}
    assert list(Assignment.objects.order_by("pk").values()) == before


def test_it_assigns_only_those_who_were_chosen(experiment: Experiment, customers: list[Customer]) -> None:
    chosen = Customer.objects.filter(pk__in=[customer.pk for customer in customers[:50]])
    assert sum(assign(experiment, chosen).values()) == 50
    assert Assignment.objects.count() == 50


def test_it_starts_the_experiment_once(experiment: Experiment, customers: list[Customer]) -> None:
    earlier = now() - timedelta(days=3)
    Experiment.objects.filter(pk=experiment.pk).update(started_at=earlier)
    assign(experiment, Customer.objects.all())
    experiment.refresh_from_db()
    assert experiment.started_at == earlier


def test_nobody_to_assign_leaves_the_experiment_unstarted(experiment: Experiment) -> None:
    assert assign(experiment, Customer.objects.none()) == {"A": 0, "B": 0, "none": 0}
    experiment.refresh_from_db()
    assert experiment.started_at is None


def test_weights_that_do_not_add_up_assign_nobody(experiment: Experiment, customers: list[Customer]) -> None:
    experiment.variants.filter(key="none").delete()
    with pytest.raises(ValueError, match="add up to 10000"):
        assign(experiment, Customer.objects.all())
    assert not Assignment.objects.exists()


def test_it_takes_three_statements_within_a_savepoint(
    experiment: Experiment, customers: list[Customer], django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(5):
        assign(experiment, Customer.objects.all())


def test_the_expression_works_within_a_larger_statement(experiment: Experiment) -> None:
    public_id = uuid4()
    customer = Customer.objects.create(public_id=public_id, email="a@example.com")
    expression, parameters = variant_case_sql(experiment)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {expression} FROM customers_customer customer WHERE id = %s", [*parameters, customer.pk]
        )
        assert cursor.fetchone() == (
            variant_of(salt="s4lt", public_id=public_id, shares=shares_of(experiment)),
        )
