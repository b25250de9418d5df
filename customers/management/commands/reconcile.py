"""`manage.py reconcile SOURCE [FILE]`: whether a source and what is stored of it agree."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.importing.reading import CsvFile, UnreadableFile
from customers.importing.schema import SHIPPED, MappingError, load_mapping
from customers.quality.reconciliations import UnreadableSource, reconcile
from customers.quality.reconciling import Part, sentences

DIFFERENT, BAD_INPUT = 1, 2


class Command(BaseCommand):
    """Reads a source again and compares. Exit codes: 0 they agree, 1 they differ, 2 it cannot be compared."""

    help = "Compare a source, read again from its beginning, with what is stored of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("source", help="As the data page names it, such as online_retail or source:shop")
        parser.add_argument("file", nargs="?", help="CSV file; without it a connected source is asked again")
        parser.add_argument(
            "--mapping", help="YAML file, or the name of one that is shipped; else the last one used"
        )
        parser.add_argument("--json", action="store_true", help="Print the result as JSON and nothing else")

    def handle(self, *, source: str, file: str | None, mapping: str | None, **options: Any) -> None:
        """Compare, and say what is missing on which side."""
        try:
            document = _mapping(mapping) if mapping else None
            result = reconcile(source, mapping=document, parts=_parts(file) if file else None)
        except (UnreadableSource, UnreadableFile, MappingError, OSError, EOFError) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self._tell(result)
        if not result["is_equal"]:
            raise CommandError("Source and store differ.", returncode=DIFFERENT)

    def _tell(self, result: dict[str, Any]) -> None:
        for sentence in sentences(result):
            self.stdout.write(sentence)
        for key in result["not_stored_keys"]:
            self.stdout.write(f"  not stored: {key}")
        for key in result["not_told_keys"]:
            self.stdout.write(f"  not in the source: {key}")
        for day in result["days"][:20]:
            self.stdout.write(
                f"  {day['day']}: {day['told']:,} events in the source, {day['stored']:,} stored;"
                f" sums {day['told_minor']:,} and {day['stored_minor']:,} in minor units"
            )


def _mapping(name: str) -> dict[str, Any]:
    shipped = SHIPPED / f"{name}.yaml"
    return load_mapping(shipped if shipped.is_file() else Path(name))


def _parts(name: str) -> list[Part]:
    file = CsvFile(name, form={})
    return [(file.header, file.rows())]
