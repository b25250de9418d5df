"""Train the predictions that are due, and score everybody."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.progress import Progress, TaskID

from recommendations.horizon import learns_until
from recommendations.leases import TrainingBusyError, TrainingStoppedError
from recommendations.management.commands.train_recommender import moment
from recommendations.predictions.refreshing import Report, refresh
from recommendations.predictions.report_cards import overview_rows
from recommendations.predictions.training import KINDS


class Command(BaseCommand):
    help = (
        "Score everybody by the models in use, train those whose last training is a week old or that wait for data, "
        "and say how good each is. Exit code 3: a training is under way or was cancelled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--kind", choices=KINDS, action="append", help="Several times for several; else all"
        )
        parser.add_argument("--train", action="store_true", help="Train anew, due or not")
        parser.add_argument("--now", type=moment, help="As of this moment (ISO 8601; UTC unless it says)")
        parser.add_argument("--json", action="store_true", help="Print JSON, no progress")

    def handle(self, *, kind: list[str] | None, now: datetime | None, **options: Any) -> None:
        kinds = kind or [*KINDS]
        try:
            with Progress(transient=True, disable=options["json"]) as bar:
                refresh(
                    now=now or learns_until(), kinds=kinds, anew=options["train"], report=progress_report(bar)
                )
        except (TrainingBusyError, TrainingStoppedError) as stopped:
            raise CommandError(str(stopped), returncode=3) from stopped
        newest = {row.kind: row.newest for row in overview_rows() if row.kind in kinds}
        found = {
            name: {"version": str(one), "status": one.status, "verdict": one.verdict}
            for name, one in newest.items()
            if one is not None
        }
        lines = (f"{one['version']} ({one['status']}): {one['verdict']}" for one in found.values())
        self.stdout.write(json.dumps(found) if options["json"] else "\n".join(lines))


def progress_report(bar: Progress) -> Report:
    """One bar for each kind, which starts again with each stage."""
    tasks: dict[str, TaskID] = {}

    def report(kind: str, stage: str, done: int, total: int) -> None:
        if kind not in tasks:
            tasks[kind] = bar.add_task(kind, total=total)
        bar.update(tasks[kind], description=f"{kind}: {stage}", completed=done, total=total)

    return report
