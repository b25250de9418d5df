"""A batch of events made ready without the database: checked, keyed, and what it names listed once.

Pure work on what the source said, so that an import can do it while the batch before is being stored.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec

from customers.addresses import canonical
from customers.events_in import (
    SURELY_KEPT,
    EventIn,
    SharedOrders,
    message_key,
    order_key,
    problem,
    times_taken,
)
from customers.identity import ANONYMOUS, Person
from customers.models import EventType
from customers.precedence import WITH_LINES
from customers.profiles import Traits, add_traits, profile_problem
from customers.staging import as_json
from products.catalogue import ProductRef

_PLACED, _LINE, _REFUNDED = map(int, (EventType.ORDER_PLACED, EventType.ORDER_LINE, EventType.ORDER_REFUNDED))


class NamedOrder(NamedTuple):
    """An order as events of a batch name it; `person` is a number in the batch's list."""

    external_id: str
    currency: str
    person: int
    placed_at: datetime
    rank: int | None
    """How far it is believed; None for an order that is only pointed to, and not made where it is missing."""


class NamedRefund(NamedTuple):
    """A refund as the first event of a batch names it; `person` and `order` are numbers in its lists.

    `currency` is empty where it is the order's: what gives back all that is left need not name one.
    """

    external_id: str
    currency: str
    person: int
    refunded_at: datetime
    order: int | None


class Draft(NamedTuple):
    """An event on its way; person, product, order and refund are numbers in the batch's lists."""

    key: bytes
    type: int
    occurred_at: datetime
    person: int
    product: int | None
    product_id: int | None
    order: int | None
    refund: int | None
    line: str
    description: str
    quantity: int | None
    unit_price_minor: int | None
    value_minor: int | None
    currency: str | None
    session: str | None
    properties: str | None
    position: int | None
    """Where in the batch it was; None for an ORDER_PLACED that nobody sent: it follows from a line."""


class Prepared(msgspec.Struct):
    """What `store` needs of a batch, and what was refused or repeated inside of it.

    `orders_source` is the namespace of orders and refunds, `rank` how far the source is believed about them.
    People are persons to be found or made, or ids of customers; what was told of them is by their numbers.
    """

    source: str
    currency: str
    orders_source: str
    rank: int
    drafts: list[Draft] = msgspec.field(default_factory=list)
    people: list[Person | int] = msgspec.field(default_factory=list)
    profiles: dict[int, Traits] = msgspec.field(default_factory=dict)
    products: dict[str, ProductRef] = msgspec.field(default_factory=dict)
    orders: list[NamedOrder] = msgspec.field(default_factory=list)
    refunds: list[NamedRefund] = msgspec.field(default_factory=list)
    duplicates: int = 0
    rejects: list[tuple[int, str]] = msgspec.field(default_factory=list)


def prepare(
    batch: Sequence[EventIn],
    *,
    source: str,
    currency: str,
    orders: SharedOrders | None = None,
    dropped_until: Callable[[], datetime | None] = lambda: None,
) -> Prepared:
    """Check and key a batch; the first of several events with one key counts. No query.

    `currency` is that of amounts which name none. `dropped_until` says before when events were dropped; it is asked
    when there are old ones.
    """
    namespace, rank = orders or (source, 0)
    preparing = _Preparing(Prepared(source, currency, namespace, rank), dropped_until)
    for position, event in enumerate(batch):
        preparing.add(position, event)
    preparing.add_placed_orders()
    preparing.add_profiles()
    return preparing.prepared


