"""Workers that send one dispatch until they are killed: what the send task does, with a mail that costs nothing."""

import os
import signal
import sys
import time
from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError, connection

from common.services.lifeline import die_with_parent
from delivery.backends.base import Outgoing
from delivery.models import Dispatch
from delivery.outbox import Claimed, Composed
from delivery.sending import send_chunk


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


def serve(dispatch_id: int, chunk: int) -> None:
    """Begin a worker for each line that comes in, and say its number; all end with this process.

    They are forked, for a process of ours takes seconds to load: no place to be killed twenty times.
    """
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        number = os.fork()
        if not number:
            die_with_parent(signal.SIGKILL)
            send(dispatch_id, chunk)
        print(number, flush=True)


def send(dispatch_id: int, chunk: int) -> None:
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
