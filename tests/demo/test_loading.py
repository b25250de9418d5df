"""The generated shop goes through the product's own ingest, once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db.models import Sum
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from accounts.models import User
from common.clock import now
from customers.models import Consent, Customer, CustomerFacts, Event, Order, OrderLine, Refund, SyncRun
from demo.context_processors import CACHE_KEY, has_demo_data
from demo.loading import SOURCE, load_shop, loaded_world
from demo.records import History
from demo.world import World
from products.models import Category, Product

pytestmark = pytest.mark.django_db


def silent(name: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def load(world: World, settings: Settings, tmp_path: Path) -> Callable[[], dict[str, int]]:
    settings.MEDIA_ROOT = tmp_path
    return lambda: load_shop(world, progress=silent)


def test_everything_is_stored_once(load: Callable[[], dict[str, int]], history: History) -> None:
    rows = len(history.events) - len(history.orders.customer) + len(history.orders.line_order)
    assert load() == {"inserted": rows, "duplicates": 0, "rejected": 0}
    assert load() == {"inserted": 0, "duplicates": rows, "rejected": 0}
    assert Customer.objects.count() == 300
    assert Order.objects.count() == len(history.orders.customer)
    assert OrderLine.objects.count() == len(history.orders.line_order)
    assert Refund.objects.count() == len(history.refunds.order)


def test_revenue_and_facts_agree_with_the_generator(
    load: Callable[[], dict[str, int]], history: History
) -> None:
    load()
    made = int(history.orders.total_minor.sum())
    assert Order.objects.aggregate(sum=Sum("total_minor"))["sum"] == made
    assert CustomerFacts.objects.aggregate(sum=Sum("revenue_minor"))["sum"] == made
    refunded = int(history.refunds.amount_minor.sum())
    assert CustomerFacts.objects.aggregate(sum=Sum("refunded_minor"))["sum"] == refunded


def test_every_product_has_its_picture_and_category(
    load: Callable[[], dict[str, int]], settings: Settings
) -> None:
    load()
    assert (Product.objects.count(), Category.objects.count()) == (66, 29)
    for product in Product.objects.all():
        name = product.image_url.removeprefix("/media/")
        assert (Path(settings.MEDIA_ROOT) / name).is_file()
        assert product.category is not None


def test_the_category_of_what_was_bought_last_is_known(load: Callable[[], dict[str, int]]) -> None:
    load()
    bought = OrderLine.objects.select_related("order", "product__category").order_by(
        "-order__placed_at", "-pk"
    )
    last = bought[0]
    facts = CustomerFacts.objects.get(customer=last.order.customer_id)
    assert last.product is not None
    assert facts.last_purchase_category_id == last.product.category_id
    assert not CustomerFacts.objects.filter(orders_count__gt=0, last_purchase_category_id=None).exists()


def test_consent_is_that_of_the_generated_people(
    load: Callable[[], dict[str, int]], world: World, history: History
) -> None:
    load()
    left = (history.unsubscribed_day < float("inf")).sum()
    assert Consent.objects.filter(is_granted=True).count() == world.consents.sum() - left


def test_what_was_generated_says_so(load: Callable[[], dict[str, int]]) -> None:
    load()
    assert set(Customer.objects.values_list("source", flat=True)) == {SOURCE}
    assert set(Product.objects.values_list("source", flat=True)) == {SOURCE}
    assert set(Event.objects.values_list("source", flat=True).distinct()) == {SOURCE}


def test_the_world_is_found_again_with_its_first_calendar() -> None:
    assert loaded_world() is None
    calendar = {"now": "2026-06-01T00:00:00+00:00"}
    SyncRun.objects.create(source=SOURCE, started_at=now(), cursor_before=calendar)
    found = loaded_world()
    assert found is not None
    assert found.now.isoformat() == calendar["now"]


def test_the_pages_know_whether_the_data_is_generated(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    cache.delete(CACHE_KEY)
    assert not has_demo_data()
    cache.delete(CACHE_KEY)
    SyncRun.objects.create(source=SOURCE, started_at=now())
    assert has_demo_data()
    with django_assert_num_queries(0):
        assert has_demo_data()
    cache.delete(CACHE_KEY)


@pytest.mark.parametrize("is_generated", [True, False])
def test_every_page_is_labelled_where_the_data_is_generated(client: Client, is_generated: bool) -> None:
    cache.set(CACHE_KEY, is_generated)
    client.force_login(User.objects.create_user("v@example.com"))
    label = "generated for the demo"
    assert (label in client.get("/").content.decode()) is is_generated
    cache.delete(CACHE_KEY)
