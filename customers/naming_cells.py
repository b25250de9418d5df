"""Which cells of a row name a person, by the mapping that says what the columns of its source mean.

Ids may be short or plain numbers, found anywhere in dates and sums. Where a mapping says which column holds them, a
whole cell of that column is compared instead.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from customers import precedence
from customers.importing.mapping import shared_orders
from customers.models import DataSource
from customers.policies import Subject
from customers.tracking import refused

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
Cells = set[tuple[str, str]]
_IN_QUARANTINE = """
SELECT q.id FROM customers_quarantinedrow q WHERE q.source = %s AND EXISTS (
  SELECT FROM jsonb_array_elements(q.raw) cell
  JOIN unnest(%s::text[], %s::text[]) AS n(name, said) ON cell->>0 = n.name AND btrim(cell->>1) = n.said)
"""


def naming_cells(mapping: Mapping[str, Any], subject: Subject) -> Cells:
    """Return (column, cell) of ids, orders and refunds by which rows of this mapping name the person.

    Mappings of events and of lists of people are understood. A template of several columns, or one that is looked up
    in a table, tells of no single cell.
    """
    if "kinds" in mapping:
        return set(_of_events(mapping, subject))
    column = mapping.get("columns", {}).get("id")
    return {(column, id) for id in _ids(subject, mapping.get("source", ""))} if column else set()


def quarantined_about(subject: Subject) -> set[int]:
    """Return the ids of quarantined rows that name the person in a cell, or as items of trackers do; one query a source
    with such cells, and one."""
    found = set(refused.about(subject))
    for source, mapping in DataSource.objects.exclude(mapping={}).values_list("name", "mapping"):
        if cells := sorted(naming_cells(mapping, subject)):
            with connection.cursor() as cursor:
                cursor.execute(_IN_QUARANTINE, [source, *map(list, zip(*cells, strict=True))])
                found.update(id for (id,) in cursor.fetchall())
    return found


def _of_events(mapping: Mapping[str, Any], subject: Subject) -> Iterator[tuple[str, str]]:
    source, customer = mapping.get("source", ""), mapping.get("customer", {})
    yield from _inverted(customer.get("id"), _ids(subject, customer.get("namespace") or source))
    shared = precedence.shared_orders(source, declared=shared_orders(mapping))
    namespace = shared.namespace if shared else source
    bought = {number for known_to, number in subject.orders if known_to == namespace}
    for kind in mapping["kinds"]:
        said = {**mapping.get("fields", {}), **kind}
        yield from _inverted(said.get("order"), bought)
        yield from _inverted(said.get("refund"), bought)


def _ids(subject: Subject, namespace: str) -> set[str]:
    return {value for known_to, value in subject.identities if known_to == namespace}


def _inverted(spec: Any, values: set[str]) -> Iterator[tuple[str, str]]:
    """The cells from which a template such as `c{CustomerID}` makes these values."""
    if isinstance(spec, Mapping):
        spec = None if "table" in spec else spec.get("value")
    parts = _PLACEHOLDER.split(str(spec)) if spec else []
    if len(parts) != 3:
        return
    before, column, after = parts
    for value in values:
        if value.startswith(before) and value.endswith(after) and len(value) > len(before) + len(after):
            yield column, value[len(before) : len(value) - len(after)]
