"""What the list itself did before: the rates and the revenue that a new experiment is planned with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Coalesce

from campaigns.models import Campaign
from delivery.models import Dispatch
from experiments.models import Experiment
from experiments.stats.means import MeanSample
from segments.models import Segment

MOST_CAMPAIGNS = 5
MOST_PEOPLE = 50_000
"""Of more, every so many are asked, by their number: enough for a plan, and the page stays quick."""

_COUNTED = """
SELECT count(*), count(*) FILTER (WHERE variant_key <> '')
FROM campaigns_recipient WHERE campaign_id = ANY(%(campaigns)s)
"""
_MAILED = """
WITH member AS MATERIALIZED (
    SELECT recipient.customer_id, campaign.dispatch_id, coalesce(recipient.due_at, campaign.launched_at) AS begins
    FROM campaigns_campaign campaign
    JOIN experiments_variant variant ON variant.experiment_id = campaign.experiment_id
        AND variant.role IN ('baseline', 'treatment')
    JOIN campaigns_recipient recipient ON recipient.campaign_id = campaign.id AND recipient.variant_key = variant.key
    WHERE campaign.id = ANY(%(campaigns)s) AND recipient.customer_id %% %(every)s = 0
)
SELECT count(*), count(*) FILTER (WHERE reacted.opened), count(*) FILTER (WHERE reacted.clicked),
       count(*) FILTER (WHERE bought.orders > 0), coalesce(sum(bought.revenue), 0),
       coalesce(sum(bought.revenue * bought.revenue), 0)
FROM member
CROSS JOIN LATERAL (
    SELECT bool_or(event.kind = 'opened' AND NOT event.is_machine) AS opened,
           bool_or(event.kind = 'clicked' AND NOT event.is_machine) AS clicked
    FROM delivery_message message
    JOIN delivery_messageevent event ON event.message_id = message.id
    WHERE message.dispatch_id = member.dispatch_id AND message.customer_id = member.customer_id
        AND event.occurred_at < member.begins + %(window)s
) reacted
CROSS JOIN LATERAL (
    SELECT count(*) AS orders,
           coalesce(sum(placed.total_minor - placed.refunded_minor) FILTER (WHERE placed.currency = %(currency)s), 0)
               AS revenue
    FROM customers_order placed
    WHERE placed.customer_id = member.customer_id AND placed.placed_at >= member.begins
        AND placed.placed_at < member.begins + %(window)s
) bought
"""
_MEMBERS = """
SELECT count(*), 0, 0, count(*) FILTER (WHERE bought.orders > 0), coalesce(sum(bought.revenue), 0),
       coalesce(sum(bought.revenue * bought.revenue), 0)
FROM segments_segmentmembership member
CROSS JOIN LATERAL (
    SELECT count(*) AS orders,
           coalesce(sum(placed.total_minor - placed.refunded_minor) FILTER (WHERE placed.currency = %(currency)s), 0)
               AS revenue
    FROM customers_order placed
    WHERE placed.customer_id = member.customer_id AND placed.placed_at >= %(begins)s AND placed.placed_at < %(ends)s
) bought
WHERE member.segment_id = %(segment)s AND member.customer_id %% %(every)s = 0
"""
_CURRENCY = """
SELECT currency FROM (SELECT currency FROM customers_order ORDER BY id DESC LIMIT 1000) AS latest
GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastResults:
    """What `customers` did within a window after they were mailed, and where the figures come from, as a sentence.

    Without mails to learn from (`has_mails` is false) nobody is known to have opened or clicked. `mailable` is the
    share of a segment that was not excluded at the last launches, None where there was none.
    """

    customers: int
    opened: int
    clicked: int
    bought: int
    revenue: MeanSample
    currency: str
    source: str
    has_mails: bool
    mailable: float | None

    def value(self, metric: str) -> float | None:
        """The rate of a metric, or the mean revenue in minor units; None where nothing is known of it."""
        if not self.customers or (not self.has_mails and metric in _OF_MAILS):
            return None
        if metric == Experiment.Metric.REVENUE:
            return self.revenue.mean
        counts = {
            Experiment.Metric.HUMAN_OPEN: self.opened,
            Experiment.Metric.HUMAN_CLICK: self.clicked,
            Experiment.Metric.CONVERSION: self.bought,
        }
        return counts[Experiment.Metric(metric)] / self.customers

    def deviation(self, metric: str) -> float | None:
        """The standard deviation of revenue per recipient in minor units; None for rates, which have their own."""
        return sqrt(self.revenue.variance) if metric == Experiment.Metric.REVENUE else None


