"""The people and the catalogue of the generated shop."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import time_machine

from customers.addresses import canonical
from demo.kinds import KINDS
from demo.names import COUNTRIES
from demo.world import World, build_world


def test_it_has_the_promised_size(big_world: World) -> None:
    assert (big_world.size, len(big_world.catalogue.products)) == (5_000, 400)


def test_the_same_seed_gives_the_same_people(world: World) -> None:
    again = build_world(seed=7, size=300, products=66, now=world.now)
    assert again.emails == world.emails
    assert np.array_equal(again.taste, world.taste)
    assert again.catalogue.products == world.catalogue.products


def test_another_seed_gives_other_people(world: World) -> None:
    assert build_world(seed=8, size=300, products=66, now=world.now).emails != world.emails


@time_machine.travel(datetime(2026, 3, 4, 15, 30, tzinfo=UTC), tick=False)
def test_now_is_the_last_midnight_unless_given() -> None:
    assert build_world(size=10, products=22).now == datetime(2026, 3, 4, tzinfo=UTC)


def test_addresses_are_unique_canonical_and_belong_to_nobody(big_world: World) -> None:
    assert len(set(big_world.emails)) == 5_000
    assert [canonical(email) for email in big_world.emails] == list(big_world.emails)
    assert {email.split("@")[1] for email in big_world.emails} == {
        "example.com",
        "example.net",
        "example.org",
    }


def test_names_fit_the_country(world: World) -> None:
    for customer in range(world.size):
        country = world.country_of(customer)
        given = country.given_names(female=True) + country.given_names(female=False)
        assert world.first_names[customer] in given
        assert world.last_names[customer] in country.family_names()


def test_people_live_in_nine_countries_and_fifteen_time_zones(big_world: World) -> None:
    zones = {big_world.city_of(customer).timezone for customer in range(big_world.size)}
    assert len({COUNTRIES[index].code for index in big_world.country}) == 9
    assert len(zones) == 15


def test_most_consent(big_world: World) -> None:
    assert 0.80 < big_world.consents.mean() < 0.88


def test_nobody_is_a_minor(big_world: World) -> None:
    known = [born for born in big_world.birth_dates if born is not None]
    assert min((big_world.now.date() - born).days // 365 for born in known) >= 18


def test_shares_of_countries_sum_to_one() -> None:
    assert round(sum(country.share for country in COUNTRIES), 9) == 1
    assert {round(sum(city.share for city in country.cities), 9) for country in COUNTRIES} == {1}


def test_every_category_has_products(world: World) -> None:
    assert set(Counter(product.kind for product in world.catalogue.products)) == set(range(len(KINDS)))


def test_product_names_and_numbers_are_unique(big_world: World) -> None:
    products = big_world.catalogue.products
    assert len({product.name for product in products}) == 400
    assert len({product.sku for product in products}) == 400


def test_prices_stay_within_the_bounds_of_their_category(big_world: World) -> None:
    for product in big_world.catalogue.products:
        kind = KINDS[product.kind]
        assert kind.price_low * 90 <= product.price_minor <= kind.price_high * 105
