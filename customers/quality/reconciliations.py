"""Reconciliations that were asked for: the row is the queue, and keeps the result."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from accounts.models import User
from customers.importing.schema import MappingError
from customers.models import DataSource, Reconciliation
from customers.quality.reconciling import Part, compare

LEASE = timedelta(minutes=30)
OPEN = (Reconciliation.State.WAITING, Reconciliation.State.RUNNING)


class UnreadableSource(RuntimeError):
    """The source cannot be read again; the message says why, or what to do instead."""


def reconcile(
    name: str, *, mapping: dict[str, Any] | None = None, parts: Iterable[Part] | None = None
) -> dict[str, Any]:
    """Compare a source with what is stored; `parts` are asked of its connector where they are not given.

    Raises UnreadableSource, MappingError, and whatever reading raises.
    """
    document = mapping or DataSource.objects.filter(name=name).values_list("mapping", flat=True).first()
    if not document or "kinds" not in document:
        raise UnreadableSource(f"It is not known how rows of {name!r} are read: name a mapping.")
    return compare(name, document, read_again(name) if parts is None else parts)


def read_again(name: str) -> Iterable[Part]:
    """Ask each of `settings.SOURCE_READERS` for the source's rows from the beginning. Raises UnreadableSource."""
    for path in settings.SOURCE_READERS:
        reader: Callable[[str], Iterable[Part] | None] = import_string(path)
        if (parts := reader(name)) is not None:
            return parts
    raise UnreadableSource(
        f"{name} was read from a file. Compare it with manage.py reconcile {name} FILE --mapping MAP.yaml."
    )


def can_be_read_again(name: str) -> bool:
    """Whether a connector answers for the source; nothing is read."""
    return any(import_string(path)(name) is not None for path in settings.SOURCE_READERS)


def ask(name: str, *, by: User | None) -> Reconciliation:
    """Ask for a reconciliation, or return the one that is under way already."""
    under_way = Reconciliation.objects.filter(source=name, state__in=OPEN).order_by("pk").first()
    return under_way or Reconciliation.objects.create(source=name, requested_by=by)


def run(reconciliation_id: int) -> bool:
    """Do one that waits, or whose worker died; return False when another worker has it."""
    mine = Reconciliation.objects.filter(pk=reconciliation_id).filter(
        Q(state=Reconciliation.State.WAITING) | Q(state=Reconciliation.State.RUNNING, lease_until__lt=Now())
    )
    if not mine.update(state=Reconciliation.State.RUNNING, lease_until=Now() + LEASE):
        return False
    asked = Reconciliation.objects.get(pk=reconciliation_id)
    result: dict[str, Any] = {}
    error = ""
    try:
        result = reconcile(asked.source)
    except (
        UnreadableSource,
        MappingError,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        DatabaseError,
    ) as problem:
        error = str(problem)[:2000] or type(problem).__name__
    state = Reconciliation.State.FAILED if error else Reconciliation.State.DONE
    mine_still = Reconciliation.objects.filter(pk=asked.pk, lease_until=asked.lease_until)
    mine_still.update(state=state, result=result, error=error, finished_at=Now(), lease_until=None)
    return True


def due() -> list[int]:
    """Reconciliations that nobody does: they wait, or their worker died."""
    waiting = Q(state=Reconciliation.State.WAITING)
    dead = Q(state=Reconciliation.State.RUNNING, lease_until__lt=Now())
    return list(Reconciliation.objects.filter(waiting | dead).order_by(F("pk")).values_list("pk", flat=True))
