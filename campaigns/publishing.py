"""Making template versions and blocks: compiled once, checked, stored for good."""

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache

from django.db import transaction

from accounts.models import User
from campaigns.models import Block, Template, TemplateVersion
from campaigns.templating.blocks import compile_block
from campaigns.templating.compile import Compiled, compile_template


class TemplateRefused(Exception):
    """The template has errors; `findings` say what and where."""

    def __init__(self, findings: list[dict[str, object]]) -> None:
        super().__init__("; ".join(_sentence(finding) for finding in findings))
        self.findings = findings


@transaction.atomic
def publish_template(
    template: Template,
    *,
    subject: str,
    preheader: str,
    mjml: str,
    text: str = "",
    author: User | None = None,
    note: str = "",
) -> TemplateVersion:
    """Store the next version of a template, or return the newest one where nothing changed.

    Raises TemplateRefused when compiling finds errors; then nothing is stored.
    """
    Template.objects.select_for_update().get(pk=template.pk)
    newest = template.versions.first()
    checksum = hashlib.sha256(json.dumps([subject, preheader, mjml, text]).encode()).hexdigest()
    if newest is not None and newest.checksum == checksum:
        return newest
    compiled = compile_template(subject=subject, preheader=preheader, mjml=mjml, text=text or None)
    findings = [asdict(finding) for finding in compiled.findings]
    if errors := [finding for finding in findings if finding["severity"] == "error"]:
        raise TemplateRefused(errors)
    return TemplateVersion.objects.create(
        template=template,
        number=(newest.number if newest else 0) + 1,
        subject=subject,
        preheader=preheader,
        mjml=mjml,
        text=text,
        compiled_html=compiled.html,
        compiled_text=compiled.text,
        links=list(compiled.links),
        variables=list(compiled.variables),
        findings=findings,
        checksum=checksum,
        author=author,
        note=note,
    )


def save_block(*, key: str, name: str, mjml: str) -> Block:
    """Store a block's MJML with its compiled HTML; raises TemplateRefused when it does not compile."""
    compiled, findings = compile_block(mjml)
    if errors := [asdict(finding) for finding in findings if finding.severity == "error"]:
        raise TemplateRefused(errors)
    block, _ = Block.objects.update_or_create(
        key=key, defaults={"name": name, "mjml": mjml, "compiled_html": compiled}
    )
    return block


@lru_cache(maxsize=64)
def _compiled(version_id: int) -> Compiled:
    version = TemplateVersion.objects.get(pk=version_id)
    return Compiled(
        html=version.compiled_html,
        text=version.compiled_text,
        subject=version.subject,
        preheader=version.preheader,
        links=tuple(version.links),
        variables=tuple(version.variables),
    )


def compiled_of(version_id: int) -> Compiled:
    """Return a stored version as the renderer takes it; kept in the process, since versions never change."""
    return _compiled(version_id)


def _sentence(finding: dict[str, object]) -> str:
    line = f" (line {finding['line']})" if finding.get("line") else ""
    return f"{finding['message']}{line}"
