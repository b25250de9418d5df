"""Amounts in the reporting currency, by the table of exchange rates.

A purchase is converted at the newest rate of its day (UTC) or the 31 days before, and so are its refunds, so that what
was wholly given back nets to nothing. What has no rate is NULL, which no sum counts.
"""

from typing import Any

from django.conf import settings

from common.money import exponent, exponent_sql

DAYS_VALID = 31
_MOST = 2**43  # as of any amount: leaves room to add up a million of them


def _converted(amount: str, currency: str, at: str) -> str:
    return (
        f"CASE WHEN {currency} = %(reporting)s THEN {amount} ELSE ("  # noqa: S608 - constants only
        f"SELECT CASE WHEN abs(v.amount) < {_MOST} THEN v.amount::bigint END FROM ("
        f"SELECT round({amount} * x.rate * 10::numeric ^ (%(places)s - {exponent_sql(currency)})) AS amount"
        f" FROM customers_exchangerate x WHERE x.currency = {currency}"
        f" AND x.day <= ({at} AT TIME ZONE 'UTC')::date AND x.day >= ({at} AT TIME ZONE 'UTC')::date - {DAYS_VALID}"
        " ORDER BY x.day DESC LIMIT 1) v) END"
    )


ORDER_TOTAL = _converted("o.total_minor", "o.currency", "o.placed_at")
"""What the order `o` is worth; takes the parameters of `into_reporting`, as the next one does."""
ORDER_NET = _converted("(o.total_minor - o.refunded_minor)", "o.currency", "o.placed_at")
"""The same less what was given back."""
LINE_TOTAL = _converted("l.total_minor", "o.currency", "o.placed_at")
"""What the line `l` of the order `o` is worth."""
REFUND_AMOUNT = _converted(
    "r.amount_minor",
    "r.currency",
    "coalesce((SELECT b.placed_at FROM customers_order b WHERE b.id = r.order_id), r.refunded_at)",
)
"""What the refund `r` is worth."""


def into_reporting() -> dict[str, Any]:
    """Return the parameters of converted amounts."""
    currency = settings.REPORTING_CURRENCY
    return {"reporting": currency, "places": exponent(currency)}
