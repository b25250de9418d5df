"""Publish a rule set from a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rules.documents import DocumentError, checksum
from rules.folders import FolderError, colleague, import_entries, read_entry
from rules.models import RuleSet


class Command(BaseCommand):
    """Stores the file's rules and test cases and makes the rules live; the same file again changes nothing."""

    help = "Create or update the rule set in a YAML or JSON file and publish it, if its test cases pass."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", help="key, name, slot, rules, otherwise, tests; see rules/examples")
        parser.add_argument(
            "--author", metavar="EMAIL", help="who wrote them, where a second person approves"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, store, publish."""
        try:
            entry = read_entry(Path(options["file"]).read_text(encoding="utf-8"))
            import_entries([entry], publish=True, author=colleague(options["author"]))
        except (DocumentError, FolderError, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        rule_set = RuleSet.objects.select_related("live_version").get(key=entry.key)
        count = len(entry.document["rules"])
        live = rule_set.live_version
        is_live = live is not None and live.checksum == checksum(entry.document)
        state = f"v{live.number} is live" if live and is_live else "waits for approval"
        self.stdout.write(f"{rule_set} {state}: {count} rules for the slot {rule_set.slot}.")
