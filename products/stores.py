"""Stores on their way in from a CSV file, and the news that stores have changed."""

import csv
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError

from products.models import Store
from products.places import centres, ensure_places

logger = logging.getLogger(__name__)
NEEDED = ("id", "name", "country")
COLUMNS = {
    "id": "external_id",
    **{
        name: name
        for name in ("name", "country", "region", "city", "street", "postal_code", "latitude", "longitude")
    },
    **{name: name for name in ("url", "opening_hours")},
    "open": "is_open",
}
_NAMES = {field: column for column, field in COLUMNS.items()} | {"source": "source"}
_ANSWERS = {"yes": True, "true": True, "1": True, "": True, "no": False, "false": False, "0": False}
_MOST_PROBLEMS = 20


class BadStores(ValueError):
    """A file of stores that cannot be used; each line of the message names a line of the file."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do."""

    new: int
    changed: int
    unchanged: int


def read_stores(lines: Iterable[str], *, source: str) -> list[Store]:
    """Return the stores of a CSV file, unsaved. Raises BadStores with everything that is wrong.

    Where coordinates are left out, they are the centre of the city.
    """
    rows = csv.DictReader(lines, strict=True)
    stores: dict[int, Store] = {}
    problems: list[str] = []
    try:
        _check_header(rows.fieldnames or ())
        for row in rows:
            try:
                stores[rows.line_num] = _store(row, source=source)
            except ValueError as error:
                problems.append(f"Line {rows.line_num}: {error}")
    except csv.Error as error:
        problems.append(f"Line {rows.line_num}: {error}.")
    _fill_coordinates(stores, problems)
    _check(stores, problems)
    if problems:
        rest = len(problems) - _MOST_PROBLEMS
        raise BadStores(
            "\n".join([*problems[:_MOST_PROBLEMS], *([f"… and {rest:,} more."] if rest > 0 else [])])
        )
    return list(stores.values())


def store_stores(stores: Sequence[Store], *, is_trial: bool = False) -> Imported:
    """Store what is new or differs, all or nothing, and tell those who ask for the nearest store.

    Stores that are not among them stay as they are.
    """
    fields = [field for field in COLUMNS.values() if field != "external_id"]
    with transaction.atomic():
        sources = {store.source for store in stores}
        known = {
            (one.source, one.external_id): one
            for one in Store.objects.select_for_update().filter(source__in=sources).order_by("pk")
        }
        new = [one for one in stores if (one.source, one.external_id) not in known]
        changed = [
            one
            for one in stores
            if (there := known.get((one.source, one.external_id)))
            and any(getattr(one, field) != getattr(there, field) for field in fields)
        ]
        if not is_trial:
            Store.objects.bulk_create(
                sorted([*new, *changed], key=lambda one: (one.source, one.external_id)),
                update_conflicts=True,
                unique_fields=["source", "external_id"],
                update_fields=[*fields, "updated_at"],
            )
            if new or changed:
                tell_listeners()
    return Imported(len(new), len(changed), len(stores) - len(new) - len(changed))


def tell_listeners() -> None:
    """Ring `settings.STORE_LISTENERS` once the transaction has committed; without a broker, their schedules do it."""
    transaction.on_commit(_ring)


def _ring() -> None:
    for name in settings.STORE_LISTENERS:
        try:
            import_string(name).delay()
        except KombuError as error:
            logger.warning("%s was not rung, the schedule will do it: %s", name, error)


def _check_header(found: Sequence[str]) -> None:
    known = ", ".join(COLUMNS)
    if missing := [name for name in NEEDED if name not in found]:
        raise BadStores(f"Line 1: there is no column {missing[0]}; known are {known}.")
    if unknown := [name for name in found if name not in COLUMNS]:
        raise BadStores(f"Line 1: the column “{unknown[0][:50]}” is not known; known are {known}.")


def _store(row: dict[str, Any], *, source: str) -> Store:
    """Raises ValueError with what is wrong."""
    if None in row or None in row.values():
        raise ValueError("it has more or fewer values than the first line has columns.")
    said = {COLUMNS[name]: value.strip() for name, value in row.items()}
    said["country"] = said["country"].upper()
    said["is_open"] = _answer(said.get("is_open", ""))
    for name in ("latitude", "longitude"):
        said[name] = _degrees(name, said.get(name, ""))
    if (said["latitude"] is None) is not (said["longitude"] is None):
        raise ValueError("latitude and longitude go together; one of them is missing.")
    return Store(source=source, **said)


def _answer(written: str) -> bool:
    if written.lower() not in _ANSWERS:
        raise ValueError(f"open is yes or no, not “{written[:20]}”.")
    return _ANSWERS[written.lower()]


def _degrees(name: str, written: str) -> float | None:
    try:
        degrees = float(written) if written else None
    except ValueError:
        degrees = nan
    if degrees is not None and not isfinite(degrees):
        raise ValueError(f"{name} is no number: “{written[:20]}”.")
    return degrees


def _fill_coordinates(stores: dict[int, Store], problems: list[str]) -> None:
    lacking = {line: store for line, store in stores.items() if store.latitude is None}
    if not lacking:
        return
    ensure_places()
    found = centres(sorted({(store.country, store.city) for store in lacking.values()}))
    for line, store in lacking.items():
        if (centre := found.get((store.country, store.city))) is None:
            problems.append(
                f"Line {line}: the city “{store.city[:50]}” is not known in {store.country[:2]};"
                " give latitude and longitude."
            )
            del stores[line]
        else:
            store.latitude, store.longitude = centre


def _check(stores: dict[int, Store], problems: list[str]) -> None:
    """Note what the model refuses, and ids that stand twice."""
    lines: dict[str, int] = {}
    for line, store in stores.items():
        first = lines.setdefault(store.external_id, line)
        if first != line:
            problems.append(f"Line {line}: the id {store.external_id[:50]} stands in line {first} already.")
        try:
            store.clean_fields()
        except ValidationError as error:
            words = "; ".join(
                f"{_NAMES[name]}: {' '.join(said)}" for name, said in error.message_dict.items()
            )
            problems.append(f"Line {line}: {words}")
