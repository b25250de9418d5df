"""What each arm of a campaign did, counted in SQL from the raw rows.

Everybody in the launch snapshot's arms is counted, mailed or not (intention to treat). Each person's clock starts when
their mail was due, in an arm without mail when it would have been: the launch planned that moment for every arm alike.
What happens after the window counts for nothing, refunds apart: an order that is sent back was worth nothing, whenever
it comes back.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from campaigns.models import Campaign
from delivery.models import Dispatch, Message
from experiments.outcomes import ArmOutcomes, Metric, Plan, Role, Sending

LATE = timedelta(hours=6)

_ARMS = """
WITH member AS (
    SELECT customer_id, variant_key, coalesce(due_at, %(launched)s) AS begins,
           least(coalesce(due_at, %(launched)s) + %(window)s, %(as_of)s) AS ends
    FROM campaigns_recipient WHERE campaign_id = %(campaign)s AND variant_key <> ''
), bought AS (
    SELECT member.customer_id, count(*) AS orders,
           coalesce(sum(placed.total_minor - placed.refunded_minor) FILTER (WHERE placed.currency = %(currency)s), 0)
               AS revenue
    FROM member
    JOIN customers_order placed ON placed.customer_id = member.customer_id
        AND placed.placed_at >= member.begins AND placed.placed_at < member.ends
    GROUP BY member.customer_id
), reacted AS (
    SELECT message.customer_id,
           bool_or(event.kind = 'opened' AND NOT event.is_machine) AS opened,
           bool_or(event.kind = 'clicked' AND NOT event.is_machine) AS clicked,
           bool_or(event.kind = 'bounced') AS bounced,
           bool_or(event.kind = 'unsubscribed') AS unsubscribed
    FROM delivery_message message
    JOIN member ON member.customer_id = message.customer_id
    JOIN delivery_messageevent event ON event.message_id = message.id AND event.occurred_at < member.ends
    WHERE message.dispatch_id = %(dispatch)s GROUP BY message.customer_id
)
SELECT member.variant_key, count(*),
       count(*) FILTER (WHERE message.state = 'sent' AND reacted.bounced IS NOT TRUE),
       count(*) FILTER (WHERE reacted.opened), count(*) FILTER (WHERE reacted.clicked),
       count(bought.customer_id), coalesce(sum(bought.orders), 0),
       coalesce(sum(bought.revenue), 0), coalesce(sum(bought.revenue * bought.revenue), 0),
       count(*) FILTER (WHERE reacted.unsubscribed)
FROM member
LEFT JOIN delivery_message message
    ON message.dispatch_id = %(dispatch)s AND message.customer_id = member.customer_id
LEFT JOIN reacted ON reacted.customer_id = member.customer_id
LEFT JOIN bought ON bought.customer_id = member.customer_id
GROUP BY member.variant_key
"""
_SENDING = """
SELECT count(*), count(*) FILTER (WHERE message.state <> ALL (%(terminal)s)),
       count(*) FILTER (WHERE message.sent_at > coalesce(recipient.due_at, %(launched)s) + %(late)s),
       max(message.sent_at - coalesce(recipient.due_at, %(launched)s))
FROM delivery_message message
LEFT JOIN campaigns_recipient recipient
    ON recipient.campaign_id = %(campaign)s AND recipient.customer_id = message.customer_id
WHERE message.dispatch_id = %(dispatch)s
"""
_CURRENCIES = """
SELECT placed.currency, count(*) FROM campaigns_recipient recipient
JOIN customers_order placed ON placed.customer_id = recipient.customer_id
    AND placed.placed_at >= coalesce(recipient.due_at, %(launched)s)
    AND placed.placed_at < least(coalesce(recipient.due_at, %(launched)s) + %(window)s, %(as_of)s)
WHERE recipient.campaign_id = %(campaign)s AND recipient.variant_key <> ''
GROUP BY placed.currency ORDER BY count(*) DESC, placed.currency
"""


def plan_of(campaign: Campaign, *, as_of: datetime) -> Plan:
    """Return the plan that was made before the launch, with the currency most of the orders are in."""
    experiment = campaign.experiment
    assert campaign.launched_at is not None
    found = currencies(campaign, as_of=as_of)
    sending = sending_of(campaign)
    metric: Metric = experiment.primary_metric  # type: ignore[assignment]
    return Plan(
        name=campaign.name,
        primary_metric=metric,
        conversion_window_days=experiment.conversion_window_days,
        alpha=experiment.alpha,
        currency=found[0][0] if found else settings.REPORTING_CURRENCY,
        as_of=as_of,
        window_closes_at=None
        if sending.waiting
        else (campaign.last_due_at or campaign.launched_at)
        + timedelta(days=experiment.conversion_window_days),
        sending=sending,
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
    """Count every arm up to the end of each person's window or `plan.as_of`, whichever is first; one query.

    Orders in other currencies count, their revenue does not.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ARMS, _parameters(campaign, as_of=plan.as_of) | {"currency": plan.currency})
        counted = {row[0]: [int(value) for value in row[1:]] for row in cursor.fetchall()}
    arms = []
    for variant in campaign.experiment.variants.all():
        (
            assigned,
            delivered,
            opens,
            clicks,
            converters,
            orders,
            revenue,
            squares,
            unsubscribes,
        ) = counted.get(variant.key, [0] * 9)
        role: Role = variant.role  # type: ignore[assignment]
        arms.append(
            ArmOutcomes(
                key=variant.key,
                name=variant.name,
                role=role,
                weight=variant.weight,
                assigned=assigned,
                delivered=delivered,
                human_opens=opens,
                human_clicks=clicks,
                converters=converters,
                orders=orders,
                revenue_minor=revenue,
                revenue_minor_squares=squares,
                unsubscribes=unsubscribes,
            )
        )
    return arms


def currencies(campaign: Campaign, *, as_of: datetime) -> list[tuple[str, int]]:
    """Return the currencies of the orders in the window with their counts, most first."""
    with connection.cursor() as cursor:
        cursor.execute(_CURRENCIES, _parameters(campaign, as_of=as_of))
        return cursor.fetchall()


def _parameters(campaign: Campaign, *, as_of: datetime) -> dict[str, Any]:
    assert campaign.launched_at is not None
    return {
        "campaign": campaign.pk,
        "dispatch": campaign.dispatch_id,
        "launched": campaign.launched_at,
        "window": timedelta(days=campaign.experiment.conversion_window_days),
        "as_of": as_of,
    }
