"""What somebody just did changes what they are shown within a minute, and nobody else's row."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction

from customers.models import Customer, CustomerFacts
from products.models import Product
from recommendations import leases, registry
from recommendations.freshening import freshen_acting
from recommendations.models import ModelVersion, Recommendation, RelatedProducts
from recommendations.serving import recommend
from recommendations.training import train
from tests.recommendations.conftest import NOW, Shop, view

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def that_day(time_machine: time_machine.TimeMachineFixture) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def champion(db: None) -> ModelVersion:
    return ModelVersion.objects.create(engine="blend", number=1, status="champion", started_at=NOW)


def store(customer: Customer, products: list[Product], version: ModelVersion) -> None:
    ids = [product.pk for product in products]
    Recommendation.objects.create(
        customer=customer, model_version=version, product_ids=ids, scores=[0.5] * len(ids), computed_at=NOW
    )


def looks(customer: Customer, product: Product, ago: timedelta) -> None:
    """A view, with the facts that ingest keeps of it."""
    view(customer, product, NOW - ago)
    CustomerFacts.objects.update_or_create(customer=customer, defaults={"last_view_at": NOW - ago})


def goes_with(product: Product, *near: tuple[Product, float]) -> None:
    RelatedProducts.objects.create(
        kind="viewed", product=product, product_ids=[one.pk for one, _ in near], scores=[s for _, s in near]
    )


def shown(customer: Customer, k: int) -> tuple[Product, ...]:
    return recommend([customer.pk], k=k)[customer.pk].products


def test_what_was_just_looked_at_moves_what_goes_with_it_up(small_shop: Shop, champion: ModelVersion) -> None:
    """Ranks 1 and 2 of the sequence against ranks 1, 2, 3 of the model: 1/12 + 1/13 beats 1/11 + nothing."""
    (anna, bruno, *_), p = small_shop.customers, small_shop.products
    store(anna, [p[0], p[1], p[2]], champion)
    store(bruno, [p[0], p[1], p[2]], champion)
    goes_with(p[5], (p[4], 0.9), (p[2], 0.8))
    looks(anna, p[5], 5 * SECOND)
    assert freshen_acting() == 1
    assert shown(anna, 4) == (p[2], p[0], p[4], p[1])
    assert shown(bruno, 3) == (p[0], p[1], p[2])


def test_older_looks_count_less(small_shop: Shop, champion: ModelVersion) -> None:
    """0.75 · 0.5 of the older against 0.4 of the latest."""
    anna, p = small_shop.customers[0], small_shop.products
    store(anna, [], champion)
    goes_with(p[0], (p[2], 0.5))
    goes_with(p[1], (p[3], 0.4))
    looks(anna, p[0], 9 * SECOND)
    looks(anna, p[1], 5 * SECOND)
    freshen_acting()
    assert shown(anna, 2) == (p[3], p[2])


def test_nobody_is_freshened_twice_for_one_act_and_again_for_the_next(
    small_shop: Shop, champion: ModelVersion
) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    looks(anna, p[0], 50 * SECOND)
    assert [freshen_acting(), freshen_acting()] == [1, 0]
    looks(anna, p[1], 40 * SECOND)
    assert [freshen_acting(), freshen_acting()] == [1, 0]


def test_an_act_that_arrives_after_a_later_freshening_counts(
    small_shop: Shop, champion: ModelVersion
) -> None:
    """The row goes by when things were done, not by when it was computed."""
    anna, p = small_shop.customers[0], small_shop.products
    looks(anna, p[0], 50 * SECOND)
    freshen_acting(now=NOW)
    looks(anna, p[1], 30 * SECOND)
    assert freshen_acting(now=NOW + SECOND) == 1


def test_a_new_customer_has_a_row_after_the_first_look(small_shop: Shop, champion: ModelVersion) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    goes_with(p[0], (p[3], 0.5))
    looks(anna, p[0], SECOND)
    freshen_acting()
    served = recommend([anna.pk], k=1)[anna.pk]
    assert (served.products, served.model_version) == ((p[3],), champion)


def test_who_objects_to_profiling_or_is_nobody_known_is_left_alone(
    small_shop: Shop, champion: ModelVersion
) -> None:
    anna, bruno = small_shop.customers[:2]
    Customer.objects.filter(pk=anna.pk).update(allows_profiling=False)
    Customer.objects.filter(pk=bruno.pk).update(is_anonymous=True)
    for one in (anna, bruno):
        looks(one, small_shop.products[0], SECOND)
    assert freshen_acting() == 0
    assert not Recommendation.objects.exists()


def test_what_is_long_past_is_left_to_the_night(small_shop: Shop, champion: ModelVersion) -> None:
    looks(small_shop.customers[0], small_shop.products[0], timedelta(minutes=11))
    assert freshen_acting() == 0


def test_a_batch_takes_no_more_than_asked_and_the_next_one_goes_on(
    small_shop: Shop, champion: ModelVersion
) -> None:
    for customer in small_shop.customers:
        looks(customer, small_shop.products[0], SECOND)
    assert [freshen_acting(limit=3) for _ in range(3)] == [3, 1, 0]


def test_without_a_model_nothing_is_done(small_shop: Shop) -> None:
    looks(small_shop.customers[0], small_shop.products[0], SECOND)
    assert freshen_acting() == 0


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_while_a_training_puts_its_rows_in_place(
    small_shop: Shop, champion: ModelVersion
) -> None:
    looks(small_shop.customers[0], small_shop.products[0], SECOND)

    def from_another_worker() -> int:
        try:
            return freshen_acting()
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        leases.retire_champion(champion)
        assert pool.submit(from_another_worker).result(timeout=60) == 0
        transaction.set_rollback(True)
    assert freshen_acting() == 1


def test_what_was_freshened_after_the_model_read_outlives_the_training(shop: Shop) -> None:
    """The model reads, somebody looks at a product, and only then are the new rows put in place."""
    known, newcomer, p = shop.customers[0], Customer.objects.create(email="new@example.com"), shop.products
    first_model = train(now=NOW)
    goes_with_nothing_else(p[7], p[30])
    for one in (known, newcomer):
        looks(one, p[7], SECOND)
    assert freshen_acting() == 2
    assert shown(newcomer, 1) == (p[30],)
    again = train(now=NOW - 2 * SECOND)
    assert again == registry.champion() != first_model
    rows = {row.customer_id: row for row in Recommendation.objects.filter(customer__in=[known, newcomer])}
    assert {row.model_version for row in rows.values()} == {again}
    assert rows[newcomer.pk].fresh_ids[0] == p[30].pk
    assert rows[known.pk].fresh_ids is not None


def test_what_the_model_has_read_itself_is_freshened_no_more(shop: Shop) -> None:
    train(now=NOW - 10 * SECOND)
    looks(shop.customers[0], shop.products[7], 5 * SECOND)
    assert freshen_acting() == 1
    train(now=NOW)
    assert Recommendation.objects.get(customer=shop.customers[0]).fresh_ids is None


def goes_with_nothing_else(product: Product, near: Product) -> None:
    """Put this one neighbour in place of those that the training found."""
    RelatedProducts.objects.filter(product=product).delete()
    goes_with(product, (near, 0.9))
