"""`manage.py demo_reactions`: the demo shop's customers read the mail that came since they last looked."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.answering import answer_new_mail, settle
from demo.loading import loaded_world


class Command(BaseCommand):
    help = "Let the demo shop's customers open, click and buy after new mail in the local mailbox."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address of the running site."""
        parser.add_argument("--base-url", default=settings.BASE_URL, help="where the site answers")

    def handle(self, *, base_url: str, **options: Any) -> None:
        """React once to each mail, and say what was done."""
        world = loaded_world()
        if world is None:
            raise CommandError("There is no demo shop here; run manage.py demo first.")
        given = answer_new_mail(world, base_url=base_url)
        settle()
        self.stdout.write(f"{given}.")
