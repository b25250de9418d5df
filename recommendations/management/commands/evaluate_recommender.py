"""Judge engines on any file of interactions."""

import json
import resource
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from recommendations.engines.base import Exclusions, Features
from recommendations.engines.similarity import TooManyItemsError
from recommendations.evaluation.bootstrap import Difference, paired_difference
from recommendations.evaluation.metrics import RankingMetrics, ranking_metrics
from recommendations.evaluation.protocols import Trial, first_times, leave_last_out, temporal
from recommendations.evaluation.reading import ROLES, Log, UnreadableError, read_features, read_log
from recommendations.mapped_log import read_mapped
from recommendations.recipes import ENGINES, LABELS, engine_for

LEAVE_LAST_OUT, TEMPORAL = "leave_last_out", "temporal"
BAD_INPUT = 2
MOST_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Judge recommenders on a CSV (gz too) with the columns user, item, timestamp and perhaps weight, or on lines "
        "`user item item …` in the order of time. All items are ranked; what is asked for is never fitted on. "
        "Exit codes: 0 judged, 2 the file or an option cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--engine", default="popularity,two_stage", help=f"Of {', '.join(ENGINES)}; comma between"
        )
        parser.add_argument("--protocol", choices=[LEAVE_LAST_OUT, TEMPORAL], default=TEMPORAL)
        parser.add_argument("--holdout-days", type=float, default=28, help="Of the temporal protocol")
        parser.add_argument("--on", choices=["test", "validation"], default="test", help="Tune on validation")
        parser.add_argument("--items", type=Path, help="Features: CSV (id first) or JSON object of lists")
        parser.add_argument("--users", type=Path, help="Likewise")
        parser.add_argument(
            "--columns", default="", help="Other names: user=CustomerID,item=SKU,timestamp=Date"
        )
        parser.add_argument(
            "--mapping", help="Read the file as import_events would: a YAML file or a shipped name"
        )
        parser.add_argument("--k", type=int, default=10)
        parser.add_argument(
            "--repeats", choices=["exclude", "allow"], default="exclude", help="May an item come up again?"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        names = _engine_names(options["engine"])
        if options["k"] < 1 or not 0 < options["holdout_days"] <= MOST_DAYS:
            raise CommandError(
                f"--k and --holdout-days must be more than zero, the days at most {MOST_DAYS:,}.",
                returncode=BAD_INPUT,
            )
        try:
            log, features = _read(options)
            trial = _trial(log, options)
        except UnreadableError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except OSError as error:
            file = Path(error.filename or options["file"]).name
            raise CommandError(f"{file}: {error.strerror or error}", returncode=BAD_INPUT) from error
        try:
            judged = [_judge(name, trial, features, options) for name in names]
        except TooManyItemsError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(log, trial, judged, options)))
        else:
            _print(Console(file=cast(TextIO, self.stdout), width=120), log, trial, judged, options)


@dataclass(frozen=True, slots=True)
class Judged:
    """An engine's metrics, the seconds it took, and the difference of its NDCG to the first engine's."""

    name: str
    metrics: RankingMetrics
    fit_seconds: float
    rank_seconds: float

    def as_json(self, first: "Judged") -> dict[str, Any]:
        """Plain values."""
        seconds = {"fit_seconds": round(self.fit_seconds, 2), "rank_seconds": round(self.rank_seconds, 2)}
        total = round(self.fit_seconds + self.rank_seconds, 2)
        against = {} if first is self else {f"against_{first.name}": _difference(self, first).as_json()}
        return {**self.metrics.means(), "seconds": total, **seconds, **against}


def _difference(ours: Judged, theirs: Judged) -> Difference:
    return paired_difference(ours.metrics.ndcg, theirs.metrics.ndcg)


def _engine_names(given: str) -> list[str]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    unknown = [name for name in names if name not in ENGINES]
    if unknown or not names:
        what = f"There is no engine called {unknown[0]!r}" if unknown else "No engine is named"
        raise CommandError(f"{what}; there are {', '.join(ENGINES)}.", returncode=BAD_INPUT)
    return list(dict.fromkeys(names))


