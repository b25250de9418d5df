"""`manage.py import_stores FILE.csv`: the shop's stores."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from products.stores import COLUMNS, BadStores, read_stores, store_stores

BAD_INPUT = 2


class Command(BaseCommand):
    """Stores all stores of a file or none; the same file again changes nothing. Exit code 2: it cannot be used."""

    help = f"Store the stores of a CSV file; columns: {', '.join(COLUMNS)} (id, name and country are needed)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file")
        parser.add_argument("--source", default="own", help="Whose ids these are (default: own)")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would change")

    def handle(self, *, file: str, source: str, dry_run: bool, **options: Any) -> None:
        """Read, store, and say what changed."""
        try:
            with Path(file).open(encoding="utf-8-sig", newline="") as lines:
                stores = read_stores(lines, source=source)
        except (BadStores, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        done = store_stores(stores, is_trial=dry_run)
        self.stdout.write(
            f"{'Would be: ' if dry_run else ''}{done.new:,} new, {done.changed:,} changed,"
            f" {done.unchanged:,} unchanged."
        )
