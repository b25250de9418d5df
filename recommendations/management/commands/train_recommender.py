"""Train the recommender and say how good it is."""

import json
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.progress import Progress, TaskID

from recommendations.leases import TrainingBusyError, TrainingStoppedError
from recommendations.models import ModelVersion
from recommendations.recipes import DEFAULT_ENGINE, ENGINES
from recommendations.training import Report, train

STAGES = {"read": "Reading purchases", "learn": "Learning", "score": "Ranking for customers"}


class Command(BaseCommand):
    help = (
        "Train the recommender on what happened up to now, judge it on the last 28 days, and put it into use "
        "unless it is worse than popularity or than the model in use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--engine", choices=ENGINES, default=DEFAULT_ENGINE)
        parser.add_argument(
            "--now", type=moment, help="Train as of this moment (ISO 8601; UTC unless it says)"
        )
        parser.add_argument("--json", action="store_true", help="Print the version as JSON, no progress")

    def handle(self, *, engine: str, now: datetime | None, **options: Any) -> None:
        quiet = options["json"]
        try:
            with Progress(transient=True, disable=quiet) as bar:
                version = train(engine=engine, now=now, report=progress_report(bar))
        except (TrainingBusyError, TrainingStoppedError) as stopped:
            raise CommandError(str(stopped), returncode=3) from stopped
        self.stdout.write(json.dumps(as_json(version)) if quiet else as_text(version))


def moment(value: str) -> datetime:
    """Parse ISO 8601; a time without a zone is UTC."""
    parsed = datetime.fromisoformat(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def progress_report(bar: Progress) -> Report:
    """A bar for each stage, made when the stage is first heard of and started again when it repeats."""
    tasks: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(STAGES[stage], total=total)
        bar.update(tasks[stage], completed=done, total=total)

    return report


def as_json(version: ModelVersion) -> dict[str, Any]:
    """What a machine wants to know of a version."""
    seconds = (version.finished_at - version.started_at).total_seconds() if version.finished_at else None
    return {
        "engine": version.engine,
        "number": version.number,
        "status": version.status,
        "verdict": version.verdict,
        "seconds": seconds,
        "metrics": version.metrics,
        "artefact": version.artefact_path,
        "sha256": version.artefact_sha256,
    }


def as_text(version: ModelVersion) -> str:
    """What a person wants to know of a version."""
    return f"{version} — {version.get_status_display().lower()}. {version.verdict}"
