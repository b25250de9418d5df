"""`manage.py erase_person EMAIL_OR_ID --yes`: erase a person and print the receipt."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from customers.browsing import find
from customers.erasure import erase


class Command(BaseCommand):
    """See the module."""

    help = "Erase a person: amounts and counts stay, everything else goes. This cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom, and why."""
        parser.add_argument("person", help="The e-mail address, our id, or the id of any source")
        parser.add_argument(
            "--reason", default="asked for by the person", help="Kept on the receipt; name nobody"
        )
        parser.add_argument("--yes", action="store_true", help="Without it nothing is erased")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase exactly one person."""
        found = list(find(options["person"])[:2])
        if len(found) != 1:
            raise CommandError("Nobody is called so." if not found else "Several customers are called so.")
        if not options["yes"]:
            raise CommandError("This cannot be undone; say --yes.")
        receipt = erase(found[0].pk, by=None, reason=options["reason"])
        self.stdout.write(json.dumps({"receipt": str(receipt.pk), "counts": receipt.counts}, indent=2))
