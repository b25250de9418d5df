"""Stores events, each exactly once, and keeps orders, refunds, facts and news in the same transaction."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db import OperationalError, transaction
from psycopg import errors

from customers import staging
from customers.events_in import EventIn
from customers.facts import add_fresh_events, lock_facts, refresh_money
from customers.identity import Person, resolve
from customers.merging import survivors
from customers.models import Customer, EventType
from customers.partitions import ensure_partitions
from customers.prepared import Draft, Prepared, prepare
from customers.profiles import Traits, merge_traits, store_traits, touch
from customers.purchases import (
    FoundOrder,
    add_refunds,
    ensure_orders,
    ensure_refunds,
    find_orders,
    order_owners,
    store_lines,
)
from customers.tombstones import erased_among
from products.catalogue import FoundProduct, resolve_products

__all__ = ["EventIn", "IngestResult", "ingest", "store"]
logger = logging.getLogger(__name__)
_ATTEMPTS = 6
_MAKES_ORDER = (EventType.ORDER_PLACED, EventType.ORDER_LINE)


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


class _Moved(Exception):
    """Somebody was merged into another profile while the batch was on its way; run its transaction again."""


class _Found(NamedTuple):
    """What the people, products and orders of a batch turned out to be, by their numbers in it.

    A customer is None who was refused, `erased` says which of them were erased; a product has an id and perhaps a
    category.
    """

    customers: list[int | None]
    products: list[FoundProduct]
    erased: set[int]

    def leave_out(self, erased_ids: set[int]) -> None:
        """Refuse customers who were erased meanwhile."""
        for number, id in enumerate(self.customers):
            if id in erased_ids:
                self.customers[number] = None
                self.erased.add(number)


def ingest(batch: Sequence[EventIn], *, source: str) -> IngestResult:
    """Store a batch of events of one source; say how many were new, known already, or refused and why.

    An event is known by its `message_id`, whatever time a retry shows; the same batch may be sent again after
    any failure. Customers, products, categories and partitions are made first, each in a short transaction of
    its own; everything else is one transaction, run again whole when it meets a deadlock. About 10 queries
    however large the batch, about 20 where there are orders or refunds; 1,000–10,000 events are a good size.
    """
    return store(prepare(batch, source=source, currency=settings.REPORTING_CURRENCY))


def store(prepared: Prepared) -> IngestResult:
    """Store a batch that was prepared, perhaps by another process; otherwise as `ingest`."""
    result = IngestResult(duplicates=prepared.duplicates)
    for position, reason in prepared.rejects:
        result.reject(position, reason)
    if not prepared.drafts:
        return result
    times = [draft.occurred_at for draft in prepared.drafts]
    ensure_partitions(min(times), max(times))
    customers = _find_people(prepared, result)
    erased = {n for n, who in enumerate(prepared.people) if isinstance(who, Person) and customers[n] is None}
    found = _Found(customers, _find_products(prepared), erased)
    inserted, accepted = _store_retrying(prepared, found, result)
    result.inserted += inserted
    result.duplicates += accepted - inserted
    result.customer_ids = {id for id in found.customers if id is not None}
    return result


def _find_people(prepared: Prepared, result: IngestResult) -> list[int | None]:
    """Return the customer of each person, made where missing; None for an id that no customer has, and the erased."""
    persons = [who for who in prepared.people if isinstance(who, Person)]
    resolution = resolve(persons, source=prepared.source)
    result.identity_conflicts = resolution.conflicts
    result.customers_created = resolution.created
    ids = [who for who in prepared.people if isinstance(who, int)]
    existing = set(Customer.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    customers = [
        resolution.ids.get(who) if isinstance(who, Person) else who if who in existing else None
        for who in prepared.people
    ]
    _store_profiles(prepared, customers)
    return customers


def _store_profiles(prepared: Prepared, customers: list[int | None]) -> None:
    """Keep what the events say about their customers, each at its own time."""
    told: dict[int, Traits] = {}
    for person, traits in prepared.profiles.items():
        if (customer := customers[person]) is not None:
            merge_traits(told.setdefault(customer, {}), traits)
    store_traits(told)


def _find_products(prepared: Prepared) -> list[FoundProduct]:
    found = resolve_products(prepared.products.values(), source=prepared.source, currency=prepared.currency)
    return [found[external_id] for external_id in prepared.products]


def _store_retrying(prepared: Prepared, found: _Found, result: IngestResult) -> tuple[int, int]:
    """Run the batch's transaction until it is through; one that is broken off has changed nothing."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                inserted, accepted, refused = _store(prepared, found)
        except _Moved:
            logger.info("Customers of a batch of %s were merged meanwhile", prepared.source)
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure):
                raise
            if attempt == _ATTEMPTS:
                raise
            logger.warning("A batch of %s met a deadlock; attempt %d", prepared.source, attempt)
            time.sleep(0.01 * 2**attempt)
        else:
            for position, reason in refused:
                result.reject(position, reason)
            return inserted, accepted
    raise AssertionError("unreachable")


