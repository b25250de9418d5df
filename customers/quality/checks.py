"""What a whole run is judged by when it ends: against its promises, and against the runs before it."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import Sum

from common.clock import now
from common.figures import integer
from customers.models import SyncRun
from customers.quality.watch import RunProfile

Level = Literal["note", "warn", "error"]
WEEKS = 4
FEWEST_WEEKS = 2
FEWEST_ROWS = 20
COMPARED_RUNS = 4
MOST_REFUSED = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth knowing about a run. `about` is `rows`, `columns`, `volume` or `freshness`."""

    level: Level
    about: str
    sentence: str


def judge(
    run: SyncRun, expectations: Sequence[Mapping[str, Any]], profile: RunProfile
) -> list[dict[str, Any]]:
    """Return the findings of a run that is about to close, as they are kept with it; six queries at most.

    Its rows have been counted; `expectations` are those of its mapping. How fresh it is changes without a run, and is
    asked when somebody looks (`stale`).
    """
    found: list[Finding] = []
    if profile.rows:
        before = _runs_before(run)
        found += [*_row_faults(run, profile), *_refused(run, profile)]
        found += [*_schema_changes(profile, before[:1]), *_empty_shares(expectations, profile, before)]
    found += _volume(run, expectations)
    return [asdict(one) for one in found]


def stale(expectations: Iterable[Mapping[str, Any]], watermark: datetime | None) -> list[Finding]:
    """Say how old the newest row is where that is more than promised, as of now."""
    if watermark is None:
        return []
    age = now() - watermark
    return [
        Finding(
            level=one["level"],
            about="freshness",
            sentence=f"The newest row is {span(age)} old; at most {span(timedelta(hours=limit))} is expected.",
        )
        for one in expectations
        if "freshness" in one and age > timedelta(hours=(limit := one["freshness"]["hours"]))
    ]


def _row_faults(run: SyncRun, profile: RunProfile) -> list[Finding]:
    return [
        Finding(
            level="warn",
            about="rows",
            sentence=f"{integer(count)} of {integer(run.rows_in)} rows: {reason}"
            + ("; they wait in quarantine." if is_error else "; they were stored all the same."),
        )
        for (reason, is_error), count in profile.faults.most_common()
    ]


def _refused(run: SyncRun, profile: RunProfile) -> list[Finding]:
    """A run that refuses many rows that nobody meant to refuse is not fine, whatever was promised."""
    share = profile.refused / run.rows_in if run.rows_in else 0
    if share <= MOST_REFUSED:
        return []
    sentence = f"{share:.0%} of the rows were refused; more than {MOST_REFUSED:.0%} is too many."
    return [Finding(level="error", about="rows", sentence=sentence)]


def _runs_before(run: SyncRun) -> list[SyncRun]:
    """The last runs of the source that read something, newest first."""
    earlier = SyncRun.objects.filter(source=run.source, status=SyncRun.Status.SUCCEEDED, rows_in__gt=0)
    return list(earlier.exclude(columns={}).exclude(pk=run.pk).order_by("-started_at")[:COMPARED_RUNS])


def _schema_changes(profile: RunProfile, before: Sequence[SyncRun]) -> list[Finding]:
    """What became of the columns since the last run, in words."""
    if not before:
        return []
    old, new = before[0].columns, profile.columns_as_json()
    gone = [f"Column {name} disappeared." for name in old if name not in new]
    come = [f"Column {name} is new." for name in new if name not in old]
    turned = [
        (name, old[name]["type"], new[name]["type"])
        for name in new
        if name in old and old[name]["type"] != new[name]["type"]
    ]
    emptied = [f"Column {name} is empty now; it held {was}." for name, was, type in turned if type == "empty"]
    changed = [
        f"Column {name} holds {type} now; it held {was}."
        for name, was, type in turned
        if "empty" not in (was, type)
    ]
    warned = [Finding(level="warn", about="columns", sentence=sentence) for sentence in (*gone, *emptied)]
    return warned + [Finding(level="note", about="columns", sentence=one) for one in (*come, *changed)]


def _empty_shares(
    expectations: Iterable[Mapping[str, Any]], profile: RunProfile, before: Sequence[SyncRun]
) -> list[Finding]:
    """Columns that are empty more, or less, often than in the runs before."""
    found = []
    for one in expectations:
        name = one.get("column", "")
        earlier = [run for run in before if name in run.columns]
        rows = sum(run.rows_in for run in earlier)
        if "empty_share" not in one or name not in profile.columns or min(rows, profile.rows) < FEWEST_ROWS:
            continue
        usual = sum(run.columns[name]["empty"] for run in earlier) / rows
        share = profile.columns[name].empty / profile.rows
        limit = one["empty_share"]["within_points"]
        if abs(share - usual) * 100 > limit:
            sentence = (
                f"{name} is empty in {share:.1%} of the rows; in the runs before it was {usual:.1%},"
                f" and {limit:g} points of difference are expected at most."
            )
            found.append(Finding(level=one["level"], about="columns", sentence=sentence))
    return found


def _volume(run: SyncRun, expectations: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Rows of today so far, against those of the last four same weekdays until the same time of day (UTC)."""
    promised = [one for one in expectations if "volume" in one]
    if not promised:
        return []
    at = now()
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    today = _rows_between(run.source, midnight, at, leave_out=run.pk) + run.rows_in
    counted = [
        _rows_between(run.source, midnight - timedelta(weeks=week), at - timedelta(weeks=week))
        for week in range(1, WEEKS + 1)
    ]
    known = [rows for rows in counted if rows]
    usual = statistics.median(known) if len(known) >= FEWEST_WEEKS else 0
    if usual < FEWEST_ROWS:
        return []
    change = today / usual - 1
    return [
        Finding(
            level=one["level"],
            about="volume",
            sentence=(
                f"{integer(today)} rows this {at:%A} until {at:%H:%M}; {integer(round(usual))} is the median of the"
                f" {len(known)} {at:%A}s before until then: {abs(change):.0%} {'more' if change > 0 else 'fewer'},"
                f" and {one['volume']['within_percent']:g} % is expected at most."
            ),
        )
        for one in promised
        if abs(change) * 100 > one["volume"]["within_percent"]
    ]


def _rows_between(source: str, start: datetime, end: datetime, *, leave_out: int | None = None) -> int:
    """Rows read by runs that began in `[start, end]`."""
    runs = SyncRun.objects.filter(source=source, started_at__gte=start, started_at__lte=end)
    if leave_out is not None:
        runs = runs.exclude(pk=leave_out)
    return int(runs.aggregate(rows=Sum("rows_in"))["rows"] or 0)


def span(length: timedelta) -> str:
    """A stretch of time in its largest unit: "3 days", "1 hour"; less than a minute is "a moment"."""
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(length.total_seconds() // seconds)
        if count >= 1 and (unit != "day" or count >= 2):
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "a moment"
