"""How each source is, as a light with its reasons in sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import connection
from django.db.models import Count

from common.clock import now
from common.figures import integer
from customers.models import DataSource, QuarantinedRow, SyncRun
from customers.quality.checks import span, stale
from customers.quality.sources import fields_fed
from customers.runs import RunBooks, books_of

Light = Literal["green", "amber", "red"]
_ORDER: tuple[Light, ...] = ("red", "amber", "green")
_LIGHT_OF: dict[str, Light] = {"error": "red", "warn": "amber", "note": "green"}
TONES = {"green": "success", "amber": "warning", "red": "danger"}
LABELS = {"green": "Good", "amber": "Look at it", "red": "Bad"}

# One step of the index for each source, and one for each run that is wanted: no look at all the others.
_LATEST = """
WITH RECURSIVE named AS (
    (SELECT source FROM customers_syncrun ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT r.source FROM customers_syncrun r WHERE r.source > named.source ORDER BY 1 LIMIT 1)
    FROM named WHERE named.source IS NOT NULL
)
SELECT name, ended.id, good.id, filled.id, dated.watermark
FROM (SELECT source AS name FROM named WHERE source IS NOT NULL UNION SELECT name FROM customers_datasource) known
LEFT JOIN LATERAL (SELECT id FROM customers_syncrun WHERE source = name AND status <> 'running'
    ORDER BY started_at DESC, id DESC LIMIT 1) ended ON true
LEFT JOIN LATERAL (SELECT id FROM customers_syncrun WHERE source = name AND status = 'succeeded'
    ORDER BY started_at DESC, id DESC LIMIT 1) good ON true
LEFT JOIN LATERAL (SELECT id FROM customers_syncrun WHERE source = name AND status <> 'running' AND rows_in > 0
    ORDER BY started_at DESC, id DESC LIMIT 1) filled ON true
LEFT JOIN LATERAL (SELECT watermark FROM customers_syncrun WHERE source = name AND watermark IS NOT NULL
    ORDER BY started_at DESC, id DESC LIMIT 1) dated ON true
ORDER BY name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a light is as it is. `cause` names what an alert is about, however often it is found."""

    light: Light
    cause: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source: its light, why, when it was last read well, its newest books, what waits, which fields it feeds."""

    name: str
    reasons: Sequence[Reason]
    last_good_at: datetime | None
    books: RunBooks | None
    waiting: int
    feeds: frozenset[str]
    is_watched: bool

    @property
    def light(self) -> Light:
        """The worst of its reasons."""
        return next((light for light in _ORDER if any(one.light == light for one in self.reasons)), "green")

    @property
    def tone(self) -> str:
        """How the light is coloured."""
        return TONES[self.light]

    @property
    def label(self) -> str:
        """What the light says to those who do not see colours."""
        return LABELS[self.light]


def all_sources() -> list[SourceHealth]:
    """Every source, the worst first; four queries for any number of them."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST)
        latest = cursor.fetchall()
    runs = SyncRun.objects.in_bulk({id for row in latest for id in row[1:4] if id is not None})
    declared = DataSource.objects.in_bulk(field_name="name")
    waiting = _waiting()
    found = [
        _health(
            name,
            declared.get(name) or DataSource(name=name),
            ended=runs.get(ended),
            good=runs.get(good),
            filled=runs.get(filled),
            watermark=watermark,
            waiting=waiting.get(name, 0),
        )
        for name, ended, good, filled, watermark in latest
    ]
    return sorted(found, key=lambda one: (_ORDER.index(one.light), one.name))


def feeding(fields: Iterable[str]) -> list[SourceHealth]:
    """Sources that are not green and feed one of these fields, the worst first."""
    wanted = set(fields)
    return [one for one in all_sources() if one.light != "green" and one.feeds & wanted]


def _waiting() -> dict[str, int]:
    rows = QuarantinedRow.objects.filter(state=QuarantinedRow.State.WAITING)
    return dict(rows.values_list("source").annotate(Count("pk")))


def _health(
    name: str,
    declared: DataSource,
    *,
    ended: SyncRun | None,
    good: SyncRun | None,
    filled: SyncRun | None,
    watermark: datetime | None,
    waiting: int,
) -> SourceHealth:
    reasons = [
        *_failed(ended),
        *_late(declared, good),
        *(
            Reason(light=_LIGHT_OF[one.level], cause="stale", sentence=one.sentence)
            for one in stale(declared.mapping.get("expectations", []), watermark)
        ),
        *_found(ended, filled),
    ]
    if waiting:
        verb = "row waits" if waiting == 1 else "rows wait"
        sentence = f"{integer(waiting)} {verb} in quarantine."
        reasons.append(Reason(light="amber", cause="quarantine", sentence=sentence))
    shown = filled or ended
    return SourceHealth(
        name=name,
        reasons=reasons,
        last_good_at=good.started_at if good else None,
        books=books_of([shown])[0] if shown else None,
        waiting=waiting,
        feeds=frozenset(fields_fed(declared.mapping)),
        is_watched=declared.is_watched,
    )


def _failed(ended: SyncRun | None) -> list[Reason]:
    if ended is None or ended.status != SyncRun.Status.FAILED:
        return []
    sentence = f"The last run failed: {ended.error or 'nobody knows why'}"
    return [Reason(light="red", cause="failed", sentence=sentence)]


def _late(declared: DataSource, good: SyncRun | None) -> list[Reason]:
    if declared.late_after is None or not declared.is_watched or declared.due_every is None:
        return []
    turn = span(declared.due_every)
    if good is None:
        sentence = f"It should be read every {turn}, and was never read well yet."
        return [Reason(light="amber", cause="late", sentence=sentence)]
    age: timedelta = now() - good.started_at
    if age <= declared.late_after:
        return []
    sentence = f"Its data is {span(age)} old: it should be read every {turn}, and was last read well {span(age)} ago."
    return [Reason(light="red", cause="late", sentence=sentence)]


def _found(ended: SyncRun | None, filled: SyncRun | None) -> list[Reason]:
    """What was found in the newest rows, and of a newer run without rows, that there were too few."""
    findings = list(filled.findings) if filled else []
    if ended is not None and ended != filled:
        findings = [*ended.findings, *(one for one in findings if one["about"] != "volume")]
    return [
        Reason(light=_LIGHT_OF[one["level"]], cause=one["about"], sentence=one["sentence"])
        for one in findings
    ]
