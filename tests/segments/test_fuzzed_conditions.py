import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, seed, settings
from rest_framework.settings import api_settings

from accounts.models import ApiKey
from customers.models import Customer
from segments.conditions import ConditionError, parse
from segments.models import Segment
from tests.segments.strategies import MARK, marked

pytestmark = pytest.mark.django_db
FUZZ = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],
}


@pytest.fixture
def marketer(client):
    client.force_login(get_user_model().objects.create_user("ada@example.com", "x", role="marketer"))
    return Customer.objects.create(country="GB")


@pytest.fixture
def program(monkeypatch):
    """A key that may do all with segments, as often as it likes."""
    for rate in ("reads", "work"):
        monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, rate, "1000000/min")
    scopes = [ApiKey.Scope.SEGMENTS_READ, ApiKey.Scope.SEGMENTS_WRITE]
    return ApiKey.objects.issue(name="fuzz", scopes=scopes)[1]


def refuse_marks(execute, sql, params, many, context):
    assert MARK not in sql
    return execute(sql, params, many, context)


def is_taken(document) -> bool:
    try:
        parse(document)
    except ConditionError:
        return False
    return True


@contextmanager
def taken_back() -> Iterator[None]:
    """Leave nothing behind: versions of rows that pile up in one long transaction make every query slower."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def go_through_the_pages(client, customer, document) -> None:
    """Count it, save it and look at it, as a marketer would; with whatever verdict, but with an answer."""
    written = {
        "name": f"Fuzz {MARK}'",
        "description": f"%s {MARK}",
        "as_of": "",
        "json": json.dumps(document),
    }
    with connection.execute_wrapper(refuse_marks):
        answers = [
            client.post(reverse("segments:count"), written),
            client.post(reverse("segments:new"), written | {"act": "save"}),
            client.post(reverse("segments:new"), written | {"act": "rows"}),
        ]
        stored = Segment.objects.first()
        if stored is not None:
            assert is_taken(document)
            answers.append(client.get(reverse("segments:edit", args=[stored.key])))
            answers.append(client.get(reverse("segments:detail", args=[stored.key])))
            answers.append(client.get(reverse("segments:why", args=[stored.key, customer.public_id])))
    assert {answer.status_code for answer in answers} <= {200, 302}


def go_through_the_api(client, secret, document) -> None:
    """Check it, count it, store it and change a stored one into it, as a program would."""
    body = {"name": f"Fuzz {MARK}'", "description": f"%s {MARK}", "condition": document}
    headers = {"Authorization": f"Bearer {secret}"}
    Segment.objects.create(key="fuzz-home", name="Home")

    def ask(method, path, about):
        json_type = "application/json"
        path = f"/api/v1/{path}"
        return client.generic(method, path, json.dumps(about), content_type=json_type, headers=headers)

    with connection.execute_wrapper(refuse_marks):
        is_good = ask("POST", "conditions/check", {"condition": document}).status_code == 200
        answers = [
            ask("POST", "segments/count", {"condition": document}),
            ask("PATCH", "segments/fuzz-home", {"condition": document}),
            ask("POST", "segments", body),
        ]
        looks = [ask("GET", f"segments{path}", None) for path in ("", "/fuzz-home", "/fuzz-home/members")]
    assert [answer.status_code for answer in answers] == ([200, 200, 201] if is_good else [400, 400, 400])
    assert {answer.status_code for answer in looks} == {200}
    assert is_taken(document) or not is_good


@settings(max_examples=20, **FUZZ)
@given(document=marked())
def test_no_page_breaks_and_no_text_becomes_sql(client, marketer, document):
    with taken_back():
        go_through_the_pages(client, marketer, document)


@settings(max_examples=20, **FUZZ)
@given(document=marked())
def test_no_door_of_the_api_breaks_and_no_text_becomes_sql(client, program, document):
    with taken_back():
        go_through_the_api(client, program, document)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_neither_page_nor_api_breaks_in_five_thousand_tries(part, client, marketer, program):
    @seed(part)
    @settings(max_examples=500, **FUZZ)
    @given(document=marked())
    def go_through_all(document):
        with taken_back():
            go_through_the_pages(client, marketer, document)
        with taken_back():
            go_through_the_api(client, program, document)

    go_through_all()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('{"all": [], "all": []}', "the key &#x27;all&#x27; stands twice in one object"),
        ('{"attribute": "attributes.x", "value": NaN}', "NaN is no number"),
        ('{"attribute": "attributes.x", "value": 1e999}', "numbers go from"),
        ('{"attribute": "attributes.x", "value": ' + "9" * 5000 + "}", "too many digits"),
        ('{"attribute": "city", "value": "' + "x" * 10_000 + '"}', "this one has 10000"),
        ('{"attribute": "city", "value": "\\u0000"}', "a character that cannot be stored"),
        ('{"attribute": "city", "value": "\\ud800"}', "a character that cannot be stored"),
        ('{"not": ' * 11 + '{"all": []}' + "}" * 11, "nested at most 10 deep"),
        ('{"not": ' * 100_000, "nested too deep"),
        ("event: danced", "there is no event"),
        ("a: *x", "anchors"),
    ],
    ids=[
        "twice",
        "nan",
        "infinite",
        "digits",
        "long",
        "nul",
        "surrogate",
        "deep",
        "deeper",
        "yaml",
        "anchor",
    ],
)
def test_a_text_that_cannot_be_meant_is_refused_in_words(client, marketer, written, words):
    page = client.post(reverse("segments:count"), {"json": written})
    assert page.status_code == 200
    assert words in page.content.decode()


def test_yaml_says_the_same_as_json(client, marketer):
    written = "event: order_placed\nwithin: {days: 30}\nwhere:\n  currency: NO\n"
    posted = {"name": "Norway", "description": "", "as_of": "", "json": written, "act": "save"}
    client.post(reverse("segments:new"), posted)
    assert Segment.objects.get().condition == {
        "event": "order_placed",
        "within": {"days": 30},
        "where": {"currency": "NO"},
    }
