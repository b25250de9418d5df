"""Reading sums for pages: a fixed number of queries, whatever the number of messages."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum

from experiments.models import Variant
from reports.models import CampaignFigures, DayFigures
from reports.models.facts import ORDER_PARTS

DAY_SUMS = (
    "sent",
    "delivered",
    "opened",
    "machine_opened",
    "clicked",
    "unsubscribed",
    "bounced",
    "complained",
    "order_parts",
    "revenue_minor",
)


@dataclass(frozen=True, slots=True)
class Total:
    """Worths of several campaigns, added up; chance decided in each by itself, so that variances add up too.

    `left_out` says in a sentence, with a space before it, which campaigns with a holdout are not in it; or is empty.
    """

    minor: float
    variance: float
    campaigns: int
    treated: int
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The campaigns that count in a total, newest first, and how many with a holdout do not, by the reason."""

    counted: list[CampaignFigures]
    left_out: dict[str, int]

    @property
    def pks(self) -> list[int]:
        """Their keys."""
        return [one.pk for one in self.counted]

    @property
    def sentence(self) -> str:
        """Which campaigns are left out and why, with a space before it; empty where there is none."""
        parts = [f"{number:,} {reason}" for reason, number in sorted(self.left_out.items())]
        return f" Left out of campaigns with a holdout: {', '.join(parts)}." if parts else ""


def sums_of(rows: QuerySet[Any], names: Iterable[str] = DAY_SUMS) -> dict[str, int]:
    """Return each sum over these rows, 0 where there are none. One query."""
    return {name: value or 0 for name, value in rows.aggregate(**{name: Sum(name) for name in names}).items()}


def grouped(
    rows: QuerySet[Any], key: str, names: Sequence[str] = DAY_SUMS, *, most: int | None = None
) -> dict[Any, dict[str, int]]:
    """Return the sums of each value of a column, those with the most mails sent first. One query."""
    totals = {f"total_{name}": Sum(name) for name in names}
    found: Any = rows.order_by().values_list(key).annotate(**totals).order_by("-total_sent", key)
    return {value: dict(zip(names, sums, strict=True)) for value, *sums in found[:most]}


def by_dispatch(dispatch_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return the sums of each dispatch over all days. One query."""
    return grouped(DayFigures.objects.filter(dispatch__in=list(dispatch_ids)), "dispatch_id")


def compared_by_dispatch(dispatch_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """The same of the arms that are compared: without who waited for the winner. One query."""
    return grouped(compared_days().filter(dispatch__in=list(dispatch_ids)), "dispatch_id")


def compared_days() -> QuerySet[DayFigures]:
    """Days of the arms that are compared; what their mails cost and brought stands beside what they were worth."""
    waiting = Variant.objects.filter(
        experiment__campaign__dispatch=OuterRef("dispatch"), role=Variant.Role.REMAINDER
    )
    return DayFigures.objects.exclude(variant_key__in=waiting.values("key"))


def nothing() -> dict[str, int]:
    """The sums of a dispatch of which nothing is known."""
    return dict.fromkeys(DAY_SUMS, 0)


def orders(parts: int) -> float:
    """Millionths of orders as orders."""
    return parts / ORDER_PARTS


def figures_since(since: date) -> QuerySet[CampaignFigures]:
    """Campaigns that were launched since that day, with what is shown of each."""
    return CampaignFigures.objects.filter(campaign__launched_at__date__gte=since).select_related(
        "campaign__segment", "campaign__experiment"
    )


def mail_worth(one: CampaignFigures) -> tuple[float, float] | None:
    """What a campaign's mail was worth and the variance; None without a holdout, or in another currency."""
    if one.mail_worth_minor is None or one.mail_worth_variance is None:
        return None
    is_ours = one.currency == settings.REPORTING_CURRENCY
    return (one.mail_worth_minor, one.mail_worth_variance) if is_ours else None


def judged(rows: QuerySet[CampaignFigures], prefix: str) -> Judged:
    """Say which of these campaigns count in a total: prefix `mail` or `personal`. One query.

    Those count that were measured against such a holdout, in the reporting currency, after their window closed, with
    the buyers that it takes. Campaigns that share the salt of their holdout hold out the same people: of those whose
    windows overlap the one counts that was over first, so that no order counts twice against the same people.
    """
    role = {"mail": Variant.Role.NO_MAIL, "personal": Variant.Role.BASELINE}[prefix]
    holdout = Variant.objects.filter(experiment=OuterRef("campaign__experiment"), role=role).order_by("pk")
    found = rows.filter(**{f"{prefix}_worth_minor__isnull": False}).annotate(
        own_salt=Subquery(holdout.values("salt")[:1]), shared_salt=F("campaign__experiment__salt")
    )
    left_out: Counter[str] = Counter()
    sound = []
    for one in found.select_related("campaign"):
        if reason := unfit(one, prefix):
            left_out[reason] += 1
        else:
            sound.append(one)
    counted = _apart(sound)
    if shared := len(sound) - len(counted):
        left_out["whose window overlaps that of another one with the same people held out"] = shared
    return Judged(sorted(counted, key=lambda one: -one.pk), dict(left_out))


def total(rows: QuerySet[CampaignFigures], prefix: str) -> Total:
    """Add up what campaigns were worth: prefix `mail` or `personal`. One query."""
    return total_of(judged(rows, prefix), prefix)


def total_of(found: Judged, prefix: str) -> Total:
    """Add up what these campaigns were worth."""

    def of(name: str) -> float:
        return sum(getattr(one, f"{prefix}_{name}") or 0 for one in found.counted)

    return Total(
        float(of("worth_minor")),
        float(of("worth_variance")),
        len(found.counted),
        int(of("treated")),
        found.sentence,
    )


def unfit(one: CampaignFigures, prefix: str) -> str:
    """Why a campaign with a holdout cannot be judged by itself; empty where it can."""
    if one.currency != settings.REPORTING_CURRENCY:
        return "with most orders in another currency"
    if one.window_closes_at is None or one.counted_at < one.window_closes_at:
        return "whose window is still open"
    return "with too few buyers to judge" if getattr(one, f"{prefix}_doubt") else ""


def _apart(sound: Sequence[CampaignFigures]) -> list[CampaignFigures]:
    """Those of them whose windows do not overlap where they share a salt; as many as there can be."""
    until: dict[str, datetime] = {}
    kept = []
    for one in sorted(sound, key=_closing):
        salt = one.own_salt or one.shared_salt  # type: ignore[attr-defined]
        launched, closes = one.campaign.launched_at, one.window_closes_at
        if launched is None or closes is None or (salt in until and launched < until[salt]):
            continue
        until[salt] = closes
        kept.append(one)
    return kept


def _closing(one: CampaignFigures) -> tuple[datetime, int]:
    assert one.window_closes_at is not None
    return one.window_closes_at, one.pk
