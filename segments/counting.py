"""How many customers a condition fits right now, for the editor and the pages: exactly, or by a stated sample.

The same compiler counts and launches. A count that a newer one makes idle is cancelled on the server.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from django.db import OperationalError, connection, transaction

from customers.models import Customer
from segments.compiler import compile_condition
from segments.conditions import Condition
from segments.fitting import fitting_ids
from segments.whole_base import plan_for_everybody

PATIENCE_MS = 4000
EXAMPLES = 6
EXACT_UP_TO = 200_000
FEWEST_TOLD = 5
PROBES = 20_000
_Z = 1.959963984540054  # of a 95 % interval
_LOCK = 7216_0021

_SIZE = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'customers_customer'::regclass"
_RANGE = "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM customers_customer"
_PROBED = "SELECT id, is_anonymous FROM customers_customer WHERE id = ANY(%s)"
_CANCEL = """
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE application_name = %s AND pid <> pg_backend_pid() AND datname = current_database() AND state = 'active'
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who fits: how many, of how many, how many of them may be mailed, and a few by name.

    Where `sampled` is not 0, so many customers, drawn at random, were judged; the numbers are estimates, and
    `low` and `high` are the 95 % interval (Wilson's) of how many fit.
    """

    fitting: int
    customers: int
    consenting: int
    examples: list[Customer] = field(default_factory=list)
    sampled: int = 0
    low: int = 0
    high: int = 0

    @property
    def told_from(self) -> int:
        """The smallest number that may be told to whoever must not see single people; estimates come from as many."""
        return round(FEWEST_TOLD * self.customers / self.sampled) if self.sampled else FEWEST_TOLD

    @property
    def share(self) -> float:
        """The part of all known customers, 0 to 1."""
        return self.fitting / self.customers if self.customers else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Known customers drawn at random, each as likely as any other, and about how many there are."""

    ids: list[int]
    customers: int


def count_audience(condition: Condition, *, now: datetime, ticket: str = "") -> Audience | None:
    """Count who fits; None where the database needs more than PATIENCE_MS for a query, or a newer count came.

    A count with the same ticket that is still running is cancelled.
    """
    name = _application(ticket)
    if name:
        _cancel(name)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('application_name', %s, true)",
                [str(PATIENCE_MS), name or "count"],
            )
            plan_for_everybody()
            sample = draw_sample()
            audience = _estimated(condition, now, sample) if sample else _exact(condition, now)
            _let_cancels_pass(name)
            return audience
    except OperationalError:
        return None


def draw_sample() -> Sample | None:
    """Return a sample where there are more than EXACT_UP_TO customers, else None. Three queries at most.

    Ids are drawn from the whole range; those that nobody has, and visitors, fall out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SIZE)
        (size,) = cursor.fetchone() or (0,)
        if size <= EXACT_UP_TO:
            return None
        cursor.execute(_RANGE)
        first, last = cursor.fetchone() or (0, 0)
        drawn = {random.randint(first, last) for _ in range(PROBES)}
        cursor.execute(_PROBED, [sorted(drawn)])
        rows = cursor.fetchall()
    ids = sorted(id for id, is_anonymous in rows if not is_anonymous)
    return Sample(ids, round(size * len(ids) / len(rows)) if rows else 0)


def wilson(hits: int, drawn: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share, of which `hits` in `drawn` were seen."""
    if not drawn:
        return 0.0, 1.0
    share, square = hits / drawn, _Z * _Z
    centre = share + square / (2 * drawn)
    half = _Z * ((share * (1 - share) + square / (4 * drawn)) / drawn) ** 0.5
    scale = 1 + square / drawn
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def _exact(condition: Condition, now: datetime) -> Audience:
    fitting = compile_condition(condition, now=now)
    return Audience(
        fitting=fitting_ids(condition, now=now).count(),
        customers=Customer.objects.known().count(),
        consenting=fitting.filter(pk__in=Customer.objects.consenting().values("pk")).count(),
        examples=list(fitting.order_by("pk")[:EXAMPLES]),
    )


def _estimated(condition: Condition, now: datetime, sample: Sample) -> Audience:
    found = compile_condition(condition, now=now, among=sample.ids)
    ids: Sequence[int] = list(found.values_list("pk", flat=True))
    consenting = Customer.objects.consenting().filter(pk__in=ids).count()
    drawn = len(sample.ids)
    low, high = wilson(len(ids), drawn)
    scale = sample.customers / drawn if drawn else 0
    return Audience(
        fitting=round(len(ids) * scale),
        customers=sample.customers,
        consenting=round(consenting * scale),
        examples=list(Customer.objects.filter(pk__in=ids[:EXAMPLES]).order_by("pk")),
        sampled=drawn,
        low=round(low * sample.customers),
        high=round(high * sample.customers),
    )


def _application(ticket: str) -> str:
    return f"count-{blake2b(ticket.encode(), digest_size=16).hexdigest()}" if ticket else ""


def _cancel(name: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, name])
        cursor.execute(_CANCEL, [name])


def _let_cancels_pass(name: str) -> None:
    """Wait for whoever is just cancelling this count: their signal must not meet this connection's next work."""
    if name:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, name])
