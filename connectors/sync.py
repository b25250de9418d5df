"""Synchronises one source: what is new is read through its mapping, and the cursor moves only after it is stored."""

from datetime import timedelta

from django.db import DatabaseError
from django.db.models import DurationField, ExpressionWrapper, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat

from common.clock import now
from connectors.feeds import FeedError, portions
from connectors.models import Source
from customers.importing.books import Books, LostLease, open_books
from customers.importing.run import Rejects, import_rows, rejects_path
from customers.importing.schema import MappingError, check_mapping
from customers.models import SyncRun


def sync_source(source_id: int) -> SyncRun:
    """Read what is new at a source and return the run's books.

    One run of a source at a time: raises AlreadyRunning while another holds the lease. A source that cannot be
    read makes a failed run that says why; what was stored before is kept, and not stored twice by the next run.
    Events are stored under the source name in the mapping, so one mapping may serve files and feed alike.
    """
    source = Source.objects.get(pk=source_id)
    path = rejects_path(source.name, f"{now():%Y%m%dT%H%M%S%f}")
    books = open_books(source.books_name, cursor=source.cursor, rejects_path=str(path))
    rejects = Rejects(path, [])
    try:
        check_mapping(source.mapping)
        _read(source, books, rejects)
        return books.close(cursor_after=source.cursor)
    except (FeedError, LostLease, MappingError, EOFError, OSError, ValueError, DatabaseError) as error:
        return books.break_off(error, cursor_after=source.cursor)
    except BaseException as error:
        books.break_off(error, cursor_after=source.cursor)
        raise
    finally:
        rejects.close()


def due_sources() -> list[int]:
    """Enabled sources whose last run began as long ago as their schedule says, or that never ran; one query."""
    runs = SyncRun.objects.filter(source=Concat(Value("source:"), OuterRef("name"))).order_by("-started_at")
    turns = ExpressionWrapper(F("every_minutes") * timedelta(minutes=1), output_field=DurationField())
    due = Source.objects.filter(is_enabled=True).annotate(
        last=Subquery(runs.values("started_at")[:1]), next=F("last") + turns
    )
    return list(due.filter(Q(last=None) | Q(next__lte=now())).values_list("pk", flat=True))


def _read(source: Source, books: Books, rejects: Rejects) -> None:
    for portion in portions(source):
        rejects.header = portion.header
        import_rows(portion.rows, source.mapping, header=portion.header, books=books, rejects=rejects)
        source.cursor = portion.cursor
        source.save(update_fields=["cursor"])
