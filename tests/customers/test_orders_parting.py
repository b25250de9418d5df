"""When profiles are parted, an order goes with whoever is believed about it, and its events go with the order."""

import pytest

from customers.events_in import SharedOrders
from customers.facts import facts_drift
from customers.ingest import ingest
from customers.merging import merge
from customers.models import (
    Customer,
    CustomerFacts,
    CustomerIdentity,
    DataSource,
    Event,
    Merge,
    Order,
    Refund,
)
from customers.undoing import detach, undo
from tests.customers.merges import bought, owner, refunded, view

pytestmark = pytest.mark.django_db
ANN = "ann@example.com"


def told(source: str, rank: int, *events: tuple[str, int], customer: str) -> None:
    lines = [bought(order, minor, customer=customer, email=ANN) for order, minor in events]
    ingest(lines, source=source, orders=SharedOrders("shop", rank))


def money() -> dict[int, tuple[int, int]]:
    facts = CustomerFacts.objects.values_list("customer_id", "orders_count", "revenue_minor")
    return {id: (count, revenue) for id, count, revenue in facts}


def wrongly_owned() -> int:
    """How many events of orders are somebody else's than the order."""
    owners = dict(Order.objects.values_list("pk", "customer_id"))
    events = Event.objects.exclude(order_id=None).values_list("order_id", "customer_id")
    return sum(owners[order] != customer for order, customer in events)


def test_an_id_that_is_taken_off_takes_the_orders_that_its_source_is_believed_about() -> None:
    told("shop", 20, ("A", 1000), ("B", 500), customer="7")
    told("stream", 10, ("A", 900), ("C", 70), customer="s")
    told("books", 30, ("B", 550), ("D", 40), customer="b")
    ingest([refunded("R", "D", 15, customer="b")], source="books", orders=SharedOrders("shop", 30))
    ann = owner("shop", "7")
    assert money() == {ann.pk: (4, 1660)}
    new = detach(CustomerIdentity.objects.get(namespace="books").pk)
    assert money() == {ann.pk: (2, 1070), new.pk: (2, 590)}
    assert sorted(new.orders.values_list("external_id", flat=True)) == ["B", "D"]
    assert Refund.objects.get().customer == new
    assert wrongly_owned() == 0
    assert facts_drift() == {}


def test_the_namespace_that_sources_share_is_no_sources_name() -> None:
    told("webshop", 20, ("A", 1000), customer="7")
    told("stream", 10, ("C", 70), customer="s")
    identity = CustomerIdentity.objects.create(
        namespace="shop", value="x", customer=owner("webshop", "7"), attached_by=CustomerIdentity.Way.EMAIL
    )
    new = detach(identity.pk)
    assert not new.orders.exists()
    assert wrongly_owned() == 0


def test_sources_that_name_customers_in_one_namespace_go_together() -> None:
    told("webshop", 10, ("A", 1000), customer="7")
    DataSource.objects.create(
        name="file", mapping={"source": "books", "customer": {"id": "{buyer}", "namespace": "club"}}
    )
    line = bought("B", 500, customer="c", email=ANN, namespace="club")
    ingest([line, view("v", customer="c", namespace="club")], source="books")
    new = detach(CustomerIdentity.objects.get(namespace="club").pk)
    assert money() == {owner("webshop", "7").pk: (1, 1000), new.pk: (1, 500)}
    assert (new.events.count(), wrongly_owned()) == (3, 0)


def test_a_merge_taken_back_takes_along_what_was_told_of_its_orders_since() -> None:
    ingest([bought("A", 1000, customer="7"), bought("B", 500, customer="8")], source="shop")
    first, second = owner("shop", "7"), owner("shop", "8")
    row = merge(first.pk, second.pk, cause=Merge.Cause.REVIEW)
    late = bought("B", 50, customer="8")
    late.line, late.client_id = "2", "B2"
    ingest([late], source="shop")
    undo(row.pk)
    assert money() == {first.pk: (1, 1000), second.pk: (1, 550)}
    assert wrongly_owned() == 0
    assert facts_drift() == {}


def test_a_merge_taken_back_leaves_orders_whole_that_another_source_took_over() -> None:
    told("stream", 10, ("A", 1000), customer="s")
    ingest([view("v", customer="7")], source="shop")
    row = merge(owner("shop", "7").pk, owner("stream", "s").pk, cause=Merge.Cause.REVIEW)
    ingest([bought("A", 950, customer="7")], source="books", orders=SharedOrders("shop", 30))
    undo(row.pk)
    assert wrongly_owned() == 0
    assert sum(revenue for _, revenue in money().values()) == 950
    assert Customer.objects.filter(merged_into=None).count() >= 2
    assert facts_drift() == {}
