"""Stores events, each exactly once, and keeps orders, refunds, facts and news in the same transaction."""

import logging
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from psycopg import errors

from common.prepared_statements import answers_at_once
from customers import partitions, staging
from customers.aliases import survivors
from customers.events_in import EventIn, SharedOrders
from customers.expiry import dropped_until
from customers.facts import add_fresh_events, lock_facts_at_once, rebuild_locked, refresh_money
from customers.identity import Identities, Person, identities_asked, identities_in, resolve
from customers.models import Customer, EventType
from customers.precedence import (
    Claim,
    Settled,
    raise_ranks,
    settle,
    shared_orders,
    stronger,
    take_orders,
    take_refunds,
)
from customers.prepared import Draft, Prepared, prepare
from customers.profiles import Traits, merge_traits, store_traits, touch
from customers.purchases import (
    Found,
    NewOrder,
    NewRefund,
    add_refunds,
    ensure_orders,
    ensure_refunds,
    find_orders,
    owners_of,
    store_lines,
)
from customers.tombstones import gone_among
from products.catalogue import (
    FoundProduct,
    categories_of,
    products_asked,
    products_in,
    resolve_products,
)

__all__ = ["EventIn", "IngestResult", "SharedOrders", "ingest", "store"]
logger = logging.getLogger(__name__)
_ATTEMPTS = 6
_MET_ANOTHER = (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)
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
    """Somebody was merged, or an order turned out to be somebody else's too: run the batch's transaction again."""


class _Found(NamedTuple):
    """What the people, products and orders of a batch turned out to be, by their numbers in it.

    A customer is None who was refused, `erased` says which of them were erased; a product has an id and perhaps a
    category.
    """

    customers: list[int | None]
    products: list[FoundProduct]
    categories: dict[int, int | None]
    """Of products that are named by our own id."""
    erased: set[int]

    def leave_out(self, erased_ids: set[int]) -> None:
        """Refuse customers who were erased meanwhile."""
        for number, id in enumerate(self.customers):
            if id in erased_ids:
                self.customers[number] = None
                self.erased.add(number)


def ingest(batch: Sequence[EventIn], *, source: str, orders: SharedOrders | None = None) -> IngestResult:
    """Store a batch of events of one source; say how many were new, known already, or refused and why.

    An event is known by its `message_id`, whatever time a retry shows; the same batch may be sent again after
    any failure. Customers, products, categories and partitions are made first, each in a short transaction of
    its own; everything else is one transaction, run again whole when it meets a deadlock. About 10 queries
    however large the batch, about 20 where there are orders or refunds; 1,000–10,000 events are a good size.
    `orders` is for sources that tell the same orders as others and have no stored policy on that; see
    `customers.precedence`.
    """
    if any(event.order or event.refund for event in batch):
        orders = shared_orders(source, declared=orders)
    currency = settings.REPORTING_CURRENCY
    return store(prepare(batch, source=source, currency=currency, orders=orders, dropped_until=dropped_until))


def store(prepared: Prepared) -> IngestResult:
    """Store a batch that was prepared; otherwise as `ingest`."""
    result = IngestResult(duplicates=prepared.duplicates)
    for position, reason in prepared.rejects:
        result.reject(position, reason)
    if not prepared.drafts:
        return result
    spans, identities, products = answers_at_once(
        (partitions.ASKED, []),
        identities_asked([who for who in prepared.people if isinstance(who, Person)]),
        products_asked(prepared.products, source=prepared.source),
    )
    times = [draft.occurred_at for draft in prepared.drafts]
    partitions.ensure_partitions(min(times), max(times), existing=partitions.spans_in(spans))
    customers = _find_people(prepared, identities_in(identities), result)
    erased = {n for n, who in enumerate(prepared.people) if isinstance(who, Person) and customers[n] is None}
    own = {draft.product_id for draft in prepared.drafts if draft.product_id is not None}
    found = _Found(customers, _find_products(prepared, products_in(products)), categories_of(own), erased)
    inserted, accepted = _store_retrying(prepared, found, result)
    result.inserted += inserted
    result.duplicates += accepted - inserted
    refused = {position for position, _ in result.rejects}
    kept = (found.customers[one.person] for one in prepared.drafts if one.position not in refused)
    result.customer_ids = {id for id in kept if id is not None}
    return result


