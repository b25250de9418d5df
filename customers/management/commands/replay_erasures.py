"""`manage.py replay_erasures`: after a backup was restored, erase again whom it brought back."""

from typing import Any

from django.core.management.base import BaseCommand

from customers.erasure import replay


class Command(BaseCommand):
    """See the module."""

    help = "Erase again everybody whom a restored backup brought back. Run it before anything else."

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay the file of erasures and the database's own tombstones."""
        self.stdout.write(f"{replay():,} people were erased again.")
