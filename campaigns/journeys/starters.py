"""Journeys that a shop may begin with: their steps as YAML, and the mails that they send."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from campaigns.journeys.documents import Send, parse_document, read_text
from campaigns.models import Journey, Template
from campaigns.publishing import publish_template
from delivery.models import Sender

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "journeys"


@dataclass(frozen=True, slots=True)
class Starter:
    """A journey to begin with."""

    name: str
    text: str


STARTERS = {
    "welcome": Starter("Welcome", "Two mails after the sign-up; whoever orders leaves."),
    "abandoned-cart": Starter("Abandoned cart", "A reminder after three hours, another after a day."),
    "browse-abandonment": Starter("Browse abandonment", "What was looked at, the next morning."),
    "post-purchase": Starter("After a purchase", "Thanks, and a week later what goes with it."),
    "replenishment": Starter("Replenishment", "What is bought again, before it runs out."),
    "win-back": Starter("Win back", "For those whose risk of leaving crosses a threshold."),
}


def document_of_starter(key: str) -> dict[str, Any]:
    """Return a starter's document. Raises KeyError."""
    STARTERS[key]
    document: dict[str, Any] = read_text((FOLDER / f"{key}.yaml").read_text(encoding="utf-8"))
    return document


@transaction.atomic
def install(key: str) -> dict[str, Any]:
    """Publish the starter's templates that are not there yet, and return its document. Raises KeyError."""
    document = document_of_starter(key)
    for step in parse_document(document).steps:
        if isinstance(step.act, Send):
            _install_template(step.act.template)
    return document


@transaction.atomic
def add_missing(*, sender: Sender) -> list[str]:
    """Add each starter as a draft that is not there yet; return in sentences which."""
    said = []
    for key, starter in STARTERS.items():
        if Journey.objects.filter(key=key).exists():
            said.append(f"{starter.name}: is there already and stays as it is.")
        else:
            Journey.objects.create(key=key, name=starter.name, sender=sender, draft=install(key))
            said.append(f"{starter.name}: new, as a draft.")
    return said


def _install_template(key: str) -> None:
    """What has the key already stays as it is. The file's first lines are subject, preheader, and an empty one."""
    template, is_new = Template.objects.get_or_create(
        key=key, defaults={"name": key.replace("-", " ").capitalize()}
    )
    if is_new or not template.versions.exists():
        subject, preheader, _, mjml = (FOLDER / f"{key}.mjml").read_text(encoding="utf-8").split("\n", 3)
        publish_template(template, subject=subject, preheader=preheader, mjml=mjml)
