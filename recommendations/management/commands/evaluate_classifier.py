"""Let the four families of classifiers compete on any file."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table as Printed

from recommendations.predictions.files import BAD_INPUT, UnreadableFileError, read_table
from recommendations.predictions.methods.classification import (
    Competition,
    TooFewExamplesError,
    compete,
    require_enough,
)
from recommendations.predictions.methods.families import FAMILIES
from recommendations.predictions.methods.validation import shuffled_folds, time_ordered_folds


class Command(BaseCommand):
    help = (
        "Predict a column of 0 and 1 from the other columns of a CSV (gz too): logistic regression, random forest, "
        "gradient boosting and a neural network, each judged on rows that it was not fitted on. "
        "Exit codes: 0 judged, 2 the file or an option cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--target", required=True, metavar="COLUMN")
        parser.add_argument("--drop", nargs="+", action="extend", default=[], metavar="COLUMN")
        parser.add_argument(
            "--time-ordered",
            action="store_true",
            help="The rows are in time order: learn from earlier ones only. Otherwise five folds at random",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *, file: Path, target: str, drop: list[str], **options: Any) -> None:
        try:
            table, (outcome,) = read_table(file, outcomes=[target], drop=drop)
            require_enough(outcome)
            folds = (
                time_ordered_folds(np.arange(len(outcome)))
                if options["time_ordered"]
                else shuffled_folds(outcome.astype(np.int64))
            )
            competition = compete(table, outcome, folds)
        except (UnreadableFileError, TooFewExamplesError) as error:
            raise CommandError(f"{file.name}: {error}", returncode=BAD_INPUT) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(competition)))
            return
        console = Console(file=cast(TextIO, self.stdout), width=110)
        console.print(families_table(competition))
        console.print(columns_table(competition))


def as_json(competition: Competition) -> dict[str, Any]:
    """Everything as plain values."""
    return {
        "champion": competition.champion,
        "families": {
            name: {**judged.metrics.as_json(), "curve": [asdict(point) for point in judged.curve]}
            for name, judged in competition.judged.items()
        },
        "columns": {
            name: {"importance": round(worth, 6), "fill_rate": round(competition.fill_rates[name], 6)}
            for name, worth in competition.importance.items()
        },
    }


def families_table(competition: Competition) -> Printed:
    """One row a family, the champion marked."""
    shown = Printed(title="Judged on rows not learnt from; * has the lowest log loss")
    headings = ("", "AUC, 95 %", "Brier", "Log loss", "Precision", "Recall", "F1", "Calibration error")
    for heading in headings:
        shown.add_column(heading, no_wrap=heading in headings[:2])
    for name, judged in competition.judged.items():
        found = judged.metrics
        shown.add_row(
            FAMILIES[name].label + (" *" if name == competition.champion else ""),
            f"{found.auc:.3f} ({found.auc_low:.3f} to {found.auc_high:.3f})",
            *(f"{value:.3f}" for value in (found.brier, found.log_loss, found.precision)),
            *(f"{value:.3f}" for value in (found.recall, found.f1, found.calibration_error)),
        )
    return shown


def columns_table(competition: Competition) -> Printed:
    """One row a column, the most important first."""
    shown = Printed(title="What each column is worth")
    for heading in ("Column", "AUC lost without it", "Filled"):
        shown.add_column(heading)
    for name, worth in sorted(competition.importance.items(), key=lambda pair: -pair[1]):
        shown.add_row(name, f"{worth:+.4f}", f"{competition.fill_rates[name]:.0%}")
    return shown
