"""`manage.py load_places`: where cities lie, so that customers without coordinates have a nearest store too."""

from typing import Any

from django.core.management.base import BaseCommand

from products.places import load_places


class Command(BaseCommand):
    """Replaces the stored places by those that come with Regards."""

    help = "Store the names and places of the world's cities."

    def handle(self, **options: Any) -> None:
        """Load them and say how many there are."""
        self.stdout.write(f"{load_places():,} names of cities stored.")
