"""identify, group and alias: what trackers say about who somebody is."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from customers.models import Customer, CustomerIdentity, Event, EventName
from tests.customers.tracking import NOW, Tracker, track

TRAITS = {
    "email": " Ada@EXAMPLE.com ",
    "name": "Ada King Lovelace",
    "birthday": "1990-12-10",
    "gender": "female",
    "address": {"country": "gb", "city": "London", "state": "Greater London", "postalCode": "N1"},
    "timezone": "Europe/London",
    "locale": "en-GB",
    "createdAt": 1_700_000_000,
    "plan": "gold",
    "visits": 7,
    "likes": ["tents", "boots"],
    "company": {"name": "Analytical Engines", "size": None},
    "phone": "+44 20 1234",
    "nickname": "",
}


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


def identify(traits: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "identify", "messageId": "i", "userId": "u1", "traits": traits, **fields}


def test_traits_become_the_profile(tracker: Tracker) -> None:
    assert tracker.batch(identify(TRAITS)).status_code == 200
    customer = Customer.objects.get()
    assert (customer.email, customer.first_name, customer.last_name) == (
        "Ada@example.com",
        "Ada",
        "King Lovelace",
    )
    assert (customer.birth_date, customer.gender, str(customer.timezone), customer.locale) == (
        date(1990, 12, 10),
        "female",
        "Europe/London",
        "en-GB",
    )
    assert (customer.country, customer.city, customer.region) == ("GB", "London", "Greater London")
    assert customer.signed_up_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert customer.attributes == {
        "plan": "gold",
        "visits": 7,
        "likes": ["tents", "boots"],
        "company.name": "Analytical Engines",
        "address.postalCode": "N1",
        "phone": "+44 20 1234",
    }


def test_names_told_apart_win_over_the_full_name(tracker: Tracker) -> None:
    tracker.batch(identify({"name": "A L", "firstName": "Ada", "last_name": "Lovelace"}))
    customer = Customer.objects.get()
    assert customer.full_name == "Ada Lovelace"


def test_identify_tells_no_event(tracker: Tracker) -> None:
    reply = tracker.post("identify", identify({"plan": "gold"}))
    assert reply.json() == {
        "success": True,
        "received": 1,
        "accepted": 1,
        "stored": 0,
        "duplicates": 0,
        "refused": [],
    }
    assert not Event.objects.exists()


def test_blank_traits_erase_nothing_and_others_are_merged(tracker: Tracker) -> None:
    tracker.batch(identify(TRAITS))
    tracker.batch(identify({"firstName": "", "gender": None, "plan": "silver", "shoe": 43}))
    customer = Customer.objects.get()
    assert (customer.first_name, customer.gender) == ("Ada", "female")
    assert (customer.attributes["plan"], customer.attributes["shoe"], customer.attributes["visits"]) == (
        "silver",
        43,
        7,
    )


def test_of_one_batch_the_latest_word_counts(tracker: Tracker) -> None:
    later, earlier = NOW.isoformat(), (NOW - timedelta(hours=1)).isoformat()
    tracker.batch(
        identify({"plan": "gold", "a": 1}, timestamp=later),
        identify({"plan": "silver", "b": 2}, timestamp=earlier),
    )
    assert Customer.objects.get().attributes == {"plan": "gold", "a": 1, "b": 2}


def test_the_context_fills_in_language_and_time_zone(tracker: Tracker) -> None:
    tracker.batch(identify({}, context={"locale": "de-DE", "timezone": "Europe/Berlin"}))
    tracker.batch(identify({}, context={"locale": 5, "timezone": "Nowhere/Land"}))
    customer = Customer.objects.get()
    assert (customer.locale, str(customer.timezone)) == ("de-DE", "Europe/Berlin")


@pytest.mark.parametrize(
    ("traits", "field", "reason"),
    [
        ({"email": "nobody"}, "traits.email", "bad_email"),
        ({"email": 5}, "traits.email", "wrong_type"),
        ({"firstName": ["Ada"]}, "traits.firstName", "wrong_type"),
        ({"lastName": "x" * 151}, "traits.lastName", "too_long"),
        ({"birthday": "last week"}, "traits.birthday", "bad_birth_date"),
        ({"birthday": 19901210}, "traits.birthday", "bad_birth_date"),
        ({"createdAt": "once"}, "traits.createdAt", "bad_signed_up_at"),
        ({"createdAt": 1e300}, "traits.createdAt", "bad_signed_up_at"),
        ({"timezone": "Mars/Base"}, "traits.timezone", "bad_timezone"),
        ({"timezone": "../../etc/passwd"}, "traits.timezone", "bad_timezone"),
        ({"address": {"country": "England"}}, "traits.address.country", "bad_country"),
        ({"address": "London"}, "traits.address", "wrong_type"),
        ({"k" * 101: 1}, "traits." + "k" * 101, "too_long"),
        ({"note": "x" * 2001}, "traits.note", "too_long"),
        ({"list": [{"a": 1}]}, "traits.list", "wrong_type"),
        ({f"k{n}": n for n in range(201)}, "traits", "too_many"),
    ],
)
def test_a_bad_trait_refuses_the_call_and_names_the_field(
    tracker: Tracker, traits: dict[str, Any], field: str, reason: str
) -> None:
    reply = tracker.batch(identify({**traits, "plan": "gold"}))
    assert reply.status_code == 400
    assert [(e["field"], e["reason"]) for e in reply.json()["errors"]] == [(field, reason)]
    assert not Customer.objects.exists()


def test_what_somebody_will_say_next_week_is_refused(tracker: Tracker) -> None:
    reply = tracker.batch(identify({"plan": "gold"}, timestamp=(NOW + timedelta(days=7)).isoformat()))
    assert reply.json()["errors"][0]["field"] == "timestamp"
    assert not Customer.objects.exists()


def test_a_group_is_kept_as_attributes_and_as_an_event(tracker: Tracker) -> None:
    tracker.post(
        "group", {"userId": "u1", "groupId": "g7", "traits": {"plan": "team", "site": {"city": "Cork"}}}
    )
    assert Customer.objects.get().attributes == {
        "group_id": "g7",
        "group_plan": "team",
        "group_site.city": "Cork",
    }
    event = Event.objects.get()
    assert event.properties == {"group_id": "g7"}
    assert EventName.objects.get(number=event.type).name == "Group Joined"


def test_an_alias_leads_the_earlier_id_to_the_known_customer(tracker: Tracker) -> None:
    tracker.batch(identify({"email": "ada@example.com"}))
    assert tracker.post("alias", {"previousId": "a1", "userId": "u1"}).status_code == 200
    identities = CustomerIdentity.objects.filter(namespace="anonymous")
    assert [(one.value, one.customer.email) for one in identities] == [("a1", "ada@example.com")]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("identify", {"traits": {}}, "userId"),
        ("identify", {"userId": "  "}, "userId"),
        ("track", {"event": "Product Viewed"}, "userId"),
        ("track", {"userId": "u1"}, "event"),
        ("track", {"userId": "u1", "event": "  "}, "event"),
        ("group", {"userId": "u1"}, "groupId"),
        ("alias", {"userId": "u1"}, "previousId"),
        ("alias", {"previousId": "a1"}, "userId"),
        ("page", {"userId": "u" * 201}, "userId"),
    ],
)
def test_what_is_missing_is_named(tracker: Tracker, path: str, body: dict[str, Any], field: str) -> None:
    reply = tracker.post(path, body)
    assert (reply.status_code, reply["Content-Type"]) == (400, "application/problem+json")
    assert reply.json()["errors"][0]["field"] == field
    assert not Customer.objects.exists()


def test_a_visitor_who_names_themselves_brings_what_they_did(tracker: Tracker) -> None:
    tracker.batch(track(userId=None, anonymousId="a1"))
    tracker.batch(identify({"email": "ada@example.com"}, anonymousId="a1"))
    customer = Customer.objects.known().get()
    assert Event.objects.get().customer_id == customer.pk
    assert customer.facts.views_count == 1


def test_a_late_word_does_not_overwrite_a_newer_one(tracker: Tracker) -> None:
    tracker.batch(identify({"plan": "gold"}, timestamp=NOW.isoformat()))
    tracker.batch(identify({"plan": "silver", "a": 1}, timestamp=(NOW - timedelta(days=1)).isoformat()))
    assert Customer.objects.get().attributes == {"plan": "gold", "a": 1}


def test_an_alias_of_an_id_that_the_source_gave_keeps_two_known_customers_apart(tracker: Tracker) -> None:
    tracker.batch(identify({"email": "ada@example.com"}), identify({}, userId="u2"))
    assert tracker.post("alias", {"previousId": "u2", "userId": "u1"}).status_code == 200
    assert Customer.objects.known().count() == 2
    assert not CustomerIdentity.objects.filter(namespace="anonymous").exists()


def test_traits_may_stand_in_the_context(tracker: Tracker) -> None:
    tracker.batch({"type": "identify", "userId": "u1", "context": {"traits": {"plan": "gold"}}})
    assert Customer.objects.get().attributes == {"plan": "gold"}


def test_a_visitor_who_gives_only_an_address_is_known_by_it(tracker: Tracker) -> None:
    tracker.batch(track(userId=None, anonymousId="a1"))
    tracker.batch(identify({"email": "ada@example.com"}, userId=None, anonymousId="a1"))
    customer = Customer.objects.known().get()
    assert customer.email == "ada@example.com"
    assert Event.objects.get().customer_id == customer.pk