def _read(options: dict[str, Any]) -> tuple[Log, Features]:
    if options["mapping"]:
        return read_mapped(options["file"], options["mapping"])
    log = read_log(options["file"], columns=_columns(options["columns"]))
    tables = [
        read_features(path, names) if path else None
        for path, names in ((options["users"], log.users), (options["items"], log.items))
    ]
    kinds = {side: table for side, table in zip(("users", "items"), tables, strict=True) if table is not None}
    return log, Features(**kinds)


def _columns(given: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given.split(",") if pair]
    for role, equals, name in pairs:
        if role not in ROLES or not equals or not name:
            raise UnreadableError(
                f"--columns: {role + equals + name!r} is not of the form {'|'.join(ROLES)}=NAME."
            )
    return {role: name for role, _, name in pairs}


def _trial(log: Log, options: dict[str, Any]) -> Trial:
    is_new = options["repeats"] == "exclude"
    if options["protocol"] == TEMPORAL:
        if not log.has_times:
            raise UnreadableError(
                f"{options['file'].name} has no times, so it cannot be cut at one; use --protocol leave_last_out."
            )
        days = options["holdout_days"]
        trial = temporal(log.interactions, holdout_days=days, only_new=is_new, part=options["on"])
        needed = f"nobody who comes up before the last {days:g} days took anything to be found in them"
    else:
        once = first_times(log.interactions) if is_new else log.interactions
        trial = leave_last_out(once, part=options["on"])
        needed = "no user has three interactions (one to learn from, one to validate, one to test)"
    if not len(trial.wanted.users):
        raise UnreadableError(f"{options['file'].name} cannot be judged on: {needed}.")
    return trial


def _judge(name: str, trial: Trial, features: Features, options: dict[str, Any]) -> Judged:
    engine = engine_for(
        name,
        hold_back="last" if options["protocol"] == LEAVE_LAST_OUT else "window",
        window_days=options["holdout_days"],
        repeats=options["repeats"] == "allow",
    )
    began = time.perf_counter()
    model = engine.fit(trial.train, features)
    fitted = time.perf_counter()
    users = trial.wanted.users
    exclude = Exclusions.already_had(trial.seen, users) if options["repeats"] == "exclude" else None
    ranking = model.seen(trial.seen).recommend(users, options["k"], exclude)
    ranked = time.perf_counter()
    metrics = ranking_metrics(ranking, trial.wanted, k=options["k"], catalogue_size=len(model.item_ids))
    return Judged(name, metrics, fitted - began, ranked - fitted)


def _as_json(log: Log, trial: Trial, judged: list[Judged], options: dict[str, Any]) -> dict[str, Any]:
    return {
        "interactions": len(log.interactions),
        "users": len(log.users),
        "items": len(log.items),
        "left_out": dict(log.left_out),
        "protocol": options["protocol"],
        "on": options["on"],
        "repeats": options["repeats"],
        "fitted_on": len(trial.train),
        "peak_memory_bytes": _peak_memory(),
        "engines": {one.name: one.as_json(judged[0]) for one in judged},
    }


def _print(console: Console, log: Log, trial: Trial, judged: list[Judged], options: dict[str, Any]) -> None:
    out = "".join(f"; {count:,} left out {why}" for why, count in log.left_out.items())
    console.print(
        f"{len(log.interactions):,} interactions of {len(log.users):,} users with {len(log.items):,} items{out}."
    )
    console.print(
        f"{options['protocol']}, {options['on']}, repeats: {options['repeats']}. Fitted on {len(trial.train):,},"
        f" asked for {len(trial.wanted.users):,} users; all items are ranked."
    )
    k = options["k"]
    names = [f"recall@{k}", f"ndcg@{k}", f"map@{k}", f"precision@{k}", "coverage"]
    shown = Table()
    for heading in ("", *names, "seconds", f"NDCG against {LABELS[judged[0].name].lower()}, 95 %"):
        shown.add_column(heading)
    for one in judged:
        means = one.metrics.means()
        gain = None if one is judged[0] else _difference(one, judged[0])
        interval = f"{gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})" if gain else ""
        seconds = f"{one.fit_seconds + one.rank_seconds:.1f}"
        shown.add_row(LABELS[one.name], *(f"{means[name]:.4f}" for name in names), seconds, interval)
    console.print(shown)
    console.print(f"At most {_peak_memory() / 1e9:.2f} GB of memory.")


def _peak_memory() -> int:
    """The most that this process held so far, in bytes (Linux counts kibibytes, macOS bytes)."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
