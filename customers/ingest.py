"""Stores events, each exactly once, and keeps orders, refunds, facts and news in the same transaction."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db import OperationalError, transaction
from psycopg import errors

from customers import staging
from customers.addresses import canonical
from customers.events_in import EventIn, message_key, order_key, problem
from customers.facts import add_fresh_events, lock_facts, refresh_money
from customers.identity import Person, resolve
from customers.models import Customer, EventType
from customers.partitions import ensure_partitions
from customers.profiles import profile_problem, touch
from customers.purchases import (
    FoundOrder,
    add_refunds,
    ensure_orders,
    ensure_refunds,
    find_orders,
    order_owners,
    store_lines,
)
from products.catalogue import FoundProduct, resolve_products

__all__ = ["EventIn", "IngestResult", "ingest"]
logger = logging.getLogger(__name__)
_ATTEMPTS = 6
_ORDER_TYPES = (EventType.ORDER_PLACED, EventType.ORDER_LINE)


class IngestResult(msgspec.Struct):
    """What became of a batch: `len(batch) = inserted + duplicates + sum(rejected.values())`.

    `rejects` are (position in the batch, reason); `customer_ids` are those the accepted events belong to.
    """

    inserted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    rejects: list[tuple[int, str]] = msgspec.field(default_factory=list)
    customer_ids: set[int] = msgspec.field(default_factory=set)
    identity_conflicts: int = 0
    customers_created: int = 0

    def reject(self, position: int, reason: str) -> None:
        """Count the event at this position as refused."""
        self.rejected[reason] += 1
        self.rejects.append((position, reason))


class _Batch(msgspec.Struct):
    """A batch on its way: accepted events by message id, and the rows they point to."""

    source: str
    events: dict[bytes, EventIn]
    people: dict[bytes, int] = msgspec.field(default_factory=dict)
    products: dict[str, FoundProduct] = msgspec.field(default_factory=dict)
    orders: dict[str, FoundOrder] = msgspec.field(default_factory=dict)
    refunds: dict[str, int] = msgspec.field(default_factory=dict)


def ingest(batch: Sequence[EventIn], *, source: str) -> IngestResult:
    """Store a batch of events of one source; say how many were new, known already, or refused and why.

    An event is known by its `message_id`, whatever time a retry shows; the same batch may be sent again after
    any failure. Customers, products, categories and partitions are made first, each in a short transaction of
    its own; everything else is one transaction, run again whole when it meets a deadlock. About 20 queries,
    however large the batch; 1,000–10,000 events are a good size.
    """
    result = IngestResult()
    positions = _accept(batch, source, result)
    events = {key: batch[position] for key, position in positions.items()}
    if not events:
        return result
    prepared = _Batch(source=source, events=events)
    ensure_partitions(
        min(event.occurred_at for event in events.values()),
        max(event.occurred_at for event in events.values()),
    )
    _find_people(prepared, positions, result)
    prepared.products = resolve_products(
        (event.product for event in events.values() if event.product),
        source=source,
        currency=next((e.currency for e in events.values() if e.currency), settings.REPORTING_CURRENCY),
    )
    inserted = _store_retrying(prepared, positions, result)
    result.inserted += inserted
    result.duplicates += len(prepared.events) - inserted
    result.customer_ids = set(prepared.people.values())
    return result


def _accept(batch: Sequence[EventIn], source: str, result: IngestResult) -> dict[bytes, int]:
    """Return the positions of acceptable events by message id; the first of several equal ones counts."""
    positions: dict[bytes, int] = {}
    profiles: dict[int, str | None] = {id(event.profile): None for event in batch if not event.profile}
    for position, event in enumerate(batch):
        profile = id(event.profile)
        if profile not in profiles:
            profiles[profile] = profile_problem(event.profile)
        if reason := problem(event) or profiles[profile]:
            result.reject(position, reason)
        elif (key := message_key(source, event)) in positions:
            result.duplicates += 1
        else:
            positions[key] = position
    return positions


def _find_people(prepared: _Batch, positions: dict[bytes, int], result: IngestResult) -> None:
    persons: dict[tuple[str, str, str], Person] = {}
    profiles: dict[Person, dict[str, Any]] = {}
    for event in prepared.events.values():
        if event.customer_id is not None:
            continue
        name = (event.namespace, event.customer, event.email)
        if name not in persons:
            persons[name] = _person(*name, source=prepared.source)
        profiles.setdefault(persons[name], {}).update(event.profile)
    resolution = resolve(profiles, source=prepared.source)
    result.identity_conflicts = resolution.conflicts
    result.customers_created = resolution.created
    ids = {name: resolution.ids.get(person) for name, person in persons.items()}
    named = {e.customer_id for e in prepared.events.values() if e.customer_id is not None}
    existing = dict(Customer.objects.filter(pk__in=named).values_list("pk", "erased_at")) if named else {}
    for key, event in list(prepared.events.items()):
        if event.customer_id is not None and event.customer_id not in existing:
            _refuse(prepared, key, positions, result, "unknown_customer")
        elif (id := _alive(event, ids, existing)) is None:
            _refuse(prepared, key, positions, result, "customer_erased")
        else:
            prepared.people[key] = id


def _alive(
    event: EventIn, ids: dict[tuple[str, str, str], int | None], existing: dict[int, datetime | None]
) -> int | None:
    """The customer of an event, or None for one who was erased."""
    if event.customer_id is None:
        return ids[event.namespace, event.customer, event.email]
    return event.customer_id if existing[event.customer_id] is None else None


def _person(namespace: str, customer: str, email: str, *, source: str) -> Person:
    return Person((namespace or source) if customer else "", customer, canonical(email) if email else "")


def _refuse(
    prepared: _Batch, key: bytes, positions: dict[bytes, int], result: IngestResult, reason: str
) -> None:
    del prepared.events[key]
    prepared.people.pop(key, None)
    result.reject(positions[key], reason)


def _store_retrying(prepared: _Batch, positions: dict[bytes, int], result: IngestResult) -> int:
    """Run the batch's transaction until it is through; a deadlock's victim has changed nothing."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _store(prepared, positions, result)
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure):
                raise
            if attempt == _ATTEMPTS:
                raise
            logger.warning("A batch of %s met a deadlock; attempt %d", prepared.source, attempt)
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _store(prepared: _Batch, positions: dict[bytes, int], result: IngestResult) -> int:
    """Everything that must be true together. Locks are taken in one order: facts, orders, ledger, news."""
    source, events = prepared.source, prepared.events
    order_ids = sorted({event.order for event in events.values() if event.order})
    owners = order_owners(order_ids, source=source)
    customer_ids = sorted({*prepared.people.values(), *owners})
    lock_facts(customer_ids)
    _find_orders(prepared, order_ids, positions, result)
    prepared.refunds = ensure_refunds(
        (
            (e.refund, prepared.people[key], _order_id(prepared, e), e.occurred_at, _currency(e))
            for key, e in events.items()
            if e.type == EventType.ORDER_REFUNDED
        ),
        source=source,
    )
    staging.fill(_rows(prepared))
    inserted = staging.store_events(source)
    if prepared.orders or prepared.refunds:
        inserted += store_lines(
            [order.id for order in prepared.orders.values()],
            source=source,
            had_orders=any(not order.is_new for order in prepared.orders.values()),
        )
        add_refunds()
        refresh_money(customer_ids)
    add_fresh_events()
    touch(staging.fresh_customers())
    return inserted


