"""Making template versions and blocks: compiled once, checked, stored for good."""

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache

from django.db import transaction

from accounts.models import User
from campaigns.models import Block, BlockVersion, CouponPool, Template, TemplateVersion
from campaigns.templating.blocks import compile_block
from campaigns.templating.compile import Compiled, compile_template
from campaigns.templating.variables import KNOWN


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
    compiled = compile_template(
        subject=subject,
        preheader=preheader,
        mjml=mjml,
        text=text or None,
        known=KNOWN | {f"coupons.{key}" for key in CouponPool.objects.values_list("key", flat=True)},
        blocks=set(Block.objects.values_list("key", flat=True)),
    )
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


@transaction.atomic
def save_block(*, key: str, name: str, mjml: str, author: User | None = None, note: str = "") -> BlockVersion:
    """Store the next version of a block, or return the newest one where nothing changed.

    Raises TemplateRefused when compiling finds errors; then nothing is stored.
    """
    compiled, found = compile_block(mjml)
    findings = [asdict(finding) for finding in found]
    if errors := [finding for finding in findings if finding["severity"] == "error"]:
        raise TemplateRefused(errors)
    Block.objects.get_or_create(key=key, defaults={"name": name})
    block = Block.objects.select_for_update().get(key=key)
    newest = block.newest
    if newest is None or newest.mjml != mjml:
        newest = BlockVersion.objects.create(
            block=block,
            number=(newest.number if newest else 0) + 1,
            mjml=mjml,
            compiled_html=compiled,
            findings=findings,
            author=author,
            note=note,
        )
    block.name, block.newest = name, newest
    block.save(update_fields=["name", "newest"])
    return newest


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
