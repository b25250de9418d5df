"""What one opening of a mail shows: chosen then, once for all its pictures, and kept so that links lead to it.

A picture shows what was chosen only if that could be written down; else it shows what was stored when the mail was
written, and that is where its link leads. So a link never leads elsewhere than its picture did.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models.functions import Now

from campaigns.dependencies import DependencyFailed, decide_or_fall_back
from campaigns.journeys import mailing
from campaigns.launching import arm_contents
from campaigns.models import Campaign, CampaignVariant, Opening, Shown
from campaigns.open_time.budget import Budget, TooLate
from campaigns.open_time.places import Card, card_of
from campaigns.shelves import fill
from campaigns.slots import asked_by, versions_of
from common.clock import now
from customers.aliases import current
from customers.consent import may_track
from customers.models import Customer, Purpose
from delivery.models import Dispatch, Message
from delivery.verdicts import machine_verdict
from rules.models import RuleSetVersion
from rules.versions import live_versions

logger = logging.getLogger(__name__)

CHOOSE_SECONDS = 0.2
ALL_SECONDS = 0.3
"""What is not chosen by then, and not written down by then, is not shown."""
SAME_OPENING = timedelta(seconds=60)
"""Pictures that are fetched so soon after each other belong together."""
_TOO_LITTLE = 0.002
_LOCK = 7216_0031
_FAILURES = Opening.Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What is kept of a sent mail that has places to fill. `may_note`: its reader allows openings to be noted."""

    id: int
    customer_id: int
    variant_key: str
    dispatch: Dispatch
    sent_at: datetime | None
    shelves: list[dict[str, Any]]
    shown_else: list[int]
    tags: dict[str, Any]
    may_note: bool

    def stored(self, slot: int, place: int) -> Card | None:
        """Return what was stored for a place when the mail was written; None where there is no such place."""
        cards: list[Card] = self.shelves[slot]["products"] if slot < len(self.shelves) else []
        return cards[place] if place < len(cards) else None


def mail_of(message_id: int) -> Mail | None:
    """Return a mail with places to fill; None for any other, and for one whose reader was erased. Three queries."""
    message = (
        Message.objects.select_related("dispatch")
        .filter(pk=message_id)
        .only("customer_id", "variant_key", "sent_at", "resolved", "dispatch")
        .first()
    )
    resolved = (message.resolved if message else None) or {}
    shelves = resolved.get("context", {}).get("open_time")
    if message is None or not shelves:
        return None
    customer_id = current(message.customer_id)
    return Mail(
        id=message.pk,
        customer_id=customer_id,
        variant_key=message.variant_key,
        dispatch=message.dispatch,
        sent_at=message.sent_at,
        shelves=shelves,
        shown_else=[one["id"] for one in resolved["recommendations"]],
        tags=resolved["letterhead"]["tags"],
        may_note=bool(may_track([customer_id], Purpose.OPEN_TRACKING)),
    )


def show(message_id: int, slot: int, place: int, *, user_agent: str) -> Card | None:
    """Return what this opening shows at a place, and note that it does; None where the mail has no such place.

    After `ALL_SECONDS` at the latest the database is asked no more, and what was stored is shown. For who does not
    allow openings to be noted, that is shown at once, and nothing is written down.
    """
    budget = Budget(ALL_SECONDS)
    stored: Card | None = None
    try:
        with budget.held():
            mail = mail_of(message_id)
            stored = mail.stored(slot, place) if mail else None
            if mail is None or stored is None or not mail.may_note:
                return stored
            opening = _opening(mail, budget)
            verdict = machine_verdict(user_agent=user_agent, method="GET", seconds_since_sent=_since(mail))
            Shown.objects.create(opening=opening, slot=slot, place=place, verdict=verdict)
            return opening.card(slot, place) or stored
    except (DatabaseError, InterfaceError, TooLate):
        logger.warning(
            "message %s shows what was stored: there was no time to note more", message_id, exc_info=True
        )
        return stored


