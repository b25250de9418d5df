"""The nearest store of each customer."""

from decimal import Decimal
from math import asin, cos, radians, sin, sqrt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.locating import locate, locate_everybody
from customers.models import Customer, Touched
from customers.news import PROFILE
from customers.profiles import update_profiles
from customers.tasks import locate_customers
from products.models import Store
from products.places import City, load_places
from segments.membership import refresh_touched, store
from segments.models import Segment, SegmentMembership

pytestmark = pytest.mark.django_db
CITIES = [
    City("GB", "Leeds", 53.796, -1.548, 455_123),
    City("GB", "York", 53.958, -1.083, 144_202),
    City("GB", "Dublin", 50.0, -5.0, 20_000),
    City("IE", "Dublin", 53.333, -6.249, 1_024_027),
    City("US", "Dublin", 40.099, -83.114, 45_098),
]


@pytest.fixture(autouse=True)
def places() -> None:
    load_places(CITIES)


def shop(name: str, latitude: float, longitude: float, **fields: object) -> Store:
    told = {"country": "GB", **fields}
    return Store.objects.create(name=name, external_id=name, latitude=latitude, longitude=longitude, **told)


def found(**fields: object) -> tuple[str | None, Decimal | None]:
    customer = Customer.objects.create(**fields)
    locate([customer.pk])
    customer.refresh_from_db()
    return str(customer.nearest_store) if customer.nearest_store else None, customer.nearest_store_km


def haversine(one: tuple[float, float], other: tuple[float, float]) -> float:
    (lat, lon), (lat2, lon2) = (tuple(map(radians, one)), tuple(map(radians, other)))
    a = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2 * 6371.0088 * asin(sqrt(a))


def test_it_is_the_one_at_the_least_great_circle_distance() -> None:
    shop("Leeds", 53.8, -1.55)
    shop("York", 53.96, -1.08)
    own = {"latitude": 53.9, "longitude": -1.3}
    near, far = haversine((53.9, -1.3), (53.96, -1.08)), haversine((53.9, -1.3), (53.8, -1.55))
    assert near < far
    assert found(attributes=own) == ("York", Decimal(str(round(near, 1))))


def test_coordinates_go_before_the_city_and_may_be_texts() -> None:
    shop("Leeds", 53.8, -1.55)
    shop("York", 53.96, -1.08)
    told = {"latitude": "53.96", "longitude": "-1.08"}
    assert found(city="Leeds", country="GB", attributes=told) == ("York", Decimal("0.0"))


@pytest.mark.parametrize(
    "attributes",
    [
        {"latitude": 53.96},
        {"latitude": 95, "longitude": 0},
        {"latitude": "north", "longitude": "west"},
        {"latitude": "", "longitude": None},
        {"latitude": True, "longitude": [1]},
        {"latitude": 1e300, "longitude": 1},
        {"latitude": "9" * 400, "longitude": "1"},
    ],
    ids=["half", "off earth", "words", "empty", "other types", "huge", "long"],
)
def test_the_citys_centre_stands_in_for_coordinates_that_are_none(attributes: dict[str, object]) -> None:
    shop("Leeds", 53.796, -1.548)
    assert found(city="LEEDS", country="GB", attributes=attributes) == ("Leeds", Decimal("0.0"))


def test_a_city_is_looked_for_in_its_country_and_else_the_largest_is_meant() -> None:
    shop("Dublin", 53.333, -6.249, country="IE")
    shop("Cornwall", 50.0, -5.0)
    assert found(city="Dublin", country="GB")[0] == "Cornwall"
    assert found(city="Dublin", country="IE")[0] == "Dublin"
    assert found(city="Dublin")[0] == "Dublin"


def test_beyond_the_limit_there_is_none(settings) -> None:
    shop("Leeds", 53.8, -1.55)
    settings.NEAREST_STORE_KM = haversine((53.958, -1.083), (53.8, -1.55)) - 0.001
    assert found(city="York", country="GB") == (None, None)
    settings.NEAREST_STORE_KM += 0.002
    assert found(city="York", country="GB")[0] == "Leeds"


def test_it_looks_across_the_date_line() -> None:
    shop("Taveuni", -16.9, 179.95, country="FJ")
    near = round(haversine((-16.9, -179.95), (-16.9, 179.95)), 1)
    assert near == 10.6
    assert found(attributes={"latitude": -16.9, "longitude": -179.95}) == ("Taveuni", Decimal(str(near)))


def test_a_closed_store_is_nobodys() -> None:
    shop("Leeds", 53.8, -1.55, is_open=False)
    assert found(city="Leeds", country="GB") == (None, None)


def test_who_cannot_be_placed_has_the_only_store_of_the_region_then_of_the_country() -> None:
    shop("Leeds", 53.8, -1.55, region="Yorkshire")
    assert found(country="GB", city="Atlantis") == ("Leeds", None)
    shop("Bath", 51.4, -2.4, region="Somerset")
    assert found(country="GB") == (None, None)
    assert found(country="GB", region=" YORKSHIRE") == ("Leeds", None)
    assert found(country="IE", region="Yorkshire") == (None, None)


def test_anonymous_visitors_have_none() -> None:
    shop("Leeds", 53.8, -1.55)
    assert found(city="Leeds", is_anonymous=True) == (None, None)


def test_everybody_takes_one_statement_however_many_they_are() -> None:
    shop("Leeds", 53.8, -1.55)
    for count in (1, 30):
        Customer.objects.bulk_create([Customer(city="Leeds", country="GB") for _ in range(count)])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert locate_everybody() == count
        statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        assert len(statements) == 2


def test_only_those_who_move_are_written_and_told_of() -> None:
    shop("Leeds", 53.8, -1.55)
    leeds = Customer.objects.create(city="Leeds", country="GB")
    Customer.objects.create(country="IE")
    assert locate_everybody() == 1
    assert list(Touched.objects.values_list("customer_id", "changed")) == [(leeds.pk, PROFILE)]
    assert locate_everybody() == 0


def test_a_new_place_moves_the_customer_and_the_segments_with_him() -> None:
    for name, latitude, longitude in (("Leeds", 53.8, -1.55), ("York", 53.96, -1.08)):
        shop(name, latitude, longitude)
    by_name = {"attribute": "nearest_store", "value": "York"}
    store(Segment(key="york", name="Near York", condition=by_name))
    customer = Customer.objects.create(city="Leeds", country="GB")
    update_profiles({customer.pk: {"city": "York"}})
    while refresh_touched():
        pass
    customer.refresh_from_db()
    assert str(customer.nearest_store) == "York"
    assert list(SegmentMembership.objects.values_list("segment__key", "customer")) == [("york", customer.pk)]


def test_the_nightly_task_brings_the_cities_that_it_needs() -> None:
    load_places([])
    shop("Manchester", 53.481, -2.237)
    customer = Customer.objects.create(city="Manchester", country="GB")
    assert locate_customers() == 1
    customer.refresh_from_db()
    assert str(customer.nearest_store) == "Manchester"
