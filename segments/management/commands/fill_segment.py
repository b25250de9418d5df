"""Put the customers whom a file names on the list of a static segment."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from segments.lists import BadList, fill, read
from segments.membership import store
from segments.models import Segment


class Command(BaseCommand):
    """Fills a static segment, which is made if it is not there. Exit codes: 0 filled, 1 nothing changed."""

    help = "Fill a static segment from a CSV file of e-mail addresses or ids."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("key")
        parser.add_argument("file", type=Path, help="CSV in UTF-8")
        parser.add_argument("--name", help="of the segment, if it has to be made")
        parser.add_argument("--replace", action="store_true", help="take everybody else off the list")
        parser.add_argument(
            "--unknown", type=Path, metavar="FILE", help="where to write lines that name nobody"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fill, and say how many lines named somebody."""
        segment = Segment.objects.filter(key=options["key"]).first()
        if segment is None:
            if not options["name"]:
                raise CommandError(f"There is no segment {options['key']}; give --name to make it.")
            segment = Segment(key=options["key"], name=options["name"], kind=Segment.Kind.STATIC)
        try:
            segment.clean_fields()
            with options["file"].open(encoding="utf-8-sig", newline="") as lines:
                named = read(lines)
            with transaction.atomic():
                if not segment.pk:
                    store(segment)
                done = fill(segment, named, name=options["file"].name, replaces=options["replace"])
            if options["unknown"]:
                options["unknown"].write_text(done.unknown)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except (BadList, OSError) as error:
            raise CommandError(str(error)) from error
        segment.refresh_from_db()
        figures = {"lines": done.lines, "matched": done.matched, "unknown": done.unknown_count}
        if options["json"]:
            self.stdout.write(json.dumps({**figures, "members": segment.member_count}))
        else:
            self.stdout.write(
                f"{segment.name}: {done.lines:,} lines name {done.matched:,} customers;"
                f" {done.unknown_count:,} name nobody. {segment.member_count:,} members."
            )
