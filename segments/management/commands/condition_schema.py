"""The JSON Schema of conditions."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from segments.conditions.schema import condition_schema


class Command(BaseCommand):
    """Prints the schema that `/api/v1/conditions/schema.json` answers with."""

    help = "Print the JSON Schema of conditions, for editors and checks before a commit."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(json.dumps(condition_schema(), indent=2))
