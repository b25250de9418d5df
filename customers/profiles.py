"""What sources say about a person: names, country, attributes. Of each field the newest word is believed."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.db import connection, transaction

from common.clock import now
from customers.aliases import survivors
from customers.news import EVERYTHING, PROFILE
from customers.texts import is_encodable

COLUMNS = {
    "first_name": 150,
    "last_name": 150,
    "gender": 20,
    "country": 2,
    "region": 100,
    "city": 100,
    "timezone": 63,
    "locale": 20,
    "device": 20,
}
DATES = {"birth_date": "date", "signed_up_at": "timestamptz"}
_ATTRIBUTE = "attributes."
LONGEST_ATTRIBUTE_NAME = 100
_ATTRIBUTES_SIZE = 64 * 1024
_LARGEST_OFFSET = timedelta(hours=16)  # PostgreSQL's
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII)
_TYPES = {**dict.fromkeys(COLUMNS, "text"), **DATES, "attributes": "jsonb"}


def profile_problem(profile: Mapping[str, Any]) -> str | None:
    """Return why a profile cannot be stored, or None."""
    for name, value in profile.items():
        if name not in _TYPES:
            return f"unknown_profile_field_{name}"
        if not (_is_column(name, value) if name in COLUMNS else value in (None, "") or _CHECKS[name](value)):
            return f"bad_{name}"
    return None


def is_time_zone(name: str) -> bool:
    """Whether this is the name of a time zone, such as Europe/Zurich."""
    return name in _time_zones()


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_column(name: str, value: Any) -> bool:
    if not isinstance(value, str) or len(value) > COLUMNS[name] or not _is_storable(value):
        return False
    if name == "country" and value:
        return len(value) == 2 and value.isascii() and value.isupper()
    return name != "timezone" or not value or is_time_zone(value)


def _is_moment(value: Any) -> bool:
    """Whether Python and PostgreSQL read the same day, and perhaps time, in it."""
    if isinstance(value, date):
        return True
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return False
    try:
        offset = datetime.fromisoformat(value).utcoffset()
    except ValueError:
        return False
    return offset is None or abs(offset) < _LARGEST_OFFSET


def _are_attributes(value: Any) -> bool:
    if not isinstance(value, Mapping) or not _is_storable(value):
        return False
    if any(len(key) > LONGEST_ATTRIBUTE_NAME for key in value):
        return False
    try:
        return len(json.dumps(value, allow_nan=False, default=str)) <= _ATTRIBUTES_SIZE
    except ValueError:
        return False


def _is_storable(value: Any) -> bool:
    """Whether no text in it has what PostgreSQL has no place for."""
    if isinstance(value, str):
        return "\0" not in value and is_encodable(value)
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_storable([key, inner]) for key, inner in value.items())
    return all(map(_is_storable, value)) if isinstance(value, list | tuple) else True


_CHECKS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(DATES, _is_moment),
    "attributes": _are_attributes,
}
Traits = dict[str, tuple[float, Any]]


def add_traits(traits: Traits, profile: Mapping[str, Any], *, at: datetime) -> None:
    """Put what a profile says into `traits`, where nothing newer stands; empty values say nothing.

    Keys are column names and `attributes.<key>`, values are (seconds since 1970, value).
    """
    seconds = at.timestamp()
    for name, value in profile.items():
        if name == "attributes":
            for key, inner in (value or {}).items():
                _add(traits, f"{_ATTRIBUTE}{key}", seconds, inner)
        elif value not in (None, ""):
            _add(traits, name, seconds, value)


def merge_traits(traits: Traits, others: Traits) -> None:
    """Put into `traits` what newer words stand in `others`."""
    for name, (seconds, value) in others.items():
        _add(traits, name, seconds, value)


def update_profiles(profiles: Mapping[int, Mapping[str, Any]], *, at: datetime | None = None) -> int:
    """Store profiles by customer id as told at `at` (now, when None); see `store_traits`."""
    told: dict[int, Traits] = {}
    for id, profile in profiles.items():
        add_traits(told.setdefault(id, {}), profile, at=at or now())
    return store_traits(told)


def store_traits(told: Mapping[int, Traits]) -> int:
    """Store what was told by customer id, tell the listeners, return how many profiles changed. Two queries.

    A field that was told at a later time before stays, so that late news never overwrite newer ones. What is
    not named stays; attributes are judged key by key. What is told of a profile that was merged into another,
    perhaps while this waited for its row, is told of that one.
    """
    with transaction.atomic():
        written = _write_traits(told)
        while moved := survivors(told.keys() - written.keys()):
            again: dict[int, Traits] = {}
            for alias, survivor in sorted(moved.items()):
                merge_traits(again.setdefault(survivor, {}), told[alias])
            told = again
            written |= _write_traits(told)
        changed = [id for id, is_news in written.items() if is_news]
        touch(changed, changed=PROFILE)
    return len(changed)


def _write_traits(told: Mapping[int, Traits]) -> dict[int, bool]:
    """Write what differs to profiles that nobody has merged or erased; whether that is news, by customer id."""
    rows = [_row(id, told[id]) for id in sorted(told) if told[id]]
    if not rows:
        return {}
    columns = sorted({name for row in rows for name in row} - {"id", "times"})
    values = ", ".join(_new_value(name) for name in columns)
    current = ", ".join(f"c.{name}" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH p AS (SELECT * FROM jsonb_to_recordset(%s::jsonb) AS p(id bigint, times jsonb,"  # noqa: S608 - names come from COLUMNS
            f" {', '.join(f'{name} {_TYPES[name]}' for name in columns)})),"
            f" changed AS MATERIALIZED (SELECT c.id, ({current}) IS DISTINCT FROM ({values}) AS is_news"
            f" FROM customers_customer c JOIN p ON p.id = c.id"
            f" WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL"
            f" AND ({current}, c.traits_at) IS DISTINCT FROM ({values}, {_NEW_TIMES})"
            " ORDER BY c.id FOR NO KEY UPDATE OF c)"
            f" UPDATE customers_customer c SET ({', '.join(columns)}, traits_at, updated_at) ="
            f" ROW({values}, {_NEW_TIMES}, CASE WHEN is_news THEN statement_timestamp() ELSE c.updated_at END)"
            " FROM p, changed WHERE c.id = changed.id AND p.id = c.id RETURNING c.id, is_news",
            [json.dumps(rows, default=str)],
        )
        return dict(cursor.fetchall())


def touch(customer_ids: Iterable[int], *, changed: int = EVERYTHING) -> None:
    """Tell every listener that these customers changed, and what of them (bits of `customers.news`).

    A row that is already there is locked, not left alone: that makes a listener who is about to claim it wait for
    our commit, so no news is lost. It is written only where it did not say so yet, and keeps `touched_at`, which says
    since when the news has waited.
    """
    ids = sorted(set(customer_ids))
    if not ids or not settings.TOUCHED_CONSUMERS:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            touch_sql("SELECT unnest(%(ids)s::bigint[]), %(changed)s::bigint"),
            {"consumers": sorted(settings.TOUCHED_CONSUMERS), "ids": ids, "changed": changed},
        )


def touch_sql(customers: str) -> str:
    """Return the statement that does it for a query's rows (id, what changed), and the parameter `consumers`."""
    return (
        "INSERT INTO customers_touched AS t (consumer, customer_id, changed)"  # noqa: S608 - constants only
        f" SELECT consumer, id, changed FROM unnest(%(consumers)s::text[]) consumer,"
        f" ({customers}) AS c(id, changed) ORDER BY 1, 2"
        " ON CONFLICT (consumer, customer_id) DO UPDATE SET changed = t.changed | EXCLUDED.changed"
        " WHERE t.changed | EXCLUDED.changed <> t.changed"
    )


