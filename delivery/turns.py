"""Whose turn it is: which dispatches have something to send now, the most urgent first."""

from django.db import connection

_DUE = """
SELECT dispatch.id FROM delivery_dispatch dispatch
WHERE dispatch.state = 'sending'
    AND NOT EXISTS (SELECT FROM delivery_killswitch WHERE is_on)
    AND NOT EXISTS (
        SELECT FROM delivery_breaker breaker
        WHERE breaker.sender_id = dispatch.sender_id AND (breaker.probed_until > statement_timestamp()
            OR breaker.retry_at > statement_timestamp() + make_interval(secs => %(within)s)))
    AND EXISTS (
        SELECT FROM delivery_message message
        WHERE message.dispatch_id = dispatch.id AND message.state = 'queued'
            AND message.due_at <= statement_timestamp() + make_interval(secs => %(within)s))
ORDER BY dispatch.priority DESC, dispatch.kind = 'campaign', dispatch.id
"""


def due_dispatches(*, within_seconds: float = 0) -> list[int]:
    """The dispatches that may send and have messages due by then: by priority, campaigns after the others.

    One whose sender's provider is left alone just now is not among them, and none is while the kill switch is on.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"within": within_seconds})
        return [row[0] for row in cursor.fetchall()]
