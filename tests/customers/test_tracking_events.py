"""What trackers tell becomes events, once, at the right time, under the right name."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, CustomerFacts, CustomerIdentity, Event, EventName, EventType, SyncRun
from customers.tracking.names import MOST_CUSTOM_NAMES, event_label
from reports.timeline import entries
from tests.customers.tracking import NOW, SOURCE, Tracker, new_key, track

BOOT = {"product_id": "B1", "name": "Boot", "category": "Shoes / Winter", "price": 129.95, "currency": "GBP"}


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


def the_event() -> Event:
    return Event.objects.get()


def test_a_view_is_stored_with_product_value_and_the_rest_as_properties(tracker: Tracker) -> None:
    reply = tracker.batch(track(properties={**BOOT, "position": 3}, context={"sessionId": 1234}))
    assert (reply.status_code, reply.json()) == (
        200,
        {"success": True, "received": 1, "accepted": 1, "stored": 1, "duplicates": 0, "refused": []},
    )
    event = the_event()
    assert (event.type, event.value_minor, event.currency) == (EventType.PRODUCT_VIEWED, 12_995, "GBP")
    assert (event.source, event.session, event.properties) == (SOURCE, "1234", {"position": 3})
    assert event.occurred_at == NOW
    facts = CustomerFacts.objects.get()
    assert (facts.views_count, facts.last_viewed_product_id) == (1, event.product_id)
    assert CustomerIdentity.objects.values_list("namespace", "value").get() == (SOURCE, "u1")


def test_a_price_of_one_does_not_make_true_a_price(tracker: Tracker) -> None:
    reply = tracker.batch(track(properties=BOOT | {"price": 1}), track(properties=BOOT | {"price": True}))
    assert [refusal["reason"] for refusal in reply.json()["refused"]] == ["not_an_amount"]
    assert the_event().value_minor == 100


def test_a_list_as_the_name_of_a_product_is_refused(tracker: Tracker) -> None:
    reply = tracker.batch(track(properties=BOOT | {"name": ["Boot"]}), track(properties=BOOT))
    assert [(one["field"], one["reason"]) for one in reply.json()["refused"]] == [
        ("properties.name", "wrong_type")
    ]


def test_whom_and_what_a_batch_names_is_looked_up_at_once(tracker: Tracker) -> None:
    told = track(properties=BOOT, anonymousId="device")
    tracker.batch(told)
    with CaptureQueriesContext(connection) as queries:
        tracker.batch(told | {"messageId": "another"})
    reads = [query["sql"] for query in queries if "customers_customeridentity" in query["sql"]]
    assert len(reads) == 1
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("Product Viewed", EventType.PRODUCT_VIEWED),
        ("product_viewed", EventType.PRODUCT_VIEWED),
        ("PRODUCT  VIEWED", EventType.PRODUCT_VIEWED),
        ("Product List Viewed", EventType.PAGE_VIEWED),
        ("Cart Viewed", EventType.PAGE_VIEWED),
        ("Product Added", EventType.PRODUCT_ADDED),
        ("Product Removed", EventType.CART_UPDATED),
        ("Checkout Started", EventType.CART_UPDATED),
        ("Products Searched", EventType.SEARCHED),
        ("Product Shared", EventType.SOCIAL_INTERACTION),
    ],
)
def test_a_usual_name_has_its_type(tracker: Tracker, name: str, type: EventType) -> None:
    tracker.batch(track(name, properties=BOOT))
    assert the_event().type == type


def test_an_added_product_is_worth_its_price_times_the_quantity(tracker: Tracker) -> None:
    tracker.batch(track("Product Added", properties={**BOOT, "quantity": 2}))
    event = the_event()
    assert (event.quantity, event.value_minor) == (2, 25_990)


def test_amounts_follow_the_currency(tracker: Tracker) -> None:
    tracker.batch(
        track(messageId="yen", properties={"product_id": "P", "price": 1500, "currency": "jpy"}),
        track(messageId="text", properties={"product_id": "P", "price": "0.005", "currency": "EUR"}),
    )
    assert sorted(Event.objects.values_list("currency", "value_minor")) == [("EUR", 1), ("JPY", 1500)]


def test_an_unknown_name_gets_a_number_of_its_own_and_keeps_it(tracker: Tracker) -> None:
    tracker.batch(track("Quiz Finished", properties={"score": 7}))
    tracker.batch(track("quiz_finished", messageId="m2"), track("Boot Tried On", messageId="m3"))
    numbers = dict(EventName.objects.exclude(number=None).values_list("name", "number"))
    assert numbers == {"Quiz Finished": 1000, "Boot Tried On": 1001}
    assert sorted(Event.objects.values_list("type", flat=True)) == [1000, 1000, 1001]


def test_pages_call_an_event_of_the_shops_own_by_its_name(tracker: Tracker) -> None:
    tracker.batch(track("Quiz Finished"))
    told = entries(Event.objects.all(), products={}, categories={})
    assert [entry.what for entry in told] == ["Quiz Finished"]
    assert (event_label(1), event_label(99), event_label(1999)) == (
        "viewed a product",
        "did something else",
        "did something else",
    )


def test_a_name_that_a_marketer_mapped_counts_as_what_they_said(tracker: Tracker) -> None:
    EventName.objects.create(name="Bought", type=EventType.ORDER_PLACED)
    tracker.batch(track("bought", properties={"order_id": "o1", "total": 10}))
    assert the_event().type == EventType.ORDER_PLACED


def test_beyond_the_most_names_the_name_goes_into_the_properties(tracker: Tracker) -> None:
    EventName.objects.bulk_create(
        EventName(name=f"n{n}", key=f"n{n}", number=1000 + n) for n in range(MOST_CUSTOM_NAMES)
    )
    tracker.batch(track("One Too Many", properties={"a": 1}))
    event = the_event()
    assert (event.type, event.properties) == (EventType.CUSTOM, {"a": 1, "event": "One Too Many"})
    assert not EventName.objects.filter(name="One Too Many").exists()


def test_an_event_of_the_shops_own_keeps_properties_that_only_look_like_ours(tracker: Tracker) -> None:
    tracker.batch(track("Quiz Finished", properties={"value": "high", "quantity": "many"}))
    event = the_event()
    assert (event.value_minor, event.properties) == (None, {"value": "high", "quantity": "many"})


@pytest.mark.parametrize("kind", ["page", "screen"])
def test_pages_and_screens_are_page_views_with_their_name(tracker: Tracker, kind: str) -> None:
    said = {"userId": "u1", "name": "Tents", "category": "Camping", "properties": {"url": "/tents"}}
    assert tracker.post(kind, said).status_code == 200
    event = the_event()
    assert event.type == EventType.PAGE_VIEWED
    assert event.properties == {"url": "/tents", "name": "Tents", "category": "Camping"}


@pytest.mark.parametrize("path", ["track", "t", "batch", "import"])
def test_every_address_takes_events(tracker: Tracker, path: str) -> None:
    body = {"batch": [track()]} if path in ("batch", "import") else track()
    assert tracker.post(path, body).json()["stored"] == 1


def test_gzipped_bodies_are_read(tracker: Tracker) -> None:
    assert tracker.post("batch", {"batch": [track()]}, HTTP_CONTENT_ENCODING="gzip").json()["stored"] == 1


def test_the_same_message_is_stored_once_whatever_its_clock_says(tracker: Tracker) -> None:
    first = tracker.batch(track(), track(), sentAt=NOW.isoformat()).json()
    later = tracker.batch(track(), sentAt=(NOW + timedelta(minutes=7)).isoformat()).json()
    assert (first["stored"], first["duplicates"]) == (1, 1)
    assert (later["stored"], later["duplicates"], later["accepted"]) == (0, 1, 1)
    assert CustomerFacts.objects.get().views_count == 1


def test_two_sources_may_use_the_same_message_id(tracker: Tracker) -> None:
    tracker.batch(track())
    Tracker(new_key("app")).batch(track())
    assert sorted(Event.objects.values_list("source", flat=True)) == ["app", "webshop"]


def test_without_a_message_id_the_same_bytes_with_a_time_are_one_event(tracker: Tracker) -> None:
    timed, timeless = track(messageId=None), track(messageId=None, timestamp=None)
    tracker.batch(timed, timeless)
    tracker.batch(timed, timeless)
    assert Event.objects.count() == 3


@pytest.mark.parametrize(
    ("clocks", "minutes"),
    [
        ({"timestamp": 0}, 0),
        ({"timestamp": -60, "sentAt": -58}, -2),
        ({"timestamp": -60, "originalTimestamp": -10, "sentAt": 0}, -10),
        ({}, 0),
        ({"sentAt": -5}, 0),
    ],
)
def test_a_wrong_clock_is_corrected_by_the_moment_of_sending(
    tracker: Tracker, clocks: dict[str, int], minutes: int
) -> None:
    said = {name: (NOW + timedelta(minutes=by)).isoformat() for name, by in clocks.items()}
    tracker.post("track", {"userId": "u1", "event": "Product Viewed", **said})
    assert the_event().occurred_at == NOW + timedelta(minutes=minutes)


def test_a_time_without_zone_is_utc(tracker: Tracker) -> None:
    tracker.batch(track(timestamp="2026-06-01T08:00:00"))
    assert the_event().occurred_at == NOW - timedelta(hours=4)


def test_an_anonymous_visitor_is_in_no_count_of_customers(tracker: Tracker) -> None:
    tracker.batch(track(userId=None, anonymousId="a1"))
    assert Customer.objects.known().count() == 0
    assert CustomerIdentity.objects.values_list("namespace", "value").get() == ("anonymous", "a1")


def test_numbers_are_ids_too(tracker: Tracker) -> None:
    tracker.batch(track(userId=17, messageId=5, properties={"product_id": 99}))
    assert CustomerIdentity.objects.get().value == "17"


def test_the_day_has_one_set_of_books_that_add_up(tracker: Tracker) -> None:
    tracker.batch(track(), track(messageId="m2"), track(userId=None, messageId="m3"))
    tracker.batch(track(), track(messageId="m4", timestamp="2031-01-01T00:00:00Z"), {"type": "dance"})
    run = SyncRun.objects.get()
    assert (run.source, run.rows_in, run.inserted, run.duplicates) == ("tracking webshop", 6, 2, 1)
    assert run.rejected == {"no_customer": 1, "in_the_future": 1, "missing_type": 1}
    assert run.adds_up


def test_known_people_and_names_cost_the_same_queries_for_any_number_of_events(tracker: Tracker) -> None:
    tracker.batch(*(track(messageId=f"a{n}", userId=f"u{n}", properties=BOOT) for n in range(30)))
    with CaptureQueriesContext(connection) as few:
        tracker.batch(track(messageId="b", properties=BOOT))
    with CaptureQueriesContext(connection) as many:
        tracker.batch(*(track(messageId=f"c{n}", userId=f"u{n}", properties=BOOT) for n in range(30)))
    assert len(many) == len(few)
