"""The JSON Schema of rules."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from rules.schema import document_schema


class Command(BaseCommand):
    """Prints the schema that `/rules/schema.json` answers with."""

    help = "Print the JSON Schema of the files of rule sets, for editors and checks before a commit."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(json.dumps(document_schema(), indent=2))
