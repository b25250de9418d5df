"""What analysis answers: figures for each arm, comparisons, sentences and one verdict."""

from dataclasses import dataclass
from typing import Literal

from experiments.outcomes import ArmOutcomes, GuardrailKey, Metric, Plan
from experiments.stats.guardrails import NonInferiority
from experiments.stats.interval import Interval
from experiments.stats.pairs import CupedComparison
from experiments.stats.srm import SampleRatio

Holdout = Literal["baseline", "first_arm", "no_mail"]
Status = Literal[
    "invalid",
    "too_early",
    "too_few",
    "winner",
    "winner_at_risk",
    "harmful",
    "holdout_wins",
    "undecided",
    "no_winner",
    "nothing_to_compare",
]
DECISIVE: frozenset[Status] = frozenset({"winner", "winner_at_risk", "harmful", "holdout_wins"})
"""What ends an experiment at a look before the last one."""


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
    the e-mail is worth; `first_arm`, which of the mails is better, where no holdout can do what decides.
    Values and `difference` are per recipient (rates, or minor units for revenue);
    `incremental` is the difference times the customers assigned to the treatment. `relative_lift` is None
    where the holdout has nothing to divide by. `alpha` is the level that Holm's procedure, and the number of
    looks, left for this interval. `not_judged` says in a sentence why no decision is made, and is empty where one is.
    `with_less_noise` is the same difference, by what the customers had spent before; it decides nothing, and is
    None where nothing was known before.
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
    with_less_noise: CupedComparison | None = None

    @property
    def variance_saved(self) -> float:
        """The share of the variance that is gone from `with_less_noise`; 0 where there is none."""
        return 1 - self.with_less_noise.variance_kept if self.with_less_noise else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """What must not get worse, of a treatment against the baseline: non-inferiority within the plan's margin.

    `worse` where significantly more customers were harmed by a plain test, whatever the margin allows; a warning that
    should be easy to set off.
    """

    key: GuardrailKey
    treatment: ArmOutcomes
    control: ArmOutcomes
    result: NonInferiority
    p_value: float
    worse: bool

    @property
    def counts(self) -> tuple[int, int]:
        """How many were harmed in the treatment and in the baseline."""
        return self.treatment.harmed(self.key), self.control.harmed(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What an arm's numbers could show so far on the primary metric, were it judged once.

    `smallest_lift` is the relative lift that would be found with the plan's power, None where no lift would or the
    control has nothing to lift; `power` is the chance to find the plan's smallest effect, None where it names none.
    """

    comparison: Comparison
    smallest_lift: float | None
    power: float | None


@dataclass(frozen=True, slots=True)
class Chance:
    """Of one mailed arm and the primary rate: the chance to be best of all, and what choosing it costs on average."""

    arm: ArmOutcomes
    best: float
    loss: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The experiment's result: a status for machines, a sentence for people, and the key of the arm that won.

    `winner_at_risk` won as a `winner` did, but not all of its guardrails are shown to hold.
    """

    status: Status
    sentence: str
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentReport:
    """Everything an experiment page shows.

    `headlines` are the sentences on incremental revenue, one for each treatment and holdout,
    personalisation first. `deciding` are the comparisons that the verdict looks at.
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
    deciding: tuple[Comparison, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    chances: tuple[Chance, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether the experiment may end here: an arm won or lost, or the last look is done."""
        if self.verdict.status == "invalid":
            return self.plan.complete
        return self.verdict.status in DECISIVE or (self.plan.may_judge and self.plan.ends)

    def comparisons_with(self, holdout: Holdout) -> tuple[Comparison, ...]:
        """The comparisons that answer one question: `baseline` (personalisation) or `no_mail` (e-mail)."""
        return tuple(one for one in self.comparisons if one.holdout == holdout)
