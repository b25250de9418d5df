"""Two profiles side by side, and what would become of them as one."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from customers.browsing import MailAnswer, mail_answers
from customers.models import Customer, CustomerIdentity, DuplicatePair, Merge, MergedRow

_ROWS = (
    ("E-mail", "email"),
    ("First name", "first_name"),
    ("Last name", "last_name"),
    ("Born", "birth_date"),
    ("Gender", "gender"),
    ("Country", "country"),
    ("Region", "region"),
    ("City", "city"),
    ("Language", "locale"),
    ("Time zone", "timezone"),
    ("Device", "device"),
    ("Signed up", "signed_up_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: the profile, its ids by source, and whether mail may be sent."""

    customer: Customer
    identities: list[CustomerIdentity]
    mail: MailAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One column of both; `result` is what the merged profile says. A second address is kept beside the first."""

    label: str
    first: Any
    second: Any
    result: Any

    @property
    def differs(self) -> bool:
        """Whether both say something, and not the same."""
        return bool(self.first and self.second and self.first != self.second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A pair with everything that helps to decide."""

    pair: DuplicatePair
    first: Side
    second: Side
    rows: list[Row]


def compare(pair: DuplicatePair) -> Comparison:
    """Put a pair side by side; its customers must be loaded with their facts. Three queries."""
    customers = (pair.first, pair.second)
    mail = mail_answers(customers)
    identities: dict[int, list[CustomerIdentity]] = {one.pk: [] for one in customers}
    for identity in CustomerIdentity.objects.filter(customer__in=customers).order_by("namespace", "value")[
        :100
    ]:
        identities[identity.customer_id].append(identity)
    first, second = (
        Side(customer=one, identities=identities[one.pk], mail=mail[one.pk]) for one in customers
    )
    return Comparison(pair=pair, first=first, second=second, rows=_rows(*customers))


def merge_log(customer: Customer) -> QuerySet[Merge]:
    """The merges into and out of a profile, newest first, each with `rows_count`."""
    merges = Merge.objects.filter(survivor=customer) | Merge.objects.filter(absorbed=customer)
    related = merges.select_related("survivor", "absorbed", "merged_by", "undone_by")
    counts = MergedRow.objects.filter(merge=OuterRef("pk")).values("merge").values(count=Count("pk"))
    return related.annotate(rows_count=Coalesce(Subquery(counts), 0)).order_by("-pk")


def _rows(first: Customer, second: Customer) -> list[Row]:
    said = [(label, getattr(first, name), getattr(second, name)) for label, name in _ROWS]
    said += [
        (key, first.attributes.get(key), second.attributes.get(key))
        for key in sorted({*first.attributes, *second.attributes})
    ]
    return [
        Row(label=label, first=one, second=other, result=one if one not in (None, "") else other)
        for label, one, other in said
        if one not in (None, "") or other not in (None, "")
    ]
