"""The segments that a shop may begin with; what differs from shop to shop are parameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from common.money import exponent
from segments import membership
from segments.models import Segment
from segments.nesting import problem_with

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a shop sets: the category whose visitors are looked for, and from which amount on a cart is worth a word."""

    category: str = "outdoor"
    cart_minor: int = 50 * 10 ** exponent(settings.REPORTING_CURRENCY)


@dataclass(frozen=True, slots=True)
class Starter:
    """A segment to begin with."""

    key: str
    name: str
    description: str
    condition: Json
    is_core: bool = False


def starters(shop: Shop) -> Iterator[Starter]:
    """Yield the segments, for this shop."""
    yield from _behaviour(shop)
    yield from _stages()
    yield from _predictions()


def install(shop: Shop) -> list[Segment]:
    """Store and fill the starter segments whose key nobody has yet; return those. What is there stays as it is.

    A segment about a stage that the shop does not have is left out.
    """
    made = []
    for starter in starters(shop):
        with transaction.atomic():
            membership.hold()
            segment = Segment(
                key=starter.key,
                name=starter.name,
                description=starter.description,
                condition=starter.condition,
                is_core=starter.is_core,
            )
            if Segment.objects.filter(key=starter.key).exists() or problem_with(segment):
                continue
            membership.store(segment)
        made.append(segment)
    return made


def _behaviour(shop: Shop) -> Iterator[Starter]:
    yield Starter(
        "visited-product-24-h",
        "Looked at a product in the last day",
        "At least one product page within 24 hours.",
        {"event": "product_viewed", "within": {"hours": 24}},
    )
    yield Starter(
        "abandoned-cart",
        "Abandoned a cart worth something",
        "Put something dearer than that into the cart within two days, and has not ordered since.",
        {
            "event": "product_added",
            "where": {"value": {"gt": shop.cart_minor}},
            "within": {"days": 2},
            "not_followed_by": "order_placed",
        },
        is_core=True,
    )
    yield Starter(
        f"last-session-{shop.category.replace('/', '-')}",
        f"Last visit was about {shop.category}",
        "The last product that was looked at is in this category or below it.",
        {"fact": "last_session_category", "value": shop.category},
    )
    yield Starter(
        "never-bought",
        "Never bought",
        "Known to us, without an order.",
        {"fact": "orders_count", "value": 0},
        is_core=True,
    )
    yield Starter(
        "lapsed-openers",
        "Opened our mails, and stopped",
        "Opened within the last year, was mailed within 90 days, and has not opened for 90 days.",
        {
            "all": [
                {"fact": "last_open_at", "op": "within", "value": {"days": 365}},
                {"fact": "last_open_at", "op": "older_than", "value": {"days": 90}},
                {"fact": "last_sent_at", "op": "within", "value": {"days": 90}},
            ]
        },
    )


def _stages() -> Iterator[Starter]:
    for key, name in {
        "new": "New subscribers",
        "active": "Active customers",
        "loyal": "Loyal customers",
        "at-risk": "At risk",
        "churned": "Churned",
    }.items():
        yield Starter(
            key,
            name,
            "As the lifecycle says.",
            {"stage": key},
            is_core=key in ("loyal", "at-risk", "churned"),
        )


def _predictions() -> Iterator[Starter]:
    """Bands of predicted value: the top 20 %, the next 30 %, and the other half."""
    high = {"score": "ltv", "op": "top_percent", "value": 20}
    upper_half = {"score": "ltv", "op": "top_percent", "value": 50}
    yield Starter("ltv-high", "High lifetime value", "The top 20 % by predicted value.", high, is_core=True)
    yield Starter(
        "ltv-medium",
        "Medium lifetime value",
        "The 30 % after the top 20 %.",
        {"all": [upper_half, {"not": high}]},
    )
    yield Starter(
        "ltv-low",
        "Low lifetime value",
        "The lower half by predicted value.",
        {"score": "ltv", "op": "bottom_percent", "value": 50},
    )
    yield Starter(
        "likely-to-churn",
        "Likely to churn",
        "The fifth most likely to be lost, by prediction.",
        {"score": "churn", "op": "top_percent", "value": 20},
    )
    yield Starter(
        "likely-to-buy",
        "Likely to buy",
        "The fifth most likely to order soon, by prediction.",
        {"score": "propensity", "op": "top_percent", "value": 20},
    )
