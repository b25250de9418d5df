import pytest

from segments.conditions import ConditionError, parse

ORDERED = {"event": "order_placed"}


def nested(depth: int) -> object:
    return {"all": [nested(depth - 1)]} if depth else ORDERED


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "condition: expected an object, found list."),
        ({}, "condition: expected exactly one of all, any, not, attribute"),
        ({"all": {}}, "all: expected a list"),
        ({"any": []}, "any: nobody can fit"),
        ({"all": [], "any": []}, "condition: expected exactly one of"),
        ({"all": [], "op": "eq"}, "op: is not known here."),
        ({"all": [ORDERED, {"event": "danced"}]}, "all[1].event: there is no event 'danced'"),
        ({"any": [{"not": {"fact": "shoes", "op": "eq", "value": 1}}]}, "any[0].not.fact: there is no fact"),
        ({"attribute": "password", "value": "x"}, "attribute: there is no attribute 'password'"),
        ({"attribute": "pk__in", "value": "x"}, "attribute: there is no attribute"),
        ({"attribute": "attributes.", "value": "x"}, "attribute: there is no attribute"),
        ({"attribute": "country", "op": "regex", "value": "."}, "attribute.op: country can be compared by"),
        ({"attribute": "country", "op": ["eq"], "value": "."}, "attribute.op: country can be compared by"),
        ({"attribute": "country"}, "attribute.value: is missing."),
        ({"attribute": "country", "value": 7}, "attribute.value: expected a text, found int."),
        ({"attribute": "country", "value": ""}, "attribute.value: a text has 1 to 500 characters"),
        ({"attribute": "country", "value": "x" * 501}, "attribute.value: a text has 1 to 500 characters"),
        ({"attribute": "city", "value": "a\0b"}, "attribute.value: the text holds a character"),
        ({"attribute": "city", "value": "\ud800"}, "attribute.value: the text holds a character"),
        ({"attribute": "city", "op": "in", "value": "x"}, "attribute.value: expected a list of texts."),
        ({"attribute": "city", "op": "in", "value": ["x", 1]}, "attribute.value[1]: expected a text"),
        ({"attribute": "city", "op": "is_missing", "value": "x"}, "attribute.value: is_missing takes no"),
        ({"attribute": "birth_date", "op": "before", "value": "1.2.90"}, "attribute.value: expected a date"),
        ({"attribute": "allows_profiling", "value": 1}, "attribute.value: expected true or false."),
        ({"attribute": "attributes.x", "value": float("nan")}, "attribute.value: numbers go from"),
        ({"fact": "orders_count", "op": "gte", "value": True}, "fact.value: expected a number, found bool"),
        ({"fact": "revenue_minor", "op": "gte", "value": 19.99}, "fact.value: expected a whole number"),
        ({"fact": "orders_count", "op": "gte", "value": 10**16}, "fact.value: numbers go from"),
        ({"fact": "last_order_at", "op": "within", "value": {"years": 1}}, "fact.value.years: is not known"),
        ({"fact": "last_order_at", "op": "before", "value": "0001-01-01"}, "fact.value: years go from"),
        ({**ORDERED, "within": {"days": 0}}, "event.within: a span is above 0"),
        ({**ORDERED, "within": {"days": 10**9}}, "event.within: expected a span"),
        ({**ORDERED, "within": {}}, "event.within: expected a span"),
        ({**ORDERED, "count": {"gte": 0}}, "event.count: every number fits"),
        ({**ORDERED, "count": {"gte": 3, "lt": 3}}, "event.count: no number fits"),
        ({**ORDERED, "between": ["2026-02-01", "2026-01-01"]}, "event.between: the first time must"),
        ({**ORDERED, "within": {"days": 1}, "between": []}, "event: give either between, or within"),
        ({"all": [ORDERED, {**ORDERED, "where": {"value": {"gte": "1"}}}]}, "all[1].event.where.value.gte:"),
        ({**ORDERED, "where": {"colour": "red"}}, "event.where.colour: is not known here."),
        ({**ORDERED, "not_followed_by": "x"}, "event.not_followed_by: there is no event 'x'"),
        ({"score": "ltv", "op": "top_percent", "value": 0}, "score.value: a percentage lies above 0"),
        ({"consent": "sms"}, "consent: there is no purpose 'sms'"),
        ({"segment": 7}, "segment: expected a text"),
        (nested(10), "all[0].all[0].all[0]"),
        ({"all": [ORDERED] * 200}, "all[199]: a condition may have at most 200 parts."),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(document, message):
    with pytest.raises(ConditionError) as caught:
        parse(document)
    assert str(caught.value).startswith(message)


def test_the_largest_conditions_are_taken():
    assert parse({"all": [ORDERED] * 199}).parts == (parse(ORDERED),) * 199
    assert parse(nested(9)).parts == (parse(nested(8)),)


def test_places_are_told_below_the_given_path():
    with pytest.raises(ConditionError, match=r"^rules\[2\]\.when\.all\[0\]\.event: there is no event"):
        parse({"all": [{"event": "x"}]}, path="rules[2].when")
