"""`manage.py send_campaigns`: send what is due in this process, without Celery."""

import json as json_module
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from campaigns.sending import send_due
from delivery.recording import record_message_events
from delivery.turns import due_dispatches


class Command(BaseCommand):
    help = "Send everything that is due, in this process, and take what happened into the customers' history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *, json: bool, **options: object) -> None:
        settled = sum(send_due(dispatch_id) for dispatch_id in due_dispatches())
        recorded = 0
        while batch := record_message_events():
            recorded += batch
        if json:
            self.stdout.write(json_module.dumps({"settled": settled, "recorded": recorded}))
        else:
            self.stdout.write(f"Settled {settled:,} messages and recorded {recorded:,} message events.")
