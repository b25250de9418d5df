"""Which promotion somebody is told of."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError

from products.models import Promotion, Store
from products.promotions import offer_for, running_offers

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def promotion(key: str, *, starts_at: datetime = NOW - DAY, **fields: object) -> Promotion:
    return Promotion.objects.create(key=key, name=key, headline=key, starts_at=starts_at, **fields)


@pytest.fixture
def leeds() -> Store:
    return Store.objects.create(
        name="Leeds", external_id="s1", country="GB", region="Yorkshire", latitude=53.8, longitude=-1.5
    )


def told(*, country: str = "", region: str = "", nearest_store: Store | None = None) -> str | None:
    found = offer_for(running_offers(NOW), country=country, region=region, nearest_store=nearest_store)
    return found.key if found else None


def test_it_runs_from_its_start_to_before_its_end() -> None:
    promotion("over", ends_at=NOW)
    promotion("to-come", starts_at=NOW + DAY)
    assert told() is None
    promotion("begins", starts_at=NOW, ends_at=NOW + DAY)
    assert told() == "begins"


def test_the_store_goes_before_the_region_the_country_and_everywhere(leeds: Store) -> None:
    promotion("everywhere")
    assert told(nearest_store=leeds) == "everywhere"
    promotion("country", countries=["GB"])
    assert told(nearest_store=leeds) == "country"
    promotion("region", regions=["yorkshire"])
    assert told(nearest_store=leeds) == "region"
    promotion("store").stores.add(leeds)
    assert told(nearest_store=leeds) == "store"


def test_it_goes_by_the_customers_own_region_and_country_too() -> None:
    promotion("region", regions=["Yorkshire"])
    promotion("country", countries=["GB"])
    assert told(country="GB", region="YORKSHIRE") == "region"
    assert told(country="GB") == "country"
    assert told(country="IE") is None


def test_one_for_stores_is_not_on_anywhere_else(leeds: Store) -> None:
    promotion("store").stores.add(leeds)
    assert told(country="GB", region="Yorkshire") is None


def test_of_two_alike_the_one_that_began_last_is_told() -> None:
    promotion("earlier", starts_at=NOW - 2 * DAY)
    promotion("later")
    assert told() == "later"


def test_the_database_refuses_an_end_before_the_start() -> None:
    with pytest.raises(IntegrityError):
        promotion("wrong", ends_at=NOW - 2 * DAY)
