"""Store the segments that a shop may begin with."""

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.money import exponent
from segments.conditions import ConditionError
from segments.starters import Shop, install


class Command(BaseCommand):
    """Adds what is not there yet; a segment whose key is taken stays as it is."""

    help = "Add the starter segments that are not there yet, and fill them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--category", default=Shop().category, help="path of a category that matters to you"
        )
        parser.add_argument(
            "--cart",
            type=Decimal,
            default=Decimal(50),
            help=f"a cart worth a word, in {settings.REPORTING_CURRENCY}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add them, and say which."""
        amount = options["cart"].scaleb(exponent(settings.REPORTING_CURRENCY))
        if not amount.is_finite() or amount < 0 or amount != int(amount):
            raise CommandError("--cart takes an amount such as 50 or 49.99.")
        try:
            made = install(Shop(category=options["category"], cart_minor=int(amount)))
        except ConditionError as error:
            raise CommandError(str(error)) from error
        for segment in made:
            self.stdout.write(f"{segment.name}: {segment.member_count:,} members")
        if not made:
            self.stdout.write("All starter segments are there already.")
