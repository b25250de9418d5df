"""`manage.py import_events FILE --mapping MAP.yaml`: the face of `customers.importing`."""

import json
import time
from argparse import ArgumentParser
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from common.clock import now
from customers.importing.books import AlreadyRunning, Books, open_books
from customers.importing.reading import CsvFile, UnreadableFile
from customers.importing.run import Rejects, import_rows, rejects_path
from customers.importing.schema import SHIPPED, MappingError, load_mapping
from customers.models import SyncRun
from customers.rates import without_rate

BAD_INPUT, BUSY, FAILED = 2, 3, 4


class Command(BaseCommand):
    """Imports a CSV file of events and ends with a reconciliation.

    Exit codes: 0 every row is accounted for (refused ones are in the rejects file), 2 the mapping or the file
    cannot be used, 3 the same source is being imported already, 4 the import broke off: run it again, what was
    stored is not stored twice.
    """

    help = "Import customers, orders and events from a CSV file (gz too, or - for standard input)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", help="CSV file, plain or gzipped; - reads standard input")
        parser.add_argument(
            "--mapping", required=True, help="YAML file, or the name of one that is shipped: online_retail"
        )
        parser.add_argument(
            "--json", action="store_true", help="Print the reconciliation as JSON and nothing else"
        )
        parser.add_argument("--limit", type=int, help="Read only so many rows")
        parser.add_argument("--rejects", help="Where to write refused rows")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and print how every row ended."""
        mapping = _load(options["mapping"])
        file = _open(options["file"], mapping)
        path = _rejects_path(options["rejects"], mapping["source"])
        books = _start(mapping["source"], path)
        rejects = Rejects(path, file.header)
        started = time.monotonic()
        try:
            _read(file, mapping, books, rejects, options)
        except MappingError as error:
            books.break_off(str(error))
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except BaseException as error:
            books.break_off(error)
            raise CommandError(
                f"Broke off after {books.run.rows_in:,} rows: {error or type(error).__name__}. Run it again:"
                " what was stored is not stored twice.",
                returncode=FAILED,
            ) from error
        finally:
            rejects.close()
        run = books.close()
        _print(books, time.monotonic() - started, as_json=options["json"])
        if run.status != SyncRun.Status.SUCCEEDED:
            raise CommandError(run.error, returncode=FAILED)


def _load(name: str) -> dict[str, Any]:
    shipped = SHIPPED / f"{name}.yaml"
    try:
        return load_mapping(shipped if shipped.is_file() else Path(name))
    except (MappingError, OSError) as error:
        raise CommandError(f"The mapping cannot be used.\n{error}", returncode=BAD_INPUT) from error


def _open(name: str, mapping: dict[str, Any]) -> CsvFile:
    try:
        return CsvFile(name, form=mapping.get("format", {}))
    except (UnreadableFile, OSError, EOFError, LookupError) as error:
        raise CommandError(f"{name} cannot be read: {error}", returncode=BAD_INPUT) from error


def _rejects_path(given: str | None, source: str) -> Path:
    return Path(given) if given else rejects_path(source, f"{now():%Y%m%dT%H%M%S}")


def _start(source: str, path: Path) -> Books:
    try:
        return open_books(source, rejects_path=str(path))
    except AlreadyRunning as error:
        raise CommandError(str(error), returncode=BUSY) from error


def _read(
    file: CsvFile, mapping: dict[str, Any], books: Books, rejects: Rejects, options: dict[str, Any]
) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
    )
    rows = file.rows() if options["limit"] is None else islice(file.rows(), options["limit"])
    with Progress(*columns, console=Console(stderr=True), disable=options["json"]) as progress:
        task = progress.add_task(mapping["source"], total=options["limit"])
        import_rows(
            rows,
            mapping,
            header=file.header,
            books=books,
            rejects=rejects,
            on_batch=lambda read: progress.update(task, completed=read),
        )


def _print(books: Books, seconds: float, *, as_json: bool) -> None:
    run = books.run
    if as_json:
        told = {
            "run": run.pk,
            "source": run.source,
            "rows_in": run.rows_in,
            "inserted": run.inserted,
            "duplicates": run.duplicates,
            "rejected": run.rejected,
            "adds_up": run.adds_up,
            "customers_created": books.customers_created,
            "identity_conflicts": books.identity_conflicts,
            "rejects_file": run.rejects_path if run.rejected else None,
            "without_rate": without_rate(),
            "seconds": round(seconds, 2),
        }
        print(json.dumps(told))
        return
    table = Table(
        title=f"{run.source}: {run.rows_in:,} rows in {seconds:.1f} s ({run.rows_in / seconds:,.0f}/s)"
    )
    table.add_column("Rows")
    table.add_column("Count", justify="right")
    table.add_row("inserted", f"{run.inserted:,}")
    table.add_row("duplicates", f"{run.duplicates:,}")
    for reason, count in run.rejected.items():
        table.add_row(f"rejected: {reason}", f"{count:,}")
    table.add_section()
    total = run.inserted + run.duplicates + run.rejected_count
    table.add_row("together", f"{total:,}")
    table.add_row("rows in", f"{run.rows_in:,}")
    console = Console()
    console.print(table)
    console.print(
        f"{books.customers_created:,} customers made, {books.identity_conflicts:,} address conflicts."
    )
    if run.rejected:
        console.print(f"Refused rows are in {run.rejects_path}", soft_wrap=True)
    for currency, count in without_rate().items():
        console.print(
            f"{count:,} orders and refunds in {currency} have no rate into {settings.REPORTING_CURRENCY} and are in"
            f" no customer's revenue: import_rates, or set REPORTING_CURRENCY={currency} and rebuild_facts.",
            soft_wrap=True,
        )
