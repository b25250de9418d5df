"""Everything that is known of one customer, gathered in a fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet, Sum

from campaigns.models import Campaign
from common.clock import now
from customers.browsing import MailAnswer, mail_answers
from customers.comparing import merge_log
from customers.models import (
    Assignment,
    Customer,
    CustomerFacts,
    CustomerIdentity,
    Event,
    Merge,
    Order,
    Refund,
    Score,
)
from delivery.models import MailboxMessage, Message, MessageEvent
from experiments.models import Variant
from products.models import Category, Product
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
    Message.State.IN_FLIGHT: "info",
    Message.State.SKIPPED: "neutral",
    Message.State.SUPPRESSED: "warning",
    Message.State.FAILED: "danger",
    Message.State.UNKNOWN: "warning",
}


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
    """Gather the profile; the customer's facts must be loaded (`select_related("facts")`)."""
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
    """The sums by currency, the most used first; refunds of unknown orders count too. Two queries."""
    rows = Order.objects.filter(customer=customer).values("currency")
    sums = rows.annotate(orders=Count("pk"), total=Sum("total_minor"))
    given_back = Refund.objects.filter(customer=customer).values("currency")
    refunded = dict(given_back.annotate(sum=Sum("amount_minor")).values_list("currency", "sum"))
    return [
        Money(
            currency=row["currency"],
            orders=row["orders"],
            total_minor=row["total"],
            refunded_minor=refunded.get(row["currency"], 0),
        )
        for row in sums.order_by("-orders", "currency")
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
    """Names of the products and paths of the categories that facts and events mention; two queries."""
    products: set[int | None] = {event.product_id for event in events}
    categories: set[int | None] = {event.category_id for event in events}
    if facts is not None:
        products |= {facts.last_viewed_product_id, facts.last_cart_product_id, facts.last_purchase_product_id}
        categories |= {facts.last_session_category_id, facts.last_purchase_category_id}
    named = Product.objects.filter(pk__in=[pk for pk in products if pk]).values_list("pk", "name")
    paths = Category.objects.filter(pk__in=[pk for pk in categories if pk]).values_list("pk", "path")
    return dict(named), dict(paths)


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
    """Assignments with the names of experiment and arm, and the campaign; three queries."""
    assigned = list(Assignment.objects.filter(customer=customer).order_by("-assigned_at"))
    keys = [one.experiment_key for one in assigned]
    arms = {
        (variant.experiment.key, variant.key): variant
        for variant in Variant.objects.filter(experiment__key__in=keys).select_related("experiment")
    }
    launched = Campaign.objects.filter(experiment__key__in=keys).exclude(launched_at=None)
    campaigns = dict(launched.values_list("experiment__key", "key"))
    parts = []
    for one in assigned:
        arm = arms.get((one.experiment_key, one.variant_key))
        parts.append(
            Part(
                experiment=arm.experiment.name if arm else one.experiment_key,
                experiment_key=one.experiment_key,
                variant=arm.name if arm else one.variant_key,
                assigned_at=one.assigned_at,
                campaign_key=campaigns.get(one.experiment_key, ""),
            )
        )
    return parts


def _mails(customer: Customer) -> list[Mail]:
    """The latest messages, what people (not machines) did with them, and their local copies; three queries."""
    messages = Message.objects.filter(customer=customer).select_related("dispatch")
    latest = list(messages.order_by("-created_at", "-pk")[:MESSAGES])
    happened: dict[int, list[str]] = {}
    human = MessageEvent.objects.filter(message__in=[one.pk for one in latest], is_machine=False)
    for event in human.exclude(kind=MessageEvent.Kind.SENT).order_by("occurred_at"):
        words = happened.setdefault(event.message_id, [])
        if (label := MessageEvent.Kind(event.kind).label) not in words:
            words.append(label)
    keys = [one.provider_id for one in latest if one.provider_id]
    copies = dict(MailboxMessage.objects.filter(key__in=keys).values_list("key", "pk"))
    return [
        Mail(
            message=one,
            tone=MESSAGE_TONES[Message.State(one.state)],
            happened=happened.get(one.pk, []),
            mailbox_id=copies.get(one.provider_id),
        )
        for one in latest
    ]
