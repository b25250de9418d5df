"""Which stored types of event stand behind the names of custom events."""

from collections.abc import Iterable

from customers.models import EventName
from customers.models.tracking import name_key


def stored_types(names: Iterable[str]) -> dict[str, frozenset[int]]:
    """Return by name the types under which its events are stored: its own, and what it counts as since.

    Names that nobody has sent are left out. One query, none for no names.
    """
    keys = {name: name_key(name) for name in names}
    if not keys:
        return {}
    rows = EventName.objects.filter(key__in=set(keys.values())).values_list("key", "number", "type")
    found = {
        key: frozenset(stored for stored in (number, type) if stored is not None)
        for key, number, type in rows
    }
    return {name: found[key] for name, key in keys.items() if key in found}


def own_names() -> list[str]:
    """Return the names of the shop's own events, as they were first sent, in the order of the alphabet."""
    return list(EventName.objects.exclude(number=None).values_list("name", flat=True))
