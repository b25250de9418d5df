"""A condition as one set-based query: who fits, without looking at customers one by one.

Every comparison ends in `IS TRUE`, or asks whether the customer is in a set, so that nothing is ever NULL and
`not` means the same as in `segments.evaluator`.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    DecimalField,
    Exists,
    Expression,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Coalesce

from customers.models import Assignment, Consent, Customer, CustomerFacts, Event, Score
from products.models import Category, Product
from segments.conditions import (
    AllOf,
    AnyOf,
    Assigned,
    Comparison,
    Condition,
    Consented,
    Happened,
    InSegment,
    Not,
    Scored,
    Where,
    fold,
)
from segments.conditions.needs import as_texts
from segments.conditions.vocabulary import Kind
from segments.models import SegmentMembership

_SIGNS = {"eq": " = ", "ne": " <> ", "gt": " > ", "gte": " >= ", "lt": " < ", "lte": " <= "}


def compile_condition(
    condition: Condition, *, now: datetime, among: Sequence[int] | None = None
) -> QuerySet[Customer]:
    """Return the known customers who fit at `now`; `among` looks at these ids only, in every sub-query too.

    Evaluating it is one query. Nothing of the condition reaches SQL other than as a parameter.
    """
    customers = Customer.objects.known().filter(_Compiler(now, among).q(condition))
    return customers if among is None else customers.filter(_one_of("pk", among))


def _one_of(column: str, ids: Sequence[int]) -> "_Holds":
    return _Holds(
        F(column), Value(list(ids), output_field=ArrayField(BigIntegerField())), sign=" = ANY(", end=")"
    )


class _Holds(Func):
    """`(left sign right) IS TRUE`: false, not NULL, where something is missing."""

    def __init__(self, *parts: Expression | F, sign: str = "", end: str = "") -> None:
        super().__init__(
            *parts,
            arg_joiner=sign,
            template=f"((%(expressions)s{end}) IS TRUE)",
            output_field=BooleanField(),
        )


def _everybody(*, really: bool = True) -> Q:
    # Not an empty Q, which Django drops from OR and NOT.
    return Q(_Holds(Value(really, output_field=BooleanField())))


class _Folded(Func):
    """The text with ASCII capitals made small, ordered and compared by bytes."""

    template = '(lower((%(expressions)s) COLLATE "C"))'
    output_field = TextField()


def _paths(categories: Sequence[str]) -> QuerySet[Category]:
    """Return the categories at these paths and all below them."""
    path = _Folded(F("path"))
    found = _everybody(really=False)
    for wanted in map(fold, categories):
        below = Func(path, Value(f"{wanted}/"), function="starts_with", output_field=BooleanField())
        found |= Q(_Holds(path, Value(wanted), sign=" = ")) | Q(below)
    return Category.objects.filter(found).order_by()


class _Compiler:
    def __init__(self, now: datetime, among: Sequence[int] | None) -> None:
        self.now = now
        self.among = among

    def q(self, condition: Condition) -> Q:
        match condition:
            case AllOf(parts):
                return Q(_everybody(), *map(self.q, parts))
            case AnyOf(parts):
                return Q(*map(self.q, parts), _connector=Q.OR)
            case Not(part):
                return ~self.q(part)
            case Comparison():
                return self._comparison(condition)
            case Happened():
                return self._happened(condition)
            case Scored():
                return self._among_rows(Score.objects.filter(kind=condition.kind).filter(_scored(condition)))
            case InSegment(key):
                return self._among_rows(SegmentMembership.objects.filter(segment__key=key))
            case Consented(purpose):
                return self._among_rows(Consent.objects.filter(purpose=purpose, is_granted=True))
            case Assigned(experiment, variant):
                rows = Assignment.objects.filter(experiment_key=experiment)
                return self._among_rows(rows.filter(variant_key=variant) if variant is not None else rows)

    def _among_rows(self, rows: QuerySet[Any]) -> Q:
        if self.among is not None:
            rows = rows.filter(_one_of("customer_id", self.among))
        return Q(pk__in=rows.order_by().values("customer_id"))

    def _comparison(self, condition: Comparison) -> Q:
        field = condition.field
        match field.kind:
            case Kind.TEXT:
                return _text(F(field.path), condition)
            case Kind.COUNT:
                column = Coalesce(F(field.path), 0, output_field=BigIntegerField())
                return Q(_Holds(column, Value(condition.value), sign=_SIGNS[condition.op]))
            case Kind.TIME | Kind.DATE:
                return self._time(condition)
            case Kind.BOOLEAN:
                return Q(_Holds(F(field.path), Value(condition.value), sign=" = "))
            case Kind.CATEGORY | Kind.PRODUCT:
                return self._catalogue(condition)
            case Kind.OPEN:
                return _custom(condition)

    def _time(self, condition: Comparison) -> Q:
        column, value = F(condition.field.path), condition.value
        match condition.op:
            case "is_missing":
                return Q(_Holds(column, end=" IS NULL"))
            case "is_present":
                return Q(_Holds(column, end=" IS NOT NULL"))
            case "before":
                return Q(_Holds(column, Value(value), sign=" < "))
            case "after":
                return Q(_Holds(column, Value(value), sign=" >= "))
        start = self.now - value  # type: ignore[operator]
        if condition.op == "older_than":
            return Q(_Holds(column, Value(start), sign=" < "))
        return Q(_Holds(column, Value(start), sign=" >= ")) & Q(_Holds(column, Value(self.now), sign=" < "))

    def _catalogue(self, condition: Comparison) -> Q:
        column = condition.field.path.removeprefix("facts__")
        rows = CustomerFacts.objects.filter(**{f"{column}__isnull": False})
        if condition.op == "is_present":
            return self._among_rows(rows)
        if condition.op == "is_missing":
            return ~self._among_rows(rows)
        wanted = as_texts(condition.value)
        ids = (
            _paths(wanted)
            if condition.field.kind is Kind.CATEGORY
            else Product.objects.filter(external_id__in=wanted)
        )
        chosen = Q(**{f"{column}__in": ids.values("pk")})
        return self._among_rows(rows.filter(chosen if condition.op in ("eq", "in") else ~chosen))

    def _happened(self, condition: Happened) -> Q:
        start, end = condition.window(self.now)
        events = Event.objects.filter(type=condition.type, occurred_at__lt=end).filter(
            _where(condition.where)
        )
        if start is not None:
            events = events.filter(occurred_at__gte=start)
        if condition.not_followed_by is not None:
            later = Event.objects.filter(
                customer_id=OuterRef("customer_id"),
                type=condition.not_followed_by,
                occurred_at__gte=OuterRef("occurred_at"),
                occurred_at__lt=self.now,
            )
            # The same lower bound again lets the planner skip partitions.
            events = events.filter(~Exists(later.filter(occurred_at__gte=start) if start else later))
        if condition.least == 0:
            return ~self._at_least(events, (condition.most or 0) + 1, None)
        return self._at_least(events, condition.least, condition.most)

    def _at_least(self, events: QuerySet[Event], least: int, most: int | None) -> Q:
        if least == 1 and most is None:
            return self._among_rows(events)
        if self.among is not None:
            events = events.filter(_one_of("customer_id", self.among))
        grouped = events.order_by().values("customer_id").annotate(times=Count("*")).filter(times__gte=least)
        if most is not None:
            grouped = grouped.filter(times__lte=most)
        return Q(pk__in=grouped.values("customer_id"))


def _where(where: Where) -> Q:
    wanted = _everybody()
    if where.categories is not None:
        wanted &= Q(category_id__in=_paths(where.categories).values("pk"))
    if where.products is not None:
        products = Product.objects.filter(external_id__in=where.products)
        wanted &= Q(product_id__in=products.values("pk"))
    for column, bounds in (("value_minor", where.value_minor), ("quantity", where.quantity)):
        for op, bound in bounds:
            wanted &= Q(_Holds(F(column), Value(bound), sign=_SIGNS[op]))
    for column, text in (("currency", where.currency), ("source", where.source)):
        if text is not None:
            wanted &= Q(_Holds(_Folded(F(column)), Value(fold(text)), sign=" = "))
    return wanted


def _scored(condition: Scored) -> Q:
    match condition.op:
        case "top_percent":
            return Q(percentile__gt=100 - condition.value)
        case "bottom_percent":
            return Q(percentile__lte=condition.value)
    return Q(_Holds(F("value"), Value(condition.value), sign=_SIGNS[condition.op]))


def _text(column: Expression | F, condition: Comparison) -> Q:
    folded = _Folded(column)
    present = Q(_Holds(folded, Value(""), sign=" <> "))
    if condition.op == "is_present":
        return present
    if condition.op == "is_missing":
        return ~present
    return present & Q(_compared(folded, condition.op, tuple(map(fold, as_texts(condition.value)))))


def _compared(folded: Expression, op: str, texts: tuple[str, ...]) -> _Holds:
    if op in ("in", "not_in"):
        listed = Value(list(texts), output_field=ArrayField(TextField()))
        return _Holds(folded, listed, sign=" = ANY(" if op == "in" else " <> ALL(", end=")")
    wanted = Value(texts[0])
    if op == "contains":
        return _Holds(Func(folded, wanted, function="strpos", output_field=BigIntegerField()), end=" > 0")
    if op == "starts_with":
        return _Holds(Func(folded, wanted, function="starts_with", output_field=BooleanField()))
    return _Holds(folded, wanted, sign=_SIGNS[op])


def _custom(condition: Comparison) -> Q:
    """Compare a custom attribute: only a value of the same JSON type can fit; null and "" are missing."""
    found = (F("attributes"), Value(condition.field.name))
    node = Func(*found, function="jsonb_extract_path", output_field=JSONField())
    text = Func(*found, function="jsonb_extract_path_text", output_field=TextField())
    if condition.op == "is_missing":
        return ~Q(_Holds(text, Value(""), sign=" <> "))
    if condition.op == "is_present":
        return Q(_Holds(text, Value(""), sign=" <> "))
    kind = Func(node, function="jsonb_typeof", output_field=TextField())
    if isinstance(condition.value, bool):
        same = _Holds(text, Value("true" if condition.value else "false"), sign=_SIGNS[condition.op])
        return Q(_Holds(kind, Value("boolean"), sign=" = ")) & Q(same)
    if isinstance(condition.value, Decimal):
        number = _Numeric(kind, text, output_field=DecimalField())
        return Q(_Holds(number, Value(condition.value), sign=_SIGNS[condition.op]))
    return Q(_Holds(kind, Value("string"), sign=" = ")) & _text(text, condition)


class _Numeric(Func):
    """A JSON number as an exact one; CASE, since AND does not promise to look at the type first."""

    arg_joiner = " = 'number' THEN "
    template = "(CASE WHEN %(expressions)s::numeric END)"
