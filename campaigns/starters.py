"""Rule sets that a shop may begin with, with the blocks they show and a template that has their slots."""

from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from campaigns.models import Block, Template
from campaigns.publishing import publish_template, save_block
from rules.documents import parse_document
from rules.folders import Entry, import_entries, read_folder
from rules.models import RuleSet
from segments.conditions import needs
from segments.models import LifecycleStage

FOLDER = Path(__file__).resolve().parent / "examples" / "starters"
TEMPLATE = "starter"


def install_rules(*, publish: bool = False, is_trial: bool = False) -> list[str]:
    """Add what is not there yet, all or nothing; return in sentences what was added, and what stays as it is.

    Nothing that has one of the keys is changed, whatever it says by now. Rules become drafts, or with `publish` live
    versions; `is_trial` only says what would be done. Raises rules.folders.FolderError.
    """
    entries = read_folder(FOLDER)
    with transaction.atomic():
        said = [*_blocks(is_trial=is_trial), *_template(is_trial=is_trial)]
        taken = dict(RuleSet.objects.values_list("slot", "name"))
        there = set(RuleSet.objects.values_list("key", flat=True))
        stages = set(LifecycleStage.objects.values_list("key", flat=True))
        wanted: list[Entry] = []
        for entry in entries:
            if entry.key in there:
                said.append(f"{entry.name}: is there already and stays as it is.")
            elif missing := sorted(_stages_of(entry) - stages):
                said.append(f"{entry.name}: left out, as there is no stage {', '.join(missing)}.")
            elif entry.slot in taken:
                said.append(f"{entry.name}: left out, as {taken[entry.slot]} decides the slot {entry.slot}.")
            else:
                wanted.append(entry)
        steps = import_entries(wanted, publish=publish, is_trial=is_trial)
    names = {entry.key: entry.name for entry in wanted}
    return [*said, *(f"{names[step.key]}: {', '.join(step.what)}." for step in steps)]


def _stages_of(entry: Entry) -> set[str]:
    return {key for rule in parse_document(entry.document).rules for key in needs(rule.when).stages}


def _blocks(*, is_trial: bool) -> Iterator[str]:
    known = set(Block.objects.values_list("key", flat=True))
    for path in sorted((FOLDER / "blocks").glob("*.mjml")):
        if path.stem in known:
            continue
        name = path.stem.replace("-", " ").capitalize()
        if not is_trial:
            save_block(key=path.stem, name=name, mjml=path.read_text(encoding="utf-8"))
        yield f"Block {path.stem}: new."


def _template(*, is_trial: bool) -> Iterator[str]:
    if Template.objects.filter(key=TEMPLATE).exists():
        return
    if not is_trial:
        publish_template(
            Template.objects.create(key=TEMPLATE, name="Starter: everything personal"),
            subject="{{ customer.first_name | default: 'Hello' }}, chosen for you",
            preheader="{{ promotion.headline | default: 'What fits to what you have' }}",
            mjml=(FOLDER / "personal.mjml").read_text(encoding="utf-8"),
        )
    yield f"Template {TEMPLATE}: new."
