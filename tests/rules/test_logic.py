"""What the logic claims about conditions holds for everybody; what it should see, it sees."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.models import EventType
from rules.logic import always_fits, implies, never_fits
from segments.conditions import parse
from segments.evaluator import matches
from segments.profiles import Catalogue, Occurrence, Profile
from tests.segments.strategies import CONDITIONS, WINDOW
from tests.segments.worlds import EDGES, NAMES, NOW, NUMBERS, PATHS, TEXTS, TYPES

IDS = {path.lower(): number for number, path in enumerate(PATHS, start=1)}
CATALOGUE = Catalogue(
    categories={
        path: frozenset(id for other, id in IDS.items() if f"{other}/".startswith(f"{path.lower()}/"))
        for path in PATHS
    },
    products={"p1": frozenset({1, 2}), "p2": frozenset({3})},
    event_types={name: frozenset(types) - {None} for name, types in NAMES.items()},
)


def somebody(dice: random.Random) -> Profile:
    """A profile beside every edge that the strategies ask about, with every kind of hole."""
    texts = [*TEXTS, "london", "clondon", "gbx", "ondon3"]
    own = [*texts, *NUMBERS, True, False, None, "3", [1]]
    attributes = {key: dice.choice(own) for key in ("tier", "0") if dice.random() < 0.8}
    return Profile(
        1,
        fields={
            **{name: dice.choice(texts) for name in ("country", "city", "email", "timezone")},
            "signed_up_at": dice.choice([None, *EDGES]),
            "birth_date": dice.choice([None, date(1989, 1, 1), date(1990, 1, 1), date(1990, 1, 2)]),
            "allows_profiling": dice.random() < 0.5,
            "facts__orders_count": dice.choice([None, 0, 1, 2, 3]),
            "facts__revenue_minor": dice.choice([0, 1999, 2000, 10**12]),
            "facts__last_order_at": dice.choice([None, *EDGES]),
            "facts__last_purchase_category_id": dice.choice([None, 99, *IDS.values()]),
            "facts__last_viewed_product_id": dice.choice([None, 1, 2, 3, 99]),
        },
        attributes={
            key: Decimal(str(value)) if isinstance(value, float) else value
            for key, value in attributes.items()
        },
        events={
            kind: [occurrence(dice, kind) for _ in range(dice.choice([0, 1, 2, 4]))]
            for kind in (*(EventType[name.upper()] for name in TYPES), 1000, 1001)
        },
        scores={"ltv": (dice.choice([0.1, 1, 2.5, 9]), dice.choice([0.0, 20.0, 50.0, 80.1]))}
        if dice.random() < 0.7
        else {},
        segments={"inner"} if dice.random() < 0.5 else set(),
        stage=dice.choice(["", "active", "churned"]),
        consents={"marketing_email"} if dice.random() < 0.5 else set(),
        assignments={"x": dice.choice("ab")} if dice.random() < 0.5 else {},
        catalogue=CATALOGUE,
    )


def occurrence(dice: random.Random, kind: int) -> Occurrence:
    return Occurrence(
        kind,
        dice.choice(EDGES),
        product_id=dice.choice([None, 1, 3]),
        category_id=dice.choice([None, *IDS.values()]),
        value_minor=dice.choice([None, 0, 1999, 2000]),
        quantity=dice.choice([None, 1, 2]),
        currency=dice.choice([None, "GBP", "eur"]),
        source=dice.choice(["shop", "Till"]),
    )


DICE = random.Random(11)
PEOPLE = [somebody(DICE) for _ in range(300)]


def related(written: dict[str, Any], other: dict[str, Any], how: int) -> tuple[Any, list[Any]]:
    """Two conditions that have much to do with each other."""
    return [
        ({"all": [written, other]}, [written]),
        (written, [{"any": [other, written]}]),
        (written, [{"all": [written, other]}, {"not": other}]),
        (written, [other, {"not": other}]),
        ({"not": {"any": [written, other]}}, [{"not": other}]),
        (written, [other]),
    ][how]


@settings(max_examples=300)
@given(CONDITIONS, CONDITIONS, st.integers(0, 5))
def test_what_is_proved_holds_for_everybody(written, other, how):
    narrow, wide = related(written, other, how)
    one, others = parse(narrow), [parse(each) for each in wide]
    if implies(one, others):
        for person in PEOPLE:
            fits = matches(one, person, now=NOW)
            assert not fits or any(matches(each, person, now=NOW) for each in others)
    if never_fits(one):
        assert not any(matches(one, person, now=NOW) for person in PEOPLE)
    if always_fits(one):
        assert all(matches(one, person, now=NOW) for person in PEOPLE)


@settings(max_examples=150)
@given(WINDOW, WINDOW)
def test_what_is_proved_of_windows_holds_for_everybody(narrow, wide):
    one, other = (parse({"event": "product_viewed", **window}) for window in (narrow, wide))
    seen = [person for person in PEOPLE if matches(one, person, now=NOW)]
    if implies(one, [other]):
        assert all(matches(other, person, now=NOW) for person in seen)


COUNTRY, ORDERS = {"attribute": "country"}, {"fact": "orders_count"}
VIEWED = {"event": "product_viewed"}
LTV = {"score": "ltv"}
LAST = {"fact": "last_order_at"}


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({**COUNTRY, "value": "GB"}, {**COUNTRY, "op": "in", "value": ["gb", "IE"]}),
        ({**COUNTRY, "value": "GB"}, {**COUNTRY, "op": "not_in", "value": ["IE"]}),
        ({**COUNTRY, "value": "GB"}, {"not": {**COUNTRY, "value": "IE"}}),
        ({**COUNTRY, "op": "starts_with", "value": "gb"}, {**COUNTRY, "op": "contains", "value": "B"}),
        ({**COUNTRY, "op": "contains", "value": "gb"}, {**COUNTRY, "op": "is_present"}),
        ({**ORDERS, "op": "gte", "value": 5}, {**ORDERS, "op": "gt", "value": 2}),
        ({**ORDERS, "op": "gt", "value": 4}, {**ORDERS, "op": "gte", "value": 5}),
        ({**LAST, "op": "within", "value": {"days": 7}}, {**LAST, "op": "within", "value": {"weeks": 2}}),
        ({**LAST, "op": "older_than", "value": {"days": 9}}, {**LAST, "op": "is_present"}),
        ({**LAST, "op": "before", "value": "2026-01-01"}, {**LAST, "op": "before", "value": "2026-02-01"}),
        (
            {"fact": "last_purchase_category", "value": "a/b/c"},
            {"fact": "last_purchase_category", "value": "A/b"},
        ),
        ({**LTV, "op": "top_percent", "value": 5}, {**LTV, "op": "top_percent", "value": 20}),
        ({**VIEWED, "count": {"gte": 5}, "within": {"days": 2}}, {**VIEWED, "within": {"days": 30}}),
        ({**VIEWED, "before": "2026-01-01T00:00:00Z"}, {**VIEWED, "before": "2026-01-02T00:00:00Z"}),
        (
            {**VIEWED, "within": {"days": 2}, "before": "2026-01-01T00:00:00Z"},
            {**VIEWED, "within": {"days": 3}, "before": "2026-01-02T00:00:00Z"},
        ),
        ({**VIEWED, "where": {"category": "a/b"}}, {**VIEWED, "where": {"category": ["a", "x"]}}),
        ({**VIEWED, "where": {"value": {"gte": 90}}}, {**VIEWED, "where": {"value": {"gt": 50}}}),
        ({**VIEWED, "not_followed_by": "order_placed"}, VIEWED),
        ({**VIEWED, "count": 0}, {**VIEWED, "count": {"lte": 2}, "within": {"days": 2}}),
        ({"experiment": "x", "variant": "b"}, {"experiment": "x"}),
        ({"stage": "new"}, {"stage": ["loyal", "new"]}),
        (
            {"all": [{"consent": "marketing_email"}, {**COUNTRY, "value": "GB"}]},
            {"consent": "marketing_email"},
        ),
        (
            {"attribute": "attributes.n", "op": "gte", "value": 5},
            {"attribute": "attributes.n", "op": "gt", "value": 2},
        ),
    ],
)
def test_a_narrower_condition_is_seen_to_imply_a_wider_one_and_not_the_other_way_round(narrow, wide):
    assert implies(parse(narrow), [parse(wide)])
    assert not implies(parse(wide), [parse(narrow)]) or narrow["op"] == "gt"


def test_several_conditions_together_cover_what_none_covers_alone():
    few, many = parse({**ORDERS, "op": "lt", "value": 3}), parse({**ORDERS, "op": "gte", "value": 3})
    anybody = parse({"consent": "marketing_email"})
    assert implies(anybody, [few, many])
    assert not implies(anybody, [few])


@pytest.mark.parametrize(
    "parts",
    [
        [{**COUNTRY, "value": "GB"}, {**COUNTRY, "value": "IE"}],
        [{**COUNTRY, "value": "GB"}, {**COUNTRY, "op": "is_missing"}],
        [{**ORDERS, "op": "gt", "value": 4}, {**ORDERS, "op": "lt", "value": 5}],
        [{**LAST, "op": "within", "value": {"days": 7}}, {**LAST, "op": "older_than", "value": {"days": 7}}],
        [{**LTV, "op": "top_percent", "value": 20}, {**LTV, "op": "bottom_percent", "value": 50}],
        [{**VIEWED, "count": 0}, {**VIEWED, "within": {"days": 3}}],
        [{"segment": "a"}, {"not": {"segment": "a"}}],
        [{"stage": "new"}, {"stage": ["loyal", "churned"]}],
        [{"experiment": "x", "variant": "a"}, {"experiment": "x", "variant": "b"}],
        [{"fact": "last_purchase_category", "value": "a"}, {"fact": "last_purchase_category", "value": "b"}],
        [{"attribute": "attributes.n", "value": 3}, {"attribute": "attributes.n", "value": "3"}],
    ],
)
def test_a_contradiction_is_seen(parts):
    assert never_fits(parse({"all": parts}))
    assert not any(never_fits(parse(part)) for part in parts)


@pytest.mark.parametrize(
    "condition",
    [
        {**LAST, "op": "before", "value": "2026-01-01"},
        {
            "all": [
                {**LAST, "op": "within", "value": {"days": 7}},
                {**LAST, "op": "before", "value": "2026-01-01"},
            ]
        },
        {"all": [{**COUNTRY, "op": "contains", "value": "a"}, {**COUNTRY, "op": "contains", "value": "b"}]},
        {"all": [VIEWED, {**VIEWED, "within": {"days": 1}, "count": 0}]},
        {
            "all": [
                {**VIEWED, "within": {"days": 20}},
                {**VIEWED, "within": {"days": 30}, "before": "2020-01-01T00:00:00Z", "count": 0},
            ]
        },
    ],
)
def test_what_somebody_may_fit_is_not_called_impossible(condition):
    assert not never_fits(parse(condition))


def test_a_missing_value_keeps_a_range_and_its_opposite_from_covering_everybody():
    before = {**LAST, "op": "before", "value": "2026-01-01"}
    assert not always_fits(parse({"any": [before, {**LAST, "op": "after", "value": "2026-01-01"}]}))
    assert always_fits(parse({"any": [before, {"not": before}]}))


def test_too_many_possibilities_prove_nothing():
    parts = [{**VIEWED, "where": {"source": f"s{n}"}, "count": {"gte": n}} for n in range(1, 30)]
    assert not never_fits(parse({"all": [*parts, {**VIEWED, "count": 0}]}))


def test_a_span_and_a_moment_are_not_held_against_each_other():
    recent = parse({**LAST, "op": "within", "value": {"days": 1}})
    assert not implies(
        recent, [parse({**LAST, "op": "after", "value": (NOW - timedelta(days=900)).isoformat()})]
    )


def test_true_does_not_imply_one_nor_false_zero():
    for truth, number in ((True, 1), (False, 0)):
        one, other = (parse({"attribute": "attributes.vip", "value": value}) for value in (truth, number))
        assert (one == other, implies(one, [other]), implies(other, [one])) == (False, False, False)
