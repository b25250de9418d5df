"""Which orders followed a mail that a person clicked or opened. Not proof of cause; the holdouts are that.

The rule and its windows are the workspace's (`ReportSettings`). Each order has one whole to give away: its millionths
and its net revenue are cut at k/n of the way, so that shares add up to the last cent.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from campaigns.models import Campaign
from customers.conversion import ORDER_NET, into_reporting
from reports.models import ReportSettings
from reports.models.facts import ORDER_PARTS

_TOUCHES = f"""
WITH touched AS (
    SELECT o.id AS order_id, o.placed_at, coalesce({ORDER_NET}, 0) AS net, message.id AS message_id,
           message.dispatch_id, message.variant_key, event.occurred_at,
           row_number() OVER (PARTITION BY o.id ORDER BY event.occurred_at, event.id) AS place,
           count(*) OVER (PARTITION BY o.id) AS places
    FROM customers_order o
    JOIN delivery_message message ON message.customer_id = o.customer_id AND message.state = 'sent'
        AND message.sent_at IS NOT NULL
    JOIN delivery_dispatch dispatch ON dispatch.id = message.dispatch_id AND dispatch.kind <> 'test'
    JOIN delivery_messageevent event ON event.message_id = message.id AND NOT event.is_machine
        AND event.kind = ANY(%(kinds)s) AND event.occurred_at <= o.placed_at
        AND event.occurred_at > o.placed_at - make_interval(
            days => CASE event.kind WHEN 'clicked' THEN %(click_days)s ELSE %(open_days)s END)
    WHERE {{orders}}
)
INSERT INTO reports_attribution (order_id, message_id, dispatch_id, variant_key, day, touched_at, order_parts,
    revenue_minor)
"""  # noqa: S608 - constants only
_INTO_LAST = """
SELECT order_id, message_id, dispatch_id, variant_key, (placed_at AT TIME ZONE 'UTC')::date, occurred_at, %(parts)s, net
FROM touched WHERE place = places ORDER BY order_id
"""
_INTO_SHARES = """
SELECT order_id, message_id, dispatch_id, variant_key, (placed_at AT TIME ZONE 'UTC')::date, max(occurred_at),
    sum(%(parts)s * place / places - %(parts)s * (place - 1) / places),
    sum(net * place / places - net * (place - 1) / places)
FROM touched GROUP BY order_id, message_id, dispatch_id, variant_key, placed_at ORDER BY order_id, message_id
"""
_OF_CAMPAIGN = """
SELECT count(*), coalesce(sum(
    round((placed.total_minor - placed.refunded_minor)::numeric * share.order_parts / %(parts)s)
) FILTER (WHERE placed.currency = %(currency)s), 0)::bigint
FROM (
    SELECT order_id, sum(order_parts) AS order_parts FROM reports_attribution
    WHERE dispatch_id = %(dispatch)s GROUP BY order_id
) share JOIN customers_order placed ON placed.id = share.order_id
"""


def attributed_to(campaign: Campaign, *, currency: str) -> tuple[int, int]:
    """Return of how many orders a launched campaign got a share, and the net revenue of its shares in one currency.

    As of the last refresh of the reports, in minor units. By the workspace's rule no order is counted twice, whichever
    campaigns wrote to its customer.
    """
    parameters = {"dispatch": campaign.dispatch_id, "parts": ORDER_PARTS, "currency": currency}
    with connection.cursor() as cursor:
        cursor.execute(_OF_CAMPAIGN, parameters)
        orders, minor = cursor.fetchone()
    return orders, minor


def attribute(settings: ReportSettings, *, order_ids: Sequence[int] | None = None) -> None:
    """Share these orders, or all, among the mails that they followed; earlier rows of them must be gone."""
    scope = "true" if order_ids is None else "o.id = ANY(%(orders)s)"
    into = _INTO_SHARES if settings.rule == ReportSettings.Rule.LINEAR else _INTO_LAST
    values: dict[str, Any] = {
        "kinds": ["clicked", "opened"] if settings.rule == ReportSettings.Rule.LAST_TOUCH else ["clicked"],
        "click_days": settings.click_window_days,
        "open_days": settings.open_window_days,
        "parts": ORDER_PARTS,
        "orders": list(order_ids or ()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHES.format(orders=scope) + into, values | into_reporting())
