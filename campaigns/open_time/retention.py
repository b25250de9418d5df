"""What openings chose is forgotten after a while (see `settings.RETENTION`): links then lead to what was stored."""

from datetime import datetime

from campaigns.models import Opening

BATCH = 5_000


def delete_openings(before: datetime) -> int:
    """Delete what was chosen before that, and what was shown of it; returns how many rows."""
    total = 0
    while ids := list(
        Opening.objects.filter(decided_at__lt=before).order_by("pk").values_list("pk", flat=True)[:BATCH]
    ):
        total += Opening.objects.filter(pk__in=ids).delete()[0]
    return total
