"""One bad value refuses its own row, and breaks neither the batch nor a later read."""

from datetime import UTC, date, datetime

import pytest

from customers.ingest import EventIn, ingest
from customers.models import Customer, Event, EventType
from customers.profiles import profile_problem
from products.catalogue import ProductRef

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


def view(number: int = 1, **fields) -> EventIn:
    said = {"client_id": f"v{number}", "type": EventType.PRODUCT_VIEWED, "occurred_at": AT, "customer": "7"}
    return EventIn(**said | fields)


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ({"timezone": "US Eastern"}, "bad_timezone"),
        ({"timezone": "../etc/passwd"}, "bad_timezone"),
        ({"first_name": "\ud800"}, "bad_first_name"),
        ({"birth_date": "n/a"}, "bad_birth_date"),
        ({"birth_date": "2026-02-30"}, "bad_birth_date"),
        ({"birth_date": 7}, "bad_birth_date"),
        ({"signed_up_at": "yesterday-ish"}, "bad_signed_up_at"),
        ({"signed_up_at": "2026-02-30T10:00:00Z"}, "bad_signed_up_at"),
        ({"attributes": ["gold"]}, "bad_attributes"),
        ({"attributes": {"tier": "go\0ld"}}, "bad_attributes"),
        ({"attributes": {"ti\0er": "gold"}}, "bad_attributes"),
        ({"attributes": {"tier": ["\ud800"]}}, "bad_attributes"),
        ({"attributes": {"tier": float("nan")}}, "bad_attributes"),
        ({"attributes": {"x" * 101: 1}}, "bad_attributes"),
        ({"attributes": {"tier": "x" * 70_000}}, "bad_attributes"),
    ],
)
def test_a_profile_that_cannot_be_kept_refuses_its_event_only(profile, reason):
    result = ingest([view(1, profile=profile), view(2)], source="shop")
    assert result.rejects == [(0, reason)]
    assert (result.inserted, Customer.objects.get().attributes) == (1, {})


@pytest.mark.parametrize(
    "profile",
    [
        {"timezone": "Europe/Zurich", "birth_date": "1980-02-29", "signed_up_at": "2020-01-01 10:00:00+02"},
        {"birth_date": date(1980, 2, 29), "signed_up_at": AT, "timezone": ""},
        {"birth_date": "", "signed_up_at": None, "attributes": None},
        {"attributes": {"tier": "gold", "sizes": [1, 2.5], "note": "\\u0000 is a text", "vip": True}},
    ],
)
def test_a_sound_profile_has_no_problem(profile):
    assert profile_problem(profile) is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"product": ProductRef("p", price_minor=2**63)}, "number_out_of_range"),
        ({"product": ProductRef("p", name="\ud800")}, "bad_encoding"),
        ({"order": "\ud800"}, "bad_encoding"),
        ({"description": "\ud800"}, "bad_encoding"),
        ({"client_id": "\ud800"}, "bad_encoding"),
        ({"properties": {"query": "\ud800"}}, "bad_encoding"),
        ({"customer": "", "email": "\ud800@example.com"}, "bad_email"),
    ],
)
def test_an_event_that_cannot_be_stored_refuses_itself_only(fields, reason):
    result = ingest([view(1, **fields), view(2)], source="shop")
    assert result.rejects == [(0, reason)]
    assert Event.objects.count() == 1
