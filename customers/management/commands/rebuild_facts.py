"""`manage.py rebuild_facts`: the face of `customers.facts.rebuild_facts`."""

from typing import Any

from django.core.management.base import BaseCommand

from customers.facts import rebuild_facts


class Command(BaseCommand):
    """Makes every customer's facts anew. May be stopped and run again at any time, beside everything else."""

    help = "Make all facts anew from orders, refunds, events and what expired events left behind."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild, and say of how many customers."""
        self.stdout.write(f"The facts of {rebuild_facts():,} customers were made anew.")
