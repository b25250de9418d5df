"""The tracking endpoints are in the API's document, and nothing that fits it or breaks it makes a server error."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings

from customers.tracking.protocol import TYPES
from tests.customers.tracking import Tracker, basic

PATHS = ["/v1/alias", "/v1/batch", "/v1/group", "/v1/hooks/{name}", "/v1/identify", "/v1/import"]
PATHS += ["/v1/page", "/v1/screen", "/v1/track"]
EXAMPLES = 8
MANY_EXAMPLES = 60


@pytest.fixture
def document(db: None) -> dict[str, Any]:
    reply = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    return reply.json()


def test_every_endpoint_is_in_the_document(document: dict[str, Any]) -> None:
    assert sorted(path for path in document["paths"] if path.startswith("/v1/")) == PATHS
    assert document["components"]["schemas"]["Item"]["properties"]["type"]["enum"] == list(TYPES)
    assert document["components"]["schemas"]["Item"]["properties"]["userId"]["nullable"] is True
    assert document["components"]["securitySchemes"]["writeKey"]["scheme"] == "basic"


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Let the application keep the test's own connection and transaction, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def fuzz(secret: str, *, examples: int) -> int:
    """Send generated requests, good and bad, to every tracking endpoint; return how many were sent."""
    sent = 0
    api = schemathesis.openapi.from_wsgi("/api/schema/?format=json", WSGIHandler())
    for path in PATHS:
        operation = api[path]["POST"]
        for mode in schemathesis.GenerationMode:

            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                derandomize=True,
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                nonlocal sent
                sent += 1
                reply = case.call(headers={"Authorization": basic(secret)})
                assert reply.status_code < 500, (case.method, case.path, case.body, reply.text)

            check()
    return sent


@pytest.mark.usefixtures("one_connection")
def test_generated_requests_make_no_server_error(tracker: Tracker) -> None:
    assert fuzz(tracker.secret, examples=EXAMPLES) >= EXAMPLES


@pytest.mark.long
@pytest.mark.usefixtures("one_connection")
def test_many_generated_requests_make_no_server_error(tracker: Tracker) -> None:
    assert fuzz(tracker.secret, examples=MANY_EXAMPLES) >= MANY_EXAMPLES
