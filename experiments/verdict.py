"""The one sentence an experiment ends with. "No winner" is a result."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.outcomes import Plan, Sending
from experiments.report import Comparison, Verdict
from experiments.stats.srm import SampleRatio
from experiments.wording import METRIC_NAMES, between, difference, finding, holdout_of, label


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Arms whose sizes chance alone hardly explains; `counted` is "assigned" or "delivered"."""

    counted: str
    ratio: SampleRatio


def mismatch_of(*, plan: Plan, assigned: SampleRatio, delivered: SampleRatio) -> Mismatch | None:
    """The mismatch that spoils the experiment; deliveries count once the window is over and all are sent."""
    if assigned.alarm:
        return Mismatch("assigned", assigned)
    if delivered.alarm and plan.complete:
        return Mismatch("delivered", delivered)
    return None


def decide(*, plan: Plan, comparisons: Sequence[Comparison], mismatch: Mismatch | None) -> Verdict:
    """The verdict on the primary metric, against the baseline where there is one, else against `no_mail`.

    In order: mismatched arms make everything invalid, an open window makes it too early, too little data
    makes it too few; only then does the test speak.
    """
    if mismatch is not None:
        return Verdict("invalid", _invalid(mismatch))
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
    better = [one for one in judged if one.significant and one.difference.estimate > 0]
    undecided = [one for one in judged if not one.significant]
    if better:
        best = max(better, key=lambda one: one.difference.estimate)
        return Verdict("winner", f"{_wins(best)} {finding(best, currency=plan.currency)}")
    if undecided:
        return Verdict("no_winner", _no_winner(plan, undecided))
    best = max(judged, key=lambda one: one.difference.estimate)
    sentence = _capital(f"{holdout_of(best)} does better than {_others(judged)}.")
    return Verdict("holdout_wins", f"{sentence} {finding(best, currency=plan.currency)}")


def _wins(best: Comparison) -> str:
    if best.holdout == "no_mail":
        return f"Sending {label(best.treatment)} does better than no mail."
    return f"{label(best.treatment)} wins."


def _no_winner(plan: Plan, undecided: Sequence[Comparison]) -> str:
    """The comparison nearest to a decision, and what its interval still allows."""
    one = min(undecided, key=lambda comparison: comparison.adjusted_p_value)
    metric, currency = one.metric, plan.currency
    change = difference(one.difference.estimate, metric=metric, currency=currency)
    return (
        f"No winner: on {METRIC_NAMES[metric]}, {label(one.treatment)} differs from {holdout_of(one)} "
        f"by {change}, which chance alone could explain ({between(one.difference, metric=metric, currency=currency)})."
    )


def _invalid(mismatch: Mismatch) -> str:
    seen = " / ".join(f"{count:,}" for count in mismatch.ratio.observed)
    due = " / ".join(f"{count:,.0f}" for count in mismatch.ratio.expected)
    return (
        f"This result is not valid: {mismatch.counted} customers came out as {seen} where {due} were planned, "
        "which chance alone hardly explains (p < 0.001). Find the cause before reading any difference."
    )


def _too_early(plan: Plan) -> str:
    if plan.window_closes_at is None:
        return f"Too early to judge: {_waiting(plan.sending)}."
    closes = f"{plan.window_closes_at:%-d %B %Y, %H:%M} UTC"
    return (
        f"Too early to judge: the conversion window of {plan.conversion_window_days} days is open "
        f"until {closes}. Looking earlier would find winners that are none."
    )


def _waiting(sending: Sending | None) -> str:
    if sending is None or not sending.is_paused:
        return "messages are still being sent"
    return f"the sending is paused, and {sending.waiting:,} of {sending.messages:,} messages wait"


def _nothing(plan: Plan) -> str:
    if plan.primary_metric == "human_click":
        return "Nothing to compare: clicks need a baseline arm, for customers who got no mail cannot click."
    return "Nothing to compare: a treatment and a holdout with customers in them are needed."


def _others(judged: Sequence[Comparison]) -> str:
    return " and ".join(label(one.treatment) for one in judged)


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
