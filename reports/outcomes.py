"""What each arm of a campaign did, counted in SQL from the raw rows.

Everybody in the launch snapshot's arms is counted, mailed or not (intention to treat). Each person's clock starts when
their mail was due, in an arm without mail when it would have been: the launch planned that moment for every arm alike.
An arm that tests another time of sending begins so many hours later, and then no arm without mail has the same window
(decision 0010).
What happens after the window counts for nothing, refunds apart: an order that is sent back was worth nothing, whenever
it comes back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Min, Q

from campaigns.models import Campaign
from delivery.models import Dispatch, Message
from experiments.models import Variant
from experiments.outcomes import ArmOutcomes, Metric, Plan, Prior, Role, Sending

LATE = timedelta(hours=6)

PRIOR = timedelta(days=90)
"""How far back from the first launch with the same arms what customers had spent before is counted."""

MEMBERS = """
WITH member AS (
    SELECT customer_id, variant_key, coalesce(due_at, %(launched)s) AS begins,
           least(coalesce(due_at, %(launched)s) + %(window)s, %(as_of)s) AS ends
    FROM campaigns_recipient WHERE campaign_id = %(campaign)s AND variant_key = ANY(%(arms)s)
)"""
_ARMS = (
    MEMBERS  # noqa: S608 - texts of this module
    + """, bought AS (
    SELECT member.customer_id, count(*) FILTER (WHERE placed.placed_at >= member.begins) AS orders,
           coalesce(sum(placed.total_minor - placed.refunded_minor) FILTER (
               WHERE placed.placed_at >= member.begins AND placed.currency = %(currency)s), 0) AS revenue,
           coalesce(sum(placed.total_minor) FILTER (
               WHERE placed.placed_at < %(before)s AND placed.currency = %(currency)s), 0) AS prior
    FROM member
    JOIN customers_order placed ON placed.customer_id = member.customer_id
        AND (placed.placed_at >= member.begins AND placed.placed_at < member.ends
            OR placed.placed_at >= %(before)s - %(prior)s AND placed.placed_at < %(before)s)
    GROUP BY member.customer_id
), reacted AS (
    SELECT message.customer_id,
           bool_or(event.kind = 'opened' AND NOT event.is_machine) AS opened,
           bool_or(event.kind = 'opened' AND event.is_machine) AS machine_opened,
           bool_or(event.kind = 'clicked' AND NOT event.is_machine) AS clicked,
           bool_or(event.kind = 'bounced') AS bounced,
           bool_or(event.kind = 'unsubscribed') AS unsubscribed,
           bool_or(event.kind = 'complained') AS complained
    FROM delivery_message message
    JOIN member ON member.customer_id = message.customer_id
    JOIN delivery_messageevent event ON event.message_id = message.id AND event.occurred_at < member.ends
    WHERE message.dispatch_id = %(dispatch)s GROUP BY message.customer_id
)
SELECT member.variant_key, count(*),
       count(*) FILTER (WHERE message.state = 'sent'),
       count(*) FILTER (WHERE message.state = 'sent' AND reacted.bounced IS NOT TRUE),
       count(*) FILTER (WHERE reacted.opened), count(*) FILTER (WHERE reacted.machine_opened AND NOT reacted.opened),
       count(*) FILTER (WHERE reacted.clicked),
       count(*) FILTER (WHERE bought.orders > 0), coalesce(sum(bought.orders), 0),
       coalesce(sum(bought.revenue), 0), coalesce(sum(bought.revenue * bought.revenue), 0),
       count(*) FILTER (WHERE reacted.unsubscribed), count(*) FILTER (WHERE reacted.complained),
       count(*) FILTER (WHERE reacted.bounced),
       coalesce(sum(bought.prior), 0), coalesce(sum(bought.prior * bought.prior), 0),
       coalesce(sum(bought.prior * bought.revenue), 0),
       coalesce(sum(bought.prior) FILTER (WHERE bought.orders > 0), 0)
FROM member
LEFT JOIN delivery_message message
    ON message.dispatch_id = %(dispatch)s AND message.customer_id = member.customer_id
