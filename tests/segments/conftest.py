import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from django.contrib.auth import get_user_model

from customers.models import Customer, Event, EventType
from customers.partitions import ensure_partitions
from segments.models import Segment
from tests.segments.worlds import NOW


@pytest.fixture
def happen(db) -> Callable[..., Event]:
    def make(customer: Customer, kind: EventType, at: datetime, **values: object) -> Event:
        ensure_partitions(at, at)
        return Event.objects.create(
            message_id=uuid.uuid4(), customer=customer, type=kind, occurred_at=at, source="shop", **values
        )

    return make


@pytest.fixture
def segment(db) -> Segment:
    return Segment.objects.create(
        key="british", name="British", as_of=NOW, condition={"attribute": "country", "value": "GB"}
    )


@pytest.fixture
def marketer(client, db):
    user = get_user_model().objects.create_user("ada@example.com", "x", role="marketer")
    client.force_login(user)
    return user
