"""A shop's own file as a log of purchases, read by the mapping that would import it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from customers.events_in import EventIn
from customers.importing.mapping import RowMapping
from customers.importing.reading import CsvFile, UnreadableFile
from customers.importing.schema import SHIPPED, MappingError, load_mapping
from customers.models import EventType
from recommendations.engines.base import Features, FeatureTable, Interactions
from recommendations.evaluation.reading import Log, UnreadableError, shuffled
from recommendations.features import customer_features, product_features


def read_mapped(path: Path, mapping_name: str) -> tuple[Log, Features]:
    """Purchases of products in the rows of `path`, with the features that the mapping tells of both sides.

    `mapping_name` is a YAML file or the name of one that is shipped. One customer, product and moment is one
    purchase, however many lines it has. Rows that are no purchase (cancellations, postage) are counted as left out.
    Raises UnreadableError.
    """
    shipped = SHIPPED / f"{mapping_name}.yaml"
    try:
        mapping = load_mapping(shipped if shipped.is_file() else Path(mapping_name))
        file = CsvFile(str(path), form=mapping.get("format", {}))
        rows = RowMapping(mapping, file.header)
    except (MappingError, UnreadableFile, OSError) as error:
        raise UnreadableError(str(error)) from error
    users, items = _Numbered(), _Numbered()
    bought: set[tuple[int, int, int]] = set()
    left_out = Counter[str]()
    for row in file.rows():
        event = rows.event(row) if isinstance(row, list) else row
        if not (isinstance(event, EventIn) and _is_purchase(event)) or event.product is None:
            left_out[event if isinstance(event, str) else "no purchase of a product"] += 1
            continue
        product = event.product
        country = str(event.profile.get("country", ""))
        user = users.number(
            event.customer or event.email, customer_features(country=country, gender="", device="")
        )
        kind = product_features(
            category="", brand="", price_minor=product.price_minor or 0, name=product.name
        )
        bought.add((user, items.number(product.external_id, kind), int(event.occurred_at.timestamp())))
    if not bought:
        raise UnreadableError(
            f"{path.name} tells of no purchase; {sum(left_out.values())} rows were left out."
        )
    who, what, at = np.array(sorted(bought), dtype=np.int64).T
    ones = np.ones(len(at), dtype=np.float32)
    plain = Interactions(who, what, ones, at, int(at.max()) + 1, ones > 0)
    interactions, names = shuffled(plain, items.names)
    people = {
        number: users.features[name] for number, name in enumerate(users.names) if name in users.features
    }
    kinds = {number: items.features[name] for number, name in enumerate(names) if name in items.features}
    features = Features(FeatureTable.from_names(people), FeatureTable.from_names(kinds))
    return Log(interactions, users.names, names, True, left_out), features


def _is_purchase(event: EventIn) -> bool:
    return event.type == EventType.ORDER_LINE and event.product is not None and (event.quantity or 0) > 0


class _Numbered:
    """Names numbered in the order of their first appearance, with the features they had first."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.features: dict[str, list[str]] = {}

    @property
    def names(self) -> list[str]:
        """The names by number."""
        return list(self._numbers)

    def number(self, name: str, features: Iterable[str]) -> int:
        """The number of a name; `features` are looked at when it comes up for the first time."""
        if name not in self._numbers:
            self._numbers[name] = len(self._numbers)
            if known := [*features]:
                self.features[name] = known
        return self._numbers[name]
