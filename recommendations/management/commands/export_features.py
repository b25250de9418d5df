"""Write what predictions are made from to a CSV file: for models learnt elsewhere, and for `evaluate_classifier`."""

import csv
import math
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.models import Customer
from recommendations.management.commands.train_recommender import moment
from recommendations.predictions.features import LABELS, Known, features_in_parts
from recommendations.predictions.files import BAD_INPUT
from recommendations.predictions.targets import Target, read_outcomes

MOST_DAYS = 730


class Command(BaseCommand):
    help = (
        "Write each customer who allows profiling, as they were known at a moment, to a CSV file: public id, features, "
        "and whether they ordered in the days after it. Exit codes: 0 written, 2 an option cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--as-of", type=moment, required=True, help="ISO 8601; UTC unless it says")
        parser.add_argument("--days", type=int, default=90, help="Days in which an order counts (90)")

    def handle(self, *, file: Path, as_of: datetime, days: int, **options: Any) -> None:
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days must be 1 to {MOST_DAYS}.", returncode=BAD_INPUT)
        target = Target(kind="ordered", label="Ordered", question="", days=days, event="order")
        written = 0
        try:
            with file.open("w", newline="", encoding="utf-8") as lines:
                rows = csv.writer(lines)
                rows.writerow(["customer", *LABELS, target.kind])
                for known in features_in_parts(as_of=as_of):
                    rows.writerows(_rows(known, target, as_of))
                    written += len(known.customers)
        except OSError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        self.stdout.write(
            f"{written:,} customers as of {as_of.isoformat()}, and who ordered within {days} days."
        )


def _rows(known: Known, target: Target, as_of: datetime) -> list[list[object]]:
    public_ids = dict(Customer.objects.filter(pk__in=known.customers.tolist()).values_list("pk", "public_id"))
    outcomes = read_outcomes(target, known, as_of=as_of)
    columns = [known.table.columns[name].tolist() for name in LABELS]
    return [
        [public_ids.get(pk, ""), *(_cell(value) for value in values), int(outcome)]
        for pk, outcome, *values in zip(known.customers.tolist(), outcomes, *columns, strict=True)
    ]


def _cell(value: object) -> object:
    return "" if isinstance(value, float) and math.isnan(value) else value
