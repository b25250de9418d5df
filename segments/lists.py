"""The lists of static segments: filled from files, from another segment's members, or from an imported list.

A list stays as it is until somebody changes it. Who is on it and known (and in the parent, where there is one) is
a member.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.models import User
from common.spreadsheets import defused, restored
from customers.addresses import BadAddress, canonical
from customers.aliases import survivors
from customers.models import Customer, PeopleImport
from segments import membership
from segments.models import ListFill, Segment

MOST_LINES = 1_000_000
_LONGEST = 320
_BATCH = 5_000
_MOST_UNKNOWN = 100_000
_HEADINGS = (
    "email",
    "e-mail",
    "email address",
    "e-mail address",
    "id",
    "customer",
    "customer id",
    "customer_id",
)
_NOBODY = "nobody has this address or id"
_SEVERAL = "several customers have this id"
_VISITOR = "an anonymous visitor"

# An id is unique within its namespace only: each namespace is looked into by its index.
_NAMED = """
WITH RECURSIVE space AS (
    (SELECT namespace FROM customers_customeridentity ORDER BY namespace LIMIT 1)
    UNION ALL
    SELECT (SELECT i.namespace FROM customers_customeridentity i
        WHERE i.namespace > space.namespace ORDER BY 1 LIMIT 1)
    FROM space WHERE space.namespace IS NOT NULL
),
line AS (SELECT * FROM unnest(%s::int[], %s::text[], %s::text[], %s::uuid[]) AS l (number, raw, email, public_id))
SELECT number, c.id FROM line JOIN customers_customer c ON c.email = line.email
UNION SELECT number, c.id FROM line JOIN customers_customer c ON c.public_id = line.public_id
UNION SELECT number, i.customer_id FROM line CROSS JOIN space
    JOIN customers_customeridentity i ON i.namespace = space.namespace AND i.value IN (line.raw, line.email)
"""
_ADD = """
INSERT INTO segments_listedcustomer (segment_id, customer_id)
SELECT %s, id FROM ({source}) AS found (id) ORDER BY id ON CONFLICT (segment_id, customer_id) DO NOTHING
"""


class BadList(ValueError):
    """The file cannot be used as a list; the message says why."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the lines of a file say: how many there are, whom they name, and those that name nobody with the reason."""

    lines: int
    matched: frozenset[int]
    unknown: list[tuple[str, str]]


def read(text: Iterable[str]) -> Named:
    """Return the customers whom the lines of a CSV file name. Raises BadList.

    A line names one by e-mail address, by our id, or by the id in a source: in the column with such a heading, else
    in the first. Files are long: read them before anything is locked.
    """
    numbers, matched, unknown = 0, set[int](), list[tuple[str, str]]()
    for batch in _batches(_values(text)):
        numbers += len(batch)
        if numbers > MOST_LINES:
            raise BadList(f"A list has at most {MOST_LINES:,} lines; split the file.")
        found, refused = _resolved(batch)
        matched |= found
        unknown += refused
    if not numbers:
        raise BadList("There is no line in this file.")
    return Named(numbers, frozenset(matched), unknown)


def fill(
    segment: Segment, named: Named, *, name: str, user: User | None = None, replaces: bool = False
) -> ListFill:
    """Put these customers on the list, and judge the segment anew, all or nothing.

    Who was merged since goes on it as who they are now. With `replaces` nobody else stays on it. Raises BadList.
    """
    with _changed(segment):
        moved = survivors(named.matched)
        matched = sorted({moved.get(id, id) for id in named.matched})
        if replaces:
            segment.listed.exclude(customer__in=matched).delete()
        _add(segment, "SELECT id FROM customers_customer WHERE id = ANY(%s)", [matched])
        return segment.fills.create(
            name=name[:200].replace("\0", ""),
            lines=named.lines,
            matched=len(matched),
            unknown_count=len(named.unknown),
            unknown=_written(named.unknown[:_MOST_UNKNOWN]),
            filled_by=user,
        )


def freeze(segment: Segment, source: Segment, *, user: User | None = None) -> ListFill:
    """Put the present members of another segment on the list."""
    members = "SELECT customer_id FROM segments_segmentmembership WHERE segment_id = %s"
    return _fill_by_query(segment, members, [source.pk], name=f"Members of {source.name}", user=user)


