"""An order told by a tracker, by a signed webhook and by a file is one order: the sources' policies say so."""

import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from standardwebhooks import Webhook

from customers.facts import facts_drift
from customers.models import (
    CustomerFacts,
    Event,
    EventHook,
    EventType,
    Order,
    OrderLine,
    Refund,
    SourcePolicy,
)
from tests.customers.reading import HEADER, MAPPING, line, read
from tests.customers.tracking import NOW, Tracker, track

HOOK = MAPPING | {
    "source": "till",
    "customer": {"id": "{buyer}", "namespace": "webshop"},
    "kinds": [{"event": "order_line", "id": "{id}", "order": "{order}", "line": "{id}", "value": "{amount}"}],
}
PULL = HOOK | {"source": "books"}
RANKS = {"webshop": 10, "till": 20, "books": 30}
AT = "2026-06-01T09:00:00Z"


@pytest.fixture(autouse=True)
def _policies(db: None, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    for source, rank in RANKS.items():
        SourcePolicy.objects.create(source=source, orders_namespace="shop", orders_rank=rank)


def by_tracker(tracker: Tracker) -> None:
    said = {"order_id": "A1", "currency": "EUR", "products": [{"sku": "boot", "price": 99}], "total": 104}
    tracker.batch(
        track("Order Completed", userId="b1", timestamp=AT, properties=said),
        track("Order Refunded", userId="b1", messageId="r", properties={"order_id": "A1", "refund_id": "R1"}),
    )


def by_hook(tracker: Tracker) -> None:
    hook, _ = EventHook.objects.get_or_create(name="till", defaults={"mapping": HOOK})
    raw = json.dumps({"id": "t1", "order": "A1", "at": AT, "amount": "103.00", "buyer": "b1"})
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(hook.secret).sign("msg_1", NOW, raw),
    }
    reply = Client().post("/v1/hooks/till", raw, content_type="application/json", headers=headers)
    assert reply.status_code == 200


def by_file(tracker: Tracker) -> None:
    read([line(1, order="A1", at=AT, amount="60.00"), line(2, order="A1", at=AT, buyer="b1")], PULL)


ROADS: dict[str, Callable[[Tracker], None]] = {"tracker": by_tracker, "hook": by_hook, "file": by_file}


@pytest.mark.parametrize("arrival", list(permutations(ROADS)), ids="-".join)
def test_three_roads_make_one_order_with_the_words_of_the_best_rank(
    tracker: Tracker, arrival: tuple[str, ...]
) -> None:
    for road in [*arrival, *arrival]:
        ROADS[road](tracker)
    order = Order.objects.values_list("source", "external_id", "told_by", "total_minor", "refunded_minor")
    assert list(order) == [("shop", "A1", "books", 7050, 7050)]
    assert sorted(OrderLine.objects.values_list("line", "total_minor")) == [("1", 6000), ("2", 1050)]
    assert Refund.objects.values_list("source", "amount_minor").get() == ("shop", 7050)
    facts = CustomerFacts.objects.values_list("orders_count", "revenue_minor", "refunded_minor")
    assert list(facts) == [(1, 7050, 7050)]
    placed = Event.objects.filter(type=EventType.ORDER_PLACED)
    assert placed.values_list("value_minor", flat=True).get() == 7050
    assert facts_drift() == {}


def test_the_policy_overrules_what_a_mapping_declares() -> None:
    read([line(1)], PULL | {"orders": {"namespace": "elsewhere", "rank": 1}}, header=HEADER)
    assert Order.objects.values_list("source", "told_rank").get() == ("shop", 1030)


def test_a_policy_without_a_namespace_leaves_the_mappings_word() -> None:
    SourcePolicy.objects.filter(source="books").update(orders_namespace="")
    read([line(1)], PULL | {"orders": {"namespace": "elsewhere", "rank": 1}}, header=HEADER)
    assert Order.objects.get().source == "elsewhere"


def test_a_rank_that_is_changed_lets_the_source_tell_its_orders_again(tracker: Tracker) -> None:
    refund = {
        "event": "order_refunded",
        "id": "{id}",
        "order": "{order}",
        "refund": "R1",
        "value": "{amount}",
    }
    till = HOOK | {"kinds": [{**refund, "when": {"column": "id", "equals": "9"}}, *HOOK["kinds"]]}

    def by(source: str, amount: str) -> None:
        refunded = line(9, order="A1", at=AT, buyer="b1", amount="7.00")
        told = [line(1, order="A1", at=AT, amount=amount), refunded]
        read(told, till | {"source": source})

    by("till", "50.00")
    by("books", "60.00")
    SourcePolicy.objects.filter(source="till").update(orders_rank=40)
    by("till", "50.00")
    order = Order.objects.values_list("source", "told_by", "total_minor", "refunded_minor").get()
    assert order == ("shop", "till", 5000, 700)
    by("books", "60.00")
    assert CustomerFacts.objects.values_list("revenue_minor", "refunded_minor").get() == (5000, 700)
    assert facts_drift() == {}


@pytest.mark.parametrize("namespace", ["", "elsewhere"])
def test_a_namespace_under_which_orders_stand_stays(namespace: str, admin_client: Client) -> None:
    read([line(1)], PULL)
    policy = SourcePolicy.objects.get(source="books")
    policy.orders_rank = 40
    policy.full_clean()
    policy.orders_namespace = namespace
    with pytest.raises(ValidationError, match="would be there twice"):
        policy.full_clean()
    url = reverse("admin:customers_sourcepolicy_delete", args=[policy.pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 403
    unused = SourcePolicy.objects.get(source="till")
    unused.orders_namespace = namespace
    unused.full_clean()


@pytest.mark.parametrize(
    "wrong", [{"orders_namespace": "My shop"}, {"orders_rank": 101}, {"orders_rank": -1}], ids=str
)
def test_a_policy_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SourcePolicy(source="new", **wrong).full_clean()
