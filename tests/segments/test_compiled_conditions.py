from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, EventType
from segments.compiler import compile_condition
from segments.conditions import needs, parse
from segments.evaluator import explain, load_profiles
from tests.segments.test_conditions_in_words import AT_RISK
from tests.segments.worlds import DAY, MICRO, NOW

pytestmark = pytest.mark.django_db


def fits(document, **options) -> set[Customer]:
    return set(compile_condition(parse(document), now=NOW, **options))


@pytest.mark.parametrize(
    ("at", "fitting"),
    [(NOW, False), (NOW - MICRO, True), (NOW - 30 * DAY, True), (NOW - 30 * DAY - MICRO, False)],
)
def test_a_window_holds_its_start_and_not_its_end(happen, at, fitting):
    person = Customer.objects.create()
    happen(person, EventType.ORDER_PLACED, at)
    found = fits({"event": "order_placed", "within": {"days": 30}})
    assert found == ({person} if fitting else set())


def test_what_happens_after_now_has_not_happened(happen):
    happen(Customer.objects.create(), EventType.ORDER_PLACED, NOW + DAY)
    assert fits({"event": "order_placed"}) == set()


def test_the_segment_of_issue_two(happen):
    person, active, foreign = (Customer.objects.create(country=code) for code in ("GB", "GB", "DE"))
    for customer in (person, active, foreign):
        for days in (31, 60, 90):
            happen(customer, EventType.ORDER_PLACED, NOW - timedelta(days=days))
    happen(active, EventType.ORDER_PLACED, NOW - timedelta(days=29))
    assert fits(AT_RISK) == {person}


def test_categories_include_those_below_them(happen, django_assert_num_queries):
    from products.models import Category

    tents = Category.objects.create(name="Tents", path="camping/tents")
    stoves = Category.objects.create(name="Stoves", path="camping-stoves")
    camper, cook = Customer.objects.create(), Customer.objects.create()
    happen(camper, EventType.PRODUCT_VIEWED, NOW - DAY, category_id=tents.pk)
    happen(cook, EventType.PRODUCT_VIEWED, NOW - DAY, category_id=stoves.pk)
    with django_assert_num_queries(1):
        assert fits({"event": "product_viewed", "where": {"category": "Camping"}}) == {camper}


def test_missing_values_fail_both_a_comparison_and_its_opposite():
    Customer.objects.create(city="")
    assert fits({"attribute": "city", "op": "eq", "value": "Leeds"}) == set()
    assert fits({"attribute": "city", "op": "ne", "value": "Leeds"}) == set()
    assert len(fits({"not": {"attribute": "city", "value": "Leeds"}})) == 1


def test_values_never_become_sql(happen):
    Customer.objects.create(city="Leeds")
    for text in ("' OR 1=1 --", "%s", "%", "Leeds'", '{"a": 1}'):
        assert fits({"attribute": "city", "op": "starts_with", "value": text}) == set()
        assert fits({"attribute": f"attributes.{text}", "value": text}) == set()


def test_a_window_reads_only_the_partitions_it_touches(happen):
    person = Customer.objects.create()
    for days in (10, 100, 200):
        happen(person, EventType.ORDER_PLACED, NOW - timedelta(days=days))
    plan = compile_condition(parse({"event": "order_placed", "within": {"days": 14}}), now=NOW).explain()
    assert plan.count(" on customers_event_") == 1


@pytest.mark.parametrize("size", [1, 20])
def test_profiles_are_loaded_in_a_fixed_number_of_queries(size):
    people = [Customer.objects.create(attributes={"tier": "gold"}).pk for _ in range(size)]
    condition = parse(
        {
            "all": [
                {"attribute": "attributes.tier", "value": "gold"},
                {"fact": "last_purchase_category", "value": "camping"},
                {"event": "product_viewed", "where": {"product": "p1", "category": "camping"}},
                {"event": "order_placed", "within": {"days": 3}},
                {"score": "ltv", "op": "gte", "value": 1},
                {"segment": "inner"},
                {"consent": "marketing_email"},
                {"experiment": "x"},
            ]
        }
    )
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(load_profiles(people, needs(condition), now=NOW)) == size
    assert len(queries) == 8


def test_an_explanation_says_which_parts_hold_and_why(happen):
    person = Customer.objects.create(country="GB")
    for days in (31, 60):
        happen(person, EventType.ORDER_PLACED, NOW - timedelta(days=days))
    condition = parse(AT_RISK)
    profile = load_profiles([person.pk], needs(condition), now=NOW)[person.pk]
    tree = explain(condition, profile, now=NOW)
    assert (tree.sentence, tree.holds) == ("All of these", False)
    assert [(part.holds, part.facts) for part in tree.parts] == [
        (True, "country: GB"),
        (False, "2 times, last 12 February 2026 12:00 UTC and 14 January 2026 12:00 UTC"),
        (True, ""),
    ]