LEFT JOIN reacted ON reacted.customer_id = member.customer_id
LEFT JOIN bought ON bought.customer_id = member.customer_id
GROUP BY member.variant_key
"""
)
_COUNTED = (
    "assigned",
    "sent",
    "delivered",
    "human_opens",
    "machine_opens",
    "human_clicks",
    "converters",
    "orders",
    "revenue_minor",
    "revenue_minor_squares",
    "unsubscribes",
    "complaints",
    "bounces",
)
_BASKETS = (
    MEMBERS  # noqa: S608 - texts of this module
    + """, basket AS (
    SELECT member.variant_key, placed.id, count(DISTINCT product.category_id) > 1 AS is_mixed,
           coalesce(bool_or(message.resolved -> 'recommendations'
               @> jsonb_build_array(jsonb_build_object('id', line.product_id))), false) AS has_shown
    FROM member
    JOIN customers_order placed ON placed.customer_id = member.customer_id
        AND placed.placed_at >= member.begins AND placed.placed_at < member.ends
    JOIN customers_orderline line ON line.order_id = placed.id AND line.product_id IS NOT NULL
    JOIN products_product product ON product.id = line.product_id
    LEFT JOIN delivery_message message ON message.dispatch_id = %(dispatch)s
        AND message.customer_id = member.customer_id AND message.state = 'sent'
    GROUP BY member.variant_key, placed.id
)
SELECT variant_key, count(*) FILTER (WHERE has_shown), count(*) FILTER (WHERE is_mixed) FROM basket GROUP BY variant_key
"""
)
_SENDING = """
SELECT count(*), count(*) FILTER (WHERE message.state <> ALL (%(terminal)s)),
       count(*) FILTER (WHERE message.sent_at > coalesce(recipient.due_at, %(launched)s) + %(late)s),
       max(message.sent_at - coalesce(recipient.due_at, %(launched)s))
FROM delivery_message message
LEFT JOIN campaigns_recipient recipient
    ON recipient.campaign_id = %(campaign)s AND recipient.customer_id = message.customer_id
WHERE message.dispatch_id = %(dispatch)s AND message.variant_key = ANY(%(arms)s)
"""
_CURRENCIES = """
SELECT placed.currency, count(*) FROM campaigns_recipient recipient
JOIN customers_order placed ON placed.customer_id = recipient.customer_id
    AND placed.placed_at >= coalesce(recipient.due_at, %(launched)s)
    AND placed.placed_at < least(coalesce(recipient.due_at, %(launched)s) + %(window)s, %(as_of)s)
WHERE recipient.campaign_id = %(campaign)s AND recipient.variant_key = ANY(%(arms)s)
GROUP BY placed.currency ORDER BY count(*) DESC, placed.currency
"""


def plan_of(campaign: Campaign, *, as_of: datetime) -> Plan:
    """Return the plan that was made before the launch, with the currency most of the orders are in."""
    found = currencies(campaign, as_of=as_of)
    return plan_with(campaign, as_of=as_of, sending=sending_of(campaign), currencies=found)


def plan_with(
    campaign: Campaign, *, as_of: datetime, sending: Sending, currencies: Sequence[tuple[str, int]]
) -> Plan:
    """Return the plan with what was counted of how it is carried out; no query beyond the campaign's experiment."""
    experiment = campaign.experiment
    assert campaign.launched_at is not None
    metric: Metric = experiment.primary_metric  # type: ignore[assignment]
    return Plan(
        name=campaign.name,
        primary_metric=metric,
        conversion_window_days=experiment.conversion_window_days,
        alpha=experiment.alpha,
        currency=currencies[0][0] if currencies else settings.REPORTING_CURRENCY,
        as_of=as_of,
        window_closes_at=None
        if sending.waiting
        else (campaign.last_due_at or campaign.launched_at)
        + timedelta(days=experiment.conversion_window_days),
        sending=sending,
        method=experiment.method,  # type: ignore[arg-type]
        is_bandit=campaign.is_bandit,
        smallest_effect=experiment.smallest_effect,
        power=experiment.power,
        guardrails=tuple(experiment.guardrails),
        guardrail_margin=experiment.guardrail_margin,
    )


