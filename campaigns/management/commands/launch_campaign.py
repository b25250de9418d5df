"""`manage.py launch_campaign KEY`: freeze the audience and ring the workers."""

import json as json_module
from argparse import ArgumentParser
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from campaigns import tasks
from campaigns.launching import DataDoubted, LaunchRefused, launch
from campaigns.models import Campaign


class Command(BaseCommand):
    help = "Launch a campaign: freeze its audience, assign the arms, queue the messages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--no-ring", action="store_true", help="leave the workers asleep")
        parser.add_argument(
            "--despite-data-health", action="store_true", help="launch though a source it reads is bad"
        )
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(
        self, *, key: str, no_ring: bool, despite_data_health: bool, json: bool, **options: object
    ) -> None:
        campaign = Campaign.objects.filter(key=key).first()
        if campaign is None:
            raise CommandError(f"No campaign has the key {key!r}.")
        try:
            launched = launch(campaign.pk, despite_data_health=despite_data_health)
        except DataDoubted as doubted:
            raise CommandError(
                f"{' '.join(doubted.reasons)} Launch it all the same with --despite-data-health."
            ) from doubted
        except LaunchRefused as refused:
            raise CommandError(" ".join(refused.reasons)) from refused
        if not no_ring:
            tasks.send_dispatch.delay(launched.dispatch_id)
        if json:
            self.stdout.write(json_module.dumps(asdict(launched)))
        else:
            arms = ", ".join(f"{name} {count:,}" for name, count in launched.by_variant.items())
            excluded = (
                ", ".join(f"{reason} {count:,}" for reason, count in launched.excluded.items()) or "none"
            )
            self.stdout.write(f"Audience {launched.audience:,}: {arms}; excluded: {excluded}.")
