"""Rendering by REST says what a mail would say, and sends nothing."""

import json

import pytest
from django.test import Client

from accounts.models import ApiKey
from delivery.models import Message
from tests.campaigns.making import letter, people, rules

pytestmark = pytest.mark.django_db
BODY = (
    '<mj-text>Hello {{ customer.first_name | default: "you" }} <a href="https://s.example/">go</a></mj-text>'
)


def render(*, scope: str = ApiKey.Scope.CONTENT_READ, **asked: object) -> tuple[int, dict[str, object]]:
    """Ask with a key of this scope: status, answer."""
    key = ApiKey.objects.issue(name="cms", scopes=[scope])[1]
    answer = Client().post(
        "/api/v1/render", json.dumps(asked), "application/json", headers={"Authorization": f"Bearer {key}"}
    )
    return answer.status_code, json.loads(answer.content)


def test_it_is_what_this_customer_would_read() -> None:
    letter("spring", BODY, subject="For {{ customer.first_name }}")
    [ann] = people(1, first_name="Ann")
    status, answer = render(template="spring", customer=str(ann.public_id))
    assert (status, answer["subject"], answer["version"]) == (200, "For Ann", 1)
    assert "Hello Ann" in answer["html"]
    assert "Hello Ann go (https://s.example/)" in answer["text"]
    assert answer["fallbacks"] == {}
    assert not Message.objects.exists()


def test_somebody_unknown_reads_the_fallbacks() -> None:
    letter("spring", BODY)
    status, answer = render(template="spring")
    assert (status, answer["customer"], answer["fallbacks"]) == (200, None, {"customer.first_name": 1})
    assert "Hello you" in answer["html"]


def test_an_older_version_can_be_asked_for() -> None:
    letter("spring", BODY)
    letter("spring", BODY + "<mj-text>More</mj-text>")
    assert "More" in render(template="spring")[1]["html"]
    assert "More" not in render(template="spring", version=1)[1]["html"]


def test_it_says_that_a_rule_keeps_the_mail_from_being_sent() -> None:
    british = {"attribute": "country", "value": "GB"}
    rules({"name": "GB", "when": british, "then": {"suppress": True}}, otherwise={}, slot="subject")
    letter("spring", BODY)
    [ann] = people(1)
    assert render(template="spring", customer=str(ann.public_id))[1]["is_suppressed"] is True


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"template": "nosuch"}, 404),
        ({"template": "spring", "version": 2}, 404),
        ({"template": "spring", "version": 10**30}, 400),
        ({"template": "spring", "customer": "x"}, 404),
        ({"template": "a b\0"}, 400),
        ({}, 400),
    ],
)
def test_what_is_not_there_is_said(asked: dict[str, object], status: int) -> None:
    letter("spring", BODY)
    assert render(**asked)[0] == status


def test_a_key_without_the_scope_is_refused() -> None:
    letter("spring", BODY)
    assert render(scope=ApiKey.Scope.RECOMMENDATIONS_READ, template="spring")[0] == 403
