"""Store a segment from the command line."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from common.plain_data import load_plain
from segments import membership
from segments.conditions import ConditionError, describe, parse
from segments.conditions.values import instant
from segments.models import Segment
from segments.nesting import problem_with


class Command(BaseCommand):
    """Makes or changes the segment with a key, and refreshes it."""

    help = "Create or update a segment and fill it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("key")
        parser.add_argument("--name", required=True)
        parser.add_argument("--condition", required=True, metavar="FILE|JSON", help="JSON or YAML")
        parser.add_argument("--as-of", metavar="ISO", help="what the segment takes for now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, store, refresh, and say who is in it."""
        try:
            document = _read(options["condition"])
            condition = parse(document)
            as_of = instant(options["as_of"], "--as-of") if options["as_of"] else None
        except (ConditionError, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        stored = Segment.objects.select_related("parent").filter(key=options["key"]).first()
        segment = stored or Segment(key=options["key"])
        if segment.is_static:
            raise CommandError(f"“{segment.name}” is a fixed list: it has no condition.")
        segment.name, segment.condition, segment.as_of = options["name"], document, as_of
        try:
            segment.clean_fields()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        if problem := problem_with(segment):
            raise CommandError(problem)
        membership.store(segment)
        self.stdout.write(f"{segment.name}: {segment.member_count:,} members. {describe(condition)}.")


def _read(given: str) -> object:
    text = given if given.lstrip().startswith("{") else Path(given).read_text()
    return load_plain(text)