_OF_MAILS = (Experiment.Metric.HUMAN_OPEN, Experiment.Metric.HUMAN_CLICK)


def past_results(segment: Segment | None, *, window_days: int, at: datetime) -> PastResults:
    """Count the last campaigns to the same segment whose window is over, else the last to any, else members' orders.

    A fixed number of queries; of more than 50,000 people every so many are counted.
    """
    window = timedelta(days=window_days)
    currency = usual_currency()
    finished = _finished(window, at=at)
    own = list(finished.filter(segment=segment)[:MOST_CAMPAIGNS]) if segment is not None else []
    campaigns = own or list(finished[:MOST_CAMPAIGNS])
    if campaigns:
        everybody, in_arms = _row(_COUNTED, {"campaigns": [one.pk for one in campaigns]})
        if in_arms:
            counted = _row(
                _MAILED,
                {
                    "campaigns": [one.pk for one in campaigns],
                    "every": -(-in_arms // MOST_PEOPLE),
                    "window": window,
                    "currency": currency,
                },
            )
            source = _of_campaigns(campaigns, is_same=bool(own), people=counted[0])
            return _results(counted, currency, source, mailable=in_arms / everybody)
    return _of_members(segment, window, currency, at=at)


def usual_currency() -> str:
    """Return the currency of most of the latest orders; the reporting currency where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_CURRENCY)
        row = cursor.fetchone()
    return row[0] if row else settings.REPORTING_CURRENCY


def _of_members(segment: Segment | None, window: timedelta, currency: str, *, at: datetime) -> PastResults:
    """What the segment's members ordered lately, mailed or not."""
    counted: tuple[int, ...] = (0,) * 6
    if segment is not None:
        parameters = {
            "segment": segment.pk,
            "every": max(1, -(-segment.member_count // MOST_PEOPLE)),
            "begins": at - window,
            "ends": at,
            "currency": currency,
        }
        counted = _row(_MEMBERS, parameters)
    if not counted[0]:
        return _results(
            counted, currency, "Nothing is known yet: no campaign is finished, nobody is counted."
        )
    source = (
        f"No campaign is finished yet. As a stand-in, what {counted[0]:,} members of “{segment}” ordered in the last "
        f"{window.days} days."
    )
    return _results(counted, currency, source)


def _finished(window: timedelta, *, at: datetime) -> Any:
    """Launched campaigns whose last window is over, the latest first."""
    launched = Campaign.objects.exclude(dispatch__state=Dispatch.State.CANCELLED)
    ended = launched.annotate(began=Coalesce(F("last_due_at"), F("launched_at"))).filter(
        began__lte=at - window
    )
    return ended.order_by("-launched_at", "-pk")


def _of_campaigns(campaigns: list[Campaign], *, is_same: bool, people: int) -> str:
    names = ", ".join(f"“{one.name}”" for one in campaigns)
    which = "to this segment" if is_same else "to any segment, for none to this one is finished"
    count = "the last campaign" if len(campaigns) == 1 else f"the last {len(campaigns)} campaigns"
    return f"From {people:,} people mailed by {count} {which}: {names}."


def _results(
    counted: tuple[Any, ...], currency: str, source: str, *, mailable: float | None = None
) -> PastResults:
    customers, opened, clicked, bought, revenue, squares = map(int, counted)
    return PastResults(
        customers=customers,
        opened=opened,
        clicked=clicked,
        bought=bought,
        revenue=MeanSample(customers, revenue, squares),
        currency=currency,
        source=source,
        has_mails=mailable is not None,
        mailable=mailable,
    )


def _row(sql: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
