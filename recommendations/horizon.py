"""Until when the shop's data go: what a training learns up to unless it is told."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max

from common import clock
from customers.models import Order

STALE = timedelta(days=28)


def learns_until() -> datetime:
    """The present for a living shop; for historical data (no order in 28 days) just after the newest order."""
    present = clock.now()
    newest: datetime | None = Order.objects.filter(placed_at__lte=present).aggregate(newest=Max("placed_at"))[
        "newest"
    ]
    if newest is None or newest > present - STALE:
        return present
    return newest + timedelta(seconds=1)
