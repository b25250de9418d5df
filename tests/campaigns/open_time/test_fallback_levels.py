"""Choosing at an opening really fails, level by level: what was stored is shown, and links stay with it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from django.db.models import Model

from campaigns import writing_figures
from campaigns.models import Opening, Shown
from common.clock import now
from customers.models import Customer
from products.models import Product
from recommendations.models import PopularProducts, Recommendation
from tests.campaigns.open_time.sending import html, leads_to, opened, pictures, recommend, sent, shop
from tests.campaigns.test_fallbacks import without


@contextmanager
def locked(*models: type[Model]) -> Iterator[None]:
    """Another connection holds these tables, so that whoever reads them waits."""
    names = ", ".join(model._meta.db_table for model in models)
    known = connection.get_connection_params()
    place = {name: known[name] for name in ("host", "port", "user", "password", "dbname") if known.get(name)}
    with psycopg.connect(**place) as other:
        other.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


@pytest.fixture
def products(db: None) -> list[Product]:
    """A sent mail, stored with the first two, for whom the last two are now best."""
    made = shop()
    sent()
    recommend(Customer.objects.get(), made[5], made[4])
    return made


def failures() -> list[str]:
    return list(Opening.objects.values_list("failure", flat=True))


def test_a_recommender_that_fails(products: list[Product]) -> None:
    with without(Recommendation):
        opened(pictures()[0])
    assert failures() == ["failed"]
    assert leads_to(pictures()[0]) == products[0].url


def test_a_recommender_that_has_nothing_left(products: list[Product]) -> None:
    Product.objects.update(is_available=False)
    opened(pictures()[0])
    assert failures() == ["empty"]
    assert leads_to(pictures()[0]) == products[0].url


def test_a_recommender_that_has_too_little_is_filled_up(products: list[Product]) -> None:
    Product.objects.exclude(pk=products[3].pk).update(is_available=False)
    for picture in pictures():
        opened(picture)
    assert [leads_to(picture) for picture in pictures()] == [products[3].url, products[0].url]


def test_what_was_stored_for_a_moment_holds_for_the_other_pictures_of_the_opening(
    products: list[Product],
) -> None:
    with without(Recommendation):
        opened(pictures()[0])
    opened(pictures()[1])
    assert [leads_to(picture) for picture in pictures()] == [products[0].url, products[1].url]


def test_no_statement_is_begun_when_the_time_to_choose_is_up(
    products: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.open_time.deciding.CHOOSE_SECONDS", 0.0)
    opened(pictures()[0])
    assert failures() == ["late"]
    assert leads_to(pictures()[0]) == products[0].url


def test_when_all_time_is_up_an_empty_picture_keeps_the_mail_whole(
    products: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.open_time.deciding.ALL_SECONDS", 0.0)
    assert opened(pictures()[0]).startswith(b"\x89PNG")
    assert (Opening.objects.count(), Shown.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_slow_is_cut_off(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.open_time.deciding.CHOOSE_SECONDS", 1.5)
    monkeypatch.setattr("campaigns.open_time.deciding.ALL_SECONDS", 3.0)
    made = shop()
    sent()
    recommend(Customer.objects.get(), made[5], made[4])
    with locked(Recommendation, PopularProducts):
        opened(pictures()[0])
    assert failures() == ["late"]
    assert leads_to(pictures()[0]) == made[0].url
    with locked(Shown):
        opened(pictures()[1])
    assert Shown.objects.count() == 1, "what could not be noted was not shown"
    assert leads_to(pictures()[1]) == made[1].url
    with locked(Opening):
        opened(pictures()[0])
    assert Opening.objects.count() == 1
    assert writing_figures.refresh_alerts() == 0
    [hour] = writing_figures.WritingHour.objects.all()
    assert (hour.openings, hour.openings_stored, hour.hour <= now()) == (1, 1, True)
    assert "Picked for you" in html()
