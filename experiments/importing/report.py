"""What an imported experiment found: each arm against the control and against the others, and one verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from experiments.importing.arms import ImportedArm
from experiments.importing.findings import Adjusted, ImportedComparison
from experiments.importing.mapping import ImportedMetric
from experiments.importing.wording import finding, headline, judgement, too_few_buyers, too_rare
from experiments.report import Verdict
from experiments.stats.interval import Interval
from experiments.stats.means import MeanComparison, compare_means, mean_interval
from experiments.stats.multiplicity import holm, holm_levels
from experiments.stats.pairs import cuped
from experiments.stats.power import mean_minimum_effect, proportion_minimum_effect
from experiments.stats.proportions import ProportionComparison, compare_proportions, wilson
from experiments.stats.revenue import minimum_buyers
from experiments.stats.srm import SampleRatio, sample_ratio

MINIMUM_EXPECTED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedReport:
    """All that the page shows. `values` are the arms' figures for each metric, in the order of the arms.

    `comparisons` hold each arm against the control, `among` the others against each other. `ratio` is None where
    nobody knows how the arms were planned.
    """

    metrics: tuple[ImportedMetric, ...]
    primary: ImportedMetric
    arms: tuple[ImportedArm, ...]
    values: dict[str, tuple[Interval, ...]]
    comparisons: tuple[ImportedComparison, ...]
    among: tuple[ImportedComparison, ...]
    ratio: SampleRatio | None
    headlines: tuple[str, ...]
    verdict: Verdict

    @property
    def customers(self) -> int:
        """How many customers there were in all arms."""
        return sum(arm.n for arm in self.arms)


def report_of(
    *, metrics: Sequence[ImportedMetric], primary: str, arms: Sequence[ImportedArm], alpha: float = 0.05
) -> ImportedReport:
    """Compare the arms; the first is the control, and the metric named `primary` decides.

    Rates by the pooled z-test with its score intervals, means by Welch's t with Fieller's, as the product's own
    experiments. For each metric the arms against the control are one Holm family and the others among themselves
    another.
    """
    control, *others = arms
    with_control = [(arm, control) for arm in others]
    between = list(combinations(others, 2))
    comparisons = _all_families(metrics, with_control, alpha)
    planned = [arm.share for arm in arms if arm.share is not None]
    ratio = sample_ratio(observed=[arm.n for arm in arms], weights=planned) if planned else None
    deciding = next(metric for metric in metrics if metric.name == primary)
    decisive = [one for one in comparisons if one.metric == deciding]
    return ImportedReport(
        metrics=tuple(metrics),
        primary=deciding,
        arms=tuple(arms),
        values={metric.name: tuple(_value(arm, metric, alpha) for arm in arms) for metric in metrics},
        comparisons=comparisons,
        among=_all_families(metrics, between, alpha),
        ratio=ratio,
        headlines=tuple(headline(one) for one in comparisons if one.metric.kind == "money"),
        verdict=judgement(decisive, ratio),
    )


def _all_families(
    metrics: Sequence[ImportedMetric], pairs: Sequence[tuple[ImportedArm, ImportedArm]], alpha: float
) -> tuple[ImportedComparison, ...]:
    return tuple(one for metric in metrics for one in _family(metric, pairs, alpha))


def _family(
    metric: ImportedMetric, pairs: Sequence[tuple[ImportedArm, ImportedArm]], alpha: float
) -> list[ImportedComparison]:
    """The pairs on one metric, tested together."""
    raw = [_test(metric, one, two, alpha).p_value for one, two in pairs]
    places = zip(pairs, holm(raw), holm_levels(raw, alpha=alpha), strict=True)
    return [_compared(metric, one, two, adjusted, level) for (one, two), adjusted, level in places]


def _compared(
    metric: ImportedMetric, treatment: ImportedArm, control: ImportedArm, adjusted_p: float, level: float
) -> ImportedComparison:
    result = _test(metric, treatment, control, level)
    difference = result.difference.scaled(metric.unit)
    found = ImportedComparison(
        metric=metric,
        treatment=treatment,
        control=control,
        difference=difference,
        relative_lift=result.relative_lift,
        incremental=difference.scaled(treatment.n),
        p_value=result.p_value,
        adjusted_p_value=adjusted_p,
        alpha=level,
        findable=_findable(metric, treatment, control, level),
        adjusted=_adjusted(metric, treatment, control, level),
        not_judged=_too_few(metric, treatment, control),
    )
    return replace(found, sentence=finding(found))


def _test(
    metric: ImportedMetric, treatment: ImportedArm, control: ImportedArm, alpha: float
) -> ProportionComparison | MeanComparison:
    if metric.kind == "rate":
        return compare_proportions(
            treatment=treatment.rate(metric), control=control.rate(metric), alpha=alpha
        )
    return compare_means(treatment=treatment.mean(metric), control=control.mean(metric), alpha=alpha)


def _adjusted(
    metric: ImportedMetric, treatment: ImportedArm, control: ImportedArm, alpha: float
) -> Adjusted | None:
    one, two = treatment.paired(metric), control.paired(metric)
    if one is None or two is None:
        return None
    found = cuped(treatment=one, control=two, alpha=alpha)
    return Adjusted(
        difference=found.difference.scaled(metric.unit),
        p_value=found.p_value,
        variance_saved=1 - found.variance_kept,
    )


def _findable(
    metric: ImportedMetric, treatment: ImportedArm, control: ImportedArm, alpha: float
) -> float | None:
    """The smallest difference found with a chance of 80 %, at the control's rate or deviation."""
    if metric.kind == "rate":
        return proportion_minimum_effect(
            control_rate=control.rate(metric).rate, n_treatment=treatment.n, n_control=control.n, alpha=alpha
        )
    deviation = control.mean(metric).variance ** 0.5 * metric.unit
    if not deviation:
        return None
    return mean_minimum_effect(deviation=deviation, n_treatment=treatment.n, n_control=control.n, alpha=alpha)


def _too_few(metric: ImportedMetric, treatment: ImportedArm, control: ImportedArm) -> str:
    """Why there is too little for the test to hold, empty where there is enough."""
    if metric.kind != "rate":
        fewest = min((treatment, control), key=lambda arm: arm.sums[metric.name].some)
        needed = minimum_buyers(n_treatment=treatment.n, n_control=control.n)
        some = fewest.sums[metric.name].some
        return "" if some >= needed else too_few_buyers(metric, fewest, some=some, needed=needed)
    did, total = treatment.rate(metric).successes + control.rate(metric).successes, treatment.n + control.n
    expected = min(did, total - did) * min(treatment.n, control.n) / total
    return "" if expected >= MINIMUM_EXPECTED else too_rare(metric, did=did, total=total)


def _value(arm: ImportedArm, metric: ImportedMetric, alpha: float) -> Interval:
    if metric.kind == "rate":
        return wilson(sample=arm.rate(metric), alpha=alpha)
    return mean_interval(sample=arm.mean(metric), alpha=alpha).scaled(metric.unit)
