"""A series whose better arms get more of each next occurrence: Thompson sampling in batches, and no test.

Counted are the latest occurrences whose windows are over. Each arm keeps a floor, so that one that was unlucky at first
is not given up for ever. Holdouts keep their shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Coalesce

from campaigns.models import Campaign
from delivery.models import Dispatch
from experiments.models import Experiment, Variant
from experiments.stats.bayes import posterior, thompson_weights
from experiments.stats.proportions import Proportion

FLOOR_PERCENT = 5
"""Of what the arms share, each keeps this much."""
MOST_OCCURRENCES = 10

_REACTED = """EXISTS (SELECT FROM delivery_message message
    JOIN delivery_messageevent event ON event.message_id = message.id
    WHERE message.dispatch_id = campaign.dispatch_id AND message.customer_id = recipient.customer_id
        AND event.kind = '{kind}' AND NOT event.is_machine
        AND event.occurred_at < coalesce(recipient.due_at, campaign.launched_at) + %(window)s)"""
_ORDERED = """EXISTS (SELECT FROM customers_order placed WHERE placed.customer_id = recipient.customer_id
    AND placed.placed_at >= coalesce(recipient.due_at, campaign.launched_at)
    AND placed.placed_at < coalesce(recipient.due_at, campaign.launched_at) + %(window)s)"""
_COUNTED = """
SELECT recipient.variant_key, count(*), count(*) FILTER (WHERE {success})
FROM campaigns_campaign campaign
JOIN campaigns_recipient recipient ON recipient.campaign_id = campaign.id
WHERE campaign.id = ANY(%(campaigns)s) AND recipient.variant_key = ANY(%(arms)s)
GROUP BY recipient.variant_key
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRecord:
    """What an arm has shown so far, and its weight in the next occurrence, in basis points of everybody."""

    key: str
    name: str
    trials: int
    successes: int
    weight: int

    @property
    def share(self) -> float:
        """The weight as a share of everybody."""
        return self.weight / 10_000

    @property
    def rate(self) -> float | None:
        """The share of those in the arm who did it; None while nobody is counted."""
        return self.successes / self.trials if self.trials else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """The arms of a series' next occurrence, and from how many earlier ones that follows."""

    occurrences: int
    arms: Sequence[ArmRecord]


def allotment(series: Campaign, *, at: datetime) -> Allotment:
    """Return how the next occurrence of a series is shared among its arms; three queries.

    As planned while no window is over.
    """
    arms = list(series.experiment.variants.filter(role=Variant.Role.TREATMENT))
    window = timedelta(days=series.experiment.conversion_window_days)
    began = Coalesce(F("last_due_at"), F("launched_at"))
    launched = series.occurrences.exclude(dispatch__state=Dispatch.State.CANCELLED)
    over = launched.annotate(began=began).filter(began__lte=at - window).order_by("-occurrence")
    occurrences = list(over.values_list("pk", flat=True)[:MOST_OCCURRENCES])
    counted = _counted(series.experiment, arms, occurrences, window) if occurrences else {}
    samples = [Proportion(*reversed(counted.get(arm.key, (0, 0)))) for arm in arms]
    weights = [arm.weight for arm in arms]
    if counted and len(arms) > 1:
        whole = sum(weights)
        drawn = thompson_weights(
            [posterior(one) for one in samples], whole=whole, least=whole * FLOOR_PERCENT // 100
        )
        weights = list(drawn)
    return Allotment(
        occurrences=len(occurrences),
        arms=[
            ArmRecord(key=arm.key, name=arm.name, trials=one.trials, successes=one.successes, weight=weight)
            for arm, one, weight in zip(arms, samples, weights, strict=True)
        ],
    )


def allot(occurrence: Campaign, *, series: Campaign, at: datetime) -> None:
    """Give the arms of an occurrence that is not launched the shares that follow from the earlier ones."""
    for arm in allotment(series, at=at).arms:
        occurrence.experiment.variants.filter(key=arm.key).update(weight=arm.weight)


def _counted(
    experiment: Experiment, arms: Sequence[Variant], occurrences: Sequence[int], window: timedelta
) -> dict[str, tuple[int, int]]:
    """How many were in each arm, and how many of them did what decides; revenue is too rare for it: orders do."""
    kinds = {Experiment.Metric.HUMAN_CLICK: "clicked", Experiment.Metric.HUMAN_OPEN: "opened"}
    kind = kinds.get(Experiment.Metric(experiment.primary_metric))
    success = _REACTED.format(kind=kind) if kind else _ORDERED
    parameters: dict[str, Any] = {
        "campaigns": list(occurrences),
        "arms": [arm.key for arm in arms],
        "window": window,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED.format(success=success), parameters)
        return {key: (trials, successes) for key, trials, successes in cursor.fetchall()}
