"""Which orders followed a click: last human click within the window. Not proof of cause; the holdout is."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from campaigns.models import Campaign

WINDOW = timedelta(days=7)

_LAST_CLICK = """
SELECT placed.id, placed.external_id, placed.placed_at, placed.currency,
       placed.total_minor - placed.refunded_minor, message.id, message.variant_key, message.customer_id,
       click.occurred_at
FROM delivery_message message
JOIN customers_order placed ON placed.customer_id = message.customer_id
JOIN LATERAL (
    SELECT event.occurred_at, clicked.dispatch_id
    FROM delivery_message clicked JOIN delivery_messageevent event ON event.message_id = clicked.id
    WHERE clicked.customer_id = placed.customer_id AND event.kind = 'clicked' AND NOT event.is_machine
        AND event.occurred_at <= placed.placed_at
        AND event.occurred_at > placed.placed_at - make_interval(secs => %(window)s)
    ORDER BY event.occurred_at DESC, event.id DESC LIMIT 1
) click ON click.dispatch_id = message.dispatch_id
WHERE message.dispatch_id = %(dispatch)s AND placed.placed_at >= %(start)s
ORDER BY placed.placed_at DESC, placed.id DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributedOrder:
    """An order whose last human click before it was in this campaign's mail. Revenue is net of refunds."""

    order_id: int
    external_id: str
    placed_at: object
    currency: str
    revenue_minor: int
    message_id: int
    variant_key: str
    customer_id: int
    clicked_at: object


def attributed_orders(campaign: Campaign) -> list[AttributedOrder]:
    """Return the orders attributed to a launched campaign, newest first.

    An order belongs to the last mail its customer clicked within seven days before it, whichever campaign sent it, so
    that no order is counted for two campaigns.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _LAST_CLICK,
            {
                "window": WINDOW.total_seconds(),
                "dispatch": campaign.dispatch_id,
                "start": campaign.launched_at,
            },
        )
        names = AttributedOrder.__dataclass_fields__.keys()
        return [AttributedOrder(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
