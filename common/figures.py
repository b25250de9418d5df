"""Numbers, money and times as people read them: plain functions that templates use as filters."""

from datetime import datetime
from typing import Final

from common.money import format_money

_MAGNITUDES: Final = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))
_SPANS: Final = (
    ("year", 365 * 86400),
    ("month", 30 * 86400),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
)


def money(amount_minor: int | None, currency: str) -> str:
    """Minor units as an amount with its currency: `money(123450, "GBP")` is "£1,234.50"; `None` is "–"."""
    return "–" if amount_minor is None else format_money(amount_minor, currency).replace("-", "−", 1)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as per cent: `percent(0.1234)` is "12.3 %"; `None` is "–"."""
    if share is None:
        return "–"
    return _with_minus(f"{share * 100:,.{digits}f} %")


def compact(number: int | None) -> str:
    """A whole number in at most four characters and a letter: 950, 12.4k, 3.1M; `None` is "–"."""
    if number is None:
        return "–"
    for size, letter in _MAGNITUDES:
        if abs(number) >= size * 0.9995:  # 999,500 and more round up to the next letter
            return _with_minus(f"{_short(number / size)}{letter}")
    return _with_minus(str(number))


def integer(number: int | None) -> str:
    """A whole number with thousands separated: 81,300; `None` is "–"."""
    return "–" if number is None else _with_minus(f"{number:,}")


def ago(moment: datetime, now: datetime) -> str:
    """The distance of two aware times in its largest unit: "3 minutes ago", "in 2 days", "just now"."""
    seconds = (now - moment).total_seconds()
    for unit, size in _SPANS:
        count = int(abs(seconds) // size)
        if count:
            span = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{span} ago" if seconds > 0 else f"in {span}"
    return "just now"


def _short(value: float) -> str:
    text = f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
    return text.removesuffix(".0")


def _with_minus(text: str) -> str:
    return text.replace("-", "−", 1)
