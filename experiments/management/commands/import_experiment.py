"""`manage.py import_experiment FILE`: the face of `experiments.importing`."""

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.text import slugify
from rich.console import Console
from rich.progress import Progress

from common.clock import now
from customers.importing.people.files import ListFile, examine
from customers.importing.reading import UnreadableFile
from experiments.importing.arms import ImportedArm, arms_of
from experiments.importing.counting import count
from experiments.importing.mapping import EQUAL, ColumnMapping, Description, ImportProblem, metric_of
from experiments.importing.report import ImportedReport, report_of
from experiments.importing.storing import store
from experiments.models import LEAST_ALPHA, MOST_ALPHA

BAD_INPUT = 2


class Command(BaseCommand):
    """Imports an experiment that ran elsewhere, or with `--dry-run` only says what it found.

    Exit codes: 0 done, 2 the file or the options cannot be used; then nothing is stored.
    """

    help = (
        "Import a finished experiment from a CSV file (gz too) with a row for each customer. Only sums are kept. "
        "Example: import_experiment hillstrom.csv.gz --variant segment --control 'No E-Mail' --metric "
        "visit=visit:rate --metric spend=spend:money:USD --before history"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", help="CSV file, plain or gzipped")
        parser.add_argument(
            "--variant", required=True, metavar="COLUMN", help="The column that names the arm"
        )
        parser.add_argument(
            "--control", required=True, metavar="VALUE", help="The arm that the others are compared with"
        )
        parser.add_argument(
            "--metric",
            required=True,
            action="append",
            metavar="NAME=COLUMN:KIND",
            help="What was measured: a rate (0 or 1), a number, or money:EUR; may be repeated",
        )
        parser.add_argument(
            "--primary", metavar="NAME", help="The metric that decides; the first unless said"
        )
        parser.add_argument(
            "--before", default="", metavar="COLUMN", help="Known before the start, for CUPED"
        )
        parser.add_argument("--split", default=EQUAL, help="Planned: equal, unknown, or A=45,B=45,none=10")
        parser.add_argument("--no-mail", action="store_true", help="The control got no mail")
        parser.add_argument("--name", help="The file's name unless said")
        parser.add_argument("--key", help="Made of the name unless said")
        parser.add_argument(
            "--ended", type=date.fromisoformat, help="Its last day, such as 2026-03-31; today"
        )
        parser.add_argument("--window-days", type=int, default=14)
        parser.add_argument("--alpha", type=float, default=0.05)
        parser.add_argument("--hypothesis", default="")
        parser.add_argument("--learnings", default="")
        parser.add_argument("--dry-run", action="store_true", help="Say what it found; nothing is stored")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Count, store, and print what was found."""
        path = Path(options["file"])
        try:
            description = _description(path, options)
            mapping = _mapping(options)
            primary = options["primary"] or mapping.metrics[0].name
            if primary not in [metric.name for metric in mapping.metrics]:
                raise ImportProblem(f"“{primary}” is no metric of yours, so it cannot decide.")
            arms = _arms(path, mapping, split=options["split"], is_quiet=options["json"])
            report = report_of(metrics=mapping.metrics, primary=primary, arms=arms, alpha=description.alpha)
            if not options["dry_run"]:
                store(
                    description,
                    metrics=mapping.metrics,
                    primary=primary,
                    arms=arms,
                    before=mapping.before,
                    source=path.name,
                    user=None,
                )
        except (ImportProblem, UnreadableFile, OSError) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        stored = "" if options["dry_run"] else description.key
        self.stdout.write(
            json.dumps(as_json(report, key=stored), indent=1) if options["json"] else as_text(report)
        )
        if stored and not options["json"]:
            self.stdout.write(f"Stored: /experiments/imported/{stored}/")


def _description(path: Path, options: dict[str, Any]) -> Description:
    name = (
        options["name"] or path.name.removesuffix(".gz").removesuffix(".csv").replace("_", " ").capitalize()
    )
    key = slugify(options["key"] or name)[:100]
    if not key or len(name) > 200:
        raise ImportProblem("Give it a name of letters and digits, of at most 200, with --name.")
    if not 1 <= options["window_days"] <= 365:
        raise ImportProblem(f"--window-days must lie between 1 and 365, not {options['window_days']}.")
    if not LEAST_ALPHA <= options["alpha"] <= MOST_ALPHA:
        raise ImportProblem(
            f"--alpha must lie between {LEAST_ALPHA} and {MOST_ALPHA}, not {options['alpha']}."
        )
    return Description(
        key=key,
        name=name,
        ended_on=options["ended"] or now().date(),
        window_days=options["window_days"],
        hypothesis=options["hypothesis"],
        learnings=options["learnings"],
        alpha=options["alpha"],
        control_gets_no_mail=options["no_mail"],
    )


def _mapping(options: dict[str, Any]) -> ColumnMapping:
    return ColumnMapping(
        variant=options["variant"],
        control=options["control"],
        metrics=tuple(metric_of(text) for text in options["metric"]),
        before=options["before"],
    )


def _arms(path: Path, mapping: ColumnMapping, *, split: str, is_quiet: bool) -> list[ImportedArm]:
    console = Console(stderr=True)
    with Progress(console=console, disable=is_quiet or not console.is_terminal, transient=True) as progress:
        file: ListFile = examine(path, whole=True)
        bar = progress.add_task("Counting", total=file.rows)
        counted = count(path, file, mapping, on_rows=lambda done: progress.update(bar, completed=done))
    return arms_of(counted, mapping.metrics, split=split, has_before=bool(mapping.before))


def as_text(report: ImportedReport) -> str:
    """The verdict, then what each comparison found."""
    sentences = [one.sentence for one in (*report.comparisons, *report.among)]
    return "\n\n".join([report.verdict.sentence, *report.headlines, *sentences])


def as_json(report: ImportedReport, *, key: str) -> dict[str, Any]:
    """The figures for machines: shares, minor units or numbers, with the ends of their intervals."""
    return {
        "key": key,
        "verdict": report.verdict.status,
        "sentence": report.verdict.sentence,
        "split_p_value": report.ratio.p_value if report.ratio else None,
        "arms": [
            {
                "name": arm.name,
                "customers": arm.n,
                **{
                    name: [values[place].estimate, values[place].low, values[place].high]
                    for name, values in report.values.items()
                },
            }
            for place, arm in enumerate(report.arms)
        ],
        "comparisons": [
            {
                "metric": one.metric.name,
                "arm": one.treatment.name,
                "against": one.control.name,
                "difference": [one.difference.estimate, one.difference.low, one.difference.high],
                "relative_lift": one.relative_lift
                and [one.relative_lift.estimate, one.relative_lift.low, one.relative_lift.high],
                "p_value": one.p_value,
                "adjusted_p_value": one.adjusted_p_value,
                "significant": one.significant,
                "not_judged": one.not_judged,
            }
            for one in (*report.comparisons, *report.among)
        ],
    }
