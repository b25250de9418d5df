"""Everything that is known of one customer, gathered in a fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Count, OuterRef, QuerySet, Subquery

from common.clock import now
from customers.browsing import MailAnswer, mail_answers
from customers.comparing import merge_log
from customers.models import (
    Customer,
    CustomerFacts,
    CustomerIdentity,
    Event,
    Merge,
    Order,
    Score,
)
from delivery.models import Dispatch, MailboxMessage, Message, MessageEvent
from products.models import Product
from recommendations.serving import recommend
from reports.timeline import Entry, entries, recent_events
from segments.conditions.countries import COUNTRIES
from segments.models import SegmentMembership, StageChange
from segments.stages import history_of

ORDERS = MESSAGES = 20
RECOMMENDED = 6
MESSAGE_TONES = {
    Message.State.SENT: "success",
    Message.State.QUEUED: "info",
    Message.State.HELD: "info",
    Message.State.IN_FLIGHT: "info",
    Message.State.SKIPPED: "neutral",
    Message.State.SUPPRESSED: "warning",
    Message.State.FAILED: "danger",
    Message.State.UNKNOWN: "warning",
}

_MONEY = """
SELECT o.currency, o.orders, o.total, coalesce(r.refunded, 0)
FROM (SELECT currency, count(*) AS orders, sum(total_minor) AS total
  FROM customers_order WHERE customer_id = %(customer)s GROUP BY currency) o
LEFT JOIN (SELECT currency, sum(amount_minor) AS refunded
  FROM customers_refund WHERE customer_id = %(customer)s GROUP BY currency) r USING (currency)
ORDER BY o.orders DESC, o.currency
"""
_NAMES = """
SELECT true, id, name FROM products_product WHERE id = ANY(%s::bigint[])
UNION ALL SELECT false, id, path FROM products_category WHERE id = ANY(%s::bigint[])
"""
_PARTS = """
SELECT a.experiment_key, e.name, a.variant_key, v.name, a.assigned_at, c.key
FROM customers_assignment a
LEFT JOIN experiments_experiment e ON e.key = a.experiment_key
LEFT JOIN experiments_variant v ON v.experiment_id = e.id AND v.key = a.variant_key
LEFT JOIN campaigns_campaign c ON c.experiment_id = e.id AND c.launched_at IS NOT NULL
WHERE a.customer_id = %s ORDER BY a.assigned_at DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A customer's orders in one currency."""

    currency: str
    orders: int
    total_minor: int
    refunded_minor: int

    @property
    def net_minor(self) -> int:
        """What is left after refunds."""
        return self.total_minor - self.refunded_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact in words; `at` is when it was last so."""

    label: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The arm that a customer has in an experiment; the keys where the experiment is gone."""

    experiment: str
    experiment_key: str
    variant: str
    assigned_at: datetime
    campaign_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message with its badge, what happened to it, and its copy in the local mailbox."""

    message: Message
    tone: str
    happened: list[str]
    mailbox_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerProfile:
    """What the profile page shows. `until` is the end of the timeline's window; `recommended` has the reasons."""

    customer: Customer
    facts: CustomerFacts | None
    country: str
    identities: list[CustomerIdentity]
    mail: MailAnswer
    money: list[Money]
    orders: list[Order]
    said: list[Fact]
    timeline: list[Entry]
    until: datetime
    memberships: list[SegmentMembership]
    stages: list[tuple[str, StageChange]]
    scores: list[Score]
    parts: list[Part]
    mails: list[Mail]
    recommended: list[tuple[Product, str]]
    merges: list[Merge]


def customer_profile(customer: Customer) -> CustomerProfile:
    """Gather the profile; the customer's facts and nearest store must be loaded."""
    facts = getattr(customer, "facts", None)
    until = (facts.last_seen_at if facts else None) or now()
    events = recent_events(customer, until=until)
    products, categories = _names(facts, events)
    served = recommend([customer.pk], k=RECOMMENDED)[customer.pk]
    return CustomerProfile(
        customer=customer,
        facts=facts,
        country=COUNTRIES.get(customer.country, customer.country),
        identities=list(customer.identities.order_by("namespace", "value")[:50]),
        mail=mail_answers([customer])[customer.pk],
        money=_money(customer),
        orders=list(_orders(customer)),
        said=_said(facts, products, categories) if facts else [],
        timeline=entries(events, products=products, categories=categories),
        until=until,
        memberships=list(_memberships(customer)),
        stages=history_of(customer),
        scores=list(Score.objects.filter(customer=customer).order_by("kind")),
        parts=_parts(customer),
        mails=_mails(customer),
        recommended=list(zip(served.products, served.reasons, strict=True)),
        merges=list(merge_log(customer)[:20]),
    )


