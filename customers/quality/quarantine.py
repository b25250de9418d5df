"""Refused rows that may still be right: kept, mended, retried, dismissed."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from accounts.models import User
from common.clock import now
from customers.declared_consent import grant_declared
from customers.importing.books import Books
from customers.importing.mapping import RowMapping, shared_orders
from customers.importing.schema import MappingError
from customers.ingest import EventIn, ingest
from customers.models import DataSource, QuarantinedRow
from customers.models.sync import in_words
from customers.quality.expectations import LONGEST_REASON
from customers.quality.watch import RunProfile, Watch, meant_reasons
from customers.tracking.receiving import receive_again
from customers.tracking.refused import ITEM, TRACKING

KEPT_A_RUN = 10_000
MOST_BYTES = 32_768
RETRIED_AT_ONCE = 1_000
_EXTRA = "(cell {})"
_NUL = "\N{SYMBOL FOR NULL}"
Refused = tuple[int, str, list[str] | str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Waiting rows of one source, refused for one reason."""

    source: str
    reason: str
    count: int

    @property
    def in_words(self) -> str:
        """The reason for people."""
        return in_words(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """How a retry ended: `mended` rows are stored now, the others wait on."""

    mended: int
    waiting: int


class Quarantine:
    """Keeps the refused rows of one run, up to `KEPT_A_RUN`; what a mapping refuses on purpose is not kept."""

    def __init__(self, mapping: Mapping[str, Any], *, header: Sequence[str], books: Books) -> None:
        self._meant = meant_reasons(mapping)
        self._header, self._books = list(header), books

    def keep(self, refused: Iterable[Refused]) -> None:
        """Store rows given as (row number, reason, row, occurrence); those known already are not stored twice."""
        unmeant = [one for one in refused if one[1] not in self._meant]
        self._books.profile.refused += len(unmeant)
        room = KEPT_A_RUN - self._books.run.quarantined
        rows: dict[bytes, QuarantinedRow] = {}
        for number, reason, row, occurrence in unmeant[: max(room, 0)]:
            raw = _raw(self._header, row)
            if len(json.dumps(raw)) > MOST_BYTES:
                continue
            known_by = _fingerprint(self._books.run.source, raw, occurrence, number)
            rows[known_by] = QuarantinedRow(
                source=self._books.run.source,
                run=self._books.run,
                number=number,
                reason=reason[:LONGEST_REASON],
                raw=raw,
                occurrence=occurrence,
                fingerprint=known_by,
            )
        QuarantinedRow.objects.bulk_create(
            [rows[key] for key in sorted(rows)],
            update_conflicts=True,
            unique_fields=["source", "fingerprint"],
            update_fields=["run", "number", "reason"],
        )
        self._books.run.quarantined += len(rows)


def groups(source: str = "") -> list[Group]:
    """Waiting rows by source and reason, most first; one query."""
    waiting = QuarantinedRow.objects.filter(state=QuarantinedRow.State.WAITING)
    if source:
        waiting = waiting.filter(source=source)
    found = waiting.values("source", "reason").annotate(count=Count("pk"))
    return [Group(**one) for one in found.order_by("-count", "source", "reason")]


def waiting_rows(source: str, reason: str) -> Iterable[QuarantinedRow]:
    """The rows of a group, oldest first, a portion at a time; a row that still waits is not read twice."""
    after = 0
    while True:
        portion = list(
            QuarantinedRow.objects.filter(
                source=source, reason=reason, state=QuarantinedRow.State.WAITING, pk__gt=after
            ).order_by("pk")[:RETRIED_AT_ONCE]
        )
        if not portion:
            return
        yield from portion
        after = portion[-1].pk


def mend(row: QuarantinedRow, cells: Mapping[str, str]) -> None:
    """Replace cells of a waiting row; columns that it does not have are left out."""
    raw = [[name, _storable(cells.get(name, value))] for name, value in row.cells.items()]
    QuarantinedRow.objects.filter(pk=row.pk, state=QuarantinedRow.State.WAITING).update(raw=raw)
    row.raw = raw


def dismiss(rows: Q, *, by: User | None) -> int:
    """Settle waiting rows as not worth mending; return how many."""
    waiting = QuarantinedRow.objects.filter(rows, state=QuarantinedRow.State.WAITING)
    return waiting.update(state=QuarantinedRow.State.DISMISSED, settled_at=now(), settled_by=by)


def retry(rows: Iterable[QuarantinedRow], *, by: User | None) -> Retried:
    """Send rows through their source's present mapping and ingest again; safe to do twice, and at the same time.

    An event is stored once, whoever retries it: a row whose event is there already counts as mended. A row that is
    refused again waits on, with its new reason. Raises MappingError where a source's mapping is not known.
    """
    by_source: defaultdict[str, list[QuarantinedRow]] = defaultdict(list)
    mended = waiting = 0
    for row in rows:
        by_source[row.source].append(row)
        if len(by_source[row.source]) >= RETRIED_AT_ONCE:
            one = _retry(row.source, by_source.pop(row.source), by=by)
            mended, waiting = mended + one.mended, waiting + one.waiting
    for source, portion in by_source.items():
        one = _retry(source, portion, by=by)
        mended, waiting = mended + one.mended, waiting + one.waiting
    return Retried(mended=mended, waiting=waiting)


def _retry(source: str, rows: list[QuarantinedRow], *, by: User | None) -> Retried:
    if source.startswith(TRACKING):
        return _settle(rows, _received_again(source.removeprefix(TRACKING), rows), by=by)
    mapping = DataSource.objects.filter(name=source).values_list("mapping", flat=True).first()
    if not mapping or "kinds" not in mapping:
        raise MappingError(
            f"It is not known how rows of {source} are read. Read the source once more, then retry."
        )
    reasons: dict[int, str] = {}
    events: list[tuple[QuarantinedRow, EventIn]] = []
    reader = _Reader(mapping)
    for row in rows:
        told = reader.event(row)
        if isinstance(told, str):
            reasons[row.pk] = told
        else:
            events.append((row, told))
    told_events = [event for _, event in events]
    result = ingest(told_events, source=mapping["source"], orders=shared_orders(mapping))
    reasons |= {events[position][0].pk: reason for position, reason in result.rejects}
    named = ((event.namespace or mapping["source"], event.customer, event.email) for event in told_events)
    grant_declared(mapping, result.customer_ids, named=named, source=f"import {mapping['source']}")
    return _settle(rows, reasons, by=by)


def _received_again(source: str, rows: Sequence[QuarantinedRow]) -> dict[int, str]:
    """Send items of a tracker again, as of when they came; return why which are still refused."""
    reasons: dict[int, str] = {}
    by_time: defaultdict[datetime, dict[str, QuarantinedRow]] = defaultdict(dict)
    for row in rows:
        by_time[row.created_at][bytes(row.fingerprint).hex()] = row
    for at, named in by_time.items():
        items = {name: row.cells.get(ITEM, "") for name, row in named.items()}
        refused = receive_again(items, source=source, received_at=at)
        reasons |= {named[name].pk: reason for name, reason in refused.items()}
    return reasons


class _Reader:
    """Reads waiting rows by a mapping; each row brings its own header, and most of them the same."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._mapping = mapping
        self._readers: dict[tuple[str, ...], tuple[Watch, RowMapping] | None] = {}

    def event(self, row: QuarantinedRow) -> EventIn | str:
        """The row as an event, or why it is refused; judged by every promise but uniqueness: ingest sees to that."""
        if not row.raw:
            return row.reason
        cells = {name: value for name, value in row.cells.items() if not name.startswith(_EXTRA[:6])}
        header = tuple(cells)
        if header not in self._readers:
            self._readers[header] = self._compiled(header)
        if (reader := self._readers[header]) is None:
            return "wrong_number_of_columns"
        watch, row_mapping = reader
        values = list(cells.values())
        faulty = watch.look([values])
        return watch.verdict(row_mapping.event(values, occurrence=row.occurrence), faulty.get(0))

    def _compiled(self, header: tuple[str, ...]) -> tuple[Watch, RowMapping] | None:
        promised = [one for one in self._mapping.get("expectations", []) if "unique" not in one]
        try:
            watch = Watch({"expectations": promised}, header=header, profile=RunProfile())
            return watch, RowMapping(self._mapping, header)
        except MappingError:
            return None


def _settle(rows: Sequence[QuarantinedRow], reasons: Mapping[int, str], *, by: User | None) -> Retried:
    stored = [row.pk for row in rows if row.pk not in reasons]
    QuarantinedRow.objects.filter(pk__in=stored, state=QuarantinedRow.State.WAITING).update(
        state=QuarantinedRow.State.MENDED, settled_at=now(), settled_by=by
    )
    refused = [row for row in rows if reasons.get(row.pk, row.reason) != row.reason]
    for row in refused:
        row.reason = reasons[row.pk][:LONGEST_REASON]
    QuarantinedRow.objects.bulk_update(refused, ["reason"], batch_size=500)
    return Retried(mended=len(stored), waiting=len(rows) - len(stored))


def _raw(header: Sequence[str], row: list[str] | str) -> list[list[str]]:
    """Pairs of column and cell, for jsonb keeps no order of keys.

    Missing cells are empty, surplus ones are named by their position.
    """
    if isinstance(row, str):
        return []
    names = [*header, *(_EXTRA.format(number) for number in range(len(header) + 1, len(row) + 1))]
    return [
        [name, _storable(cell)]
        for name, cell in zip(names, [*row, *[""] * (len(names) - len(row))], strict=True)
    ]


def _storable(cell: str) -> str:
    """A cell as jsonb takes it: no NUL, and no half of a character."""
    return cell.replace("\0", _NUL).encode("utf-8", "replace").decode()


def _fingerprint(source: str, raw: list[list[str]], occurrence: str, number: int) -> bytes:
    """What makes a row the same row when it comes again; an unreadable one is known by its number only."""
    said = json.dumps([source, sorted(raw), occurrence, "" if raw else number])
    return hashlib.blake2b(said.encode(), digest_size=16).digest()
