import json
from io import StringIO

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from segments.conditions import ConditionError, parse
from segments.conditions.schema import condition_schema
from tests.segments.strategies import CONDITIONS, damaged

VALIDATOR = Draft202012Validator(condition_schema())
BEYOND_A_SCHEMA = (
    "no number fits these limits.",
    "every number fits these limits",
    "the first time must come before",
    "a span is above 0",
    'expected a span such as {"days": 90}.',
    "nothing lies between before and within",
    "at most 200 parts",
    "nested at most 10 deep",
    "the text holds a character",
    "expected a time such as",
    "expected a date such as",
    "years go from",
)


def refusal(document):
    try:
        parse(document)
    except ConditionError as error:
        return error.reason
    return None


def test_it_is_a_schema():
    Draft202012Validator.check_schema(condition_schema())


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=CONDITIONS)
def test_what_the_parser_takes_fits_the_schema(document):
    parse(document)
    VALIDATOR.validate(document)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=damaged())
def test_on_damaged_conditions_both_give_the_same_verdict(document):
    reason = refusal(document)
    if VALIDATOR.is_valid(document):
        assert reason is None or any(words in reason for words in BEYOND_A_SCHEMA), document
    else:
        assert reason is not None, document


def test_it_is_published(client):
    answer = client.get("/api/v1/conditions/schema.json")
    out = StringIO()
    call_command("condition_schema", stdout=out)
    assert answer["Content-Type"] == "application/schema+json"
    assert json.loads(answer.content) == json.loads(out.getvalue()) == condition_schema()


@pytest.mark.parametrize(
    "document",
    [
        {"event": "order_placed", "name": "Order"},
        {"event": "order_placed", "only": "first", "count": 2},
        {"event": "order_placed", "between": ["2026-01-01", "2026-02-01"], "before": {"days": 1}},
        {"fact": "orders_count", "op": "within", "value": {"days": 1}},
        {"attribute": "birth_date", "value": "1990-01-01"},
    ],
)
def test_what_does_not_go_together_fits_neither(document):
    assert refusal(document) is not None
    assert not VALIDATOR.is_valid(document)
