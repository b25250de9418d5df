"""Assignment in PostgreSQL."""

from collections import Counter
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import connection

from customers.models import Customer
from experiments.assigning import draws_of, variant_case_sql, variant_for
from experiments.models import Experiment, Variant
from experiments.stats.assignment import Share, bucket, bucket_sql, variant_sql, variants_of

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


def selected(expression: str, parameters: list[object], ids: list[UUID] = IDS) -> list[object]:
    """The expression's value for each of the ids, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {expression} FROM unnest(%s::uuid[]) WITH ORDINALITY AS one(public_id, place) ORDER BY place",
            [*parameters, ids],
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


def test_a_hundred_thousand_customers_are_split_alike_in_both() -> None:
    bits = np.random.default_rng(4).bytes(1_600_000)
    ids = [UUID(bytes=bits[start : start + 16]) for start in range(0, len(bits), 16)]
    shares = [Share("a", 4_501), Share("b", 4_499), Share("no_mail", 1_000)]
    found = selected(*variant_sql(salt="spring", public_id="public_id", shares=shares), ids)
    assert found == variants_of(salt="spring", public_ids=ids, shares=shares).tolist()
    assert len(set(ids)) == 100_000


def test_a_bucket_on_a_threshold_belongs_to_the_next_variant_in_both() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT width_bucket(v, ARRAY[5, 5, 7]::bigint[]) FROM unnest(ARRAY[4, 5, 6, 7]) v")
        found = [position for (position,) in cursor.fetchall()]
    assert found == np.searchsorted([5, 5, 7], [4, 5, 6, 7], side="right").tolist()


def test_the_expression_works_within_a_larger_statement(experiment: Experiment) -> None:
    public_id = uuid4()
    customer = Customer.objects.create(public_id=public_id, email="a@example.com")
    expression, parameters = variant_case_sql(experiment)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {expression} FROM customers_customer customer WHERE id = %s", [*parameters, customer.pk]
        )
        assert cursor.fetchone() == (variant_for(public_id, draws_of(experiment)),)


def with_salts(experiment: Experiment) -> Experiment:
    """Let both holdouts be drawn by themselves."""
    for key in ("A", "none"):
        experiment.variants.filter(key=key).update(salt=f"holdout:{key}")
    return experiment


def split_of(experiment: Experiment) -> list[str]:
    draws = draws_of(experiment)
    return [variant_for(public_id, draws) for public_id in IDS]


def test_holdouts_with_their_own_salts_are_drawn_alike_in_sql_and_python(experiment: Experiment) -> None:
    with_salts(experiment)
    assert selected(*variant_case_sql(experiment, public_id="public_id")) == split_of(experiment)


def test_each_arm_has_its_share_of_everybody_whatever_is_drawn_apart(experiment: Experiment) -> None:
    counts = Counter(split_of(with_salts(experiment)))
    for key, share in (("A", 0.45), ("B", 0.45), ("none", 0.1)):
        assert abs(counts[key] - share * len(IDS)) < 4 * (share * (1 - share) * len(IDS)) ** 0.5


def test_who_gets_no_mail_stays_when_the_arms_change(experiment: Experiment) -> None:
    before = split_of(with_salts(experiment))
    experiment.salt = "another"
    experiment.variants.filter(key="A").update(weight=2000)
    experiment.variants.filter(key="B").update(weight=7000)
    after = split_of(experiment)
    unmailed = [place for place, key in enumerate(before) if key == "none"]
    assert unmailed == [place for place, key in enumerate(after) if key == "none"]
    assert len(unmailed) > 200


def test_a_holdout_is_drawn_independently_of_the_arms(experiment: Experiment) -> None:
    """Who is in the baseline of one salt is spread evenly over the arms of an experiment without salts of its own."""
    plain = split_of(experiment)
    salted = split_of(with_salts(experiment))
    both = sum(one == "A" and two == "A" for one, two in zip(plain, salted, strict=True))
    expected = 0.45 * 0.45 * len(IDS)
    assert abs(both - expected) < 4 * expected**0.5


def test_weights_that_do_not_add_up_are_no_split(experiment: Experiment) -> None:
    experiment.variants.filter(key="A").update(weight=4400)
    with pytest.raises(ValueError, match="add up to 10000, not 9900"):
        draws_of(experiment)