def _store(prepared: Prepared, found: _Found) -> tuple[int, int, list[tuple[int, str]]]:
    """Everything that must be true together. Locks are taken in one order: facts, orders, ledger, news.

    Returns how many events were new, how many were accepted, and (position, reason) of the others.
    """
    source = prepared.source
    customer_ids = sorted({id for id in found.customers if id is not None})
    has_money = bool(prepared.refunds) or any(order.is_made for order in prepared.orders)
    if has_money:
        owners = order_owners([order.external_id for order in prepared.orders], source=source)
        customer_ids = sorted(owners.union(customer_ids))
    lock_facts(customer_ids)
    if moved := survivors(customer_ids):
        found.customers[:] = [moved.get(id, id) if id is not None else None for id in found.customers]
        raise _Moved
    found.leave_out(erased_among(customer_ids))
    orders = _find_orders(prepared, found)
    order_ids = _order_ids(prepared, orders)
    refund_ids = _refund_ids(prepared, found, order_ids)
    drafts, refused = _sifted(prepared.drafts, found, order_ids)
    staging.fill(_rows(drafts, found, order_ids, refund_ids))
    accepted = sum(draft.position is not None for draft in drafts)
    if not has_money:
        return staging.store_behaviour(source), accepted, refused
    inserted = staging.store_events(source)
    inserted += store_lines(
        [order.id for order in orders.values()],
        source=source,
        had_orders=any(not order.is_new for order in orders.values()),
    )
    add_refunds()
    refresh_money(customer_ids)
    add_fresh_events()
    touch(staging.fresh_customers())
    return inserted, accepted, refused


def _find_orders(prepared: Prepared, found: _Found) -> dict[str, FoundOrder]:
    """Find or make the orders that lines belong to; refunds only point to orders that are there."""
    made = ensure_orders(
        (
            (order.external_id, customer, order.placed_at, order.currency)
            for order in prepared.orders
            if order.is_made and (customer := found.customers[order.person]) is not None
        ),
        source=prepared.source,
    )
    names = sorted({order.external_id for order in prepared.orders})
    return find_orders(names, source=prepared.source, made=made)


def _order_ids(prepared: Prepared, orders: dict[str, FoundOrder]) -> list[int | None]:
    """Return the ids by number; None where there is no order, or what makes it names another currency."""
    return [
        order.id
        if (order := orders.get(named.external_id))
        and (not named.is_made or named.currency == order.currency)
        else None
        for named in prepared.orders
    ]


def _refund_ids(prepared: Prepared, found: _Found, order_ids: list[int | None]) -> list[int | None]:
    made = ensure_refunds(
        (
            (
                refund.external_id,
                customer,
                None if refund.order is None else order_ids[refund.order],
                refund.refunded_at,
                refund.currency,
            )
            for refund in prepared.refunds
            if (customer := found.customers[refund.person]) is not None
        ),
        source=prepared.source,
    )
    return [made.get(refund.external_id) for refund in prepared.refunds]


def _sifted(
    drafts: list[Draft], found: _Found, order_ids: list[int | None]
) -> tuple[list[Draft], list[tuple[int, str]]]:
    """Part the drafts that can be stored from (position, reason) of those that cannot."""
    if None not in found.customers and None not in order_ids:
        return drafts, []
    kept, refused = [], []
    for draft in drafts:
        if found.customers[draft.person] is None:
            reason = "customer_erased" if draft.person in found.erased else "unknown_customer"
        elif draft.type in _MAKES_ORDER and draft.order is not None and order_ids[draft.order] is None:
            reason = "currency_differs_from_order"
        else:
            kept.append(draft)
            continue
        if draft.position is not None:
            refused.append((draft.position, reason))
    return kept, refused


def _rows(
    drafts: list[Draft], found: _Found, order_ids: list[int | None], refund_ids: list[int | None]
) -> Iterator[staging.Row]:
    """Rows for the temporary table, numbers replaced by ids."""
    customers = found.customers
    products = [(product.id, product.category_id) for product in found.products]
    for key, type, at, person, product, product_id, order, refund, *told, position in drafts:
        yield (
            key,
            type,
            at,
            customers[person],
            *((product_id, None) if product is None else products[product]),
            None if order is None else order_ids[order],
            None if refund is None else refund_ids[refund],
            *told,
            position is not None,
        )
