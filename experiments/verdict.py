"""The one sentence an experiment ends with. "No winner" is a result."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from experiments.outcomes import Plan, Sending
from experiments.report import Comparison, Guardrail, Status, Verdict
from experiments.stats.srm import SampleRatio
from experiments.wording import (
    METRIC_NAMES,
    between,
    difference,
    finding,
    guardrail_finding,
    holdout_of,
    label,
)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Arms whose sizes chance alone hardly explains; `counted` is "assigned" or "delivered"."""

    counted: str
    ratio: SampleRatio


def mismatch_of(*, plan: Plan, assigned: SampleRatio, delivered: SampleRatio) -> Mismatch | None:
    """The mismatch that spoils the experiment; deliveries count once nothing waits to be sent, at early looks too."""
    if assigned.alarm:
        return Mismatch("assigned", assigned)
    if delivered.alarm and plan.is_sent:
        return Mismatch("delivered", delivered)
    return None


def decide(
    *,
    plan: Plan,
    deciding: Sequence[Comparison],
    mismatch: Mismatch | None,
    guardrails: Sequence[Guardrail] = (),
    told_apart: Collection[frozenset[str]] = (),
) -> Verdict:
    """The verdict on the primary metric by its comparisons, against the baseline where there is one.

    In order: mismatched arms make everything invalid, a moment that is none of the looks makes it too early, too little
    data makes it too few; only then does the test speak. A winner that breaks a guardrail is harmful, and none.
    `told_apart` are the pairs of winners, by their keys, that a test of their own found to differ.
    """
    if mismatch is not None:
        return Verdict("invalid", _invalid(mismatch))
    if not deciding or plan.is_bandit:
        return Verdict("nothing_to_compare", _nothing(plan))
    if not plan.may_judge:
        return Verdict("too_early", _too_early(plan))
    judged = [one for one in deciding if not one.not_judged]
    if not judged:
        return Verdict("too_few", f"Too few to judge: {deciding[0].not_judged}")
    return _by_test(plan, judged, guardrails, told_apart)


def _by_test(
    plan: Plan,
    judged: Sequence[Comparison],
    guardrails: Sequence[Guardrail],
    told_apart: Collection[frozenset[str]],
) -> Verdict:
    better = better_ones(judged)
    undecided = [one for one in judged if not one.significant]
    broken = {one.treatment.key: one for one in guardrails if one.result.state == "broken"}
    harmless = [one for one in better if one.treatment.key not in broken]
    if harmless:
        return _winner(plan, harmless, guardrails, told_apart)
    if better and (plan.ends or not undecided):
        return _harmful(plan, better, broken)
    if undecided:
        status: Status = "no_winner" if plan.ends else "undecided"
        return Verdict(status, _no_winner(plan, undecided))
    best = max(judged, key=_estimate)
    sentence = _capital(f"{holdout_of(best)} does better than {_names(judged)}.")
    winner = best.control.key if best.control.mailed else ""
    return Verdict("holdout_wins", f"{sentence} {finding(best, currency=plan.currency)}", winner)


def better_ones(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Those in which the treatment is shown to do better than the holdout."""
    return [one for one in comparisons if one.significant and one.difference.estimate > 0]


def _winner(
    plan: Plan,
    harmless: Sequence[Comparison],
    guardrails: Sequence[Guardrail],
    told_apart: Collection[frozenset[str]],
) -> Verdict:
    """The highest of those that won and are not shown to harm anybody; with all it is not shown to be better than."""
    best = max(harmless, key=_estimate)
    key = best.treatment.key
    alike = [one for one in harmless if one is best or frozenset({key, one.treatment.key}) not in told_apart]
    sentence = f"{_wins(best, alike)} {finding(best, currency=plan.currency)}"
    unsure = [one for one in guardrails if one.treatment.key == key and one.result.state == "open"]
    if not unsure:
        return Verdict("winner", sentence, key)
    open_ones = " ".join(guardrail_finding(one) for one in unsure)
    return Verdict("winner_at_risk", f"{sentence} It is not shown to be harmless: {open_ones}", key)


def _harmful(plan: Plan, better: Sequence[Comparison], broken: Mapping[str, Guardrail]) -> Verdict:
    """None of those that won may be sent: each breaks a guardrail."""
    best = max(better, key=_estimate)
    harm, found = guardrail_finding(broken[best.treatment.key]), finding(best, currency=plan.currency)
    return Verdict(
        "harmful", f"No winner: {label(best.treatment)} does better, but breaks a guardrail. {harm} {found}"
    )


def _wins(best: Comparison, alike: Sequence[Comparison]) -> str:
    """That one arm won, or that several did better than the holdout and which of them is best is not known."""
    is_mail = best.holdout == "no_mail"
    if len(alike) == 1:
        name = label(best.treatment)
        return f"Sending {name} does better than no mail." if is_mail else f"{name} wins."
    names = _names(alike)
    better = (
        f"Sending {names} does better than no mail"
        if is_mail
        else f"{names} do better than {holdout_of(best)}"
    )
    others = _names([one for one in alike if one is not best], last="or")
    return (
        f"{better}; which of them is best is not shown. {label(best.treatment)} is the highest, though not shown to be "
        f"better than {others}."
    )


def _no_winner(plan: Plan, undecided: Sequence[Comparison]) -> str:
    """The comparison nearest to a decision, and what its interval still allows."""
    one = min(undecided, key=lambda comparison: comparison.adjusted_p_value)
    metric, currency = one.metric, plan.currency
    change = difference(one.difference.estimate, metric=metric, currency=currency)
    begin = "No winner" if plan.ends else "Not decided at this look"
    return (
        f"{begin}: on {METRIC_NAMES[metric]}, {label(one.treatment)} differs from {holdout_of(one)} "
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
    if plan.next_look_at is not None:
        return (
            f"Too early to judge: the next planned look is on {plan.next_look_at:%-d %B %Y, %H:%M} UTC. "
            "Looking at other times would find winners that are none."
        )
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
    if plan.is_bandit:
        return "A bandit gives more to what did better before and names no winner; the chances of each arm are below."
    if plan.primary_metric in ("human_click", "human_open"):
        what, did = ("clicks", "click") if plan.primary_metric == "human_click" else ("openings", "open it")
        return f"Nothing to compare: {what} need a second mailed arm, for customers who got no mail cannot {did}."
    return "Nothing to compare: a treatment and a holdout with customers in them are needed."


def _names(comparisons: Sequence[Comparison], *, last: str = "and") -> str:
    """The treatments as people list them: "B, C and D"."""
    *first, end = (label(one.treatment) for one in comparisons)
    return f"{', '.join(first)} {last} {end}" if first else end


def _estimate(comparison: Comparison) -> float:
    return comparison.difference.estimate


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
