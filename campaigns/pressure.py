"""How much mail people get in all: caps over every campaign and journey, and who goes first.

A cap counts what was sent, or may have been, in the days before a mail is due, and what waits to be sent, or is held
until a pilot is judged. What waits counts against a mail of the same or a lower priority: the more important one goes
out, and the other is left out.
"""

from typing import Any

from django.db import connection

from campaigns.models import Campaign, ContactCap
from delivery.obstacles import Obstacle

JOURNEYS = Campaign.Priority.HIGH
"""The priority of journeys' mails: somebody's own act asked for them."""

CAPPED = f"""
capped AS (
    SELECT counted.customer_id, min(counted.reason) AS reason FROM (
        SELECT audience.customer_id, cap.reason
        FROM unnest(%(cap_mosts)s::int[], %(cap_days)s::int[], %(cap_topics)s::text[], %(cap_reasons)s::text[])
            AS cap (most, days, topic, reason)
        CROSS JOIN audience
        JOIN delivery_message message ON message.customer_id = audience.customer_id
        JOIN delivery_dispatch other ON other.id = message.dispatch_id AND other.kind <> 'test'
        LEFT JOIN campaigns_campaign rival ON rival.dispatch_id = other.id
        CROSS JOIN LATERAL (SELECT coalesce(audience.due_at, statement_timestamp()) AS at) planned
        WHERE (cap.topic = '' OR rival.topic = cap.topic) AND (
            message.state IN ('sent', 'unknown', 'in_flight')
                AND coalesce(message.sent_at, message.handed_over_at, statement_timestamp())
                    > planned.at - make_interval(days => cap.days)
            OR message.state IN ('queued', 'held') AND coalesce(rival.priority, {int(JOURNEYS)}) >= %(priority)s
                AND message.due_at < planned.at + make_interval(days => cap.days))
        GROUP BY audience.customer_id, cap.reason, cap.most HAVING count(*) >= cap.most
    ) counted GROUP BY counted.customer_id
)
"""  # noqa: S608 - a number of this module
"""A common table expression after `audience (customer_id, due_at)`: whom a cap keeps from one more mail, and which."""
_ENOUGH = f"""
dispatch.kind = 'campaign' AND EXISTS (
    SELECT FROM campaigns_campaign own
    JOIN campaigns_contactcap cap ON cap.topic IN ('', own.topic)
    WHERE own.dispatch_id = due.dispatch_id AND NOT own.ignores_caps AND cap.most <= (
        SELECT count(*) FROM delivery_message message
        JOIN delivery_dispatch other ON other.id = message.dispatch_id AND other.kind <> 'test'
        LEFT JOIN campaigns_campaign rival ON rival.dispatch_id = other.id
        WHERE message.customer_id = due.customer_id AND message.id <> due.id
            AND (cap.topic = '' OR rival.topic = cap.topic) AND (
            message.state IN ('sent', 'unknown', 'in_flight')
                AND coalesce(message.sent_at, message.handed_over_at, statement_timestamp())
                    > statement_timestamp() - make_interval(days => cap.within_days)
            OR message.state IN ('queued', 'held') AND coalesce(rival.priority, {int(JOURNEYS)}) > own.priority
                AND message.due_at < statement_timestamp() + make_interval(days => cap.within_days))))
"""  # noqa: S608 - a number of this module


def caps_of(campaign: Campaign) -> list[ContactCap]:
    """Return the caps that bind a campaign; none for one that ignores them."""
    if campaign.ignores_caps:
        return []
    return list(ContactCap.objects.filter(topic__in={"", campaign.topic}))


def cap_parameters(campaign: Campaign, caps: list[ContactCap]) -> dict[str, Any]:
    """Return the parameters of `CAPPED`."""
    return {
        "priority": campaign.priority,
        "cap_mosts": [cap.most for cap in caps],
        "cap_days": [cap.within_days for cap in caps],
        "cap_topics": [cap.topic for cap in caps],
        "cap_reasons": [reason_of(cap) for cap in caps],
    }


def reason_of(cap: ContactCap) -> str:
    """Say a cap as the reason of an exclusion."""
    about = f", {cap.topic}" if cap.topic else ""
    return f"frequency cap: {cap.most} in {cap.within_days} days{about}"[:50]


def claim_obstacle() -> Obstacle | None:
    """What caps have against a campaign's mail that is due (see `settings.CLAIM_OBSTACLES`); None without caps.

    Journeys' mails count, but no cap keeps them. Of what waits only mails of a higher priority count here: who of two
    equals came first was decided when they were launched.
    """
    return Obstacle(reason="frequency cap", condition=_ENOUGH) if ContactCap.objects.exists() else None


def queue_up() -> None:
    """Wait, in a transaction, for other launches that caps bind: two at once would not count each other's mails."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('regards: contact pressure'))")