def _since(mail: Mail) -> float | None:
    return (now() - mail.sent_at).total_seconds() if mail.sent_at else None


def _opening(mail: Mail, budget: Budget) -> Opening:
    """The opening under way, or a new one; pictures that are fetched at the same time wait for the first of them."""
    under_way = Opening.objects.filter(message=mail.id, decided_at__gt=Now() - SAME_OPENING)
    if opening := under_way.first():
        return opening
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, mail.id % 2**31])
    if opening := under_way.first():
        return opening
    shelves, failure = _chosen_or_stored(mail, budget)
    return Opening.objects.create(message_id=mail.id, shelves=shelves, failure=failure)


def _chosen_or_stored(mail: Mail, budget: Budget) -> tuple[list[list[Card]], Opening.Failure]:
    """Choose within `CHOOSE_SECONDS`; what could not be chosen is as it was stored."""
    end = budget.until
    budget.until -= ALL_SECONDS - CHOOSE_SECONDS
    stored: list[list[Card]] = [shelf["products"] for shelf in mail.shelves]
    try:
        with transaction.atomic():
            chosen = choose(mail)
    except (TooLate, DatabaseError, DependencyFailed) as error:
        is_late = budget.left < _TOO_LITTLE
        logger.warning("message %s shows what was stored: %r", mail.id, error)
        return stored, _FAILURES.LATE if is_late else _FAILURES.FAILED
    finally:
        budget.until = end
    filled = [_filled_up(new, old) for new, old in zip(chosen, stored, strict=True)]
    return filled, _FAILURES.NONE if all(chosen) else _FAILURES.EMPTY


def choose(mail: Mail) -> list[list[Card]]:
    """Choose the products of all shelves as the mail's arm, its rules and the reader's consent want it now.

    Raises DependencyFailed where the recommender fails: what was stored is more personal than bestsellers.
    """
    content, versions = _content(mail)
    profiled = Customer.objects.filter(pk=mail.customer_id, allows_profiling=True).exists()
    asked = asked_by(content, versions) if profiled else []
    decided, _ = decide_or_fall_back(asked, [mail.customer_id]) if asked else ({}, False)
    sizes = {shelf["shelf"]: len(shelf["products"]) for shelf in mail.shelves}
    filled = fill(
        {mail.customer_id: content.strategy},
        decided,
        shelves=sizes,
        impersonal=() if profiled and content.is_personalised else (mail.customer_id,),
        leave_out=mail.shown_else,
    )
    shelves = filled.shelves[mail.customer_id]
    if filled.failed:
        raise DependencyFailed("the recommender")
    return [[card_of(product) for product in shelves[name].products] for name in sizes]


def _content(mail: Mail) -> tuple[CampaignVariant, list[RuleSetVersion]]:
    """What the mail's arm, or the step of its journey, shows, and the rules that have a say in it."""
    if mail.dispatch.kind == Dispatch.Kind.JOURNEY:
        return mailing.content_of(mail.dispatch, mail.customer_id, mail.variant_key), live_versions()
    campaign = Campaign.objects.select_related("experiment", "sender").get(dispatch=mail.dispatch)
    return arm_contents(campaign)[mail.variant_key], versions_of(campaign)


def _filled_up(chosen: list[Card], stored: list[Card]) -> list[Card]:
    """What was chosen, and as many of the stored ones as are lacking."""
    has = {card["id"] for card in chosen}
    return [*chosen, *(card for card in stored if card["id"] not in has)][: len(stored)]


# Programs that look at links and pictures show nobody what they saw; Apple's does.
_UNSEEN = ("user agent of a program", "no user agent")


def last_shown(mail: Mail, slot: int, place: int) -> Card | None:
    """Return what a place showed when it was last seen, else what is stored for it. At most two queries."""
    seen = Shown.objects.filter(opening__message=mail.id, slot=slot, place=place)
    last = seen.exclude(verdict__in=_UNSEEN).select_related("opening").first()
    return (last.opening.card(slot, place) if last else None) or mail.stored(slot, place)
