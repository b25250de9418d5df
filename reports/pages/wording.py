"""Figures of reports as sentences say them."""

from math import sqrt

from common.figures import money
from reports.pooling import Z


def signed(amount_minor: float, currency: str) -> str:
    """An amount with its sign: "+£12.00", "−£3.50"; nothing is "£0.00"."""
    text = money(round(amount_minor), currency)
    return text if round(amount_minor) <= 0 else f"+{text}"


def bounds(estimate: float, variance: float) -> tuple[float, float]:
    """The 95 % interval of an estimate by its variance."""
    half = Z * sqrt(variance)
    return estimate - half, estimate + half


def with_interval(estimate: float, variance: float, currency: str) -> str:
    """ "+£120.00 (95 % interval +£20.00 to +£220.00)"."""
    low, high = (signed(value, currency) for value in bounds(estimate, variance))
    return f"{signed(estimate, currency)} (95 % interval {low} to {high})"


def judgement(estimate: float, variance: float) -> str:
    """What the interval allows to say, as the end of a paragraph."""
    low, high = bounds(estimate, variance)
    return " This cannot be told from no effect." if low <= 0 <= high else ""


def tone(estimate: float, variance: float) -> str:
    """How a callout of this estimate looks."""
    low, high = bounds(estimate, variance)
    return "success" if low > 0 else "danger" if high < 0 else "info"


def count(number: int, one: str, many: str = "") -> str:
    """ "1 campaign", "3 campaigns"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
