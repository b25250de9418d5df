"""Judge predicted spend on any file of purchases."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations.predictions.files import BAD_INPUT, EPOCH, UnreadableFileError, read_purchases
from recommendations.predictions.methods.histories import Purchases
from recommendations.predictions.methods.lifetime_value import (
    Judgement,
    TooLittleHistoryError,
    fit,
    judge,
)


class Command(BaseCommand):
    help = (
        "Predict what each customer of a CSV (customer,date,amount; gz too) spends after the calibration, from "
        "what he did until then, and hold it against what he spent. Both dates are the last day that counts. "
        "Exit codes: 0 judged, 2 the file or an option cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--calibration-end", type=date.fromisoformat, required=True, metavar="DATE")
        parser.add_argument("--holdout-end", type=date.fromisoformat, required=True, metavar="DATE")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, file: Path, calibration_end: date, holdout_end: date, **options: Any) -> None:
        if holdout_end <= calibration_end:
            raise CommandError("The holdout must end after the calibration.", returncode=BAD_INPUT)
        as_of, until = (day.toordinal() - EPOCH + 1 for day in (calibration_end, holdout_end))
        try:
            purchases = read_purchases(file)
            _require_days(purchases, until=until)
            weeks = (until - as_of) / 7
            model = fit(purchases, as_of=as_of, weeks=weeks)
        except (UnreadableFileError, TooLittleHistoryError) as error:
            raise CommandError(f"{file.name}: {error}", returncode=BAD_INPUT) from error
        predicted = model.predict(purchases, as_of=as_of, weeks=weeks)
        judged = judge(predicted, purchases.between(as_of, until).spent_by(predicted.customers))
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(judged), "parameters": model.parameters()}))
        else:
            self.stdout.write(as_text(judged))


def _require_days(purchases: Purchases, *, until: int) -> None:
    """Customers would seem to have spent nothing on days that the file does not tell of."""
    last = int(purchases.days.max(initial=0))
    if len(purchases.days) and last < until - 1:
        raise UnreadableFileError(
            f"the last purchase is of {date.fromordinal(EPOCH + last)}; the holdout cannot end after that day"
        )


def as_text(judged: Judgement) -> str:
    """What a person wants to know."""
    return (
        f"{judged.customers:,} customers. Mean spend in the holdout: predicted {judged.predicted_mean:.2f}, "
        f"actual {judged.actual_mean:.2f}.\n"
        f"Mean absolute error {judged.mae:.2f}, root mean squared error {judged.rmse:.2f}.\n"
        f"The fifth predicted highest spent {judged.capture:.1%} of everything "
        f"(the best possible fifth: {judged.best_capture:.1%})."
    )
