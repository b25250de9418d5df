"""What an imported experiment found, in plain English. Each sentence names both arms."""

from collections.abc import Sequence

from common.money import format_money
from experiments.importing.arms import ImportedArm
from experiments.importing.findings import ImportedComparison
from experiments.importing.mapping import ImportedMetric
from experiments.report import Verdict
from experiments.stats.interval import Interval
from experiments.stats.srm import SampleRatio
from experiments.wording import p_value, percent

_SMALL_MINOR = 1_000
"""Amounts per customer below this are told with a decimal more than the currency has."""


def level(value: float, metric: ImportedMetric, *, signed: bool = False) -> str:
    """An arm's figure per customer: 18.28%, $1.423, 3.1."""
    if metric.kind == "rate":
        return _signed(value, f"{abs(value):.2%}", signed=signed)
    if metric.kind == "money":
        more = int(abs(value) < _SMALL_MINOR)
        return _signed(value, format_money(abs(value), metric.currency, more_places=more), signed=signed)
    return _signed(value, f"{abs(value):,.4g}", signed=signed)


def change(value: float, metric: ImportedMetric) -> str:
    """A difference per customer: +0.77 points, +$0.770."""
    text = level(value, metric, signed=True)
    return text.removesuffix("%") + " points" if metric.kind == "rate" else text


def between(interval: Interval, metric: ImportedMetric) -> str:
    """ "95% interval +$0.487 to +$1.053"."""
    return f"{interval.level * 100:.3g}% interval {change(interval.low, metric)} to {change(interval.high, metric)}"


def finding(one: ImportedComparison) -> str:
    """What one comparison found, or why it is not judged."""
    metric = one.metric
    mine, other = (level(arm.value(metric), metric) for arm in (one.treatment, one.control))
    lift = ""
    if one.relative_lift is not None:
        low, high = (percent(bound, signed=True) for bound in (one.relative_lift.low, one.relative_lift.high))
        lift = f", a relative lift of {percent(one.relative_lift.estimate, signed=True)} ({low} to {high})"
    told = (
        f"{one.treatment.name} against {one.control.name}: {metric.name} {mine} against {other}, "
        f"{change(one.difference.estimate, metric)} ({between(one.difference, metric)}){lift}; "
        f"{p_value(one.adjusted_p_value)}."
    )
    return f"{told} Not judged: {one.not_judged}" if one.not_judged else told


def headline(one: ImportedComparison) -> str:
    """What all customers of the arm brought more than they would have in the other."""
    gain, currency = one.incremental, one.metric.currency
    worth, low, high = (
        _signed(value, format_money(abs(value), currency), signed=True)
        for value in (gain.estimate, gain.low, gain.high)
    )
    told = (
        f"{one.treatment.name} instead of {one.control.name} was worth {worth} of {one.metric.name} from "
        f"{one.treatment.n:,} customers ({gain.level * 100:.3g}% interval {low} to {high})."
    )
    if one.not_judged:
        return f"{told} Not judged: {one.not_judged}"
    return told if one.significant else f"{told} This cannot be told from no effect."


def judgement(decisive: Sequence[ImportedComparison], ratio: SampleRatio | None) -> Verdict:
    """The verdict on the metric that decides: arms of the wrong size first, then too little, then the test."""
    if ratio is not None and ratio.alarm:
        return Verdict("invalid", _mismatch(ratio))
    judged = [one for one in decisive if not one.not_judged]
    if not judged:
        return Verdict("too_few", f"Too few to judge: {decisive[0].not_judged}")
    better = [one for one in judged if one.significant and one.difference.estimate > 0]
    if better:
        best = max(better, key=lambda one: one.difference.estimate)
        others = [one.treatment.name for one in better if one is not best]
        also = f" So {'does' if len(others) == 1 else 'do'} {' and '.join(others)}." if others else ""
        return Verdict(
            "winner", f"{best.treatment.name} does better than {best.control.name}. {best.sentence}{also}"
        )
    undecided = [one for one in judged if not one.significant]
    if undecided:
        return Verdict("no_winner", _no_winner(min(undecided, key=lambda one: one.adjusted_p_value)))
    best = max(judged, key=lambda one: one.difference.estimate)
    return Verdict("holdout_wins", f"{best.control.name} does better than all others. {best.sentence}")


def too_few_buyers(metric: ImportedMetric, arm: ImportedArm, *, some: int, needed: int) -> str:
    """Why a mean is not judged."""
    return (
        f"{some:,} customers of {arm.name} have any {metric.name}, and it is judged only from {needed:,} in the "
        "smaller arm on, because a few large values would decide."
    )


def too_rare(metric: ImportedMetric, *, did: int, total: int) -> str:
    """Why a rate is not judged."""
    return f"{metric.name} was yes for only {did:,} of {total:,} customers, too few for the test to hold."


def _no_winner(nearest: ImportedComparison) -> str:
    metric = nearest.metric
    return (
        f"No winner: on {metric.name}, {nearest.treatment.name} differs from {nearest.control.name} by "
        f"{change(nearest.difference.estimate, metric)}, which chance alone could explain "
        f"({between(nearest.difference, metric)})."
    )


def _mismatch(ratio: SampleRatio) -> str:
    seen = " / ".join(f"{count:,}" for count in ratio.observed)
    due = " / ".join(f"{count:,.0f}" for count in ratio.expected)
    return (
        f"This result is not valid: the arms came out as {seen} customers where {due} were planned, which chance alone "
        "hardly explains (p < 0.001). Find the cause before reading any difference."
    )


def _signed(value: float, text: str, *, signed: bool) -> str:
    if not any(digit in text for digit in "123456789"):
        return text
    return ("−" if value < 0 else "+" * signed) + text
