"""Publish a rule set from a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from rules.documents import DocumentError
from rules.files import load_text
from rules.models import RuleSet, RuleSetVersion
from rules.versions import publish, save_version


class Command(BaseCommand):
    """Stores the file's rules as a version and makes it live; the same file again changes nothing."""

    help = "Create or update the rule set in a YAML or JSON file and publish it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", help="key, name, slot, rules, otherwise; see rules/examples")
        parser.add_argument("--note", default="", help="what this version is about")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, store, publish."""
        try:
            version = _publish(load_text(Path(options["file"]).read_text()), note=options["note"])
        except (DocumentError, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        count = len(version.document["rules"])
        self.stdout.write(f"{version} is live: {count} rules for the slot {version.rule_set.slot}.")


@transaction.atomic
def _publish(content: Any, *, note: str) -> RuleSetVersion:
    if not isinstance(content, dict):
        raise DocumentError("document: expected key, name, slot, rules and otherwise.")
    header = {key: content.pop(key, None) for key in ("key", "name", "slot")}
    for key, value in header.items():
        if not isinstance(value, str) or not value:
            raise DocumentError(f"{key}: is missing.")
    rule_set = RuleSet.objects.filter(key=header["key"]).first() or RuleSet(key=header["key"])
    rule_set.name, rule_set.slot = header["name"], header["slot"]
    try:
        rule_set.full_clean()
    except ValidationError as error:
        field, reasons = next(iter(error.message_dict.items()))
        raise DocumentError(f"{field}: {reasons[0]}") from error
    rule_set.save()
    version = save_version(rule_set, content, note=note)
    publish(version)
    return version
