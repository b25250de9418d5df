"""What a campaign was worth against the people it held out: sums and their variance. Pure functions.

Everybody counts in the arm that chance put them in, mailed or not. With S the revenue and N the number of all who were
treated, n, x̄ and s² those of the holdout: worth = S − N·x̄, variance = Σ Nₐ·sₐ² + N²·s²/n over the treated arms a.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.outcomes import ArmOutcomes
from experiments.report import Holdout
from experiments.stats.revenue import minimum_buyers


@dataclass(frozen=True, slots=True)
class Worth:
    """Revenue that would not have come without the treatment, in minor units, and its variance.

    `doubt` says why it is not to be believed yet, and is empty where it may be.
    """

    minor: float
    variance: float
    treated: int
    doubt: str


def worth(arms: Iterable[ArmOutcomes], *, against: Holdout) -> Worth | None:
    """Return what mailing (against `no_mail`) or personalising (against `baseline`) was worth; None without a holdout.

    Against `no_mail` the baseline and the treatments are treated, against `baseline` the treatments.
    """
    every = list(arms)
    control = [arm for arm in every if arm.role == against]
    roles = ("baseline", "treatment") if against == "no_mail" else ("treatment",)
    treated = [arm for arm in every if arm.assigned and arm.role in roles]
    if len(control) != 1 or control[0].assigned < 2 or sum(arm.assigned for arm in treated) < 2:
        return None
    held, count = control[0].spending, sum(arm.assigned for arm in treated)
    variance = sum(arm.assigned * arm.spending.variance for arm in treated)
    return Worth(
        minor=sum(arm.revenue_minor for arm in treated) - count * held.mean,
        variance=variance + count**2 * held.variance / held.n,
        treated=count,
        doubt=_doubt(treated, control[0]),
    )


def _doubt(treated: Sequence[ArmOutcomes], control: ArmOutcomes) -> str:
    size, buyers = sum(arm.assigned for arm in treated), sum(arm.converters for arm in treated)
    needed = minimum_buyers(n_treatment=size, n_control=control.assigned)
    fewest = min(buyers, control.converters)
    if fewest >= needed:
        return ""
    return f"only {fewest:,} customers of the smaller group ordered; it takes {needed:,}"
