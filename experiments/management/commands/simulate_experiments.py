"""How often the rules of decision are wrong, by simulation."""

import json
from argparse import ArgumentParser
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from experiments.stats.simulations.suite import Figure, added, batches, figures, simulate
from experiments.stats.simulations.tally import Tallies

BAD_INPUT = 2


class Command(BaseCommand):
    help = (
        "Simulate experiments without and with an effect and count how often each way of deciding names a winner: "
        "naive peeking, planned looks, looking whenever you like, several treatments, heavy-tailed revenue. The "
        "same seed gives the same figures. Exit codes: 0 all limits kept, 1 one is broken, 2 bad options."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=10_000, help="experiments of each kind (10,000)")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--json", action="store_true")

    def handle(self, *, runs: int, seed: int, **options: Any) -> None:
        if runs < 1 or seed < 0:
            raise CommandError("--runs must be 1 or more and --seed 0 or more.", returncode=BAD_INPUT)
        found: dict[str, Tallies] = defaultdict(dict)
        progress = Console(stderr=True, quiet=not self.stderr.isatty())
        for name, size, own in track(list(batches(runs=runs, seed=seed)), "Simulating", console=progress):
            found[name] = added(found[name], simulate(name, runs=size, seed=own))
        rows = figures(found)
        if options["json"]:
            self.stdout.write(json.dumps([{**asdict(row), "holds": row.holds} for row in rows], indent=1))
        else:
            self.stdout.write(as_text(rows, runs=runs, seed=seed))
        broken = [f"{row.simulation}: {row.rule}" for row in rows if not row.holds]
        if broken:
            raise CommandError(f"Outside its limits: {'; '.join(broken)}")


def as_text(rows: list[Figure], *, runs: int, seed: int) -> str:
    """The figures as a table for people."""
    table = Table("simulation", "rule", "names a winner", "limit", title=f"{runs:,} runs, seed {seed}")
    for row in rows:
        mark = "" if row.holds else " ✗"
        table.add_row(row.simulation, row.rule, f"{row.share:.2%}{mark}", _limit(row))
    console = Console(width=110)
    with console.capture() as text:
        console.print(table)
    return text.get()


def _limit(row: Figure) -> str:
    low = "" if row.low is None else f"≥ {row.low:.1%}"
    high = "" if row.high is None else f"≤ {row.high:.1%}"
    return " ".join(part for part in (low, high) if part)
