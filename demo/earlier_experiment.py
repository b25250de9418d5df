"""An experiment of the years before, when the shop used another tool: brought as colleagues bring theirs, as sums."""

from datetime import timedelta

import numpy as np

from common.clock import now
from experiments.importing.arms import arms_of
from experiments.importing.counting import ArmSums, MetricSums
from experiments.importing.mapping import Description, ImportedMetric
from experiments.importing.storing import store
from experiments.models import Experiment

KEY = "winter-catalogue"
METRICS = (
    ImportedMetric(name="ordered", column="ordered", kind="rate"),
    ImportedMetric(name="spend", column="spend", kind="money", currency="GBP"),
)
ARMS = {"No mail": 0.030, "Catalogue by post": 0.034, "Catalogue by mail": 0.041}
"""The share that ordered in truth; what they spent did not depend on the arm."""
CUSTOMERS = 12_000


def bring_earlier_experiment() -> bool:
    """Store it unless it is there; returns whether it was not."""
    if Experiment.objects.filter(key=KEY).exists():
        return False
    generator = np.random.default_rng(7)
    counted = [_counted(name, rate, generator) for name, rate in ARMS.items()]
    store(
        Description(
            key=KEY,
            name="Winter catalogue",
            ended_on=(now() - timedelta(days=200)).date(),
            hypothesis="A catalogue by mail sells as much as one by post, for less.",
            learnings="By mail it sold more than by post. From now on the catalogue is printed for stores only.",
            control_gets_no_mail=True,
        ),
        metrics=METRICS,
        primary="spend",
        arms=arms_of(counted, METRICS, split="equal", has_before=True),
        before="spend of the year before",
        source="winter_catalogue.csv",
        user=None,
    )
    return True


def _counted(name: str, rate: float, generator: np.random.Generator) -> ArmSums:
    """An arm of customers who order the more readily, and spend the more, the more they spent before."""
    before = (generator.gamma(1.0, 60.0, CUSTOMERS) * 10_000).astype(np.int64)
    ordered = generator.random(CUSTOMERS) < rate * before / before.mean()
    spend = np.where(ordered, before * generator.uniform(0.004, 0.006, CUSTOMERS), 0).astype(np.int64)
    whether = ordered.astype(np.int64)
    past = int(before.sum()), int((before.astype(object) ** 2).sum())
    sums = [
        MetricSums(
            int(one.sum()), int((one**2).sum()), int(ordered.sum()), int((before.astype(object) * one).sum())
        )
        for one in (whether, spend)
    ]
    return ArmSums(name, CUSTOMERS, *past, sums)
