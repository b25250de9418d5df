from datetime import timedelta

import pytest

from customers.models import Customer
from products.models import Product
from recommendations.models import ModelVersion, PopularProducts, Recommendation
from recommendations.popular import refresh_popular_products
from recommendations.serving import recommend
from recommendations.shelf import Filters
from tests.recommendations.conftest import NOW, Shop, order, refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def champion(db: None) -> ModelVersion:
    return ModelVersion.objects.create(
        engine="blend", number=1, status=ModelVersion.Status.CHAMPION, started_at=NOW
    )


def store(customer: Customer, products: list[Product], version: ModelVersion) -> None:
    Recommendation.objects.create(
        customer=customer,
        model_version=version,
        product_ids=[product.pk for product in products],
        scores=[1 / (n + 1) for n in range(len(products))],
        computed_at=NOW,
    )


def popular(country: str, products: list[Product]) -> None:
    ids = [product.pk for product in products]
    PopularProducts.objects.create(country=country, product_ids=ids, scores=[1.0] * len(ids), computed_at=NOW)


def test_the_stored_row_comes_first_then_country_then_all(small_shop: Shop, champion: ModelVersion) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    store(anna, [p[3]], champion)
    popular("GB", [p[3], p[1]])
    popular("", [p[2]])
    served = recommend([anna.pk], k=3)[anna.pk]
    assert served.products == (p[3], p[1], p[2])
    assert served.reasons == ("Picked for this customer", "Bestseller in GB", "Bestseller")
    assert (served.source, served.model_version, served.shortfall) == ("model", champion, "")


def test_unavailable_and_excluded_products_are_left_out(small_shop: Shop, champion: ModelVersion) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    store(anna, p[:4], champion)
    Product.objects.filter(pk=p[0].pk).update(is_available=False)
    assert recommend([anna.pk], k=2, exclude=[p[1].pk])[anna.pk].products == (p[2], p[3])
    assert recommend([anna.pk], k=2, exclude={anna.pk: [p[2].pk]})[anna.pk].products == (p[1], p[3])


def test_who_objects_to_profiling_gets_bestsellers(small_shop: Shop, champion: ModelVersion) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    store(anna, [p[5]], champion)
    popular("GB", [p[0], p[1]])
    Customer.objects.filter(pk=anna.pk).update(allows_profiling=False)
    served = recommend([anna.pk], k=2)[anna.pk]
    assert (served.products, served.source) == ((p[0], p[1]), "popular_in_country")
    assert served.model_version is None


def test_bestsellers_ignore_the_stored_row(small_shop: Shop, champion: ModelVersion) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    store(anna, [p[5]], champion)
    popular("", [p[0]])
    assert recommend([anna.pk], k=1, strategy="bestsellers")[anna.pk].products == (p[0],)


def test_discover_leaves_out_what_was_bought(small_shop: Shop, champion: ModelVersion) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    store(anna, p[:3], champion)
    order(anna, p[0], NOW)
    assert recommend([anna.pk], k=2, strategy="discover")[anna.pk].products == (p[1], p[2])


def test_again_shows_the_latest_purchases_and_says_when_there_are_too_few(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    order(anna, p[0], NOW - timedelta(days=9))
    order(anna, p[1], NOW - timedelta(days=1))
    served = recommend([anna.pk], k=3, strategy="again")[anna.pk]
    assert served.products == (p[1], p[0])
    assert served.shortfall == "Only 2 of 3 products: no more bought before and are available."


def test_without_any_history_the_newest_products_are_shown(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    served = recommend([anna.pk], k=2)[anna.pk]
    assert (served.products, served.source) == ((p[5], p[4]), "catalogue")


def test_an_empty_shop_says_so(small_shop: Shop) -> None:
    anna = small_shop.customers[0]
    Product.objects.update(is_available=False)
    served = recommend([anna.pk], k=2)[anna.pk]
    assert (served.products, served.source) == ((), "nothing")
    assert served.shortfall == "Only 0 of 2 products: no more are available and not excluded."


def test_categories_restrict_what_is_shown(small_shop: Shop, champion: ModelVersion) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    store(anna, p, champion)
    assert recommend([anna.pk], k=3, filters=Filters(categories=("climbing",)))[anna.pk].products == (
        p[3],
        p[4],
        p[5],
    )


def test_an_id_that_belongs_to_nobody_gets_bestsellers(small_shop: Shop) -> None:
    popular("", small_shop.products[:1])
    assert recommend([10**9], k=1)[10**9].source == "popular"


def test_an_unknown_strategy_is_refused(small_shop: Shop) -> None:
    with pytest.raises(ValueError, match="no strategy called 'magic'"):
        recommend([1], k=1, strategy="magic")


def test_bestsellers_are_counted_by_country_and_for_all(small_shop: Shop) -> None:
    (anna, bruno, chloe, _), p = small_shop.customers, small_shop.products
    order(anna, p[0], NOW - timedelta(days=1))
    order(chloe, p[0], NOW - timedelta(days=1))
    for product in (p[1], p[0], p[2]):
        order(bruno, product, NOW - timedelta(days=2))
    order(bruno, p[2], NOW - timedelta(days=30))
    assert refresh_popular_products(now=NOW) == 3
    lists = dict(PopularProducts.objects.values_list("country", "product_ids"))
    assert lists == {
        "": [p[0].pk, p[2].pk, p[1].pk],
        "FR": [p[2].pk, p[0].pk, p[1].pk],
        "GB": [p[0].pk],
    }


def test_a_refresh_drops_the_list_of_a_country_without_sales(small_shop: Shop) -> None:
    popular("DE", small_shop.products[:1])
    order(small_shop.customers[0], small_shop.products[1], NOW - timedelta(days=1))
    refresh_popular_products(now=NOW)
    assert set(PopularProducts.objects.values_list("country", flat=True)) == {"", "GB"}


def test_a_refresh_that_finds_no_sale_keeps_what_was_there(small_shop: Shop) -> None:
    popular("", small_shop.products[:1])
    order(small_shop.customers[0], small_shop.products[1], NOW - timedelta(days=400))
    assert refresh_popular_products(now=NOW) == 0
    assert PopularProducts.objects.get().product_ids == [small_shop.products[0].pk]


def test_bestsellers_of_a_day_in_the_past_do_not_know_later_refunds(small_shop: Shop) -> None:
    placed = order(small_shop.customers[0], small_shop.products[1], NOW - timedelta(days=3))
    refund(placed, NOW - timedelta(days=1))
    assert refresh_popular_products(now=NOW - timedelta(days=2)) == 2
    assert refresh_popular_products(now=NOW) == 0
