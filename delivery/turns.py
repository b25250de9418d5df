"""Whose turn it is: which dispatches have something to send now, the most urgent first."""

from django.conf import settings
from django.db import connection

_DUE = """
SELECT dispatch.id FROM delivery_dispatch dispatch
WHERE dispatch.state = 'sending'
    AND NOT EXISTS (SELECT FROM delivery_killswitch WHERE is_on)
    AND NOT EXISTS (
        SELECT FROM delivery_breaker breaker
        WHERE breaker.sender_id = dispatch.sender_id AND (breaker.probed_until > statement_timestamp()
            OR breaker.retry_at > statement_timestamp() + make_interval(secs => %(within)s)))
    AND (EXISTS (
            SELECT FROM delivery_message message
            WHERE message.dispatch_id = dispatch.id AND message.state = 'queued'
                AND message.due_at <= statement_timestamp() + make_interval(secs => %(within)s))
        AND NOT EXISTS (
            SELECT FROM delivery_warmup plan
            WHERE plan.sender_id = dispatch.sender_id
                AND plan.day >= (statement_timestamp() AT TIME ZONE %(zone)s)::date
                AND plan.used >= plan.daily_limits[plan.step + 1])
        OR EXISTS (
            SELECT FROM delivery_message message
            WHERE message.dispatch_id = dispatch.id AND message.state = 'queued' AND message.raw IS NOT NULL
                AND message.due_at <= statement_timestamp() + make_interval(secs => %(within)s)))
ORDER BY dispatch.priority DESC, dispatch.kind = 'campaign', dispatch.id
"""


def due_dispatches(*, within_seconds: float = 0) -> list[int]:
    """The dispatches that may send and have messages due by then: by priority, campaigns after the others.

    One whose sender's provider is left alone just now is not among them, nor one whose sender's plan for today is used
    up, unless it has mails that may have been handed over before. None is while the kill switch is on.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"within": within_seconds, "zone": settings.TIME_ZONE})
        return [row[0] for row in cursor.fetchall()]
