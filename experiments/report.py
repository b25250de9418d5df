"""What analysis answers: figures for each arm, comparisons, sentences and one verdict."""

from dataclasses import dataclass
from typing import Literal

from experiments.outcomes import ArmOutcomes, Metric, Plan
from experiments.stats.interval import Interval
from experiments.stats.srm import SampleRatio

Holdout = Literal["baseline", "no_mail"]
Status = Literal[
    "invalid", "too_early", "too_few", "winner", "holdout_wins", "no_winner", "nothing_to_compare"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmReport:
    """One arm's figures, all per customer assigned; what needs an e-mail is None for `no_mail`.

    Rates carry Wilson intervals; revenue is in minor units per recipient with a t interval.
    """

    outcomes: ArmOutcomes
    delivery_rate: Interval | None
    open_rate: Interval | None
    click_rate: Interval | None
    unsubscribe_rate: Interval | None
    conversion_rate: Interval
    revenue_per_recipient: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One treatment against one holdout on one metric.

    `holdout` says which question is answered: `baseline`, what personalisation is worth; `no_mail`, what
    the e-mail is worth. Values and `difference` are per recipient (rates, or minor units for revenue);
    `incremental` is the difference times the customers assigned to the treatment. `relative_lift` is None
    where the holdout has nothing to divide by. `alpha` is the level that Holm's procedure left for this
    interval. `not_judged` says in a sentence why no decision is made, and is empty where one is.
    """

    metric: Metric
    holdout: Holdout
    treatment: ArmOutcomes
    control: ArmOutcomes
    treatment_value: float
    control_value: float
    difference: Interval
    relative_lift: Interval | None
    incremental: Interval
    p_value: float
    adjusted_p_value: float
    alpha: float
    significant: bool
    not_judged: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Guardrail:
    """Unsubscribes of a treatment against the baseline; `worse` where significantly more people left."""

    treatment: ArmOutcomes
    control: ArmOutcomes
    difference: Interval
    p_value: float
    worse: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The experiment's result: a status for machines and a sentence for people."""

    status: Status
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentReport:
    """Everything an experiment page shows.

    `headlines` are the sentences on incremental revenue, one for each treatment and holdout,
    personalisation first.
    """

    plan: Plan
    arms: tuple[ArmReport, ...]
    comparisons: tuple[Comparison, ...]
    assigned_ratio: SampleRatio
    delivered_ratio: SampleRatio
    guardrails: tuple[Guardrail, ...]
    headlines: tuple[str, ...]
    warnings: tuple[str, ...]
    verdict: Verdict

    def comparisons_with(self, holdout: Holdout) -> tuple[Comparison, ...]:
        """The comparisons that answer one question: `baseline` (personalisation) or `no_mail` (e-mail)."""
        return tuple(one for one in self.comparisons if one.holdout == holdout)
