"""Event names and the types they are stored as. A name nobody has heard of gets a number of its own."""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Max, Q

from common.clock import now
from customers.models import EventName, EventType
from customers.models.tracking import FIRST_CUSTOM_TYPE, name_key

MOST_CUSTOM_NAMES = 2000
NEW_NAMES_A_DAY = 100
NEW_NAMES_A_SOURCE = 500
_HIGHEST_NUMBER = 2**15 - 1
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
        self.exhausted: set[str] = set()
        self.until: datetime = now() + _KEPT_FOR


_guard = threading.Lock()
_known: _Known | None = None


def forget() -> None:
    """Have the table read anew: its rows were changed by this process."""
    global _known
    _known = None


def types_of(names: Iterable[str], *, source: str) -> dict[str, int]:
    """Return the type of event that each of these names is stored as; names not seen before are registered.

    A source may bring 100 new names a day and 500 in all, so that whoever has its public key cannot use up all 2,000.
    Beyond these numbers, and for names longer than 100 characters, that is `EventType.CUSTOM`. No
    query while the table is fresh in memory; others learn of a change within ten seconds.
    """
    wanted = set(names)
    known = _current()
    found = {name: known.spellings[name] for name in wanted if name in known.spellings}
    if len(found) < len(wanted):
        lacking = {name: name_key(name) for name in wanted if name not in found}
        new = {
            key: name for name, key in lacking.items() if key not in known.types and len(name) <= LONGEST_NAME
        }
        if new and source not in known.exhausted:
            registered = _register(new, source)
            known.types |= registered
            if len(registered) == len(new):
                known.until = now()
            else:
                known.exhausted.add(source)
        for name, key in lacking.items():
            found[name] = known.types.get(key, int(EventType.CUSTOM))
        if len(known.spellings) < _MOST_SPELLINGS:
            known.spellings |= {name: found[name] for name, key in lacking.items() if key in known.types}
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


def _register(new: dict[str, str], source: str) -> dict[str, int]:
    """Give numbers to names by key while there is room, one process at a time; return the types that they have."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        types = {row.key: row.stored_type for row in EventName.objects.filter(key__in=new)}
        numbered = EventName.objects.exclude(number=None)
        today = now().replace(hour=0, minute=0, second=0, microsecond=0)
        used = numbered.aggregate(
            all=Count("pk"),
            today=Count("pk", filter=Q(source=source, created_at__gte=today)),
            of_source=Count("pk", filter=Q(source=source)),
            highest=Max("number"),
        )
        room = min(
            NEW_NAMES_A_DAY - used["today"],
            NEW_NAMES_A_SOURCE - used["of_source"],
            MOST_CUSTOM_NAMES - used["all"],
        )
        following = FIRST_CUSTOM_TYPE if used["highest"] is None else used["highest"] + 1
        rows: list[EventName] = []
        for key, name in sorted(new.items()):
            if key not in types and len(rows) < room and following + len(rows) <= _HIGHEST_NUMBER:
                types[key] = following + len(rows)
                rows.append(EventName(name=name, key=key, number=types[key], source=source))
        EventName.objects.bulk_create(rows)
    return types