class _Preparing:
    """A batch while it is being prepared: numbers of what was named so far."""

    def __init__(self, prepared: Prepared, dropped_until: Callable[[], datetime | None]) -> None:
        self.prepared = prepared
        self._dropped_until = cache(dropped_until)
        self._times = times_taken()
        self._surely_kept = self._times.latest - SURELY_KEPT
        self._keys: set[bytes] = set()
        self._names: dict[tuple[str, str, str, str] | int, int] = {}
        self._people: dict[Person | int, int] = {}
        self._profiles: dict[int, str | None] = {}
        self._told: dict[tuple[int, int], tuple[datetime, dict[str, Any]]] = {}
        self._products: dict[str, int] = {}
        self._orders: dict[tuple[str, str, int, int | None], int] = {}
        self._ranks = {_PLACED: prepared.rank, _LINE: prepared.rank + WITH_LINES}
        self._refunds: dict[tuple[str, str, int], int] = {}
        self._first_lines: dict[str, Draft] = {}
        self._placed: set[str] = set()

    def add(self, position: int, event: EventIn) -> None:
        """Draft the event, or note why not."""
        prepared, profile = self.prepared, event.profile
        reason = problem(event, times=self._times) or (self._profile_problem(profile) if profile else None)
        if not reason and event.occurred_at < self._surely_kept and self._was_dropped(event.occurred_at):
            reason = "older_than_retention"
        try:
            properties = as_json(event.properties) if event.properties else None
        except UnicodeEncodeError:
            reason = reason or "bad_encoding"
        if reason:
            prepared.rejects.append((position, reason))
            return
        type = event.type
        key = (
            order_key(prepared.orders_source, event.order)
            if type == _PLACED
            else message_key(prepared.source, event)
        )
        if key in self._keys:
            prepared.duplicates += 1
            return
        self._keys.add(key)
        product, value = event.product, event.value_minor
        person = self._person(event)
        if profile:
            self._tell(person, profile, event.occurred_at)
        order = refund = None
        if event.order:
            order = self._order(event, person)
        if type == _REFUNDED:
            refund = self._refund(event, person, order)
        draft = Draft(
            key,
            type,
            event.occurred_at,
            person,
            None if product is None else self._product(product, event.currency),
            event.product_id,
            order,
            refund,
            event.line,
            (event.description or ("" if product is None else product.name))[:300],
            event.quantity,
            event.unit_price_minor,
            value,
            (event.currency or prepared.currency) if value is not None else event.currency or None,
            event.session or None,
            properties,
            position,
        )
        prepared.drafts.append(draft)
        if type == _LINE:
            self._first_lines.setdefault(event.order, draft)
        elif type == _PLACED:
            self._placed.add(event.order)

    def add_placed_orders(self) -> None:
        """Draft one ORDER_PLACED for each order that has lines here, unless it was sent."""
        for name, line in self._first_lines.items():
            if name not in self._placed:
                key = order_key(self.prepared.orders_source, name)
                empty = (None, None, line.order, None, "", "", None, None, None, None, None, None, None)
                self.prepared.drafts.append(Draft(key, _PLACED, line.occurred_at, line.person, *empty))

    def _was_dropped(self, at: datetime) -> bool:
        """Whether the event may have been counted, dropped and forgotten: it would count twice."""
        until = self._dropped_until()
        return until is not None and at < until

    def _profile_problem(self, profile: dict[str, Any]) -> str | None:
        if id(profile) not in self._profiles:
            self._profiles[id(profile)] = profile_problem(profile)
        return self._profiles[id(profile)]

    def add_profiles(self) -> None:
        """Make one of all that was told of each person: of each field the newest word."""
        for (person, _), (at, profile) in self._told.items():
            add_traits(self.prepared.profiles.setdefault(person, {}), profile, at=at)

    def _person(self, event: EventIn) -> int:
        name: tuple[str, str, str, str] | int = (
            (event.namespace, event.customer, event.email, event.anonymous)
            if event.customer_id is None
            else event.customer_id
        )
        number = self._names.get(name)
        if number is None:
            who = name if isinstance(name, int) else _person(*name, source=self.prepared.source)
            number = self._people.setdefault(who, len(self._people))
            if number == len(self.prepared.people):
                self.prepared.people.append(who)
            self._names[name] = number
        return number

    def _tell(self, person: int, profile: dict[str, Any], at: datetime) -> None:
        """Note a profile; the rows of one person often share theirs, of which the latest time counts."""
        key = (person, id(profile))
        known = self._told.get(key)
        if known is None or at > known[0]:
            self._told[key] = (at, profile)

    def _product(self, product: ProductRef, currency: str) -> int:
        id = product.external_id
        number = self._products.setdefault(id, len(self._products))
        known = self.prepared.products.get(id)
        if known is None or (not known.name and product.name):
            if currency and not product.currency:
                product = msgspec.structs.replace(product, currency=currency)
            self.prepared.products[id] = product
        return number

    def _order(self, event: EventIn, person: int) -> int:
        orders, at, currency = (
            self.prepared.orders,
            event.occurred_at,
            event.currency or self.prepared.currency,
        )
        rank = self._ranks.get(event.type)
        name = (event.order, currency, person, rank)
        number = self._orders.setdefault(name, len(orders))
        if number == len(orders):
            orders.append(NamedOrder(event.order, currency, person, at, rank))
        elif at < orders[number].placed_at:
            orders[number] = orders[number]._replace(placed_at=at)
        return number

    def _refund(self, event: EventIn, person: int, order: int | None) -> int:
        refunds = self.prepared.refunds
        currency = event.currency or ("" if event.value_minor is None else self.prepared.currency)
        number = self._refunds.setdefault((event.refund, currency, person), len(refunds))
        if number == len(refunds):
            refunds.append(NamedRefund(event.refund, currency, person, event.occurred_at, order))
        return number


def _person(namespace: str, customer: str, email: str, anonymous: str, *, source: str) -> Person:
    if not customer and not email:
        return Person(ANONYMOUS, anonymous)
    return Person(
        (namespace or source) if customer else "", customer, canonical(email) if email else "", anonymous
    )
