"""Cities by each of their names."""

import pytest

from products.models import Place
from products.places import City, centres, ensure_places, load_places

pytestmark = pytest.mark.django_db


def test_case_points_hyphens_and_blanks_do_not_matter() -> None:
    load_places([City("CH", "St. Gallen", 47.42, 9.37, 75_000), City("DE", "MÜNCHEN", 48.1, 11.6, 1_500_000)])
    asked = [("CH", "ST GALLEN"), ("CH", " st.-gallen "), ("DE", "münchen"), ("CH", "München")]
    assert centres(asked) == {
        ("CH", "ST GALLEN"): (47.42, 9.37),
        ("CH", " st.-gallen "): (47.42, 9.37),
        ("DE", "münchen"): (48.1, 11.6),
    }


def test_a_citys_own_name_goes_before_a_larger_ones_by_name() -> None:
    load_places(
        [City("SE", "Göteborg", 57.7, 12.0, 600_000, ("Lund",)), City("SE", "Lund", 55.7, 13.2, 94_000)]
    )
    assert centres([("SE", "Lund")]) == {("SE", "Lund"): (55.7, 13.2)}


def test_of_two_cities_of_one_name_the_larger_is_meant() -> None:
    load_places([City("US", "Dublin", 32.5, -82.9, 16_197), City("US", "Dublin", 37.7, -121.9, 57_721)])
    assert centres([("US", "Dublin")]) == {("US", "Dublin"): (37.7, -121.9)}


def test_loading_again_replaces_what_was_there() -> None:
    load_places([City("IE", "Dublin", 53.3, -6.2, 1_024_027)])
    load_places([City("IE", "Galway", 53.3, -9.1, 85_910)])
    assert list(Place.objects.values_list("name", flat=True)) == ["Galway"]


def test_the_cities_that_come_with_regards_are_loaded_once() -> None:
    assert ensure_places() > 90_000
    assert ensure_places() == 0
    found = centres([("GB", "London"), ("SE", "Göteborg"), ("DE", "Munich")])
    assert found == {
        ("GB", "London"): (51.509, -0.126),
        ("SE", "Göteborg"): (57.707, 11.967),
        ("DE", "Munich"): (48.137, 11.575),
    }
