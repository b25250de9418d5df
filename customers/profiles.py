"""What sources say about a person: names, country, attributes. The last one to say something is believed."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import connection, transaction

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
_TYPES = {**dict.fromkeys(COLUMNS, "text"), **DATES, "attributes": "jsonb"}


def profile_problem(profile: Mapping[str, Any]) -> str | None:
    """Return why a profile cannot be stored, or None."""
    for name, value in profile.items():
        if name not in _TYPES:
            return f"unknown_profile_field_{name}"
        if name in COLUMNS and (not isinstance(value, str) or len(value) > COLUMNS[name] or "\0" in value):
            return f"bad_{name}"
        if name == "country" and value and not (len(value) == 2 and value.isascii() and value.isupper()):
            return "bad_country"
    return None


def update_profiles(profiles: Mapping[int, Mapping[str, Any]]) -> int:
    """Store profiles by customer id where they differ, tell the listeners, return how many changed.

    Fields that a profile does not name, or names as None or empty, stay; `attributes` are merged key by key.
    """
    if not profiles:
        return 0
    given = sorted({name for profile in profiles.values() for name in profile})
    rows = [
        {"id": id, **{name: value for name, value in profiles[id].items() if value not in (None, "")}}
        for id in sorted(profiles)
    ]
    new = {name: _new_value(name) for name in given}
    record = ", ".join(f"{name} {_TYPES[name]}" for name in given)
    values = ", ".join(new.values())
    columns = ", ".join(given)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"WITH p AS (SELECT * FROM jsonb_to_recordset(%s::jsonb) AS p(id bigint, {record})),"  # noqa: S608 - names come from COLUMNS
            f" changed AS MATERIALIZED (SELECT c.id FROM customers_customer c JOIN p ON p.id = c.id"
            f" WHERE ({', '.join(f'c.{name}' for name in given)}) IS DISTINCT FROM ({values})"
            " ORDER BY c.id FOR NO KEY UPDATE OF c)"
            f" UPDATE customers_customer c SET ({columns}, updated_at) = ROW({values}, statement_timestamp())"
            " FROM p, changed WHERE c.id = changed.id AND p.id = c.id RETURNING c.id",
            [json.dumps(rows, default=str)],
        )
        changed = [id for (id,) in cursor.fetchall()]
        touch(changed)
    return len(changed)


def touch(customer_ids: Iterable[int]) -> None:
    """Tell every listener that these customers changed.

    A row that is already there is locked, not left alone: that makes a listener who is about to claim it wait for
    our commit, so no news is lost. It is not written anew: `touched_at` says since when the news has waited.
    """
    ids = sorted(set(customer_ids))
    if not ids or not settings.TOUCHED_CONSUMERS:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            touch_sql("SELECT unnest(%(ids)s::bigint[])"),
            {"consumers": sorted(settings.TOUCHED_CONSUMERS), "ids": ids},
        )


def touch_sql(customers: str) -> str:
    """Return the statement that does it for the ids that a query gives, and the parameter `consumers`."""
    return (
        "INSERT INTO customers_touched (consumer, customer_id)"  # noqa: S608 - constants only
        f" SELECT consumer, id FROM unnest(%(consumers)s::text[]) consumer, ({customers}) AS c(id) ORDER BY 1, 2"
        " ON CONFLICT (consumer, customer_id) DO UPDATE SET touched_at = EXCLUDED.touched_at WHERE false"
    )


def _new_value(name: str) -> str:
    if name == "attributes":
        return "c.attributes || coalesce(p.attributes, '{}')"
    return f"coalesce(p.{name}, c.{name})"
