"""A condition as one set-based query: who fits, without looking at customers one by one.

Every comparison ends in `IS TRUE`, or asks whether the customer is in a set, so that nothing is ever NULL and
`not` means the same as in `segments.evaluator`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from customers.models import Assignment, Consent, Customer, CustomerFacts, Score
from products.models import Product
from segments.conditions import (
    AllOf,
    AnyOf,
    Assigned,
    Comparison,
    Condition,
    Consented,
    Happened,
    InSegment,
    InStage,
    Not,
    Scored,
    needs,
)
from segments.conditions.needs import as_texts
from segments.conditions.vocabulary import Kind
from segments.event_names import stored_types
from segments.events_in_sql import EventSets
from segments.expressions import (
    SIGNS,
    Holds,
    below,
    everybody,
    one_of,
    open_holds,
    stores_named,
    text_holds,
)
from segments.models import SegmentMembership

_PRESENCE = {"is_missing": " IS NULL", "is_present": " IS NOT NULL"}


def compile_condition(
    condition: Condition, *, now: datetime, among: Sequence[int] | None = None
) -> QuerySet[Customer]:
    """Return the known customers who fit at `now`; `among` looks at these ids only, in every sub-query too.

    Evaluating it is one query, and one before it where custom events are named. Nothing of the condition reaches
    SQL other than as a parameter.
    """
    types = stored_types(needs(condition).event_names)
    customers = Customer.objects.known().filter(_Compiler(now, among, types).q(condition))
    return customers if among is None else customers.filter(one_of("pk", among))


class _Verdicts(Func):
    """Whether each of several conditions holds, as one array."""

    template = "ARRAY[%(expressions)s]"
    output_field = ArrayField(BooleanField())


def verdicts(
    conditions: Sequence[Condition],
    *,
    now: datetime,
    among: Sequence[int],
    types: Mapping[str, frozenset[int]],
) -> QuerySet[Customer, Any]:
    """Return for each known customer of `among` a row: the id, and which conditions they fit, in their order.

    `types` are the stored types behind the names of custom events.
    """
    held = _Verdicts(*map(_Compiler(now, among, types).q, conditions))
    people = Customer.objects.known().filter(one_of("pk", among)).order_by()
    return people.annotate(held=held).values_list("pk", "held")


class _Compiler:
    def __init__(
        self, now: datetime, among: Sequence[int] | None, types: Mapping[str, frozenset[int]]
    ) -> None:
        self.now = now
        self.among = among
        self.events = EventSets(now, among, types)

    def q(self, condition: Condition) -> Q:
        match condition:
            case AllOf(parts):
                return Q(everybody(), *map(self.q, parts))
            case AnyOf(parts):
                return Q(*map(self.q, parts), _connector=Q.OR)
            case Not(part):
                return ~self.q(part)
            case Comparison():
                return self._comparison(condition)
            case InStage(keys):
                return Q(stage__in=keys)
            case Happened() if condition.fits_once():
                return _exists(self.events.rows(condition))
            case Happened():
                reached = Q(pk__in=self.events.groups(condition))
                return ~reached if condition.fits_nothing() else reached
        return self._in(self._stored(condition))

    def _stored(self, condition: Condition) -> QuerySet[Any]:
        match condition:
            case Scored():
                return Score.objects.filter(scored(condition), kind=condition.kind)
            case InSegment(key):
                return SegmentMembership.objects.filter(segment__key=key)
            case Consented(purpose):
                return Consent.objects.filter(purpose=purpose, is_granted=True)
            case Assigned(experiment, variant):
                rows = Assignment.objects.filter(experiment_key=experiment)
                return rows.filter(variant_key=variant) if variant is not None else rows
        raise TypeError(f"{type(condition).__name__} is no part of a condition")

    def _in(self, rows: QuerySet[Any]) -> Q:
        return _exists(rows if self.among is None else rows.filter(one_of("customer_id", self.among)))

    def _comparison(self, condition: Comparison) -> Q:
        field = condition.field
        match field.kind:
            case Kind.TEXT:
                return text_holds(F(field.path), condition)
            case Kind.COUNT:
                column = Coalesce(F(field.path), 0, output_field=BigIntegerField())
                return Q(Holds(column, Value(condition.value), sign=SIGNS[condition.op]))
            case Kind.TIME | Kind.DATE:
                return self._time(condition)
            case Kind.BOOLEAN:
                return Q(Holds(F(field.path), Value(condition.value), sign=SIGNS["eq"]))
            case Kind.NUMBER:
                return self._number(condition)
            case Kind.STORE:
                return self._store(condition)
            case Kind.CATEGORY | Kind.PRODUCT:
                return self._catalogue(condition)
            case Kind.OPEN:
                return open_holds(condition)

    def _number(self, condition: Comparison) -> Q:
        column = F(condition.field.path)
        if condition.op in _PRESENCE:
            return Q(Holds(column, end=_PRESENCE[condition.op]))
        return Q(Holds(column, Value(condition.value), sign=SIGNS[condition.op]))

    def _store(self, condition: Comparison) -> Q:
        column = F(condition.field.path)
        if condition.op in _PRESENCE:
            return Q(Holds(column, end=_PRESENCE[condition.op]))
        chosen = Q(Exists(stores_named(as_texts(condition.value)).filter(pk=OuterRef(condition.field.path))))
        return chosen if condition.op in ("eq", "in") else Q(Holds(column, end=" IS NOT NULL")) & ~chosen

    def _time(self, condition: Comparison) -> Q:
        column, value = F(condition.field.path), condition.value
        match condition.op:
            case "is_missing" | "is_present":
                return Q(Holds(column, end=_PRESENCE[condition.op]))
            case "before":
                return Q(Holds(column, Value(value), sign=" < "))
            case "after":
                return Q(Holds(column, Value(value), sign=" >= "))
        start = self.now - value  # type: ignore[operator]
        if condition.op == "older_than":
            return Q(Holds(column, Value(start), sign=" < "))
        return Q(Holds(column, Value(start), sign=" >= ")) & Q(Holds(column, Value(self.now), sign=" < "))

    def _catalogue(self, condition: Comparison) -> Q:
        column = condition.field.path.removeprefix("facts__")
        rows = CustomerFacts.objects.filter(**{f"{column}__isnull": False})
        if condition.op == "is_present":
            return self._in(rows)
        if condition.op == "is_missing":
            return ~self._in(rows)
        wanted = as_texts(condition.value)
        ids = (
            below(wanted)
            if condition.field.kind is Kind.CATEGORY
            else Product.objects.filter(external_id__in=wanted)
        )
        chosen = Q(**{f"{column}__in": ids.values("pk")})
        return self._in(rows.filter(chosen if condition.op in ("eq", "in") else ~chosen))


def _exists(rows: QuerySet[Any]) -> Q:
    """Whether rows name the customer. EXISTS, since PostgreSQL has no anti-join for NOT IN."""
    return Q(Exists(rows.filter(customer_id=OuterRef("pk"))))


def scored(condition: Scored) -> Q:
    """Return what the condition asks of the scores of its kind."""
    match condition.op:
        case "top_percent":
            return Q(percentile__gt=100 - condition.value)
        case "bottom_percent":
            return Q(percentile__lte=condition.value)
    return Q(Holds(F("value"), Value(condition.value), sign=SIGNS[condition.op]))
