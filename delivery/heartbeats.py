"""Who sends, and since when nobody was seen: one row a process, renewed after each chunk."""

import os
import socket
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from delivery.models import SendWorker

FORGOTTEN_AFTER = timedelta(days=7)


def beat(*, dispatch_id: int | None, settled: int = 0, waits_for: str = "") -> None:
    """Note that this process is alive, what it sends, and what it waits for if it waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO delivery_sendworker AS worker (name, dispatch_id, settled, waits_for)
            VALUES (%(name)s, %(dispatch)s, %(settled)s, %(waits_for)s)
            ON CONFLICT (name) DO UPDATE SET dispatch_id = excluded.dispatch_id, waits_for = excluded.waits_for,
                settled = worker.settled + excluded.settled, seen_at = statement_timestamp()
            """,
            {
                "name": f"{socket.gethostname()[:80]}:{os.getpid()}",
                "dispatch": dispatch_id,
                "settled": settled,
                "waits_for": waits_for[:200],
            },
        )


def forget_old() -> int:
    """Delete the rows of processes that are long gone."""
    deleted, _ = SendWorker.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete()
    return deleted
