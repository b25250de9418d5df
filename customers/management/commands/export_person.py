"""`manage.py export_person EMAIL_OR_ID FILE`: everything known about a person, for that person."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import audit
from customers.browsing import find
from customers.export import as_json, as_zip, export_person


class Command(BaseCommand):
    """See the module."""

    help = "Write everything that is known about a person to a file: JSON, or a zip with a CSV file for each table."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom, and where to."""
        parser.add_argument("person", help="The e-mail address, our id, or the id of any source")
        parser.add_argument("file", type=Path, help="Ends in .json or .zip")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, and note it in the audit trail."""
        file: Path = options["file"]
        if file.suffix not in (".json", ".zip"):
            raise CommandError("The file's name must end in .json or .zip.")
        found = list(find(options["person"])[:2])
        if len(found) != 1:
            raise CommandError("Nobody is called so." if not found else "Several customers are called so.")
        exported = export_person(found[0])
        audit.record(None, "exported a person", found[0])
        file.write_bytes(as_json(exported) if file.suffix == ".json" else as_zip(exported))
        file.chmod(0o600)
        rows = sum(len(table["rows"]) for table in exported["tables"].values())
        self.stdout.write(f"{rows:,} rows of {len(exported['tables'])} tables are in {file}.")
