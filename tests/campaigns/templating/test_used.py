"""What a template reads is what is kept of a customer, and no more."""

import pytest

from campaigns.templating.used import kept, pools_in, read_by

CONTEXT = {
    "customer": {"first_name": "Ann", "city": "Keswick", "attributes": {"b": 1, "aa": {"y": 1, "x": 2}}},
    "orders_count": 3,
    "recommendations": [{"name": "Tent", "url": "/t"}, {"name": "Boots", "url": "/b"}],
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ customer.first_name }}", {"customer": {"first_name": "Ann"}, "recommendations": [{}, {}]}),
        ("{% if orders_count > 2 %}x{% endif %}", {"orders_count": 3, "recommendations": [{}, {}]}),
        (
            "{{ customer.attributes['b'] }}",
            {"customer": {"attributes": {"b": 1}}, "recommendations": [{}, {}]},
        ),
        (
            "{% assign c = customer %}{{ c.city }}",
            {"customer": CONTEXT["customer"], "recommendations": [{}, {}]},
        ),
        ("{{ recommendations.first.name }}", {"recommendations": CONTEXT["recommendations"]}),
        (
            "{% recommendations %}{{ product.name }}{% endrecommendations %}",
            {"recommendations": [{"name": "Tent"}, {"name": "Boots"}]},
        ),
        ("{{ [customer.city] }}", CONTEXT),
        ("{{ nothing.here }}", {"recommendations": [{}, {}]}),
        (
            "{% if x %}{% assign orders_count = 1 %}{% endif %}{{ orders_count }}",
            {"orders_count": 3, "recommendations": [{}, {}]},
        ),
    ],
)
def test_only_what_is_read_is_kept(source: str, expected: dict[str, object]) -> None:
    assert kept(CONTEXT, read_by(source, (), ())) == expected


def test_the_size_of_something_asks_for_all_of_it() -> None:
    found = kept(CONTEXT, read_by("{{ customer.attributes.size }}", (), ()))
    assert found["customer"] == {"attributes": CONTEXT["customer"]["attributes"]}


def test_dictionaries_are_in_the_order_in_which_the_database_gives_them_back() -> None:
    found = kept(CONTEXT, read_by("{% assign all = customer %}{{ all }}", (), ()))
    assert list(found["customer"]["attributes"]) == ["b", "aa"]
    assert list(found["customer"]["attributes"]["aa"]) == ["x", "y"]


def test_blocks_and_subjects_are_read_too_and_broken_blocks_are_not() -> None:
    tree = read_by("x", ("{{ orders_count }}",), ("<p>{{ customer.city }}</p>", "{% if %}"))
    assert kept(CONTEXT, tree) == {
        "customer": {"city": "Keswick"},
        "orders_count": 3,
        "recommendations": [{}, {}],
    }


def test_pools_of_coupons_are_those_that_are_named() -> None:
    assert pools_in(read_by("{{ coupons.spring | default: 'x' }}", (), ("{{ coupons.boots }}",))) == {
        "spring",
        "boots",
    }
    assert pools_in(read_by("{{ customer.city }}", (), ())) == frozenset()
