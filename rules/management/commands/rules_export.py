"""All rule sets as files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rules.folders import export_folder


class Command(BaseCommand):
    """Writes each rule set with its test cases; unchanged rules give unchanged files."""

    help = "Write every rule set with its test cases to a folder, one YAML file each, to be kept in Git."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("folder", type=Path, help="made where there is none; a file hero.json stays JSON")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Write and say what."""
        try:
            paths = export_folder(folder)
        except OSError as error:
            raise CommandError(str(error)) from error
        for path in paths:
            self.stdout.write(str(path))
