"""Numbers and findings of an experiment in plain English."""

from datetime import timedelta

from common.money import format_money
from experiments.outcomes import ArmOutcomes, GuardrailKey, Metric, Plan
from experiments.report import Comparison, Guardrail
from experiments.stats.interval import Interval

METRIC_NAMES: dict[Metric, str] = {
    "human_click": "click rate",
    "conversion": "conversion rate",
    "revenue": "revenue per recipient",
    "human_open": "open rate",
}
DID: dict[Metric, str] = {"human_click": "clicked", "conversion": "ordered", "human_open": "opened"}
HARMS: dict[GuardrailKey, str] = {
    "unsubscribe": "unsubscribed",
    "complaint": "marked the mail as spam",
    "bounce": "had the mail bounce",
}
OPENS_WARNING = (
    "Openings decide here. Some programs open mails by themselves and others never say that a mail was opened; "
    "machines that are recognised are left out, the rest is noise. Read this as a test of the subject line, not of "
    "what the mail is worth."
)

UNCHECKED = "Too few customers to check the arms' sizes against the plan."


def percent(rate: float, *, signed: bool = False) -> str:
    """A rate as a percentage: two decimals below 10 %, one above."""
    value = rate * 100
    text = f"{abs(value):.{2 if abs(value) < 10 else 1}f}"
    return _sign(value, text, signed=signed) + text + "%"


_HOLDOUTS = {"no_mail": ("the no-mail holdout", "no mail"), "baseline": ("the baseline", "baseline")}
"""What a holdout is called, and the name that it has unless somebody gives it another."""


def money(amount_minor: float, *, currency: str, signed: bool = False) -> str:
    """An amount for people; with `signed` a gain carries its plus."""
    text = format_money(abs(amount_minor), currency)
    return _sign(amount_minor, text, signed=signed) + text


def between(interval: Interval, *, metric: Metric, currency: str) -> str:
    """ "95% interval −£0.10 to +£0.52" for a difference per recipient of this metric."""
    low, high = (
        difference(value, metric=metric, currency=currency) for value in (interval.low, interval.high)
    )
    return f"{_level(interval)} interval {low} to {high}"


def difference(value: float, *, metric: Metric, currency: str) -> str:
    """A difference per recipient: money, or percentage points."""
    if metric == "revenue":
        return money(value, currency=currency, signed=True)
    return percent(value, signed=True).removesuffix("%") + " points"


def level_of(value: float, *, metric: Metric, currency: str) -> str:
    """An arm's figure per recipient: money, or a rate."""
    return money(value, currency=currency) if metric == "revenue" else percent(value)


def label(arm: ArmOutcomes) -> str:
    """How sentences call an arm: by its name, which no other arm has."""
    return arm.name or arm.key


def holdout_of(comparison: Comparison) -> str:
    """The holdout a comparison uses, by its role, and by its name where that says more."""
    name = label(comparison.control)
    if comparison.holdout == "first_arm":
        return name
    role, usual = _HOLDOUTS[comparison.holdout]
    return role if name.lower() == usual else f"{role} {name}"


def finding(comparison: Comparison, *, currency: str) -> str:
    """What one comparison found, naming its holdout."""
    metric = comparison.metric
    values = [
        level_of(value, metric=metric, currency=currency)
        for value in (comparison.treatment_value, comparison.control_value)
    ]
    change = difference(comparison.difference.estimate, metric=metric, currency=currency)
    return (
        f"{label(comparison.treatment)} against {holdout_of(comparison)}: {METRIC_NAMES[metric]} {values[0]} "
        f"against {values[1]}, {change} ({between(comparison.difference, metric=metric, currency=currency)})"
        f"{_lift(comparison.relative_lift)}; {p_value(comparison.adjusted_p_value)}."
        + (f" Not judged: {comparison.not_judged}" if comparison.not_judged else "")
    )


def headline(comparison: Comparison, *, currency: str, window_days: int) -> str:
    """Incremental revenue of one treatment against one holdout, with its interval."""
    gain, size = comparison.incremental, comparison.treatment.assigned
    verbs = {"no_mail": "Sending", "baseline": "Personalising with", "first_arm": "Choosing"}
    low, high = (money(value, currency=currency, signed=True) for value in (gain.low, gain.high))
    sentence = (
        f"{verbs[comparison.holdout]} {label(comparison.treatment)}, measured against {holdout_of(comparison)}, was "
        f"worth {money(gain.estimate, currency=currency, signed=True)} of revenue within {window_days} days from "
        f"{size:,} recipients ({_level(gain)} interval {low} to {high})."
    )
    if comparison.not_judged:
        return f"{sentence} Not judged: {comparison.not_judged}"
    return sentence if comparison.significant else f"{sentence} This cannot be told from no effect."


def sending_warnings(plan: Plan) -> tuple[str, ...]:
    """What in the sending makes differences smaller than they would have been, in sentences."""
    sending = plan.sending
    if sending is None:
        return ()
    found = []
    if sending.is_cancelled:
        found.append(
            "The campaign was cancelled. Customers whose mail was not sent count in their arms all the same, so "
            "that differences come out smaller."
        )
    if sending.late and sending.latest_by is not None:
        found.append(
            f"{sending.late:,} of {sending.messages:,} messages went out hours after they were due, up to "
            f"{_span(sending.latest_by)} late. The window of {plan.conversion_window_days} days starts when each mail "
            "is due, so these customers had less of it, and differences come out smaller."
        )
    return tuple(found)


def guardrail_finding(guardrail: Guardrail) -> str:
    """How many were harmed in a treatment and in the baseline, and what that says about the margin."""
    (treatment, control), harm = guardrail.counts, guardrail.result.harm
    counted = (
        f"{treatment:,} of {guardrail.treatment.assigned:,} in {label(guardrail.treatment)} "
        f"{HARMS[guardrail.key]}, {control:,} of {guardrail.control.assigned:,} in {label(guardrail.control)}: "
        f"{between(harm, metric='conversion', currency='')}"
    )
    margin = percent(guardrail.result.margin).removesuffix("%") + " points"
    says = {
        "holds": f"It is not worse by {margin}.",
        "open": f"Whether it is worse by {margin} cannot be told yet.",
        "broken": f"It is worse by {margin} or more.",
    }
    return f"{counted}. {says[guardrail.result.state]}"


def p_value(value: float) -> str:
    """A p-value with three decimals: "p = 0.030", or "p < 0.001" under that."""
    return f"p = {value:.3f}" if value >= 0.001 else "p < 0.001"


def _lift(lift: Interval | None) -> str:
    if lift is None:
        return ""
    bounds = f"{percent(lift.low, signed=True)} to {percent(lift.high, signed=True)}"
    return f", a relative lift of {percent(lift.estimate, signed=True)} ({bounds})"


def _level(interval: Interval) -> str:
    """The level with three digits; one that would round to 100 % with two decimals, and 99.99 % at most."""
    level = interval.level * 100
    return f"{level:.3g}%" if level < 99.95 else f"{min(level, 99.99):.2f}%"


def _span(time: timedelta) -> str:
    """Whole hours, or from two days on whole days."""
    hours = round(time.total_seconds() / 3600)
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def _sign(value: float, text: str, *, signed: bool) -> str:
    if not any(digit in text for digit in "123456789"):
        return ""
    return "−" if value < 0 else "+" * signed
