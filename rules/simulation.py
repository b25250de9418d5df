"""What a draft would change for the people of an audience: decided in SQL, both ways, and counted.

A decision falls into parts (`show`, `recommend`, each variable, each exclusion, `suppress`), each a value, spelled as
JSON, that the first fitting rule says or `otherwise` leaves. Parts that both documents decide alike are not looked at.
The number of queries does not depend on the audience; nobody is decided in Python.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import BigIntegerField, F, Func, QuerySet
from psycopg.errors import QueryCanceled

from customers.models import Customer
from rules.deciding import held_sql
from rules.documents import Document
from rules.wording import value_in_words, values_of
from segments.conditions import Condition
from segments.models import Segment
from segments.whole_base import plan_for_everybody

PATIENCE_MS = 30_000
LARGEST_AUDIENCE = 1_000_000
SAMPLE_SIZE = 50_000
EXAMPLES = 12
MOST_KINDS = 50
# Everybody draws a number below a million, always the same.
_LOT = Func(
    F("pk"),
    template="mod(hashint8(%(expressions)s)::bigint & 2147483647, 1000000)",
    output_field=BigIntegerField(),
)
_STORED = "SELECT who.id FROM ({people}) AS who (id)"
_GIVEN = "SELECT unnest(%s::bigint[]) AS id"
_NOBODY = "SELECT NULL::bigint AS id, NULL::int AS condition WHERE false"

# What is said stands as its number in a list in the order of the alphabet; `first` begins with the rule's place.
_STATEMENT = """
WITH audience AS MATERIALIZED ({audience}),
held AS MATERIALIZED ({held}),
said AS (
    SELECT * FROM unnest(%s::boolean[], %s::int[], %s::int[], %s::bigint[]) AS x(is_after, part, condition, first)
),
first_said AS (
    SELECT held.id, said.part, (min(said.first) FILTER (WHERE NOT said.is_after) %% {values})::int AS before,
           (min(said.first) FILTER (WHERE said.is_after) %% {values})::int AS after
    FROM held JOIN said USING (condition) JOIN audience ON audience.id = held.id
    GROUP BY held.id, said.part
),
left_open AS (SELECT * FROM unnest(%s::int[], %s::int[], %s::int[]) AS x(part, before, after)),
changed AS MATERIALIZED (
    SELECT audience.id, left_open.part, coalesce(first_said.before, left_open.before) AS before,
           coalesce(first_said.after, left_open.after) AS after
    FROM audience CROSS JOIN left_open
    LEFT JOIN first_said ON first_said.id = audience.id AND first_said.part = left_open.part
    WHERE coalesce(first_said.before, left_open.before) IS DISTINCT FROM coalesce(first_said.after, left_open.after)
),
kinds AS (
    SELECT part, before, after, count(*) AS customers FROM changed GROUP BY part, before, after
    ORDER BY count(*) DESC, part, before, after LIMIT {most_kinds}
),
ranked AS (
    SELECT id, row_number() OVER (PARTITION BY part, before, after ORDER BY id) AS place FROM changed
),
chosen AS (
    SELECT id FROM ranked WHERE place <= {examples} GROUP BY id ORDER BY min(place), id LIMIT {examples}
)
SELECT (SELECT count(*) FROM audience),
       (SELECT count(*) FROM (SELECT id FROM changed GROUP BY id) AS each),
       (SELECT coalesce(jsonb_agg(kinds), '[]') FROM kinds),
       (SELECT coalesce(jsonb_agg(changed ORDER BY changed.id, part), '[]') FROM changed JOIN chosen USING (id))
"""


class TooSlow(Exception):
    """The database needs longer than anybody should wait."""


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a decision before and after; empty where nothing is said. `customers` have just this change."""

    part: str
    before: str
    after: str
    customers: int = 1


@dataclass(frozen=True, slots=True)
class Example:
    """A customer whose decision changes, and how."""

    customer: Customer
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """How many of whom are decided differently. With a sample, all figures are multiplied up from it."""

    audience: int
    changed: int
    kinds: tuple[Change, ...]
    examples: tuple[Example, ...]
    sample: int | None

    @property
    def mark(self) -> str:
        """What stands before a figure: "≈" where it comes from a sample."""
        return "" if self.sample is None else "≈ "

    @property
    def share(self) -> float:
        """The part of the audience that is decided differently, 0 to 1."""
        return self.changed / self.audience if self.audience else 0.0


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two documents where they differ: rows of `said` and `left_open`, in which `words` stand by their numbers."""

    conditions: list[Condition]
    words: list[str]
    said: list[tuple[bool, int, int, int]]
    left_open: list[tuple[int, int | None, int | None]]

    def columns(self) -> list[list[Any]]:
        """Return the rows as the statement takes them, column by column."""
        said = [[row[place] for row in self.said] for place in range(4)]
        return said + [[row[place] for row in self.left_open] for place in range(3)]

    def spelled(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row of the answer with its words."""
        names = {name: row[name] for name in ("part", "before", "after")}
        return row | {name: None if word is None else self.words[word] for name, word in names.items()}


