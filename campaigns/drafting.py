"""Campaigns, templates and blocks from a YAML file, for scripts and for keeping them in Git."""

from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from campaigns.arm_forms import posted
from campaigns.forms import CampaignForm
from campaigns.models import Campaign, Template, TemplateVersion
from campaigns.publishing import TemplateRefused, publish_template, save_block
from delivery.models import Sender
from recommendations.strategies import FOR_YOU
from segments.models import Segment


class BadDraft(ValueError):
    """The file cannot become a campaign; the text names the place."""


@transaction.atomic
def create_campaign(file: Path) -> Campaign:
    """Store the campaign that a YAML file describes, with its sender, blocks and templates.

    Nothing is stored when anything in it is wrong. Raises BadDraft.
    """
    try:
        document = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise BadDraft(f"{file}: {error}") from error
    if not isinstance(document, dict):
        raise BadDraft(f"{file}: expected a mapping with name, segment, sender and templates")
    for block in document.get("blocks", []):
        _block(file, block)
    data = {**document, **_references(file, document), **posted(_arms(file, document))}
    form = CampaignForm(data)
    if not form.is_valid():
        raise BadDraft(f"{file}: {_first_error(form)}")
    return form.save(by=None)


def store_template(file: Path, document: dict[str, Any]) -> TemplateVersion:
    """Store a template version from its entry in the file; unchanged words make no new version."""
    try:
        template, _ = Template.objects.get_or_create(
            key=document["key"], defaults={"name": document.get("name", document["key"])}
        )
        return publish_template(
            template,
            subject=document["subject"],
            preheader=document.get("preheader", ""),
            mjml=(file.parent / document["mjml"]).read_text(),
        )
    except KeyError as error:
        raise BadDraft(f"{file}: a template needs {error.args[0]}") from error
    except (OSError, TemplateRefused) as error:
        raise BadDraft(f"{file}: template {document['key']}: {error}") from error


def _arms(file: Path, document: dict[str, Any]) -> list[dict[str, Any]]:
    """The mailed arms; without `arms` the one that `treatment_template` and `treatment_strategy` describe."""
    arms = document.get("arms")
    if arms is None:
        arms = [
            {
                "name": "Personalised",
                "percent": 100,
                "template": document.get("treatment_template"),
                "strategy": document.get("treatment_strategy", FOR_YOU),
            }
        ]
    if not isinstance(arms, list) or not all(isinstance(arm, dict) for arm in arms):
        raise BadDraft(f"{file}: arms: expected a list with name, percent and template of each")
    return [{**arm, "template": _version(file, arm.get("template"))} for arm in arms]


def _version(file: Path, named: object) -> object:
    """A template's version: described in the file, the newest of a key, or the id of a row."""
    if isinstance(named, dict):
        return store_template(file, named).pk
    if isinstance(named, str):
        newest = TemplateVersion.objects.filter(template__key=named).first()
        if newest is None:
            raise BadDraft(f"{file}: there is no template {named!r}")
        return newest.pk
    return named


def _first_error(form: CampaignForm) -> str:
    """The first thing that is wrong, with its place."""
    for field, errors in form.errors.items():
        return f"{field}: {errors[0]}"
    for place, arm in enumerate(form.arms.forms):
        for field, errors in arm.errors.items():
            return f"arms, number {place + 1}, {field}: {errors[0]}"
    return f"arms: {form.arms.non_form_errors()[0]}"


def _block(file: Path, document: dict[str, Any]) -> None:
    try:
        save_block(
            key=document["key"], name=document["name"], mjml=(file.parent / document["mjml"]).read_text()
        )
    except KeyError as error:
        raise BadDraft(f"{file}: a block needs {error.args[0]}") from error
    except (OSError, TemplateRefused) as error:
        raise BadDraft(f"{file}: block {document['key']}: {error}") from error


def _references(file: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Turn the file's names into the ids of rows."""
    segment = Segment.objects.filter(key=document.get("segment", "")).first()
    if segment is None:
        raise BadDraft(f"{file}: segment: there is no segment {document.get('segment')!r}")
    sender = document.get("sender") or {}
    if not isinstance(sender, dict) or "from_email" not in sender:
        raise BadDraft(f"{file}: sender: give from_name and from_email")
    name = str(sender.get("from_name") or sender["from_email"])
    stored, _ = Sender.objects.get_or_create(
        from_email=sender["from_email"],
        defaults={"name": name, "from_name": name},
    )
    baseline = _version(file, document.get("baseline_template"))
    return {"segment": segment.pk, "sender": stored.pk, "baseline_template": baseline}
