"""`manage.py rebuild_reports`: everything that reports show, made anew from the raw rows."""

import time
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Attribute all orders and add up all messages anew. Reports show the old figures until it is done."

    def handle(self, **options: Any) -> None:
        """Rebuild, count campaigns and cohorts, and say how long it took."""
        from reports.campaign_figures import recount
        from reports.cohorts import count_cohorts
        from reports.refreshing import rebuild

        started = time.monotonic()
        messages = rebuild()
        campaigns = recount()
        count_cohorts()
        seconds = time.monotonic() - started
        self.stdout.write(f"{messages:,} messages read, {campaigns:,} campaigns counted in {seconds:.1f} s.")
