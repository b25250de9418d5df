from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer, CustomerFacts, EventType, Score
from segments import membership
from segments.compiler import compile_condition
from segments.conditions import parse
from segments.expressions import MOST_UNSEEN
from segments.fitting import fitting_ids
from segments.judging import judge_each
from segments.models import Segment
from tests.segments.worlds import DAY, MICRO, NOW

pytestmark = pytest.mark.django_db


def ids(document, **options) -> list[int]:
    return sorted(pk for row in fitting_ids(parse(document), now=NOW, **options) for pk in row.values())


@pytest.fixture
def people() -> list[Customer]:
    """One with two orders, one with facts that say nothing, one without, and a visitor like the first."""
    made = [Customer.objects.create(is_anonymous=visits) for visits in (False, False, False, True)]
    for one in (made[0], made[3]):
        CustomerFacts.objects.create(customer=one, orders_count=2, last_order_at=NOW - 10 * DAY)
        Score.objects.create(customer=one, kind="ltv", value=9, percentile=90, computed_at=timezone.now())
    CustomerFacts.objects.create(customer=made[1])
    return made


@pytest.mark.parametrize(
    ("op", "value", "fitting"),
    [
        ("gte", 1, [0]),
        ("gt", 2, []),
        ("eq", 2, [0]),
        ("eq", 0, [1, 2]),
        ("gte", 0, [0, 1, 2]),
        ("lt", 1, [1, 2]),
        ("lte", 2, [0, 1, 2]),
        ("ne", 2, [1, 2]),
        ("gt", -1, [0, 1, 2]),
        ("gt", 2**31 - 1, []),
        ("gte", 2**31, []),
        ("eq", 2**31, []),
        ("lt", 2**31, [0, 1, 2]),
    ],
)
def test_who_has_no_facts_counts_as_nought_and_visitors_fit_nothing(people, op, value, fitting):
    document = {"fact": "orders_count", "op": op, "value": value}
    assert ids(document) == [people[one].pk for one in fitting]
    segment = Segment(key="counted", name="Counted", condition=document)
    membership.store(segment)
    assert segment.member_count == len(fitting)


@pytest.mark.parametrize(
    ("said", "fitting"),
    [
        ({"op": "within", "value": {"days": 10}}, [0]),
        ({"op": "within", "value": {"days": 9}}, []),
        ({"op": "older_than", "value": {"days": 9}}, [0]),
        ({"op": "older_than", "value": {"days": 10}}, []),
        ({"op": "before", "value": (NOW - 10 * DAY).isoformat()}, []),
        ({"op": "after", "value": (NOW - 10 * DAY).isoformat()}, [0]),
        ({"op": "is_present"}, [0]),
        ({"op": "is_missing"}, [1, 2]),
    ],
)
def test_times_hold_their_bounds_as_the_compiler_does(people, said, fitting):
    document = {"fact": "last_order_at", **said}
    assert ids(document) == [people[one].pk for one in fitting]
    assert ids(document) == sorted(compile_condition(parse(document), now=NOW).values_list("pk", flat=True))


def test_scores_and_facts_are_read_without_the_customers(people):
    orders = {"fact": "orders_count", "op": "gte", "value": 2}
    recent = {"fact": "last_order_at", "op": "within", "value": {"days": 20}}
    best = {"score": "ltv", "op": "top_percent", "value": 20}
    for document, table in ((best, Score), ({"all": [orders, recent]}, CustomerFacts)):
        assert ids(document) == [people[0].pk]
        assert fitting_ids(parse(document), now=NOW).model is table
    assert fitting_ids(parse({"any": [orders, best]}), now=NOW).model is Customer


def test_of_some_only_these_are_looked_at(people):
    document = {"fact": "orders_count", "op": "gte", "value": 1}
    assert ids(document, among=[people[1].pk]) == []
    assert ids(document, among=[people[0].pk, people[3].pk]) == [people[0].pk]


def test_one_statement_judges_at_every_moment(happen, django_assert_num_queries):
    person = Customer.objects.create()
    happen(person, EventType.PRODUCT_VIEWED, NOW)
    viewed, none = (
        parse({"event": "product_viewed", "within": {"days": 1}, "count": count})
        for count in ({"gte": 1}, {"eq": 0})
    )
    for now, has in ((NOW, False), (NOW + MICRO, True), (NOW + DAY, True), (NOW + DAY + MICRO, False)):
        with django_assert_num_queries(1):
            assert list(judge_each([viewed, none], now=now, among=[person.pk])) == [
                (person.pk, [has, not has])
            ]


def test_a_named_end_ends_the_window_before_and_after_it_has_come(happen):
    person = Customer.objects.create()
    happen(person, EventType.PRODUCT_VIEWED, NOW)
    span = [(NOW - DAY).isoformat(), (NOW + DAY).isoformat()]
    viewed = parse({"event": "product_viewed", "between": span})
    for now, has in ((NOW, False), (NOW + MICRO, True), (NOW + 2 * DAY, True)):
        assert list(judge_each([viewed], now=now, among=[person.pk])) == [(person.pk, [has])]


def test_more_ids_than_the_planner_is_spared_are_judged_alike(people):
    condition = parse({"fact": "orders_count", "op": "gte", "value": 1})
    start = people[-1].pk + 1
    many = [one.pk for one in people] + list(range(start, start + MOST_UNSEEN))
    expected = {people[0].pk: [True], people[1].pk: [False], people[2].pk: [False]}
    assert dict(judge_each([condition], now=NOW, among=many)) == expected
    assert dict(judge_each([condition], now=NOW, among=many[:4])) == expected


def test_a_chunk_is_planned_without_a_look_at_each_id(happen):
    """Its ids stand behind a sub-query: the planner estimates nothing from them, in no partition."""
    person = Customer.objects.create()
    happen(person, EventType.PRODUCT_VIEWED, NOW - timedelta(hours=1))
    viewed = parse({"event": "product_viewed", "within": {"days": 1}})
    with CaptureQueriesContext(connection) as asked:
        assert list(judge_each([viewed], now=NOW, among=[person.pk])) == [(person.pk, [True])]
    (query,) = asked.captured_queries
    assert query["sql"].count(f"(SELECT '{{{person.pk}}}'::bigint[])::bigint[]") == 2