def _money(customer: Customer) -> list[Money]:
    """The sums by currency, the most used first; refunds of unknown orders count too. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_MONEY, {"customer": customer.pk})
        return [
            Money(currency=currency, orders=orders, total_minor=int(total), refunded_minor=int(refunded))
            for currency, orders, total, refunded in cursor.fetchall()
        ]


def _orders(customer: Customer) -> QuerySet[Order]:
    orders = Order.objects.filter(customer=customer).annotate(lines_count=Count("lines"))
    return orders.order_by("-placed_at", "-pk")[:ORDERS]


def _memberships(customer: Customer) -> QuerySet[SegmentMembership]:
    mine = SegmentMembership.objects.filter(customer=customer, segment__archived_at=None).select_related(
        "segment"
    )
    return mine.order_by("segment__name")


def _names(facts: CustomerFacts | None, events: Iterable[Event]) -> tuple[dict[int, str], dict[int, str]]:
    """Names of the products and paths of the categories that facts and events mention; one query."""
    products: set[int | None] = {event.product_id for event in events}
    categories: set[int | None] = {event.category_id for event in events}
    if facts is not None:
        products |= {facts.last_viewed_product_id, facts.last_cart_product_id, facts.last_purchase_product_id}
        categories |= {facts.last_session_category_id, facts.last_purchase_category_id}
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, [list(products), list(categories)])
        rows = cursor.fetchall()
    return (
        {pk: name for is_product, pk, name in rows if is_product},
        {pk: path for is_product, pk, path in rows if not is_product},
    )


def _said(facts: CustomerFacts, products: dict[int, str], categories: dict[int, str]) -> list[Fact]:
    def product(pk: int | None) -> str:
        return products.get(pk, "a product that is gone") if pk else "–"

    def category(pk: int | None) -> str:
        return categories.get(pk, "a category that is gone") if pk else "–"

    lines = [
        ("Last bought", product(facts.last_purchase_product_id), facts.last_purchase_at),
        ("Category bought last", category(facts.last_purchase_category_id), facts.last_purchase_at),
        ("Last viewed", product(facts.last_viewed_product_id), facts.last_view_at),
        ("Category of the last visit", category(facts.last_session_category_id), facts.last_view_at),
        ("Last put into the cart", product(facts.last_cart_product_id), facts.last_cart_at),
        ("Products viewed", f"{facts.views_count:,}", facts.last_view_at),
        ("Put into the cart", f"{facts.carts_count:,} times", facts.last_cart_at),
        ("Units bought", f"{facts.units_count:,}", facts.last_order_at),
        ("Refunds", f"{facts.refunds_count:,}", None),
        ("Mails received", f"{facts.emails_sent_count:,}", facts.last_sent_at),
        ("Mails opened", f"{facts.opens_count:,}", facts.last_open_at),
        ("Links clicked", f"{facts.clicks_count:,}", facts.last_click_at),
    ]
    return [Fact(label=label, text=text, at=at) for label, text, at in lines if text != "–"]


def _parts(customer: Customer) -> list[Part]:
    """Assignments with the names of experiment and arm, and the campaign; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, [customer.pk])
        return [
            Part(
                experiment=experiment or experiment_key,
                experiment_key=experiment_key,
                variant=variant or variant_key,
                assigned_at=assigned_at,
                campaign_key=campaign_key or "",
            )
            for experiment_key, experiment, variant_key, variant, assigned_at, campaign_key in cursor.fetchall()
        ]


def _mails(customer: Customer) -> list[Mail]:
    """The latest messages, what people (not machines) did with them, and their local copies; one query."""
    human = MessageEvent.objects.filter(message=OuterRef("pk"), is_machine=False).order_by("occurred_at")
    copies = MailboxMessage.objects.filter(key=OuterRef("provider_id")).exclude(key="").values("pk")
    messages = Message.objects.filter(customer=customer).exclude(dispatch__kind=Dispatch.Kind.TEST)
    latest = messages.select_related("dispatch").annotate(
        kinds=ArraySubquery(human.exclude(kind=MessageEvent.Kind.SENT).values("kind")), copy=Subquery(copies)
    )
    return [
        Mail(
            message=one,
            tone=MESSAGE_TONES[Message.State(one.state)],
            happened=[str(MessageEvent.Kind(kind).label) for kind in dict.fromkeys(one.kinds)],
            mailbox_id=one.copy,
        )
        for one in latest.order_by("-created_at", "-pk")[:MESSAGES]
    ]
