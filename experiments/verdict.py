"""The one sentence an experiment ends with. "No winner" is a result."""

from collections.abc import Sequence

from experiments.outcomes import Plan
from experiments.report import Comparison, Verdict
from experiments.stats.srm import SampleRatio
from experiments.wording import METRIC_NAMES, between, difference, finding, holdout_of, label


def decide(
    *, plan: Plan, comparisons: Sequence[Comparison], assigned: SampleRatio, delivered: SampleRatio
) -> Verdict:
    """The verdict on the primary metric, against the baseline where there is one, else against `no_mail`.

    In order: mismatched arms make everything invalid, an open window makes it too early, too little data
    makes it too few; only then does the test speak.
    """
    if assigned.alarm or delivered.alarm:
        return Verdict("invalid", _invalid(assigned, delivered))
    deciding = _deciding(plan, comparisons)
    if not deciding:
        return Verdict("nothing_to_compare", _nothing(plan))
    if not plan.complete:
        return Verdict("too_early", _too_early(plan))
    judged = [one for one in deciding if not one.not_judged]
    if not judged:
        return Verdict("too_few", f"Too few to judge: {deciding[0].not_judged}")
    return _by_test(plan, judged)


def _deciding(plan: Plan, comparisons: Sequence[Comparison]) -> list[Comparison]:
    primary = [one for one in comparisons if one.metric == plan.primary_metric]
    return [one for one in primary if one.holdout == "baseline"] or primary


def _by_test(plan: Plan, judged: Sequence[Comparison]) -> Verdict:
    significant = [one for one in judged if one.significant]
    best = max(judged, key=lambda one: one.difference.estimate)
    if best.significant and best.difference.estimate > 0:
        return Verdict("winner", f"{_wins(best)} {finding(best, currency=plan.currency)}")
    if len(significant) == len(judged):
        worst = f"{holdout_of(best)} does better than {_others(judged)}."
        return Verdict("baseline_wins", f"{_capital(worst)} {finding(best, currency=plan.currency)}")
    return Verdict("no_winner", _no_winner(plan, judged))


def _wins(best: Comparison) -> str:
    if best.holdout == "no_mail":
        return f"Sending {label(best.treatment)} does better than no mail."
    return f"{label(best.treatment)} wins."


def _no_winner(plan: Plan, judged: Sequence[Comparison]) -> str:
    """The comparison nearest to a decision, and what its interval still allows."""
    one = min(judged, key=lambda comparison: comparison.adjusted_p_value)
    metric, currency = one.metric, plan.currency
    change = difference(one.difference.estimate, metric=metric, currency=currency)
    return (
        f"No winner: on {METRIC_NAMES[metric]}, {label(one.treatment)} differs from {holdout_of(one)} "
        f"by {change}, which chance explains ({between(one.difference, metric=metric, currency=currency)})."
    )


def _invalid(assigned: SampleRatio, delivered: SampleRatio) -> str:
    ratio, what = (assigned, "assigned") if assigned.alarm else (delivered, "delivered")
    seen = " / ".join(f"{count:,}" for count in ratio.observed)
    due = " / ".join(f"{count:,.0f}" for count in ratio.expected)
    return (
        f"This result is not valid: {what} customers came out as {seen} where {due} were planned, which "
        "chance does not explain (p < 0.001). Find the cause before reading any difference."
    )


def _too_early(plan: Plan) -> str:
    if plan.window_closes_at is None:
        return "Too early to judge: messages are still being sent."
    closes = f"{plan.window_closes_at:%-d %B %Y, %H:%M} UTC"
    return (
        f"Too early to judge: the conversion window of {plan.conversion_window_days} days is open "
        f"until {closes}. Looking earlier would find winners that are none."
    )


def _nothing(plan: Plan) -> str:
    if plan.primary_metric == "human_click":
        return "Nothing to compare: clicks need a baseline arm, for customers who got no mail cannot click."
    return "Nothing to compare: a treatment and a holdout with customers in them are needed."


def _others(judged: Sequence[Comparison]) -> str:
    return " and ".join(label(one.treatment) for one in judged)


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
