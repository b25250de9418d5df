"""Rows in, a batch ready to be stored out: mapped, watched and prepared, without the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings

from customers.events_in import EventIn, SharedOrders
from customers.importing.mapping import RowMapping
from customers.prepared import Prepared, prepare
from customers.quality.watch import RunProfile, Watch

ReadRow = list[str] | str


class Mapped(msgspec.Struct):
    """What the rows of a batch became.

    `positions` says of each prepared event which row it was; `refused` are (row, reason) of the others, and
    `occurrences` the numbers that the mapping counted, by row.
    """

    prepared: Prepared
    positions: list[int]
    refused: list[tuple[int, str]]
    occurrences: list[str]


class Mapper:
    """Maps the rows of one file, batch by batch in the file's order; what they hold goes into `profile`."""

    def __init__(
        self,
        mapping: Mapping[str, Any],
        *,
        header: Sequence[str],
        profile: RunProfile,
        orders: SharedOrders | None,
    ) -> None:
        """`orders` is what `customers.precedence.shared_orders` says; the mapping's own word may be overruled.

        Raises MappingError where the mapping names a column that the file has not.
        """
        self.profile = profile
        self._rows = RowMapping(mapping, header)
        self._watch = Watch(mapping, header=header, profile=profile)
        self._orders = orders

    def map(self, rows: Sequence[ReadRow], *, dropped_until: datetime | None) -> Mapped:
        """Return what the rows become; events before `dropped_until` were dropped, and may have been counted.

        A row that its mapping refuses on purpose is refused for that; what is promised of rows comes next.
        """
        watch, mapping = self._watch, self._rows
        faulty = watch.look(rows)
        events: list[EventIn] = []
        positions: list[int] = []
        refused: list[tuple[int, str]] = []
        occurrences: list[str] = []
        for position, row in enumerate(rows):
            event = mapping.event(row) if isinstance(row, list) else row
            event = watch.verdict(event, faulty.get(position)) if faulty else event
            occurrences.append(mapping.occurrence if isinstance(row, list) else "")
            if isinstance(event, str):
                refused.append((position, event))
            else:
                events.append(event)
                positions.append(position)
        self.profile.note([event.client_id for event in events], [event.occurred_at for event in events])
        prepared = prepare(
            events,
            source=mapping.source,
            currency=settings.REPORTING_CURRENCY,
            orders=self._orders,
            dropped_until=lambda: dropped_until,
        )
        return Mapped(prepared, positions, refused, occurrences)
