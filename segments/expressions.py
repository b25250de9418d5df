"""The pieces of SQL that conditions are put together from. User input reaches them as parameters only.

Every comparison ends in `IS TRUE`: false, not NULL, where something is missing.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BigIntegerField,
    BooleanField,
    DateTimeField,
    DecimalField,
    Expression,
    F,
    Func,
    JSONField,
    Q,
    QuerySet,
    TextField,
    Value,
)

from products.models import Category, Store
from segments.conditions import Comparison, fold
from segments.conditions.needs import as_texts

MOST_UNSEEN = 2000
SIGNS = {"eq": " = ", "ne": " <> ", "gt": " > ", "gte": " >= ", "lt": " < ", "lte": " <= "}


class Holds(Func):
    """`(left sign right) IS TRUE`."""

    def __init__(self, *parts: Expression | F, sign: str = "", end: str = "") -> None:
        super().__init__(
            *parts,
            arg_joiner=sign,
            template=f"((%(expressions)s{end}) IS TRUE)",
            output_field=BooleanField(),
        )


class Folded(Func):
    """The text with ASCII capitals made small, ordered and compared by bytes."""

    template = '(lower((%(expressions)s) COLLATE "C"))'
    output_field = TextField()


class SecondsAfter(Func):
    """An instant so many seconds later; days in seconds, since SQL's own depend on the session's time zone."""

    template = "(%(expressions)s))"
    arg_joiner = " + make_interval(secs => "
    output_field = DateTimeField()


class UtcDay(Func):
    """The day of an instant in UTC, whatever the session's time zone."""

    template = "(((%(expressions)s) AT TIME ZONE 'UTC')::date)"
    output_field = TextField()


class Times(Func):
    """The product of two numbers."""

    template = "(%(expressions)s)"
    arg_joiner = " * "
    output_field = DecimalField()


class _Numeric(Func):
    """A JSON number as an exact one; CASE, since AND does not promise to look at the type first."""

    arg_joiner = " = 'number' THEN "
    template = "(CASE WHEN %(expressions)s::numeric END)"


class IdList(str):
    """Ids in the spelling of PostgreSQL's arrays."""

    __slots__ = ()


def id_list(ids: Iterable[int]) -> IdList:
    """Return the ids as one parameter."""
    return IdList(f"{{{','.join(map(str, map(int, ids)))}}}")


class _Ids(Value):
    """Many ids as one parameter: Django and psycopg would look at each of them, again in every sub-query.

    So would the planner, for its estimates, in every partition; what a sub-query returns it does not look at. Where
    ids are many it shall: then it hashes them.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(id_list(ids), output_field=ArrayField(BigIntegerField()))
        self.are_many = len(ids) > MOST_UNSEEN

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[IdList]]:
        """Return the array's literal as it is."""
        template = "%s::bigint[]" if self.are_many else "(SELECT %s::bigint[])::bigint[]"
        return template, (self.value,)


def one_of(column: str, ids: Sequence[int]) -> Q:
    """Return `column = ANY(ids)`, for a column that is never NULL; bare, so that an index can answer it."""
    return Q(
        Func(
            F(column),
            _Ids(ids),
            arg_joiner=" = ANY(",
            template="(%(expressions)s))",
            output_field=BooleanField(),
        )
    )


def everybody(*, really: bool = True) -> Q:
    """Return what always holds, or never. Not an empty Q, which Django drops from OR and NOT."""
    return Q(Holds(Value(really, output_field=BooleanField())))


def below(categories: Sequence[str]) -> QuerySet[Category]:
    """Return the categories at these paths and all below them."""
    path = Folded(F("path"))
    found = everybody(really=False)
    for wanted in map(fold, categories):
        inside = Func(path, Value(f"{wanted}/"), function="starts_with", output_field=BooleanField())
        found |= Q(Holds(path, Value(wanted), sign=SIGNS["eq"])) | Q(inside)
    return Category.objects.filter(found).order_by()


def stores_named(names: Sequence[str]) -> QuerySet[Store]:
    """Return the stores with these ids, which compare exactly, or these names, which compare as text does."""
    folded = Value(sorted(set(map(fold, names))), output_field=ArrayField(TextField()))
    is_called = Q(Holds(Folded(F("name")), folded, sign=" = ANY(", end=")"))
    return Store.objects.filter(is_called | Q(external_id__in=names)).order_by()


def text_holds(column: Expression | F, condition: Comparison) -> Q:
    """Compare a text; an empty one is missing."""
    folded = Folded(column)
    present = Q(Holds(folded, Value(""), sign=SIGNS["ne"]))
    if condition.op == "is_present":
        return present
    if condition.op == "is_missing":
        return ~present
    return present & Q(_compared(folded, condition.op, tuple(map(fold, as_texts(condition.value)))))


def _compared(folded: Expression, op: str, texts: tuple[str, ...]) -> Holds:
    if op in ("in", "not_in"):
        listed = Value(list(texts), output_field=ArrayField(TextField()))
        return Holds(folded, listed, sign=" = ANY(" if op == "in" else " <> ALL(", end=")")
    wanted = Value(texts[0])
    if op == "contains":
        return Holds(Func(folded, wanted, function="strpos", output_field=BigIntegerField()), end=" > 0")
    if op == "starts_with":
        return Holds(Func(folded, wanted, function="starts_with", output_field=BooleanField()))
    return Holds(folded, wanted, sign=SIGNS[op])


def open_holds(condition: Comparison) -> Q:
    """Compare an own attribute, or a property of an event.

    Only a value of the same JSON type can fit; null and "" are missing.
    """
    found = (F(condition.field.path), Value(condition.field.name))
    node = Func(*found, function="jsonb_extract_path", output_field=JSONField())
    text = Func(*found, function="jsonb_extract_path_text", output_field=TextField())
    if condition.op == "is_missing":
        return ~Q(Holds(text, Value(""), sign=SIGNS["ne"]))
    if condition.op == "is_present":
        return Q(Holds(text, Value(""), sign=SIGNS["ne"]))
    kind = Func(node, function="jsonb_typeof", output_field=TextField())
    if isinstance(condition.value, bool):
        same = Holds(text, Value("true" if condition.value else "false"), sign=SIGNS[condition.op])
        return Q(Holds(kind, Value("boolean"), sign=SIGNS["eq"])) & Q(same)
    if isinstance(condition.value, Decimal):
        number = _Numeric(kind, text, output_field=DecimalField())
        return Q(Holds(number, Value(condition.value), sign=SIGNS[condition.op]))
    return Q(Holds(kind, Value("string"), sign=SIGNS["eq"])) & text_holds(text, condition)
