"""How many customers a condition fits right now, for the editor and the pages."""

from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, connection, transaction

from customers.models import Customer
from segments.compiler import compile_condition
from segments.conditions import Condition

PATIENCE_MS = 4000
EXAMPLES = 6


@dataclass(frozen=True, slots=True)
class Audience:
    """Who fits: how many, of how many, how many of them may be mailed, and a few by name."""

    fitting: int
    customers: int
    consenting: int
    examples: list[Customer]

    @property
    def share(self) -> float:
        """The part of all known customers, 0 to 1."""
        return self.fitting / self.customers if self.customers else 0.0


def count_audience(condition: Condition, *, now: datetime) -> Audience | None:
    """Count who fits; None where the database needs more than PATIENCE_MS for one of the four queries."""
    fitting = compile_condition(condition, now=now)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            return Audience(
                fitting=fitting.count(),
                customers=Customer.objects.known().count(),
                consenting=fitting.filter(pk__in=Customer.objects.consenting().values("pk")).count(),
                examples=list(fitting.order_by("pk")[:EXAMPLES]),
            )
    except OperationalError:
        return None
