"""`manage.py import_customers FILE`: the face of `customers.importing.people`."""

import json
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from customers.importing.people import jobs
from customers.importing.people.files import digest
from customers.importing.people.mapping import PeopleMapping, read_mapping
from customers.importing.reading import UnreadableFile
from customers.importing.schema import MappingError
from customers.models import PeopleImport

BAD_INPUT, BUSY, FAILED = 2, 3, 4
State = PeopleImport.State


class Command(BaseCommand):
    """Imports a list of people, or checks what an import would do.

    Exit codes: 0 every row is accounted for, 2 the mapping or the file cannot be used, 3 it is being imported
    already, 4 the import broke off: run the same command again, it goes on where it stopped.
    """

    help = "Import a list of customers from a CSV file (gz too, or - for standard input)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", help="CSV file, plain or gzipped; - reads standard input")
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would happen; nothing is written"
        )
        parser.add_argument("--mapping", help="YAML file; without one the columns are guessed")
        parser.add_argument("--source", help="Where the people come from; the namespace of their ids")
        parser.add_argument(
            "--consent", choices=["none", "all", "column"], help="Who agreed to marketing e-mail"
        )
        parser.add_argument("--proof", help="How and when they agreed; needed for consent")
        parser.add_argument(
            "--suppress", action="store_true", help="The list holds addresses never to write to"
        )
        parser.add_argument("--json", action="store_true", help="Print the result as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check or import, and print how every row ended."""
        kind = PeopleImport.Kind.SUPPRESSION if options["suppress"] else PeopleImport.Kind.PEOPLE
        job = _job(_path(options["file"]), kind, options)
        asked = State.CHECKING if options["dry_run"] else State.IMPORTING
        jobs.ask(job, asked, among=(State.DRAFT, State.CHECKED, State.FAILED))
        started = time.monotonic()
        job = _advance(job, is_quiet=options["json"])
        if job.state == State.FAILED:
            raise CommandError(job.error, returncode=FAILED if job.run else BAD_INPUT)
        if job.state == asked:
            raise CommandError(
                "The same list, or another one of the same source, is being imported.", returncode=BUSY
            )
        _print(job, time.monotonic() - started, as_json=options["json"])
        if options["dry_run"]:
            jobs.ask(job, State.DISCARDED, among=(State.CHECKED,))


def _path(name: str) -> Path:
    if name != "-":
        return Path(name).resolve()
    folder = Path(settings.IMPORTS_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Path(file.name)


def _job(path: Path, kind: str, options: dict[str, Any]) -> PeopleImport:
    """The unfinished import of the same file with the same mapping, or a new one."""
    try:
        mapping = _mapping(options["mapping"])
        job = jobs.draft(path, name=path.name, kind=kind, mapping=mapping)
        changes = {
            name: options[name] for name in ("source", "consent", "proof") if options[name] is not None
        }
        job.mapping |= changes
        read_mapping(job.mapping)
        job.save(update_fields=["mapping"])
        unfinished = PeopleImport.objects.filter(
            kind=kind,
            file__sha256=digest(path),
            mapping=job.mapping,
            state__in=[State.IMPORTING, State.FAILED],
        ).exclude(run=None)
    except (UnreadableFile, MappingError, OSError) as error:
        raise CommandError(str(error), returncode=BAD_INPUT) from error
    found = None if options["dry_run"] else unfinished.order_by("-pk").first()
    if found is None:
        return job
    job.delete()
    PeopleImport.objects.filter(pk=found.pk).update(path=str(path))
    return found


def _mapping(name: str | None) -> PeopleMapping | None:
    if name is None:
        return None
    try:
        return read_mapping(yaml.safe_load(Path(name).read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{name} is not YAML: {error}") from error


def _advance(job: PeopleImport, *, is_quiet: bool) -> PeopleImport:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet) as progress:
        task = progress.add_task(job.name, total=None)
        return jobs.advance(job.pk, on_batch=lambda rows: progress.update(task, completed=rows))


def _print(job: PeopleImport, seconds: float, *, as_json: bool) -> None:
    told = jobs.result(job)
    path = jobs.errors_file(job)
    told["errors_file"] = str(path) if path else None
    if as_json:
        print(json.dumps({"import": job.pk, **told, "mapping": job.mapping, "seconds": round(seconds, 2)}))
        return
    console = Console()
    for line in msgspec.json.format(msgspec.json.encode(job.mapping), indent=2).decode().splitlines():
        console.print(line, markup=False, soft_wrap=True)
    title = "What an import would do" if job.run is None else "What was imported"
    table = Table("Rows", "Count", title=f"{job.name}: {title.lower()} ({seconds:.1f} s)")
    for name, count in {**told["stored"], **told["rejected"]}.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    table.add_section()
    for name, count in told["consents"].items():
        table.add_row(f"consents {name}", f"{count:,}")
    table.add_row("rows in", f"{told['rows']:,}")
    console.print(table)
    if told["errors_file"]:
        console.print(f"Rows that were not stored are in {told['errors_file']}", soft_wrap=True)