def _add(traits: Traits, name: str, seconds: float, value: Any) -> None:
    known = traits.get(name)
    if known is None or seconds >= known[0]:
        traits[name] = (seconds, value)


def _row(id: int, traits: Traits) -> dict[str, Any]:
    row: dict[str, Any] = {"id": id, "times": {name: seconds for name, (seconds, _) in traits.items()}}
    for name, (_, value) in traits.items():
        if name.startswith(_ATTRIBUTE):
            row.setdefault("attributes", {})[name.removeprefix(_ATTRIBUTE)] = value
        else:
            row[name] = value
    return row


def _is_newest(key: str) -> str:
    return f"((c.traits_at->>{key})::numeric > (p.times->>{key})::numeric) IS NOT TRUE"


_NEWER = "SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each({given}) n WHERE {is_newest}"
_NEWER_ATTRIBUTES = _NEWER.format(given="p.attributes", is_newest=_is_newest(f"('{_ATTRIBUTE}' || n.key)"))
_NEWER_TIMES = _NEWER.format(given="p.times", is_newest=_is_newest("n.key"))
_NEW_TIMES = f"(c.traits_at || coalesce(({_NEWER_TIMES}), '{{}}'))"


def _new_value(name: str) -> str:
    if name == "attributes":
        return f"c.attributes || coalesce(({_NEWER_ATTRIBUTES}), '{{}}')"
    is_told = f"p.{name} IS NOT NULL AND " + _is_newest(f"'{name}'")
    return f"CASE WHEN {is_told} THEN p.{name} ELSE c.{name} END"
