"""Purchases as arrays, and what the probability models need to know of each customer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Purchases:
    """One row a customer and day with a purchase, sorted by both; two orders of one day are one purchase.

    `customers` are any ids, `days` whole days since 1970 UTC, `amounts` money of that day (> 0). `ledger` are the
    entries behind them where some were booked later than they count, as refunds are; None where none was.
    """

    customers: Integers
    days: Integers
    amounts: Values
    ledger: Ledger | None = None

    @classmethod
    def of(cls, customers: Integers, days: Integers, amounts: Values) -> Purchases:
        """Add up what one customer spent on one day; days that come to nothing or less are no purchase."""
        who, rank = np.unique(customers, return_inverse=True)
        origin = int(days.min(initial=0))
        span = int(days.max(initial=0)) - origin + 1
        keys, place = np.unique(rank * span + (days - origin), return_inverse=True)
        sums: Values = np.bincount(place, weights=amounts, minlength=len(keys)).astype(np.float64)
        kept = sums > 0
        return cls(who[keys[kept] // span], keys[kept] % span + origin, sums[kept])

    def between(self, first: int, until: int) -> Purchases:
        """What happened on days `first` to `until`, the latter excluded."""
        kept = (self.days >= first) & (self.days < until)
        return Purchases(self.customers[kept], self.days[kept], self.amounts[kept])

    def as_known(self, day: int) -> Purchases:
        """What was known before the day `day`: no later purchases, and no later refunds of earlier ones."""
        if self.ledger is None:
            return self.between(-(10**9), day)
        return self.ledger.before(day)

    def spent_by(self, customers: Integers) -> Values:
        """The sum of each of `customers` (sorted), 0 where there is none."""
        sums = np.zeros(len(customers))
        place = np.searchsorted(customers, self.customers)
        inside = place < len(customers)
        inside[inside] = customers[place[inside]] == self.customers[inside]
        np.add.at(sums, place[inside], self.amounts[inside])
        return sums


@dataclass(frozen=True, slots=True)
class Ledger:
    """Orders and refunds as they were booked, a row each: a refund is below zero, and counts on its order's day."""

    customers: Integers
    days: Integers
    booked: Integers
    amounts: Values

    def purchases(self) -> Purchases:
        """All of it added up, with the ledger behind it."""
        return replace(Purchases.of(self.customers, self.days, self.amounts), ledger=self)

    def before(self, day: int) -> Purchases:
        """What it came to with the entries booked before the day `day`."""
        kept = self.booked < day
        return Purchases.of(self.customers[kept], self.days[kept], self.amounts[kept])


@dataclass(frozen=True, slots=True)
class Histories:
    """Each customer's past as of a day, a row each, in weeks since his first purchase.

    `repeats` x: purchases after the first; `last` t_x: when the latest was (0 without repeats); `age` T: until when
    he was watched; `mean_value` z̄: mean amount over all purchases, the first too.
    """

    customers: Integers
    repeats: Values
    last: Values
    age: Values
    mean_value: Values

    @property
    def purchases(self) -> Values:
        """Number of purchases, the first too."""
        return self.repeats + 1


def histories(purchases: Purchases, *, as_of: int) -> Histories:
    """Sum up what happened before the day `as_of`; customers without a purchase by then are no row."""
    known = purchases.between(-(10**9), as_of)
    customers, starts, counts = np.unique(known.customers, return_index=True, return_counts=True)
    first = known.days[starts]
    last = known.days[starts + counts - 1]
    spent = np.add.reduceat(known.amounts, starts) if len(starts) else np.zeros(0)
    return Histories(
        customers=customers,
        repeats=(counts - 1).astype(np.float64),
        last=(last - first) / 7,
        age=(as_of - first) / 7,
        mean_value=spent / counts,
    )
