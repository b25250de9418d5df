"""The members of a segment as a CSV file: streamed, with the columns that were chosen, harmless in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import BooleanField, F, OuterRef, Subquery
from django.db.models.fields.json import KeyTextTransform

from common.spreadsheets import defused
from customers.models import Consent, Order
from segments import membership
from segments.models import Segment

COLUMNS = {
    "public_id": "Customer id",
    "email": "E-mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "birth_date": "Birthday",
    "gender": "Gender",
    "country": "Country",
    "region": "Region",
    "city": "City",
    "locale": "Language",
    "signed_up_at": "Signed up on",
    "consent": "Agreed to marketing e-mail",
    "orders_count": "Orders",
    "revenue_minor": "Revenue in the smallest coin (cents)",
    "currency": "Currency of the last order",
    "last_order_at": "Last order",
    "last_seen_at": "Last seen",
}
STANDARD = ("public_id", "email", "first_name", "last_name", "country", "consent")
_OWN = "attributes."
_FACTS = ("orders_count", "revenue_minor", "last_order_at", "last_seen_at")
_CHUNK = 2000


def export_lines(segment: Segment, columns: Sequence[str] = STANDARD) -> Iterator[str]:
    """Yield the header and a line for each stored member, by id, read through a cursor on the server.

    `columns` are keys of COLUMNS, or `attributes.<key>`. Raises ValueError at once for any other name. One query;
    memory does not grow with the segment. Erased and anonymous profiles are left out.
    """
    unknown = [name for name in columns if name not in COLUMNS and not name.startswith(_OWN)]
    if unknown:
        raise ValueError(f"These columns cannot be exported: {', '.join(unknown)}.")
    if not columns:
        raise ValueError("Choose at least one column.")
    return _lines(segment, list(dict.fromkeys(columns)))


def _lines(segment: Segment, columns: list[str]) -> Iterator[str]:
    yield _line(COLUMNS.get(name, name.removeprefix(_OWN)) for name in columns)
    names = [f"export_{number}" for number in range(len(columns))]
    chosen = {name: _expression(column) for name, column in zip(names, columns, strict=True)}
    members = membership.members(segment).filter(is_anonymous=False).order_by("pk")
    rows = members.annotate(**chosen).values_list(*names)
    for row in rows.iterator(chunk_size=_CHUNK):
        yield _line(map(_cell, row))


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(defused, cells))
    return text.getvalue()


def _expression(column: str) -> Any:
    if column.startswith(_OWN):
        return KeyTextTransform(column.removeprefix(_OWN), "attributes")
    if column == "consent":
        answers = Consent.objects.filter(customer=OuterRef("pk"), purpose="marketing_email")
        return Subquery(answers.values("is_granted")[:1], output_field=BooleanField())
    if column == "currency":
        orders = Order.objects.filter(customer=OuterRef("pk")).order_by("-placed_at")
        return Subquery(orders.values("currency")[:1])
    return F(f"facts__{column}") if column in _FACTS else F(column)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