def _find_people(prepared: Prepared, identities: Identities, result: IngestResult) -> list[int | None]:
    """Return the customer of each person, made where missing; None for an id that no customer has, and the erased."""
    persons = [who for who in prepared.people if isinstance(who, Person)]
    resolution = resolve(persons, source=prepared.source, identities=identities)
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
    if told:
        store_traits(told)


def _find_products(prepared: Prepared, known: dict[str, FoundProduct]) -> list[FoundProduct]:
    found = resolve_products(
        prepared.products.values(), source=prepared.source, currency=prepared.currency, found=known
    )
    return [found[external_id] for external_id in prepared.products]


def _store_retrying(prepared: Prepared, found: _Found, result: IngestResult) -> tuple[int, int]:
    """Run the batch's transaction until it is through; one that is broken off has changed nothing."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                inserted, accepted, refused = _store(prepared, found, patient=attempt > 1)
        except _Moved:
            if attempt == _ATTEMPTS:
                raise
            logger.info("Customers or orders of a batch of %s have moved meanwhile", prepared.source)
        except (OperationalError, IntegrityError) as error:
            if attempt == _ATTEMPTS or not isinstance(error.__cause__, _MET_ANOTHER):
                raise
            logger.info(
                "A batch of %s met another writer: %s", prepared.source, type(error.__cause__).__name__
            )
            if isinstance(error, OperationalError):
                time.sleep(0.01 * 2**attempt)
        else:
            for position, reason in refused:
                result.reject(position, reason)
            return inserted, accepted
    raise AssertionError("unreachable")


def _store(prepared: Prepared, found: _Found, *, patient: bool) -> tuple[int, int, list[tuple[int, str]]]:
    """Everything that must be true together. Locks are taken in one order: facts, orders, ledger, news.

    Returns how many events were new, how many were accepted, and (position, reason) of the others.
    """
    source = prepared.source
    has_money = bool(prepared.refunds) or any(order.rank is not None for order in prepared.orders)
    if not has_money and not prepared.orders and len(prepared.drafts) <= staging.FEW and not patient:
        return _store_few(prepared, found)
    customer_ids = _lock_everybody(prepared, found, has_money=has_money)
    purchases = _find_purchases(prepared, found, customer_ids)
    drafts, refused = _sifted(prepared.drafts, found, purchases)
    rows = _rows(drafts, found, purchases)
    accepted = sum(draft.position is not None for draft in drafts)
    staging.fill(rows)
    if not has_money:
        return staging.store_behaviour(source, patient=patient), accepted, refused
    inserted = staging.store_events(source, patient=patient)
    order_ids = [order.id for order in purchases.orders.values()]
    made = [order.id for order in purchases.orders.values() if order.is_new or order.id in purchases.taken]
    placed, corrected = store_lines(order_ids, source=source, made=made, patient=patient)
    add_refunds([refund.id for refund in purchases.refunds.values()], order_ids=order_ids, made=made)
    worth_something_else = refresh_money(customer_ids)
    add_fresh_events()
    if rebuilt := customer_ids if purchases.is_told_anew else corrected:
        rebuild_locked(rebuilt)
    touch({*staging.fresh_customers(), *rebuilt, *worth_something_else})
    return inserted + placed, accepted, refused


def _store_few(prepared: Prepared, found: _Found) -> tuple[int, int, list[tuple[int, str]]]:
    """The same for a small batch without orders, as if nothing had happened to its customers. Raises _Moved."""
    drafts, refused = _sifted(prepared.drafts, found, _NOTHING_BOUGHT)
    customer_ids = sorted({id for id in found.customers if id is not None})
    inserted, merged, erased = staging.store_few(
        _rows(drafts, found, _NOTHING_BOUGHT), prepared.source, customer_ids=customer_ids
    )
    if merged or erased:
        raise _Moved
    return inserted, len(drafts), refused


def _lock_everybody(prepared: Prepared, found: _Found, *, has_money: bool) -> list[int]:
    """Lock the facts of all whom the batch may change, and return who that is; leave out the erased. Raises _Moved."""
    ids = {id for id in found.customers if id is not None}
    if has_money:
        ids |= owners_of(
            [order.external_id for order in prepared.orders],
            [refund.external_id for refund in prepared.refunds],
            source=prepared.orders_source,
        )
    customer_ids = sorted(ids)
    lock_facts_at_once(customer_ids)
    merged, erased = gone_among(customer_ids)
    if moved := survivors(merged):
        found.customers[:] = [moved.get(id, id) if id is not None else None for id in found.customers]
        raise _Moved
    found.leave_out(erased)
    return customer_ids


class _Purchases(NamedTuple):
    """The orders and refunds of a batch: by external id, and their ids by number.

    The id of an order is None where it is not there or has another currency, that of a refund where another source is
    believed about it. `outranked` and `taken` are ids of orders: those about which another source is believed, and
    those about which this one is from now on.
    """

    orders: dict[str, Found]
    refunds: dict[str, Found]
    order_ids: list[int | None]
    refund_ids: list[int | None]
    refused_refunds: dict[int, str]
    """Why one cannot be booked, by number."""
    outranked: set[int]
    taken: set[int]
    is_told_anew: bool
    """Whether events of orders or refunds that were taken over have gone."""


_NOTHING_BOUGHT = _Purchases({}, {}, [], [], {}, set(), set(), False)


def _find_purchases(prepared: Prepared, found: _Found, customer_ids: list[int]) -> _Purchases:
    """Find or make orders and refunds, and take over those about which this source is believed from now on."""
    if not prepared.orders and not prepared.refunds:
        return _NOTHING_BOUGHT
    source, namespace = prepared.source, prepared.orders_source
    told = [
        NewOrder(order.external_id, customer, order.placed_at, order.currency, order.rank)
        for order in prepared.orders
        if order.rank is not None and (customer := found.customers[order.person]) is not None
    ]
    made = ensure_orders(told, source=namespace, told_by=source)
    orders = find_orders(
        sorted({order.external_id for order in prepared.orders}), source=namespace, made=made
    )
    _check_owners(orders, customer_ids)
    claims: dict[str, Claim] = {}
    for order in told:
        if order.currency == orders[order.external_id].currency:
            claim = Claim(order.rank, order.customer_id, order.placed_at)
            claims[order.external_id] = stronger(claims.get(order.external_id, claim), claim)
    settled = settle(orders, claims, source=source)
    take_orders(settled.taken, source=source, customer_ids=customer_ids)
    raise_ranks(orders, claims, source=source)
    order_ids = _order_ids(prepared, orders)
    in_others = _refunds_in_other_currencies(prepared, orders)
    refunds, settled_refunds = _find_refunds(prepared, found, orders, order_ids, refused=in_others)
    _check_owners(refunds, customer_ids)
    _take_refunds(prepared, refunds, settled_refunds, customer_ids)
    return _Purchases(
        orders,
        refunds,
        order_ids,
        [
            None
            if (row := refunds.get(refund.external_id)) is None or row.id in settled_refunds.outranked
            else row.id
            for refund in prepared.refunds
        ],
        _refunds_in_other_currencies(prepared, orders, refunds),
        settled.outranked,
        set(settled.taken),
        bool(settled.taken or settled_refunds.taken),
    )


def _check_owners(rows: Mapping[str, Found], customer_ids: Iterable[int]) -> None:
    """Raise _Moved where another batch made one of them meanwhile, for somebody whose facts are not locked here."""
    if not {row.customer_id for row in rows.values()} <= set(customer_ids):
        raise _Moved


def _refunds_in_other_currencies(
    prepared: Prepared, orders: dict[str, Found], refunds: dict[str, Found] | None = None
) -> dict[int, str]:
    """Return which refunds name another currency than their order, or than they had before, with the reason."""
    reasons: dict[int, str] = {}
    for number, named in enumerate(prepared.refunds):
        order = None if named.order is None else orders.get(prepared.orders[named.order].external_id)
        known = (refunds or {}).get(named.external_id)
        if not named.currency:
            continue
        if order is not None and order.currency != named.currency:
            reasons[number] = "currency_differs_from_order"
        elif known is not None and known.currency != named.currency:
            reasons[number] = "currency_differs_from_refund"
    return reasons


def _find_refunds(
    prepared: Prepared,
    found: _Found,
    orders: Mapping[str, Found],
    order_ids: list[int | None],
    *,
    refused: Container[int],
) -> tuple[dict[str, Found], Settled]:
    told = [
        NewRefund(
            refund.external_id,
            customer,
            None if refund.order is None else order_ids[refund.order],
            refund.refunded_at,
            refund.currency or (orders[name].currency if name in orders else prepared.currency),
            name,
        )
        for number, refund in enumerate(prepared.refunds)
        if (customer := found.customers[refund.person]) is not None and number not in refused
        for name in ["" if refund.order is None else prepared.orders[refund.order].external_id]
    ]
    source, rank = prepared.source, prepared.rank
    refunds = ensure_refunds(told, source=prepared.orders_source, told_by=source, rank=rank)
    claims = {
        one.external_id: Claim(rank, one.customer_id, one.refunded_at)
        for one in reversed(told)
        if one.currency == refunds[one.external_id].currency
    }
    return refunds, settle(refunds, claims, source=source)


def _take_refunds(
    prepared: Prepared, refunds: Mapping[str, Found], settled: Settled, customer_ids: list[int]
) -> None:
    taken = {name for name, row in refunds.items() if row.id in settled.taken}
    keys = [
        draft.key
        for draft in prepared.drafts
        if draft.refund is not None and prepared.refunds[draft.refund].external_id in taken
    ]
    take_refunds(settled.taken, source=prepared.source, keys=keys, customer_ids=customer_ids)


def _order_ids(prepared: Prepared, orders: dict[str, Found]) -> list[int | None]:
    """Return the ids by number; None where there is no order, or what makes it names another currency."""
    return [
        order.id
        if (order := orders.get(named.external_id))
        and (named.rank is None or named.currency == order.currency)
        else None
        for named in prepared.orders
    ]


def _sifted(
    drafts: list[Draft], found: _Found, purchases: _Purchases
) -> tuple[list[Draft], list[tuple[int, str]]]:
    """Part the drafts that can be stored from (position, reason) of those that cannot."""
    order_ids, refused_refunds = purchases.order_ids, purchases.refused_refunds
    if None not in found.customers and None not in order_ids and not refused_refunds:
        return drafts, []
    kept, refused = [], []
    for draft in drafts:
        if found.customers[draft.person] is None:
            reason = "customer_erased" if draft.person in found.erased else "unknown_customer"
        elif draft.type in _MAKES_ORDER and draft.order is not None and order_ids[draft.order] is None:
            reason = "currency_differs_from_order"
        elif draft.refund in refused_refunds:
            reason = refused_refunds[draft.refund]
        else:
            kept.append(draft)
            continue
        if draft.position is not None:
            refused.append((draft.position, reason))
    return kept, refused


def _rows(drafts: list[Draft], found: _Found, purchases: _Purchases) -> Iterator[staging.Row]:
    """Rows for the temporary table, numbers replaced by ids; without what a better source has told already."""
    customers, order_ids, refund_ids = found.customers, purchases.order_ids, purchases.refund_ids
    products = [(product.id, product.category_id) for product in found.products]
    for key, type, at, person, product, product_id, order, refund, *told, position in drafts:
        order_id = None if order is None else order_ids[order]
        if order_id in purchases.outranked and type in _MAKES_ORDER:
            continue
        yield (
            key,
            type,
            at,
            customers[person],
            *(
                (product_id, None if product_id is None else found.categories.get(product_id))
                if product is None
                else products[product]
            ),
            order_id,
            None if refund is None else refund_ids[refund],
            *told,
            position is not None,
        )