def take_import(segment: Segment, job: PeopleImport, *, user: User | None = None) -> ListFill:
    """Put the customers on the list whom the source of an imported list named, or knows by an id of its own."""
    source = str(job.mapping.get("source", ""))
    known = (
        "SELECT customer_id FROM customers_customeridentity WHERE namespace = %s"
        " UNION SELECT id FROM customers_customer WHERE source = %s AND NOT is_anonymous"
    )
    return _fill_by_query(segment, known, [source, source], name=f"Imported list {job.name}", user=user)


def add_one(segment: Segment, customer: Customer) -> bool:
    """Put somebody on the list; say whether they were not on it."""
    with _changed(segment):
        return bool(_add(segment, "SELECT %s::bigint", [customer.pk]))


def remove_one(segment: Segment, customer: Customer) -> bool:
    """Take somebody off the list; say whether they were on it."""
    with _changed(segment):
        deleted, _ = segment.listed.filter(customer=customer).delete()
    return bool(deleted)


@contextmanager
def _changed(segment: Segment) -> Iterator[None]:
    """Change the list of a static segment in one transaction, and judge what is built on it at the end."""
    if not segment.is_static:
        raise BadList(f"“{segment.name}” is kept by its condition: it has no list.")
    if segment.archived_at is not None:
        raise BadList(f"“{segment.name}” is archived.")
    with transaction.atomic():
        membership.hold()
        yield
        membership.refresh_with_dependants(segment, cause="edit")


def _fill_by_query(
    segment: Segment, query: str, parameters: Sequence[Any], *, name: str, user: User | None
) -> ListFill:
    with _changed(segment):
        count = _add(segment, query, parameters)
        return segment.fills.create(
            name=name[:200], lines=count, matched=count, unknown_count=0, filled_by=user
        )


def _add(segment: Segment, query: str, parameters: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ADD.format(source=query), [segment.pk, *parameters])
        return cursor.rowcount


def _values(text: Iterable[str]) -> Iterator[str]:
    """Yield the cell of each line that names somebody; blank lines are left out."""
    lines = iter(text)
    try:
        first = next((line for line in lines if line.strip()), "")
        delimiter = max(",;\t", key=first.count)
        header = next(csv.reader([first], delimiter=delimiter), [])
        named = [place for place, cell in enumerate(header) if cell.strip().lower() in _HEADINGS]
        if not named and header:
            yield restored(header[0].strip())
        place = named[0] if named else 0
        for row in csv.reader(lines, delimiter=delimiter):
            if any(map(str.strip, row)):
                yield restored(row[place].strip()) if place < len(row) else ""
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadList(f"The file cannot be read as CSV in UTF-8: {error}") from error


def _batches(values: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(values, _BATCH)):
        yield batch


def _resolved(batch: list[str]) -> tuple[set[int], list[tuple[str, str]]]:
    """Return the customers that the lines name, and the lines that name none with the reason."""
    usable = [(n, raw) for n, raw in enumerate(batch) if raw and len(raw) <= _LONGEST and "\0" not in raw]
    lines = [(n, raw, _email(raw), _uuid(raw)) for n, raw in usable]
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, [list(column) for column in zip(*lines, strict=True)] or [[]] * 4)
        pairs = cursor.fetchall()
    moved = survivors(id for _, id in pairs)
    ids = {moved.get(id, id) for _, id in pairs}
    known = set(Customer.objects.known().filter(pk__in=ids).values_list("pk", flat=True))
    named: dict[int, set[int]] = defaultdict(set)
    for number, id in pairs:
        named[number].add(moved.get(id, id))
    matched, unknown = set(), []
    for number, raw in enumerate(batch):
        people = named[number]
        if len(people) == 1 and people <= known:
            matched |= people
        else:
            unknown.append(
                (raw[:_LONGEST], _NOBODY if not people else _SEVERAL if people & known else _VISITOR)
            )
    return matched, unknown


def _email(raw: str) -> str | None:
    try:
        return canonical(raw) if "@" in raw else None
    except BadAddress:
        return None


def _uuid(raw: str) -> UUID | None:
    try:
        return UUID(raw)
    except ValueError:
        return None


def _written(unknown: Iterable[tuple[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for raw, reason in unknown:
        writer.writerow([defused(raw.replace("\0", "")), reason])
    return text.getvalue()
