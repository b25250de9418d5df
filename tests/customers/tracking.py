"""A source with a write key, and what it sends."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from accounts.models import ApiKey

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SOURCE = "webshop"


def new_key(source: str = SOURCE) -> str:
    """Issue a write key and return its secret."""
    return ApiKey.objects.issue(name="Shop", scopes=[ApiKey.Scope.TRACK_WRITE], source=source)[1]


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"{secret}:".encode()).decode()


class Tracker:
    """Sends as a tracker does, through Django's own client."""

    def __init__(self, secret: str | None = None) -> None:
        self.secret = new_key() if secret is None else secret

    def post(self, path: str, body: Any, **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        if headers.get("HTTP_CONTENT_ENCODING") == "gzip" and not isinstance(body, bytes):
            raw = gzip.compress(raw)
        headers.setdefault("HTTP_AUTHORIZATION", basic(self.secret))
        return Client(raise_request_exception=True).post(
            f"/v1/{path}", raw, content_type="application/json", **headers
        )

    def batch(self, *items: Any, **envelope: Any) -> Any:
        return self.post("batch", {"batch": list(items), **envelope})


def track(event: str = "Product Viewed", **fields: Any) -> dict[str, Any]:
    """A track call of user u1 at the moment NOW."""
    return {
        "type": "track",
        "messageId": "m1",
        "userId": "u1",
        "event": event,
        "timestamp": NOW.isoformat(),
        **fields,
    }
