"""Who fits a condition, by id alone: read from the table that answers it, where there is just one.

Scores and facts belong to customers who exist. That they are known is asked by looking for visitors among them, so
that the customers themselves, of whom there are many more, are not read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from customers.models import Customer, CustomerFacts, Score
from segments.compiler import compile_condition, scored
from segments.conditions import AllOf, Comparison, Condition, Scored
from segments.conditions.nodes import COMPARE
from segments.conditions.vocabulary import Kind

_LOOKUPS = {"eq": "exact", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "before": "lt", "after": "gte"}


def fitting_ids(
    condition: Condition, *, now: datetime, among: Sequence[int] | None = None
) -> QuerySet[Any, Any]:
    """Return the ids of whom `compile_condition` returns, each once, in no order."""
    rows = _stored(condition, now) if among is None else None
    if rows is None:
        return compile_condition(condition, now=now, among=among).order_by().values("pk")
    visitors = Customer.objects.filter(is_anonymous=True, pk=OuterRef("customer_id"))
    return rows.filter(~Exists(visitors)).order_by().values("customer_id")


def _stored(condition: Condition, now: datetime) -> QuerySet[Any] | None:
    """Return the rows that name who fits, at most one of each; None where one table cannot tell."""
    if isinstance(condition, Scored):
        return Score.objects.filter(scored(condition), kind=condition.kind)
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    asked = [_asked_of_facts(part, now) for part in parts]
    if not asked or None in asked:
        return None
    return CustomerFacts.objects.filter(*asked)


def _asked_of_facts(part: Condition, now: datetime) -> Q | None:
    """Return the comparison as an index can answer it; None where those without facts may fit."""
    if not isinstance(part, Comparison) or not part.field.path.startswith("facts__"):
        return None
    column, value = part.field.path.removeprefix("facts__"), part.value
    match part.field.kind, part.op:
        case Kind.COUNT, "eq" | "gt" | "gte" | "lt" | "lte" if not COMPARE[part.op](0, value):
            if not _is_storable(column, value):
                return None
            return Q(**{f"{column}__{_LOOKUPS[part.op]}": value})
        case Kind.TIME, "before" | "after":
            return Q(**{f"{column}__{_LOOKUPS[part.op]}": value})
        case Kind.TIME, "older_than":
            return Q(**{f"{column}__lt": now - value})  # type: ignore[operator]
        case Kind.TIME, "within":
            return Q(**{f"{column}__gte": now - value, f"{column}__lt": now})  # type: ignore[operator]
        case Kind.TIME, "is_present":
            return Q(**{f"{column}__isnull": False})
    return None


def _is_storable(column: str, value: object) -> bool:
    """Whether the column could hold the number; Django makes no SQL of a comparison with one that it could not."""
    kind = CustomerFacts._meta.get_field(column).get_internal_type()
    low, high = connection.ops.integer_field_range(kind)
    return low <= value <= high  # type: ignore[operator]
