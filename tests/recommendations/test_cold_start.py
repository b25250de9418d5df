"""A shop without products, a shop without orders, and people and products that came today."""

import numpy as np
import pytest

from customers.models import Customer
from products.models import Product
from recommendations import registry
from recommendations.engines.base import Exclusions
from recommendations.features import read_features
from recommendations.interactions import read_interactions
from recommendations.models import ModelVersion, PopularProducts, Recommendation
from recommendations.recipes import ENGINES, build_engine
from recommendations.serving import recommend
from recommendations.strategies import STRATEGIES
from recommendations.training import train
from tests.recommendations.conftest import NOW, Shop

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("engine", ENGINES)
def test_training_on_an_empty_shop_ends_and_is_not_used(db: None, engine: str) -> None:
    version = train(now=NOW, engine=engine)
    assert version.status == ModelVersion.Status.REJECTED
    assert version.verdict.startswith("Only 0 customers with a past bought")
    assert (
        registry.champion(),
        Recommendation.objects.count(),
        PopularProducts.objects.filter(kind="bestsellers").count(),
    ) == (None, 0, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_fits_a_catalogue_that_nobody_bought_from(small_shop: Shop, engine: str) -> None:
    model = build_engine(engine).fit(read_interactions(now=NOW), read_features(np.array([1])))
    ranking = model.recommend(np.array([1, 2]), 3, Exclusions.from_rows([[], []]))
    assert ranking.items.shape == (2, 3)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_says_why_an_empty_shop_shows_nothing(db: None, strategy: str) -> None:
    one = Customer.objects.create(email="first@example.com").pk
    served = recommend([one], k=3, strategy=strategy)[one]
    assert (served.products, served.source) == ((), "nothing")
    assert served.shortfall.startswith("Only 0 of 3 products: no more ")


def test_who_signed_up_today_gets_what_their_country_buys(shop: Shop) -> None:
    train(now=NOW)
    newcomer = Customer.objects.create(email="new@example.com", country="FR")
    served = recommend([newcomer.pk], k=5)[newcomer.pk]
    assert {*served.sources} == {"popular_in_country"}
    french = {product.pk for product in shop.products[20:]}
    assert {product.pk for product in served.products} <= french


def test_a_product_of_today_is_ranked_by_its_features(shop: Shop) -> None:
    camper, camping = shop.customers[0], shop.products[0].category
    new = Product.objects.create(
        source="shop", external_id="new", name="New", category=camping, price_minor=1_500, currency="EUR"
    )
    interactions = read_interactions(now=NOW)
    features = read_features(np.unique(interactions.users))
    for engine in ("sequential_knn", "popularity_in_categories"):
        model = build_engine(engine).fit(interactions, features)
        ranked = model.recommend(np.array([camper.pk]), 21).items[0].tolist()
        assert new.pk in ranked, engine
