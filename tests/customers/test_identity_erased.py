"""Whoever was erased is not found, named or linked again, however they are named and whenever that comes."""

from typing import Any

import pytest

from customers.erasure import erase
from customers.identity import ANONYMOUS, Person, Resolution, _adopt_emails, link_devices, resolve
from customers.models import Customer, CustomerIdentity, SyncRun
from tests.customers.tracking import SOURCE, Tracker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Any) -> None:
    settings.ERASURES_FILE = tmp_path / "erasures.jsonl"
    settings.PERSONAL_FILES = []


@pytest.fixture
def gone() -> Customer:
    person = Person("shop", "u1", anonymous="phone")
    id = resolve([person], source="shop").ids[person]
    erase(id, by=None, reason="asked")
    return Customer.objects.get(pk=id)


def test_an_address_that_arrives_late_is_not_put_on_what_is_left(gone: Customer) -> None:
    _adopt_emails({gone.pk: "late@example.com"}, Resolution(ids={}), {})
    assert Customer.objects.get(pk=gone.pk).email is None


def test_a_device_is_not_linked_to_what_is_left(gone: Customer) -> None:
    assert link_devices({"tablet": gone.pk}) == 0
    assert not CustomerIdentity.objects.exists()


def test_an_erased_device_is_linked_to_nobody(gone: Customer) -> None:
    other = Customer.objects.create()
    assert link_devices({"phone": other.pk, "tablet": other.pk}) == 0
    assert list(CustomerIdentity.objects.values_list("namespace", "value")) == [(ANONYMOUS, "tablet")]


def test_what_is_said_about_the_erased_is_refused_and_counted_as_an_event_would_be(
    tracker: Tracker,
) -> None:
    person = Person(SOURCE, "u9")
    erase(resolve([person], source=SOURCE).ids[person], by=None, reason="asked")
    reply = tracker.batch(
        {"type": "identify", "messageId": "1", "userId": "u9", "traits": {"plan": "gold"}},
        {"type": "alias", "messageId": "2", "userId": "u9", "previousId": "tablet"},
        {"type": "identify", "messageId": "3", "userId": "u10", "traits": {"plan": "gold"}},
    )
    told = reply.json()
    assert [(one["index"], one["reason"]) for one in told["refused"]] == [
        (0, "customer_erased"),
        (1, "customer_erased"),
    ]
    run = SyncRun.objects.get()
    assert (run.rows_in, run.inserted, run.rejected, run.adds_up) == (3, 1, {"customer_erased": 2}, True)
