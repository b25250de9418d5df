"""`manage.py create_campaign FILE.yaml`: a campaign with its blocks and templates from one file."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from campaigns.drafting import BadDraft, create_campaign


class Command(BaseCommand):
    help = "Create a draft campaign from a YAML file; template and block files are named relative to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: object) -> None:
        try:
            campaign = create_campaign(file)
        except BadDraft as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Created the campaign {campaign.key}.")
