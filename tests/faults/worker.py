"""A worker that sends one dispatch until it is killed: what the send task does, with a mail that costs nothing."""

import time
from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError, connection

from delivery.backends.base import Outgoing
from delivery.models import Dispatch
from delivery.outbox import Claimed, Composed
from delivery.sending import CHUNK, send_chunk


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    """Write the same small mail to everybody."""
    return [
        Composed(
            claimed=one,
            mail=Outgoing(
                key=one.key, recipient=one.recipient, subject="Hi", raw=b"Subject: Hi\r\n\r\nHi\r\n" * 20
            ),
        )
        for one in claimed
    ]


def main(dispatch_id: int, chunk: int = CHUNK) -> None:
    """Send chunk after chunk; a database that is away ends an attempt, as it ends a task."""
    while True:
        try:
            dispatch = Dispatch.objects.select_related("sender").get(pk=dispatch_id)
            idle = send_chunk(dispatch, compose=compose, limit=chunk).claimed == 0
        except (DatabaseError, InterfaceError):
            connection.close()
            idle = True
        if idle:
            time.sleep(0.1)
