"""`manage.py import_rates FILE.csv`: what other currencies were worth, day by day."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.rates import BadRates, read_rates, store_rates

BAD_INPUT = 2


class Command(BaseCommand):
    """Stores all rates of a file or none, and sums up anew whose money they change. Exit code 2: it is unreadable."""

    help = "Store exchange rates from a CSV file with the columns date, currency and rate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "file", help="One unit of the currency is worth the rate in the reporting currency"
        )

    def handle(self, *, file: str, **options: Any) -> None:
        """Read, store, and say what changed."""
        try:
            with Path(file).open(encoding="utf-8-sig", newline="") as lines:
                rates = read_rates(lines)
        except (BadRates, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        people = store_rates(rates)
        self.stdout.write(f"{len(rates):,} rates stored; the sums of {people:,} customers changed.")
