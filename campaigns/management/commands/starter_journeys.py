"""`manage.py starter_journeys --sender EMAIL`: add the journeys that a shop may begin with, as drafts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.journeys.starters import add_missing
from delivery.models import Sender


class Command(BaseCommand):
    """Adds what is not there yet, with its mails; nothing that has one of the keys is changed, and none is opened."""

    help = "Add the starter journeys as drafts, with the templates that they send."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--sender", required=True, help="The address of the sender, such as news@shop.example"
        )

    def handle(self, *, sender: str, **options: Any) -> None:
        """Add them, and say which."""
        found = Sender.objects.filter(from_email=sender).order_by("pk").first()
        if found is None:
            raise CommandError(f"There is no sender with the address {sender}.")
        self.stdout.write("\n".join(add_missing(sender=found)))
