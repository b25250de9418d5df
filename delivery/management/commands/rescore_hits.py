"""`manage.py rescore_hits`: judge openings and clicks anew by today's rules."""

import json as json_module
from argparse import ArgumentParser
from collections import Counter
from datetime import timedelta

from django.core.management.base import BaseCommand

from common.clock import now
from delivery.judging import rescore_since


class Command(BaseCommand):
    help = "Judge openings and clicks anew; those that an experiment was decided by keep their verdict."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=30, help="of mails hit in the last so many days")
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *, days: int, json: bool, **options: object) -> None:
        changed: Counter[str] = Counter()
        for batch in rescore_since(now() - timedelta(days=days)):
            changed += batch
        if json:
            self.stdout.write(json_module.dumps({"changed": dict(sorted(changed.items()))}))
            return
        for verdict, count in sorted(changed.items()):
            self.stdout.write(
                f"{count:,} now count as a {'machine’s: ' + verdict if verdict else 'person’s'}."
            )
        self.stdout.write(f"{changed.total():,} verdicts changed.")
