"""Exchange rates on their way in, and the sums that change with them."""

import csv
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from customers.conversion import ORDER_TOTAL, REFUND_AMOUNT, into_reporting
from customers.facts import lock_facts, refresh_money
from customers.models import ExchangeRate
from customers.profiles import touch

COLUMNS = ("date", "currency", "rate")
_CHUNK = 5000
_WITHOUT_RATE = f"""
SELECT currency, count(*) FROM (
  SELECT o.currency FROM customers_order o WHERE o.currency <> %(reporting)s AND ({ORDER_TOTAL}) IS NULL
  UNION ALL
  SELECT r.currency FROM customers_refund r WHERE r.currency <> %(reporting)s AND ({REFUND_AMOUNT}) IS NULL
) lacking GROUP BY currency ORDER BY currency
"""  # noqa: S608 - constants only
_CONCERNED = """
SELECT customer_id FROM customers_order WHERE currency = ANY(%(currencies)s) AND placed_at >= %(since)s
UNION
SELECT r.customer_id FROM customers_refund r LEFT JOIN customers_order o ON o.id = r.order_id
WHERE r.currency = ANY(%(currencies)s) AND coalesce(o.placed_at, r.refunded_at) >= %(since)s
ORDER BY customer_id
"""
# A rate that somebody else changed meanwhile is theirs to sum by.
_SUMMED = """
UPDATE customers_exchangerate r SET is_summed = true
FROM unnest(%s::text[], %s::date[], %s::numeric[]) AS n(currency, day, rate)
WHERE r.currency = n.currency AND r.day = n.day AND r.rate = n.rate
"""


class BadRates(ValueError):
    """A table of rates that cannot be read; the message names the line."""


def read_rates(lines: Iterable[str]) -> list[ExchangeRate]:
    """Return the rates of a CSV file with the columns date, currency and rate. Raises BadRates."""
    rows = csv.DictReader(lines, strict=True)
    found: dict[tuple[str, date], ExchangeRate] = {}
    try:
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise BadRates(f"Line 1: there is no column {missing[0]}; date, currency and rate are needed.")
        for row in rows:
            rate = _rate(row, rows.line_num)
            known = found.setdefault((rate.currency, rate.day), rate)
            if known.rate != rate.rate:
                raise BadRates(f"Line {rows.line_num}: {rate.currency} has another rate on that day above.")
    except csv.Error as error:
        raise BadRates(f"Line {rows.reader.line_num}: {error}.") from error
    return [found[key] for key in sorted(found)]


def _rate(row: dict[str, str | None], line: int) -> ExchangeRate:
    day, currency, rate = ((row[name] or "").strip() for name in COLUMNS)
    one = ExchangeRate(day=day, currency=currency.upper(), rate=rate)
    try:
        one.clean_fields()
    except ValidationError as error:
        name, said = next(iter(error.message_dict.items()))
        raise BadRates(f"Line {line}, {'date' if name == 'day' else name}: {said[0]}") from error
    if one.currency == settings.REPORTING_CURRENCY:
        raise BadRates(f"Line {line}, currency: {one.currency} is the reporting currency.")
    return one


def store_rates(rates: Sequence[ExchangeRate]) -> int:
    """Store the rates that differ from those of the same day, and sum up anew who bought since then.

    Returns of how many people the sums changed. Where it breaks off, reading the same rates again goes on: those whose
    sums were not made are new until they are.
    """
    new = _differing(rates)
    if not new:
        return 0
    for one in new:
        one.is_summed = False
    ExchangeRate.objects.bulk_create(
        new,
        update_conflicts=True,
        unique_fields=["currency", "day"],
        update_fields=["rate", "is_summed"],
    )
    changed = refresh_sums({one.currency for one in new}, since=min(one.day for one in new))
    with connection.cursor() as cursor:
        values = [(one.currency, one.day, one.rate) for one in new]
        cursor.execute(_SUMMED, list(map(list, zip(*values, strict=True))))
    return changed


def _differing(rates: Sequence[ExchangeRate]) -> list[ExchangeRate]:
    """Return the rates that are not stored as they are, or not summed by, in order of currency and day."""
    days = [one.day for one in rates]
    stored = (
        ExchangeRate.objects.filter(day__gte=min(days), day__lte=max(days))
        if days
        else ExchangeRate.objects.none()
    )
    summed = stored.filter(is_summed=True).values_list("currency", "day", "rate")
    known = {(currency, day): rate for currency, day, rate in summed}
    differing = (one for one in rates if known.get((one.currency, one.day)) != one.rate)
    return sorted(differing, key=lambda one: (one.currency, one.day))


def refresh_sums(currencies: Collection[str], *, since: date) -> int:
    """Sum up anew who bought in these currencies since that day (UTC); return of how many people the sums changed."""
    start = datetime.combine(since, time(), UTC)
    with connection.cursor() as cursor:
        cursor.execute(_CONCERNED, {"currencies": sorted(currencies), "since": start})
        ids = [id for (id,) in cursor.fetchall()]
    changed = 0
    for first in range(0, len(ids), _CHUNK):
        some = ids[first : first + _CHUNK]
        with transaction.atomic():
            lock_facts(some)
            worth_something_else = refresh_money(some)
            touch(worth_something_else)
        changed += len(worth_something_else)
    return changed


def without_rate() -> dict[str, int]:
    """Count orders and refunds that have no rate, by currency: they are in no sum. Reads all of them once."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_RATE, into_reporting())
        return dict(cursor.fetchall())
