"""Old events go, what they told stays: facts, orders and totals survive dropped months."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from customers.expiry import delete_expired, drop_expired_partitions, forget_keys, maintain_events
from customers.facts import BEHAVIOUR, MONEY, facts_drift, rebuild_facts
from customers.ingest import EventIn, ingest
from customers.models import (
    CustomerFacts,
    CustomerIdentity,
    Event,
    EventKey,
    EventType,
    ExpiredEvents,
    Order,
)
from customers.partitions import existing_spans
from products.catalogue import ProductRef

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, tzinfo=UTC)
DAYS = timedelta(days=60)


@pytest.fixture(autouse=True)
def june():
    """The middle of June 2026; no partitions but those that a test makes."""
    with time_machine.travel(NOW, tick=False):
        with connection.cursor() as cursor:
            for span in existing_spans():
                cursor.execute(f"DROP TABLE {span.table}")
        yield


def view(number: int, at: datetime, **fields) -> EventIn:
    fields = {"type": EventType.PRODUCT_VIEWED, "customer": "7", "product": ProductRef(f"p{number}")} | fields
    return EventIn(client_id=f"v{number}", occurred_at=at, **fields)


def line(order: str, at: datetime, value: int = 500) -> EventIn:
    return EventIn(
        client_id=order,
        line="1",
        type=EventType.ORDER_LINE,
        occurred_at=at,
        customer="7",
        order=order,
        product=ProductRef("tent", category="camping"),
        quantity=2,
        value_minor=value,
    )


def facts() -> list[tuple]:
    return list(CustomerFacts.objects.order_by("pk").values_list("pk", *BEHAVIOUR, *MONEY))


def test_dropped_months_leave_facts_orders_and_totals():
    ingest(
        [view(1, NOW - timedelta(days=130)), view(2, NOW), line("A", NOW - timedelta(days=120))], source="s"
    )
    before = facts()
    dropped = drop_expired_partitions(DAYS)
    assert [span.start.month for span in dropped] == [2, 3]
    assert list(Event.objects.values_list("type", flat=True)) == [EventType.PRODUCT_VIEWED]
    assert list(ExpiredEvents.objects.values_list("events_count", flat=True)) == [3, 0]
    assert (facts(), facts_drift(), Order.objects.get().total_minor) == (before, {}, 500)
    CustomerFacts.objects.all().delete()
    rebuild_facts()
    assert facts() == before


def test_the_youngest_month_in_which_something_is_kept_stays_whole():
    ingest(
        [view(1, datetime(2026, 4, 1, tzinfo=UTC)), view(2, datetime(2026, 3, 31, tzinfo=UTC))], source="s"
    )
    assert [span.table for span in drop_expired_partitions(DAYS)] == ["customers_event_20260301_20260401"]


def test_what_was_dropped_is_not_taken_in_again():
    old = view(1, NOW - timedelta(days=130))
    ingest([old], source="s")
    drop_expired_partitions(DAYS)
    EventKey.objects.all().delete()
    again = ingest([old, view(2, NOW)], source="s")
    assert (again.inserted, again.rejects) == (1, [(0, "older_than_retention")])
    assert CustomerFacts.objects.get().views_count == 2


def test_events_older_than_the_retention_are_refused_by_type_too(settings):
    settings.EVENT_RETENTION_DAYS = 100
    settings.EVENT_RETENTION_BY_TYPE = {"page_viewed": 40}
    at = NOW - timedelta(days=50)
    batch = [view(1, NOW - timedelta(days=101)), view(2, at), view(3, at, type=EventType.PAGE_VIEWED)]
    result = ingest(batch, source="s")
    assert result.rejects == [(0, "older_than_retention"), (2, "older_than_retention")]


def test_a_late_line_of_an_order_whose_events_were_dropped_counts():
    ingest([line("A", NOW - timedelta(days=120))], source="s")
    drop_expired_partitions(DAYS)
    EventKey.objects.all().delete()
    late = line("A", NOW, 300)
    late.line = "2"
    assert ingest([late], source="s").inserted == 1
    assert Order.objects.get().total_minor == 800
    assert list(Event.objects.values_list("type", flat=True)) == [EventType.ORDER_LINE]
    assert facts_drift() == {}


def test_types_with_a_shorter_time_go_earlier_and_leave_their_facts():
    batch = [view(n, NOW - timedelta(days=n * 20)) for n in range(6)]
    ingest([*batch, view(9, NOW - timedelta(days=90), type=EventType.EMAIL_OPENED)], source="s")
    before = facts()
    assert delete_expired(EventType.PRODUCT_VIEWED, DAYS) == 2
    assert Event.objects.count() == 5
    assert (facts(), facts_drift()) == (before, {})


def test_the_ledger_forgets_and_id_and_time_together_still_tell_a_retry():
    old = view(1, NOW - timedelta(days=130))
    ingest([old], source="s")
    EventKey.objects.update(received_at=NOW - timedelta(days=120))
    ingest([view(2, NOW)], source="s")
    EventKey.objects.filter(received_at__gt=NOW).update(received_at=NOW)
    assert forget_keys(timedelta(days=90)) == 1
    again = ingest([old], source="s")
    assert (again.inserted, again.duplicates) == (0, 1)
    assert CustomerFacts.objects.get().views_count == 2


def test_months_are_made_ahead_and_old_ones_dropped_by_the_settings(settings):
    ingest([view(1, NOW - timedelta(days=130))], source="s")
    settings.EVENT_RETENTION_DAYS = 60
    done = maintain_events()
    assert (done["made"], done["dropped"]) == (4, 1)
    assert [span.start.month for span in existing_spans()] == [6, 7, 8, 9]
    assert maintain_events()["made"] == 0


def test_nothing_is_dropped_unless_the_settings_say_so():
    ingest([view(1, NOW - timedelta(days=4000))], source="s")
    assert maintain_events()["dropped"] == 0
    assert Event.objects.count() == 1


@pytest.mark.parametrize("count", [3000, pytest.param(200_000, marks=pytest.mark.long)])
def test_facts_equal_a_rebuild_after_random_events_with_months_dropped_in_between(count):
    pick = random.Random(3)
    ingest([view(n, NOW, customer="z") for n in range(20)], source="s")  # ids in a known order
    kept: list[EventIn] = []
    events = [_random_event(number, pick) for number in range(count)]
    size = max(count // 40, 100)
    for number, start in enumerate(range(0, count, size)):
        batch = events[start : start + size]
        refused = {position for position, _ in ingest(batch, source="s").rejects}
        kept += [event for position, event in enumerate(batch) if position not in refused]
        if number % 4 == 3:
            drop_expired_partitions(timedelta(days=700 - number * 15))
            delete_expired(EventType.PAGE_VIEWED, timedelta(days=100))
    assert ExpiredEvents.objects.count() >= 5
    assert len(kept) < count
    assert _counted() == _counted_by_hand(kept)
    before = facts()
    assert facts_drift(10**6) == {}
    CustomerFacts.objects.all().delete()
    rebuild_facts()
    assert facts() == before


def _random_event(number: int, pick: random.Random) -> EventIn:
    customer = str(pick.randrange(100))
    order = f"{customer}-{pick.randrange(6)}"
    return EventIn(
        client_id=f"e{number}",
        line=str(number),
        type=pick.choice([1, 1, 1, 2, 3, 6, 7, 9, 10, 11]),
        occurred_at=NOW - timedelta(days=pick.randrange(700), minutes=pick.randrange(1440)),
        customer=customer,
        order=order,
        refund=f"r{order}",
        product=ProductRef(f"p{pick.randrange(20)}"),
        quantity=pick.randrange(1, 5),
        value_minor=pick.randrange(1, 9000),
        currency="EUR",
    )


def _counted() -> dict[str, tuple]:
    names = dict(CustomerIdentity.objects.exclude(value="z").values_list("customer_id", "value"))
    rows = CustomerFacts.objects.filter(pk__in=names).values_list(
        "pk", "views_count", "opens_count", "units_count", "revenue_minor", "refunded_minor", "last_view_at"
    )
    return {names[id]: tuple(rest) for id, *rest in rows}


def _counted_by_hand(events: list[EventIn]) -> dict[str, tuple]:
    sums: dict[str, Counter] = {}
    last: dict[str, datetime] = {}
    for event in events:
        mine = sums.setdefault(event.customer, Counter())
        mine["views"] += event.type == 1
        mine["opens"] += event.type == 10
        mine["units"] += event.quantity * (event.type == 6)
        mine["revenue"] += event.value_minor * (event.type == 6)
        mine["refunded"] += event.value_minor * (event.type == 7)
        if event.type == 1:
            last[event.customer] = max(last.get(event.customer, event.occurred_at), event.occurred_at)
    return {
        who: (*(mine[name] for name in ("views", "opens", "units", "revenue", "refunded")), last.get(who))
        for who, mine in sums.items()
    }
