"""Figures about all customers: who may be mailed, and in how many of those a field that is used is empty."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from common.clock import now
from common.figures import integer
from customers.conversion import DAYS_VALID
from customers.models import Consent, CustomerFacts, FieldUse, HealthFigures
from customers.profiles import COLUMNS, DATES
from customers.rates import without_rate

MOST_FIELDS = 200
MOST_EMPTY = 0.3
_PREFIX = "attributes."
_COUNT = """
SELECT count(*), count(*) FILTER (WHERE c.email IS NULL),
       count(*) FILTER (WHERE c.email IS NOT NULL AND consent.is_granted IS NOT TRUE),
       count(*) FILTER (WHERE c.email IS NOT NULL AND consent.is_granted){columns}
FROM customers_customer c
LEFT JOIN customers_consent consent ON consent.customer_id = c.id AND consent.purpose = %s
LEFT JOIN customers_customerfacts f ON f.customer_id = c.id
WHERE NOT c.is_anonymous
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedField:
    """A field that something live uses, and the share of the audience in which it is empty."""

    name: str
    users: list[str]
    empty: int
    share: float

    @property
    def is_bad(self) -> bool:
        """Whether it is empty more often than campaigns should live with."""
        return self.share > MOST_EMPTY


def compute_figures() -> HealthFigures:
    """Count anew and keep the result as the only row; one pass over the customers."""
    fields = [name for name in _fields_in_use() if _expression(name)]
    parameters: list[Any] = []
    columns = ""
    for name in fields:
        expression, more = _expression(name) or ("", [])
        columns += f", count(*) FILTER (WHERE c.email IS NOT NULL AND consent.is_granted AND ({expression}))"
        parameters += more
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(columns=columns), [*parameters, Consent.Purpose.MARKETING_EMAIL])
        customers, without_address, without_consent, audience, *empty = cursor.fetchone()
    figures, _ = HealthFigures.objects.update_or_create(
        pk=1,
        defaults={
            "computed_at": now(),
            "customers": customers,
            "without_address": without_address,
            "without_consent": without_consent,
            "audience": audience,
            "empty": dict(zip(fields, empty, strict=True)),
            "without_rate": without_rate(),
        },
    )
    return figures


def latest_figures() -> HealthFigures:
    """The figures as last counted; they are counted now where they never were."""
    return HealthFigures.objects.first() or compute_figures()


def used_fields(figures: HealthFigures) -> list[UsedField]:
    """Fields in use that were counted, the emptiest first; one query."""
    users: dict[str, list[str]] = {}
    for field, label in FieldUse.objects.order_by("field", "label").values_list("field", "label"):
        users.setdefault(field, []).append(label)
    found = [
        UsedField(name=name, users=users[name], empty=empty, share=empty / figures.audience)
        for name, empty in figures.empty.items()
        if name in users and figures.audience
    ]
    return sorted(found, key=lambda one: (-one.share, one.name))


def without_rate_in_words(figures: HealthFigures) -> str:
    """Say what no sum of money counts, for it has no exchange rate; empty where there is nothing."""
    if not figures.without_rate:
        return ""
    listed = ", ".join(f"{integer(count)} in {currency}" for currency, count in figures.without_rate.items())
    return (
        f"Orders and refunds without an exchange rate: {listed}. They count as orders, but are in no customer's"
        f" revenue until there is a rate of their day or the {DAYS_VALID} days before."
    )


def tell_field_uses(user_kind: str, uses: Iterable[tuple[int, str, Iterable[str]]]) -> None:
    """Replace what one kind of users uses, given as (id, label, fields): two queries, and none is left behind."""
    rows = {
        (id, field): FieldUse(user_kind=user_kind, user_id=id, label=label, field=field)
        for id, label, fields in uses
        for field in fields
    }
    FieldUse.objects.bulk_create(
        [rows[key] for key in sorted(rows)],
        update_conflicts=True,
        unique_fields=["user_kind", "user_id", "field"],
        update_fields=["label"],
    )
    stored = FieldUse.objects.filter(user_kind=user_kind).values_list("pk", "user_id", "field")
    FieldUse.objects.filter(pk__in=[pk for pk, id, field in stored if (id, field) not in rows]).delete()


def _fields_in_use() -> list[str]:
    return list(FieldUse.objects.order_by("field").values_list("field", flat=True).distinct()[:MOST_FIELDS])


def _expression(name: str) -> tuple[str, list[Any]] | None:
    """SQL that is true where the field is empty, or None for what cannot be empty (a count) or is no field."""
    if name.startswith(_PREFIX):
        return "coalesce(c.attributes ->> %s, '') = ''", [name.removeprefix(_PREFIX)]
    if name in COLUMNS:
        return f"coalesce(c.{name}, '') = ''", []
    if name in DATES:
        return f"c.{name} IS NULL", []
    if name in {field.name for field in CustomerFacts._meta.get_fields() if getattr(field, "null", False)}:
        return f"f.{name} IS NULL", []
    return None
