"""Judge customers anew."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from segments import membership
from segments.conditions import ConditionError
from segments.conditions.values import instant
from segments.models import Segment
from segments.nesting import CycleError


class Command(BaseCommand):
    """Refreshes one segment with those it is built on, or all of them."""

    help = "Judge every customer for one segment, or for all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--segment", metavar="KEY", help="only this one and those it is built on")
        parser.add_argument("--now", metavar="ISO", help="the moment to judge by, such as 2011-12-10T00:00Z")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refresh and print what changed."""
        try:
            now = instant(options["now"], "--now") if options["now"] else None
            if options["segment"]:
                segment = Segment.objects.get(key=options["segment"])
                changes = {segment.key: membership.refresh(segment, now=now)}
            else:
                changes = membership.refresh_all(now=now)
        except (ConditionError, CycleError) as error:
            raise CommandError(str(error)) from error
        except Segment.DoesNotExist as error:
            raise CommandError(f"There is no segment with the key {options['segment']}.") from error
        self._report(changes, as_json=options["json"])

    def _report(self, changes: dict[str, membership.Change], *, as_json: bool) -> None:
        figures = {
            segment.key: {
                "members": segment.member_count,
                "entered": changes[segment.key].entered,
                "left": changes[segment.key].left,
                "ms": segment.refresh_ms,
            }
            for segment in Segment.objects.filter(key__in=changes)
        }
        if as_json:
            self.stdout.write(json.dumps(figures))
            return
        for key, row in figures.items():
            self.stdout.write(
                f"{key}: {row['members']:,} members ({row['entered']:,} entered, {row['left']:,} left)"
                f" in {row['ms']} ms"
            )
