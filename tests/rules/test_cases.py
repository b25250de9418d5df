"""Imaginary customers are judged as real ones are."""

from datetime import timedelta

import pytest

from rules.cases import check_case, judge_case
from rules.documents import DocumentError, parse_document
from tests.rules.conftest import BRITISH, document
from tests.segments.worlds import NOW

EVERYBODY = {"all": []}


def verdict(customer: dict, when: dict) -> bool:
    """Whether the imaginary customer fits."""
    rules = parse_document(document({"name": "one", "when": when, "then": {"show": "a"}}))
    return judge_case("x", customer, {"fired": ["one"]}, rules, now=NOW).passes


def problems(expected: dict, *rules: dict) -> tuple[str, ...]:
    return judge_case(
        "x", {"attributes": {"country": "GB"}}, expected, parse_document(document(*rules)), now=NOW
    ).problems


@pytest.mark.parametrize(
    ("customer", "when"),
    [
        ({"attributes": {"country": "gb"}}, {"attribute": "country", "value": "GB"}),
        ({"attributes": {"attributes.n": 2.5}}, {"attribute": "attributes.n", "op": "gt", "value": 2}),
        (
            {"attributes": {"birth_date": "1990-01-01"}},
            {"attribute": "birth_date", "op": "before", "value": "1990-01-02"},
        ),
        ({"facts": {"orders_count": 3}}, {"fact": "orders_count", "op": "gte", "value": 3}),
        (
            {"facts": {"last_order_at": {"days": 3}}},
            {"fact": "last_order_at", "op": "within", "value": {"days": 3}},
        ),
        (
            {"facts": {"last_purchase_category": "Out/Camp"}},
            {"fact": "last_purchase_category", "value": "out"},
        ),
        (
            {"facts": {"last_cart_product": "p1"}},
            {"fact": "last_cart_product", "op": "in", "value": ["p0", "p1"]},
        ),
        (
            {
                "events": [
                    {
                        "event": "product_viewed",
                        "ago": {"hours": 2},
                        "category": "a/b",
                        "times": 2,
                        "value": 900,
                    }
                ]
            },
            {
                "event": "product_viewed",
                "where": {"category": "a", "value": {"gte": 900}},
                "count": 2,
                "within": {"days": 1},
            },
        ),
        (
            {"events": [{"event": "order_placed", "at": "2026-03-01T00:00:00Z", "source": "Shop"}]},
            {"event": "order_placed", "where": {"source": "shop"}, "between": ["2026-03-01", "2026-03-02"]},
        ),
        ({"segments": ["vip"]}, {"segment": "vip"}),
        ({"stage": "loyal"}, {"stage": ["new", "loyal"]}),
        (
            {"events": [{"event": "custom", "name": "Quiz Done", "properties": {"points": 7}}]},
            {"event": "custom", "name": "quiz_done", "where": {"properties": {"points": {"gte": 7}}}},
        ),
        (
            {"scores": {"ltv": {"value": 3, "percentile": 81}}},
            {"score": "ltv", "op": "top_percent", "value": 20},
        ),
        ({"scores": {"ltv": 3}}, {"score": "ltv", "op": "gte", "value": 3}),
        ({"consents": ["marketing_email"]}, {"consent": "marketing_email"}),
        ({"experiments": {"x": "b"}}, {"experiment": "x", "variant": "b"}),
        ({}, {"attribute": "allows_profiling", "value": True}),
    ],
)
def test_what_is_said_of_the_customer_is_what_conditions_read(customer, when):
    assert verdict(customer, when)
    assert not verdict(customer, {"not": when})


def test_somebody_of_whom_nothing_is_said_fits_nothing_else():
    for when in ({"segment": "vip"}, {"event": "order_placed"}, {"attribute": "country", "op": "is_present"}):
        assert not verdict({}, when)


def test_only_what_is_expected_is_asked_about():
    rule = {
        "name": "r",
        "when": EVERYBODY,
        "then": {"recommend": "again", "set": {"n": 1}, "exclude": {"products": ["p"]}, "suppress": True},
    }
    assert problems({"suppress": True, "exclude": {"products": ["p"]}, "set": {"n": 1}}, rule) == ()
    assert problems({"fired": ["r", "British"], "show": "uk", "recommend": "again"}, rule, BRITISH) == ()


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"show": "de"}, "show: expected “de”, the rules say “uk”."),
        ({"show": None}, "show: expected nothing, the rules say “uk”."),
        ({"recommend": "again"}, "recommend: expected “again”, the rules say nothing."),
        ({"set": {"headline": "Hi"}}, "set headline: expected “Hi”, the rules say “Hello”."),
        ({"set": {"nothing": True}}, "set nothing: expected yes, the rules say nothing."),
        ({"exclude": {"categories": ["a", "b"]}}, "exclude categories: a, b should be left out and is not."),
        ({"suppress": True}, "suppress: expected yes, the rules say no."),
        ({"fired": []}, "fired: expected none, the rules say “British”."),
    ],
)
def test_a_difference_is_said_in_a_sentence(expected, problem):
    found = problems(expected, BRITISH)
    assert [one.replace(" are ", " is ") for one in found] == [problem]


def test_true_is_not_one():
    rule = {"name": "r", "when": EVERYBODY, "then": {"set": {"n": 1}}}
    assert problems({"set": {"n": True}}, rule) == ("set n: expected yes, the rules say 1.",)


def test_a_stored_case_that_can_no_longer_be_read_fails_and_says_why():
    broken = judge_case("x", {"facts": {"gone": 1}}, {"show": "a"}, parse_document(document()), now=NOW)
    assert broken.problems[0].startswith("customer.facts.gone: there is no fact 'gone'")


@pytest.mark.parametrize(
    ("customer", "expected", "place"),
    [
        ([], {"show": "x"}, "customer: expected an object"),
        ({"facts": {"orders_count": 1.5}}, {"show": "x"}, "customer.facts.orders_count: expected a whole"),
        ({"events": [{"event": "sung"}]}, {"show": "x"}, "customer.events[0].event: there is no event"),
        (
            {"events": [{"event": "searched", "times": 0}]},
            {"show": "x"},
            "customer.events[0].times: expected 1",
        ),
        ({"consents": ["all"]}, {"show": "x"}, "customer.consents[0]: there is no purpose"),
        ({"moods": {}}, {"show": "x"}, "customer.moods: is not known here."),
        ({}, {}, "expect: names nothing"),
        ({}, {"sing": 1}, "expect.sing: is not known here."),
        ({}, {"suppress": "no"}, "expect.suppress: expected true or false."),
        ({}, {"set": {"a": []}}, "expect.set.a: expected a number"),
    ],
)
def test_a_case_that_cannot_be_judged_is_refused_with_its_place(customer, expected, place):
    with pytest.raises(DocumentError) as caught:
        check_case("x", customer, expected, now=NOW)
    assert str(caught.value).startswith(place)


def test_windows_end_before_now():
    customer = {"events": [{"event": "searched", "at": (NOW + timedelta(0)).isoformat()}]}
    assert not verdict(customer, {"event": "searched"})
