"""Store the rule sets that a shop may begin with."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.starters import install_rules
from rules.folders import FolderError


class Command(BaseCommand):
    """Adds what is not there yet; a rule set, block or template whose key is taken stays as it is."""

    help = "Add the starter rule sets with their test cases and blocks, and a template that has their slots."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--publish", action="store_true", help="Publish them at once, not only as drafts")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be added")

    def handle(self, *, publish: bool, dry_run: bool, **options: Any) -> None:
        """Add them, and say which."""
        try:
            said = install_rules(publish=publish, is_trial=dry_run)
        except FolderError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(["Only tried:", *said] if dry_run else said))
