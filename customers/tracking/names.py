"""Event names and the types they are stored as. A name nobody has heard of gets a number of its own."""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction

from common.clock import now
from customers.models import EventName, EventType
from customers.models.tracking import FIRST_CUSTOM_TYPE, name_key

MOST_CUSTOM_NAMES = 2000
LONGEST_NAME = 100
_KEPT_FOR = timedelta(seconds=10)
_MOST_SPELLINGS = 10_000
_LOCK = 7216_0006


class _Known:
    """What the table said a few seconds ago: types by key and by spelling, names by number."""

    def __init__(self) -> None:
        rows = list(EventName.objects.all())
        self.types = {row.key: row.stored_type for row in rows}
        self.labels = {row.number: row.name for row in rows if row.number is not None}
        self.spellings: dict[str, int] = {}
        self.until: datetime = now() + _KEPT_FOR


_guard = threading.Lock()
_known: _Known | None = None


def forget() -> None:
    """Have the table read anew: its rows were changed by this process."""
    global _known
    _known = None


def types_of(names: Iterable[str]) -> dict[str, int]:
    """Return the type of event that each of these names is stored as; names not seen before are registered.

    Beyond 2,000 names of their own, and for names longer than 100 characters, that is `EventType.CUSTOM`.
    No query while the table is fresh in memory; others learn of a change within ten seconds.
    """
    wanted = set(names)
    known = _current()
    found = {name: known.spellings[name] for name in wanted if name in known.spellings}
    if len(found) < len(wanted):
        lacking = {name: name_key(name) for name in wanted if name not in found}
        new = {key: name for name, key in lacking.items() if key not in known.types}
        if new:
            known.types |= _register(new)
            known.until = now()
        for name, key in lacking.items():
            found[name] = known.types[key]
        if len(known.spellings) < _MOST_SPELLINGS:
            known.spellings |= {name: found[name] for name in lacking}
    return found


def event_label(type: int) -> str:
    """Return what an event of this type is called on pages: in our words, or by the name it was sent under."""
    if type < FIRST_CUSTOM_TYPE:
        return str(EventType(type).label)
    return _current().labels.get(type, str(EventType.CUSTOM.label))


def _current() -> _Known:
    global _known
    known = _known
    if known is None or known.until <= now():
        with _guard:
            known = _known = _Known()
    return known


def _register(new: dict[str, str]) -> dict[str, int]:
    """Give numbers to names by key, one process at a time; return the types of all of them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        types = {row.key: row.stored_type for row in EventName.objects.filter(key__in=new)}
        highest = (
            EventName.objects.exclude(number=None)
            .order_by("-number")
            .values_list("number", flat=True)
            .first()
        )
        following = FIRST_CUSTOM_TYPE if highest is None else highest + 1
        rows = []
        for key, name in sorted(new.items()):
            if key in types:
                continue
            if following >= FIRST_CUSTOM_TYPE + MOST_CUSTOM_NAMES or len(name) > LONGEST_NAME:
                types[key] = int(EventType.CUSTOM)
                continue
            rows.append(EventName(name=name, key=key, number=following))
            types[key] = following
            following += 1
        EventName.objects.bulk_create(rows)
    return types
