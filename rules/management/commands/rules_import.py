"""Rule sets from a folder of files."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rules.folders import FolderError, Step, colleague, import_entries, read_folder


class Command(BaseCommand):
    """Brings rule sets, test cases and rules to what the files say, all or nothing."""

    help = "Read rule sets from a folder of YAML or JSON files; rules become drafts, or are published."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and change nothing"
        )
        parser.add_argument("--publish", action="store_true", help="publish where the test cases pass")
        parser.add_argument(
            "--prune", action="store_true", help="delete or retire rule sets and tests that no file names"
        )
        parser.add_argument(
            "--replace-drafts", action="store_true", help="overwrite drafts that say something else"
        )
        parser.add_argument(
            "--drop-approval",
            action="store_true",
            help="no second person any more where a file does not ask for one",
        )
        parser.add_argument(
            "--author", metavar="EMAIL", help="who wrote the rules; needed where a second person approves"
        )
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, bring, say what changed."""
        try:
            steps = import_entries(
                read_folder(options["folder"]),
                publish=options["publish"],
                prune=options["prune"],
                replace_drafts=options["replace_drafts"],
                drop_approval=options["drop_approval"],
                author=colleague(options["author"]),
                is_trial=options["dry_run"],
            )
        except (FolderError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            changes = {step.key: list(step.what) for step in steps if step.what}
            self.stdout.write(json.dumps({"changes": changes, "is_dry_run": options["dry_run"]}))
            return
        for step in steps:
            self._tell(step)
        if options["dry_run"]:
            self.stdout.write("This was a trial: nothing was changed.")

    def _tell(self, step: Step) -> None:
        self.stdout.write(f"{step.key}: {'; '.join(step.what) or 'nothing to do'}.")
        for line in step.lines if step.what else ():
            self.stdout.write(f"    {line.mark} {line.text}" if line.mark != "@" else "    …")
