"""Events of a condition as a query: the customers who did something often enough, by the covering index."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from customers.models import Event
from products.models import Product
from segments.conditions import Happened, Step, Total, Where, fold
from segments.expressions import (
    SIGNS,
    Folded,
    Holds,
    SecondsAfter,
    Times,
    UtcDay,
    below,
    everybody,
    one_of,
    open_holds,
)

NO_TYPE = 0


class EventSets:
    """Builds queries over events before `now`; `types` are the stored types behind the names of custom events."""

    def __init__(
        self, now: datetime, among: Sequence[int] | None, types: Mapping[str, frozenset[int]]
    ) -> None:
        self.now = now
        self.among = among
        self.types = types

    def rows(self, condition: Happened) -> QuerySet[Event]:
        """Return the events that count."""
        start, end = condition.window(self.now)
        events = self._of_kind(condition).filter(_where(condition.where), occurred_at__lt=end)
        if start is not None:
            events = events.filter(occurred_at__gte=start)
        if self.among is not None:
            events = events.filter(one_of("customer_id", self.among))
        events = self._with_followers(events, condition, start)
        if condition.pick is None:
            return events.order_by()
        return events.filter(~Exists(self._nearer(condition, start, end))).order_by()

    def groups(self, condition: Happened) -> QuerySet[Event, Any]:
        """Return the ids of customers whose events reach the limits, or, if none are needed, those who do not."""
        grouped = self.rows(condition).values("customer_id").annotate(times=Count("*"))
        reached = everybody()
        if condition.least > 0:
            reached &= Q(Holds(F("times"), Value(condition.least), sign=SIGNS["gte"]))
        if condition.most is not None:
            reached &= Q(Holds(F("times"), Value(condition.most), sign=SIGNS["lte"]))
        for position, total in enumerate(condition.totals):
            grouped = grouped.annotate(**_measures(total, position))
            for op, bound in total.bounds:
                reached &= Q(_reaches(total, position, op, bound))
        chosen = grouped.filter(~reached if condition.fits_nothing() else reached)
        return chosen.values("customer_id")

    def _of_kind(self, step: Happened | Step) -> QuerySet[Event]:
        if step.name is None:
            return Event.objects.filter(type=step.type)
        types = sorted(self.types.get(step.name, ())) or [NO_TYPE]
        return Event.objects.filter(type__in=types) if len(types) > 1 else Event.objects.filter(type=types[0])

    def _with_followers(
        self, events: QuerySet[Event], step: Happened | Step, start: datetime | None
    ) -> QuerySet[Event]:
        if step.followed_by is not None:
            events = events.filter(Exists(self._after(step.followed_by, step, start)))
        if step.not_followed_by is not None:
            events = events.filter(~Exists(self._after(step.not_followed_by, step, start)))
        return events

    def _after(self, step: Step, earlier: Happened | Step, start: datetime | None) -> QuerySet[Event]:
        side = "gt" if step.kind == earlier.kind else "gte"
        later = self._of_kind(step).filter(
            _where(step.where), customer_id=OuterRef("customer_id"), occurred_at__lt=self.now
        )
        later = later.filter(**{f"occurred_at__{side}": OuterRef("occurred_at")})
        if step.within is not None:
            until = SecondsAfter(OuterRef("occurred_at"), Value(int(step.within.total_seconds())))
            later = later.filter(occurred_at__lt=until)
        if start is not None:
            # The same lower bound again lets the planner skip partitions.
            later = later.filter(occurred_at__gte=start)
        return self._with_followers(later, step, start)

    def _nearer(self, condition: Happened, start: datetime | None, end: datetime) -> QuerySet[Event]:
        """Return events of the kind before the first, or after the last, that the window shows."""
        others = self._of_kind(condition).filter(customer_id=OuterRef("customer_id"))
        if condition.pick == "first":
            return others.filter(occurred_at__lt=OuterRef("occurred_at")).filter(occurred_at__lt=end)
        later = others.filter(occurred_at__gt=OuterRef("occurred_at")).filter(occurred_at__lt=self.now)
        return later.filter(occurred_at__gte=start) if start is not None else later


def _measures(total: Total, position: int) -> dict[str, Any]:
    """Return the aggregates that a total is compared by, under names of its own."""
    if total.measure == "distinct":
        different = UtcDay(F(total.of)) if total.of == "occurred_at" else F(total.of)
        return {f"total{position}": Count(different, distinct=True)}
    measures: dict[str, Any] = {f"total{position}": Sum(total.of)}
    if total.measure == "avg":
        measures[f"known{position}"] = Count(total.of)
    return measures


def _reaches(total: Total, position: int, op: str, bound: Any) -> Holds:
    found = F(f"total{position}")
    if total.measure == "avg":
        # Multiplied, since a quotient would be rounded.
        return Holds(found, Times(Value(bound), F(f"known{position}")), sign=SIGNS[op])
    summed = Coalesce(found, 0, output_field=BigIntegerField())
    return Holds(summed, Value(bound), sign=SIGNS[op])


def _where(where: Where) -> Q:
    wanted = everybody()
    if where.categories is not None:
        wanted &= Q(category_id__in=below(where.categories).values("pk"))
    if where.products is not None:
        products = Product.objects.filter(external_id__in=where.products)
        wanted &= Q(product_id__in=products.values("pk"))
    for column, bounds in (("value_minor", where.value_minor), ("quantity", where.quantity)):
        for op, bound in bounds:
            wanted &= Q(Holds(F(column), Value(bound), sign=SIGNS[op]))
    for column, text in (("currency", where.currency), ("source", where.source)):
        if text is not None:
            wanted &= Q(Holds(Folded(F(column)), Value(fold(text)), sign=SIGNS["eq"]))
    for comparison in where.properties:
        wanted &= open_holds(comparison)
    return wanted