def sending_of(campaign: Campaign) -> Sending:
    """Say how far a launched campaign's sending has come, and how many mails went out hours after they were due."""
    assert campaign.launched_at is not None
    assert campaign.dispatch is not None
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {
            "dispatch": campaign.dispatch_id,
            "terminal": list(Message.TERMINAL),
            "campaign": campaign.pk,
            "launched": campaign.launched_at,
            "late": LATE,
            "arms": list(compared(campaign)),
        }
        cursor.execute(_SENDING, parameters)
        messages, waiting, late, latest_by = cursor.fetchone()
    return Sending(
        launched_at=campaign.launched_at,
        is_paused=campaign.dispatch.state == Dispatch.State.PAUSED,
        is_cancelled=campaign.dispatch.state == Dispatch.State.CANCELLED,
        messages=messages,
        waiting=waiting,
        late=late,
        latest_by=latest_by,
    )


def outcomes(campaign: Campaign, *, plan: Plan) -> list[ArmOutcomes]:
    """Count every compared arm up to the end of each person's window or `plan.as_of`; a fixed number of queries.

    Orders in other currencies count, their revenue does not.
    """
    parameters = parameters_of(campaign, as_of=plan.as_of)
    parameters |= {"currency": plan.currency, "prior": PRIOR, "before": first_launch(campaign)}
    with connection.cursor() as cursor:
        cursor.execute(_ARMS, parameters)
        counted = {row[0]: [int(value) for value in row[1:]] for row in cursor.fetchall()}
        cursor.execute(_BASKETS, parameters)
        baskets = {key: (shown, mixed) for key, shown, mixed in cursor.fetchall()}
    return [
        _arm(variant, counted.get(key, [0] * (len(_COUNTED) + 4)), baskets.get(key, (0, 0)))
        for key, variant in compared(campaign).items()
    ]


def _arm(variant: Variant, counted: list[int], baskets: tuple[int, int]) -> ArmOutcomes:
    role: Role = variant.role  # type: ignore[assignment]
    *counts, prior, prior_squares, times_revenue, of_converters = counted
    return ArmOutcomes(
        key=variant.key,
        name=variant.name,
        role=role,
        weight=variant.weight,
        orders_shown=baskets[0],
        orders_mixed=baskets[1],
        prior=Prior(
            minor=prior,
            minor_squares=prior_squares,
            times_revenue=times_revenue,
            of_converters=of_converters,
        ),
        **dict(zip(_COUNTED, counts, strict=True)),
    )


def first_launch(campaign: Campaign) -> datetime:
    """Return when these arms began to differ: the first launch of a campaign that drew them with the same salts.

    What customers spent before that moment, no arm has changed.
    """
    assert campaign.launched_at is not None
    variants = campaign.experiment.variants.all()
    holdouts = [variant.salt for variant in variants if variant.salt]
    alike = Q(experiment__salt=campaign.experiment.salt) | Q(experiment__variants__salt__in=holdouts)
    first = Campaign.objects.filter(alike).aggregate(first=Min("launched_at"))["first"]
    return min(first or campaign.launched_at, campaign.launched_at)


def compared(campaign: Campaign) -> dict[str, Variant]:
    """Return the arms that are compared, by key: all but that which waits for the winner."""
    variants = campaign.experiment.variants.all()
    return {variant.key: variant for variant in variants if variant.role != Variant.Role.REMAINDER}


def currencies(campaign: Campaign, *, as_of: datetime) -> list[tuple[str, int]]:
    """Return the currencies of the orders in the window with their counts, most first."""
    with connection.cursor() as cursor:
        cursor.execute(_CURRENCIES, parameters_of(campaign, as_of=as_of))
        return cursor.fetchall()


def parameters_of(campaign: Campaign, *, as_of: datetime) -> dict[str, Any]:
    """Return what statements over a launched campaign's arms and windows are told."""
    assert campaign.launched_at is not None
    return {
        "campaign": campaign.pk,
        "dispatch": campaign.dispatch_id,
        "launched": campaign.launched_at,
        "window": timedelta(days=campaign.experiment.conversion_window_days),
        "as_of": as_of,
        "arms": list(compared(campaign)),
    }
