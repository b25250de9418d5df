"""What was refused of a tracker or a hook, kept so that people can see, mend and retry it.

A write key may stand in a public page, so there is an end to it: so many rows a source and day, so many in all, none
longer than a form takes. What is beyond is counted only. What was said of an erased person is never kept: items are
refused for the first thing that is wrong, so whom they name is read from their text, as far as that can be.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from customers.addresses import canonical
from customers.identity import ANONYMOUS, Person
from customers.models import QuarantinedRow
from customers.policies import Subject
from customers.tombstones import erased
from customers.tracking.protocol import id_text

KEPT_A_DAY = 500
KEPT_IN_ALL = 2_000
LONGEST = 10_000
TRACKING = "tracking "
"""How the books of what write keys send are named: this, and their source."""
ITEM = "item"
NEVER_KEPT = frozenset(("customer_erased", "too_large"))
_NUL = "\N{SYMBOL FOR NULL}"
_SECRET = re.compile(r'"writeKey"\s*:\s*"[^"]*"\s*,?')
_NAMED = re.compile(
    r'"(userId|anonymousId|previousId|email)"\s*:\s*("(?:[^"\\]|\\.)*+"|-?[0-9][0-9.eE+-]*)', re.IGNORECASE
)
_CLAIM = """
WITH room AS (
  SELECT id, least(%(count)s, %(most)s - quarantined) AS count FROM customers_syncrun
  WHERE source = %(source)s AND started_at = %(day)s AND quarantined < %(most)s FOR UPDATE
)
UPDATE customers_syncrun r SET quarantined = quarantined + room.count FROM room WHERE r.id = room.id
RETURNING r.id, room.count
"""


class Refused(NamedTuple):
    """One refused item or record: its place in the request, the reason, pairs of column and cell, and whom it names.

    Whom items of trackers name is read from their text.
    """

    position: int
    reason: str
    raw: list[list[str]]
    people: frozenset[Person] = frozenset()


def item_cells(raw: bytes, *, type: str, sent_at: datetime | None) -> list[list[str]]:
    """Return an item as the one cell of a row, as it would stand in a batch, without the key that it came with."""
    try:
        said = msgspec.json.decode(raw)
        if not isinstance(said, dict):
            raise ValueError
        said.pop("writeKey", None)
        told = {"type": type} if type else {}
        sent = {"sentAt": sent_at} if sent_at else {}
        text = msgspec.json.encode({**sent, **said, **told}).decode()
    except (ValueError, RecursionError):
        text = _SECRET.sub("", raw.decode("utf-8", "replace"))
    return [[ITEM, text]]


def people_in(item: str, *, source: str) -> set[Person]:
    """Return whom an item of a source seems to name, however wrong the rest of it is."""
    found = set[Person]()
    for key, said in _NAMED.findall(item):
        try:
            value = id_text(json.loads(said))
            name = key.casefold()
            if name == "email":
                found.add(Person(email=canonical(value)))
            elif value:
                found.update(Person(namespace, value) for namespace in _namespaces(name, source))
        except ValueError:
            continue
    return found


def _namespaces(key: str, source: str) -> tuple[str, ...]:
    """Where an id under this key belongs; an earlier one may be the source's own or a device's."""
    return {"userid": (source,), "anonymousid": (ANONYMOUS,)}.get(key, (source, ANONYMOUS))


def about(subject: Subject) -> Iterator[int]:
    """The ids of kept items that name a person; reads them all, a portion at a time."""
    theirs = {Person(*name) for name in subject.identities} | {Person(email=one) for one in subject.emails}
    kept = QuarantinedRow.objects.filter(source__startswith=TRACKING, raw__0__0=ITEM)
    for id, source, raw in kept.values_list("pk", "source", "raw").iterator(chunk_size=500):
        if people_in(raw[0][1], source=source.removeprefix(TRACKING)) & theirs:
            yield id


def _without_the_erased(refused: list[Refused], source: str) -> list[Refused]:
    named = [
        one.people.union(*(people_in(cell, source=source) for name, cell in one.raw if name == ITEM))
        for one in refused
    ]
    gone = erased({person for people in named for person in people})
    return [one for one, people in zip(refused, named, strict=True) if people.isdisjoint(gone)]


def keep(refused: Iterable[Refused], *, source: str, at: datetime) -> None:
    """Put refused rows into quarantine, as long as there is room; the books of that day must be open."""
    rows: dict[bytes, QuarantinedRow] = {}
    for position, reason, raw, _ in _without_the_erased(list(refused), source.removeprefix(TRACKING)):
        cells = [[_storable(name), _storable(cell)] for name, cell in raw]
        if reason in NEVER_KEPT or sum(len(cell) for _, cell in cells) > LONGEST:
            continue
        key = hashlib.blake2b(json.dumps([source, cells]).encode(), digest_size=16).digest()
        rows[key] = QuarantinedRow(
            source=source, number=position + 1, reason=reason[:200], raw=cells, fingerprint=key
        )
    if rows:
        _store(rows, source=source, at=at)


def _store(rows: Mapping[bytes, QuarantinedRow], *, source: str, at: datetime) -> None:
    waiting = QuarantinedRow.objects.filter(source=source, state=QuarantinedRow.State.WAITING)
    known = set(waiting.filter(fingerprint__in=rows).values_list("fingerprint", flat=True))
    new = [rows[key] for key in sorted(rows) if key not in {bytes(one) for one in known}]
    room = KEPT_IN_ALL - waiting[:KEPT_IN_ALL].count()
    new = new[: max(room, 0)]
    if not new:
        return
    values: dict[str, Any] = {
        "count": len(new),
        "most": KEPT_A_DAY,
        "source": source,
        "day": at.replace(hour=0, minute=0, second=0, microsecond=0),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        run_id, count = cursor.fetchone() or (None, 0)
    for row in new:
        row.run_id = run_id
    QuarantinedRow.objects.bulk_create(new[:count], ignore_conflicts=True)


def _storable(text: str) -> str:
    """As jsonb takes it: no NUL, and no half of a character."""
    return text.replace("\0", _NUL).encode("utf-8", "replace").decode()
