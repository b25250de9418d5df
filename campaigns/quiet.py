"""Quiet hours while mails go out: what a pause, a throttle or a slow queue brings into them waits until they end."""

from django.db import connection, transaction

from campaigns.launching import database_time
from campaigns.models import Campaign
from campaigns.zones import zone_of
from delivery.models import Dispatch

_OVERDUE = """
SELECT DISTINCT coalesce(customer.timezone, ''), customer.country
FROM delivery_message message JOIN customers_customer customer ON customer.id = message.customer_id
WHERE message.dispatch_id = %(dispatch)s AND message.state = 'queued' AND message.due_at <= %(at)s
"""
_MOVE = """
WITH moved AS (
    SELECT message.id, place.due_at
    FROM delivery_message message
    JOIN customers_customer customer ON customer.id = message.customer_id
    JOIN unnest(%(timezones)s::text[], %(countries)s::text[], %(dues)s::timestamptz[])
        AS place (timezone, country, due_at)
        ON place.timezone = coalesce(customer.timezone, '') AND place.country = customer.country
    WHERE message.dispatch_id = %(dispatch)s AND message.state = 'queued' AND message.due_at <= %(at)s
    ORDER BY message.id FOR UPDATE OF message SKIP LOCKED
)
UPDATE delivery_message message SET due_at = moved.due_at FROM moved WHERE moved.id = message.id
"""


def keep_all_quiet() -> int:
    """Move what is due into somebody's quiet hours to their end, in every campaign that is sending; return how many."""
    sending = Campaign.objects.filter(dispatch__state=Dispatch.State.SENDING).exclude(quiet_from=None)
    return sum(keep_quiet(one) for one in sending.unfinished().order_by("pk"))


@transaction.atomic
def keep_quiet(campaign: Campaign) -> int:
    """Do that for one launched campaign. What a worker has in its hands goes out."""
    quiet = campaign.timing().quiet
    if quiet is None or campaign.dispatch_id is None:
        return 0
    at = database_time()
    with connection.cursor() as cursor:
        cursor.execute(_OVERDUE, {"dispatch": campaign.dispatch_id, "at": at})
        default = campaign.timing().zone
        moments = [
            (timezone, country, quiet.after(at, zone_of(timezone, country, default=default)))
            for timezone, country in cursor.fetchall()
        ]
        moved = [one for one in moments if one[2] != at]
        if not moved:
            return 0
        timezones, countries, dues = zip(*moved, strict=True)
        cursor.execute(
            _MOVE,
            {
                "dispatch": campaign.dispatch_id,
                "at": at,
                "timezones": [*timezones],
                "countries": [*countries],
                "dues": [*dues],
            },
        )
        return cursor.rowcount
