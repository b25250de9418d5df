"""A mapping made ready for one file: a row in, an event out."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from customers.addresses import BadAddress, canonical
from customers.identity import Person
from customers.importing import values
from customers.importing.schema import EVENTS
from customers.importing.values import BadRow, Columns, Condition, Row, Text
from customers.ingest import EventIn, SharedOrders
from customers.profiles import COLUMNS, DATES
from products.catalogue import ProductRef

OCCURRENCE = "occurrence"
_TEXTS = ("line", "order", "refund", "description", "session")


class Kind:
    """What one kind of rows becomes."""

    def __init__(self, spec: Mapping[str, Any], columns: Columns, tables: Mapping[str, Any]) -> None:
        self.applies: Condition | None = values.condition(spec["when"], columns) if "when" in spec else None
        self.reject: str | None = spec.get("reject")
        if self.reject is not None:
            return
        self.type = EVENTS[spec["event"]]
        self.id = values.text(spec["id"], columns, tables)
        self.texts = [(name, values.text(spec[name], columns, tables)) for name in _TEXTS if name in spec]
        self.quantity = values.whole(spec.get("quantity", ""), columns)
        self.value = values.amount(spec.get("value", ""), columns)
        self.unit_price = values.amount(spec.get("unit_price", ""), columns)
        self.product = _Product(spec["product"], columns, tables) if spec.get("product") else None
        self.properties = _texts(spec.get("properties", {}), columns, tables)

    def event(self, row: Row, *, currency: str, at: datetime, who: dict[str, Any]) -> EventIn:
        """Return the row as an event. Raises BadRow."""
        said: dict[str, Any] = {name: read(row) for name, read in self.texts} | who
        return EventIn(
            client_id=self.id(row),
            type=self.type,
            occurred_at=at,
            product=self.product.of(row, currency) if self.product else None,
            quantity=self.quantity(row),
            value_minor=self.value(row, currency),
            unit_price_minor=self.unit_price(row, currency),
            currency=currency,
            properties={name: read(row) for name, read in self.properties} if self.properties else None,
            **said,
        )


class _Product:
    def __init__(self, spec: Mapping[str, Any], columns: Columns, tables: Mapping[str, Any]) -> None:
        self.id, self.name, self.category = (
            values.text(spec.get(part, ""), columns, tables) for part in ("id", "name", "category")
        )
        self.price = values.amount(spec.get("price", ""), columns)
        self._named: dict[str, ProductRef] = {}

    def of(self, row: Row, currency: str) -> ProductRef | None:
        """The product, as the first row that names it describes it: the catalogue keeps no other."""
        id = self.id(row)
        if not id:
            return None
        known = self._named.get(id)
        if known is not None:
            return known
        product = ProductRef(id, self.name(row), self.category(row), self.price(row, currency))
        if product.name and len(self._named) < values.KEPT:
            self._named[id] = product
        return product


def shared_orders(mapping: Mapping[str, Any]) -> SharedOrders | None:
    """Return where the mapping's orders are told by other sources too; None where they are its own."""
    return SharedOrders(**mapping["orders"]) if "orders" in mapping else None


class RowMapping:
    """Turns the rows of one file into events, or into reasons why not."""

    def __init__(self, mapping: Mapping[str, Any], header: Sequence[str]) -> None:
        """Raises MappingError where the mapping names a column that the file has not."""
        self.source: str = mapping["source"]
        self.width = len(header)
        columns = Columns([*header, OCCURRENCE])
        tables = mapping.get("tables", {})
        self._at = values.moment(mapping["time"], columns)
        self._currency = values.text(mapping.get("currency", ""), columns, tables)
        self._customer = _customer_reader(mapping["customer"], columns, tables)
        self._kinds = [Kind(_merged(mapping, kind), columns, tables) for kind in mapping["kinds"]]
        self._counted = [columns.index(name) for name in mapping.get(OCCURRENCE, {}).get("of", [])]
        self._seen: dict[int, int] = {}
        self.occurrence = ""

    def event(self, row: list[str], *, occurrence: str = "") -> EventIn | str:
        """Return the event that a row tells, or the reason for refusing it.

        `{occurrence}` counts the rows of the file that are alike in the columns named, from 1, unless it is given:
        a row that was counted before keeps its number. About a hundred bytes are kept for each distinct combination.
        """
        self.occurrence = occurrence
        if len(row) != self.width:
            return "wrong_number_of_columns"
        row = list(map(str.strip, row))
        if self._counted and not occurrence:
            self.occurrence = self._occurrence(row)
        row.append(self.occurrence)
        try:
            kind = next((k for k in self._kinds if k.applies is None or k.applies(row)), None)
            if kind is None:
                return "no_kind_matches"
            if kind.reject is not None:
                return kind.reject
            return kind.event(row, currency=self._currency(row), at=self._at(row), who=self._customer(row))
        except BadRow as error:
            return str(error)

    def people(self, row: list[str]) -> frozenset[Person]:
        """Return whom a row names, however wrong the rest of it is."""
        try:
            who = self._customer([*map(str.strip, row), ""])
        except BadRow:
            return frozenset()
        found = {Person(who["namespace"] or self.source, who["customer"])} if who["customer"] else set()
        with suppress(BadAddress):
            found |= {Person(email=canonical(who["email"]))} if who["email"] else set()
        return frozenset(found)

    def _occurrence(self, row: Row) -> str:
        key = hash(tuple([row[index] for index in self._counted]))
        count = self._seen.get(key, 0) + 1
        self._seen[key] = count
        return str(count)


def _merged(mapping: Mapping[str, Any], kind: Mapping[str, Any]) -> dict[str, Any]:
    return {**mapping.get("fields", {}), **kind}


def _texts(specs: Mapping[str, Any], columns: Columns, tables: Mapping[str, Any]) -> list[tuple[str, Text]]:
    return [(name, values.text(spec, columns, tables)) for name, spec in specs.items()]


def _customer_reader(
    spec: Mapping[str, Any], columns: Columns, tables: Mapping[str, Any]
) -> Callable[[Row], dict[str, Any]]:
    id, email = (values.text(spec.get(part, ""), columns, tables) for part in ("id", "email"))
    namespace = spec.get("namespace", "")
    profile = _texts({name: spec[name] for name in (*COLUMNS, *DATES) if name in spec}, columns, tables)
    attributes = _texts(spec.get("attributes", {}), columns, tables)

    indexes = [columns.index(name) for name in sorted(values.columns_of(spec))]
    kept: dict[tuple[str, ...], dict[str, Any]] = {}

    def read_once(row: Row) -> dict[str, Any]:
        key = tuple([row[index] for index in indexes])
        if key not in kept:
            if len(kept) >= values.KEPT:
                kept.clear()
            kept[key] = read(row)
        return kept[key]

    def read(row: Row) -> dict[str, Any]:
        said: dict[str, Any] = {name: value for name, text in profile if (value := text(row))}
        known = {name: value for name, text in attributes if (value := text(row))}
        if known:
            said["attributes"] = known
        return {"namespace": namespace, "customer": id(row), "email": email(row), "profile": said}

    return read_once
