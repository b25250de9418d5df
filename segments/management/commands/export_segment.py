"""Write the members of a segment to a CSV file from the command line."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from segments.exporting import COLUMNS, STANDARD, export_lines
from segments.models import Segment


class Command(BaseCommand):
    """Exports stored members. Exit codes: 0 written, 1 no such segment or column, or the file cannot be written."""

    help = "Export the members of a segment as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("key")
        parser.add_argument(
            "--columns",
            default=",".join(STANDARD),
            help=f"Separated by commas: {', '.join(COLUMNS)}, attributes.NAME",
        )
        parser.add_argument("--output", metavar="FILE", help="Where to; without it, standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file, and say how many members are in it."""
        segment = Segment.objects.filter(key=options["key"]).first()
        if segment is None:
            raise CommandError(f"There is no segment with the key {options['key']}.")
        try:
            lines = export_lines(
                segment, [name.strip() for name in options["columns"].split(",") if name.strip()]
            )
            if options["output"] is None:
                sys.stdout.writelines(lines)
                return
            with Path(options["output"]).open("w", encoding="utf-8", newline="") as file:
                count = sum(1 for _ in map(file.write, lines)) - 1
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"{count:,} members of {segment.name} are in {options['output']}.")
