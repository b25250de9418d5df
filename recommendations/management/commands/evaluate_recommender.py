"""Judge the engines on any file of interactions."""

import csv
import gzip
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from recommendations.engines.base import Features, Interactions
from recommendations.evaluation.compare import TASKS, Comparison, compare
from recommendations.recipes import ENGINES, LABELS, build_engine


class Command(BaseCommand):
    help = (
        "Judge recommenders on a CSV of purchases (gz too): learn from all but the last days, test on those. "
        "Rows without a user or an item, or with a weight of zero or less, are left out and counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--user", default="user", help="Name of the column")
        parser.add_argument("--item", default="item")
        parser.add_argument("--time", default="time", help="ISO 8601, or seconds since 1970")
        parser.add_argument("--weight", help="Column of a quantity: rows of zero or less are left out")
        parser.add_argument("--engine", choices=ENGINES, action="append", help="Several times for several")
        parser.add_argument("--test-days", type=float, default=28)
        parser.add_argument("--k", type=int, default=10)
        parser.add_argument("--json", action="store_true")

    def handle(self, *, file: Path, test_days: float, k: int, **options: Any) -> None:
        columns = {role: options[role] for role in ("user", "item", "time", "weight")}
        try:
            interactions, left_out = read(file, columns)
        except (OSError, KeyError, ValueError) as error:
            raise CommandError(f"{file.name} cannot be read: {error}") from error
        if not len(interactions):
            raise CommandError(f"{file.name} has no usable row; {left_out} were left out.")
        engines = [build_engine(name) for name in options["engine"] or ENGINES]
        comparison = compare(interactions, Features(), engines, test_days=test_days, k=k)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(comparison, rows=len(interactions), left_out=left_out)))
            return
        console = Console(file=cast(TextIO, self.stdout), width=110)
        console.print(
            f"{len(interactions):,} rows, {left_out:,} left out; the last {test_days:g} days are the test."
        )
        for task in TASKS:
            console.print(table(comparison, task, k))


def read(file: Path, columns: dict[str, str | None]) -> tuple[Interactions, int]:
    """The rows of `file` as interactions, ids numbered in the order of their names, and how many were left out."""
    users, items, times, left_out = [], [], [], 0
    with opened(file) as lines:
        for row in csv.DictReader(lines):
            user, item = row[str(columns["user"])].strip(), row[str(columns["item"])].strip()
            if not (user and item) or (columns["weight"] and float(row[columns["weight"]] or 0) <= 0):
                left_out += 1
                continue
            users.append(user)
            items.append(item)
            times.append(seconds(row[str(columns["time"])]))
    at = np.array(times, dtype=np.int64)
    ones = np.ones(len(at), dtype=np.float32)
    who, what = (np.unique(names, return_inverse=True)[1].astype(np.int64) for names in (users, items))
    until = int(at.max()) + 1 if len(at) else 0
    return Interactions(who, what, ones, at, until, ones > 0), left_out


@contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """The text of a file, unzipped where its name ends in .gz."""
    if file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
            yield lines
    else:
        with file.open(encoding="utf-8", newline="") as lines:
            yield lines


def seconds(value: str) -> int:
    """Seconds since 1970 of a number or of an ISO 8601 time (UTC unless it says)."""
    if value.replace(".", "", 1).isdigit():
        return int(float(value))
    parsed = datetime.fromisoformat(value)
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def as_json(comparison: Comparison, *, rows: int, left_out: int) -> dict[str, Any]:
    """Everything as plain values."""
    judged = (comparison.baseline, *comparison.engines)
    return {"rows": rows, "left_out": left_out, **{one.name: one.as_json() for one in judged}}


def table(comparison: Comparison, task: str, k: int) -> Table:
    """One row an engine, with the paired difference of NDCG to popularity."""
    shown = Table(title="All purchases" if task == TASKS[0] else "Discoveries (never bought before)")
    names = [f"recall@{k}", f"ndcg@{k}", f"map@{k}", f"hit_rate@{k}", "coverage"]
    for heading in ("", *names, "NDCG against popularity, 95 %"):
        shown.add_column(heading)
    for judged in (comparison.baseline, *comparison.engines):
        means = judged.metrics[task].means()
        gain = judged.against_baseline.get(task, {}).get("ndcg")
        interval = f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) {gain.verdict}" if gain else ""
        shown.add_row(LABELS[judged.name], *(f"{means[name]:.3f}" for name in names), interval)
    return shown