def simulate(
    before: Document, after: Document, *, segment: Segment | None = None, now: datetime
) -> Simulation:
    """Decide everybody of the audience by both documents and compare; at most four queries.

    The audience is whom marketing mail may be personalised for: known, consenting and not objecting to profiling; with
    a segment, its stored members among them. Above LARGEST_AUDIENCE a sample is decided. Raises TooSlow.
    """
    audience = _audience(segment)
    compared = _compared(before, after)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            plan_for_everybody()
            size = audience.count()
            if not compared.left_open or not size:
                return Simulation(size, 0, (), (), None)
            ids = _few(audience, size)
            sql, parameters = _statement(audience, ids, compared, now)
            cursor.execute(sql, [*parameters, *compared.columns()])
            decided, changed, *found = cursor.fetchone()
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise TooSlow(
            f"Deciding takes longer than {PATIENCE_MS // 1000} seconds. Choose a smaller segment."
        ) from error
    kinds, examples = ([compared.spelled(row) for row in json.loads(rows)] for rows in found)
    scale = size / decided if size > LARGEST_AUDIENCE and decided else 1.0
    return Simulation(
        audience=size,
        changed=round(changed * scale),
        kinds=tuple(_change(row, scale) for row in kinds),
        examples=_examples(examples),
        sample=decided if size > LARGEST_AUDIENCE else None,
    )


def _audience(segment: Segment | None) -> QuerySet[Customer]:
    people = Customer.objects.known().consenting().filter(allows_profiling=True)
    if segment is not None:
        people = people.filter(memberships__segment=segment)
    return people.order_by()


def _few(audience: QuerySet[Customer], size: int) -> list[int] | None:
    """The ids of a small audience or of a sample, so that conditions look at nobody else; None for many."""
    if size <= SAMPLE_SIZE:
        return list(audience.values_list("pk", flat=True))
    if size <= LARGEST_AUDIENCE:
        return None
    share = round(SAMPLE_SIZE / size * 1_000_000)
    return list(audience.annotate(lot=_LOT).filter(lot__lt=share).values_list("pk", flat=True))


def _statement(
    audience: QuerySet[Customer], ids: list[int] | None, compared: _Compared, now: datetime
) -> tuple[str, list[Any]]:
    held, of_held = held_sql(compared.conditions, now=now, among=ids)
    query, parameters = audience.values("pk").query.sql_with_params()
    people = _STORED.format(people=query) if ids is None else _GIVEN
    of_people = parameters if ids is None else (ids,)
    sql = _STATEMENT.format(
        audience=people,
        held=held or _NOBODY,
        values=len(compared.words),
        most_kinds=MOST_KINDS,
        examples=EXAMPLES,
    )
    return sql, [*of_people, *of_held]


def _compared(before: Document, after: Document) -> _Compared:
    """Number what both documents say of the parts that they do not decide alike."""
    sides = [_said_by(before), _said_by(after)]
    last = values_of(before.otherwise), values_of(after.otherwise)
    parts = sorted({*sides[0], *sides[1], *last[0], *last[1]})
    differing = [
        part
        for part in parts
        if sides[0].get(part) != sides[1].get(part) or last[0].get(part) != last[1].get(part)
    ]
    rules = [
        (is_after, part, place, when, value)
        for is_after, side in enumerate(sides)
        for part in differing
        for place, (when, value) in enumerate(side.get(part, []))
    ]
    words = sorted(
        {*differing, *(value for *_, value in rules), *(one[part] for one in last for part in one)}
    )
    number = {word: position for position, word in enumerate(words)}
    conditions = {
        when: position for position, when in enumerate(dict.fromkeys(when for *_, when, _ in rules))
    }
    said = [
        (bool(is_after), number[part], conditions[when], place * len(words) + number[value])
        for is_after, part, place, when, value in rules
    ]
    first, second = last
    left_open = [
        (number[part], number.get(first.get(part, "")), number.get(second.get(part, "")))
        for part in differing
    ]
    return _Compared(list(conditions), words, said, left_open)


def _said_by(document: Document) -> dict[str, list[tuple[Condition, str]]]:
    said: dict[str, list[tuple[Condition, str]]] = {}
    for rule in document.rules:
        for part, value in values_of(rule.then).items():
            said.setdefault(part, []).append((rule.when, value))
    return said


def _change(row: dict[str, Any], scale: float = 1.0) -> Change:
    spelled = row["before"], row["after"]
    before, after = ("" if each is None else value_in_words(row["part"], each) for each in spelled)
    if before == after:
        before, after = (each or "" for each in spelled)
    return Change(row["part"], before, after, round(row.get("customers", 1) * scale))


def _examples(rows: list[dict[str, Any]]) -> tuple[Example, ...]:
    people = Customer.objects.in_bulk({row["id"] for row in rows})
    return tuple(
        Example(person, tuple(_change(row) for row in rows if row["id"] == pk))
        for pk, person in people.items()
    )