def _find_orders(
    prepared: _Batch, order_ids: list[str], positions: dict[bytes, int], result: IngestResult
) -> None:
    """Find or make the orders that lines belong to; refunds only point to orders that are there."""
    made = ensure_orders(
        (
            (e.order, prepared.people[key], e.occurred_at, _currency(e))
            for key, e in prepared.events.items()
            if e.type in _ORDER_TYPES
        ),
        source=prepared.source,
    )
    prepared.orders = find_orders(order_ids, source=prepared.source, made=made)
    for key, event in list(prepared.events.items()):
        if event.type in _ORDER_TYPES and prepared.orders[event.order].currency != _currency(event):
            _refuse(prepared, key, positions, result, "currency_differs_from_order")


def _currency(event: EventIn) -> str:
    return event.currency or str(settings.REPORTING_CURRENCY)


def _order_id(prepared: _Batch, event: EventIn) -> int | None:
    order = prepared.orders.get(event.order) if event.order else None
    return order.id if order else None


def _rows(prepared: _Batch) -> Iterable[staging.Row]:
    """Rows for the temporary table, with one ORDER_PLACED for each order that has lines here."""
    placed: set[str] = set()
    for key, event in prepared.events.items():
        product = prepared.products.get(event.product.external_id) if event.product else None
        if event.type == EventType.ORDER_PLACED:
            placed.add(event.order)
        yield (
            key,
            event.type,
            event.occurred_at,
            prepared.people[key],
            product.id if product else event.product_id,
            product.category_id if product else None,
            _order_id(prepared, event),
            prepared.refunds.get(event.refund) if event.refund else None,
            event.line,
            (event.description or (event.product.name if event.product else ""))[:300],
            event.quantity,
            event.unit_price_minor,
            event.value_minor,
            _currency(event) if event.value_minor is not None else event.currency or None,
            event.session or None,
            staging.as_json(event.properties) if event.properties else None,
            True,
        )
    for key, event in prepared.events.items():
        if event.type == EventType.ORDER_LINE and event.order not in placed:
            placed.add(event.order)
            yield staging.placed_row(
                order_key(prepared.source, event.order),
                event.occurred_at,
                prepared.people[key],
                prepared.orders[event.order].id,
            )
