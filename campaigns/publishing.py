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

_PREVIEW_IN_LAYOUT: dict[str, object] = {
    "severity": "error",
    "part": "preheader",
    "message": "The template's layout has an mj-preview, which mail programs show in place of any preheader.",
}


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
    number = (newest.number if newest else 0) + 1
    version = TemplateVersion(
        template=template,
        number=number,
        subject=subject,
        preheader=preheader,
        mjml=mjml,
        text=text,
        author=author,
        note=note,
    )
    if newest is not None and newest.checksum == _checksum(version):
        return newest
    _compile(version)
    version.save()
    return version


def with_own_words(version: TemplateVersion, *, subject: str = "", preheader: str = "") -> TemplateVersion:
    """Return what says the same as a version under another subject or preheader; an empty one is the version's.

    It is stored where another arm has the same words, else unsaved. Raises TemplateRefused when compiling finds errors.
    """
    origin = version.origin or version
    own = TemplateVersion(
        template=origin.template,
        number=origin.number,
        origin=origin,
        subject=subject or origin.subject,
        preheader=preheader or origin.preheader,
        mjml=origin.mjml,
        text=origin.text,
        author=origin.author,
    )
    if (own.subject, own.preheader) == (origin.subject, origin.preheader):
        return origin
    if own.preheader != origin.preheader and "<mj-preview" in origin.mjml:
        raise TemplateRefused([_PREVIEW_IN_LAYOUT])
    stored = TemplateVersion.everything.filter(origin=origin, checksum=_checksum(own)).first()
    if stored is None:
        _compile(own)
    return stored or own


def _checksum(version: TemplateVersion) -> str:
    """The checksum of what was written."""
    words = [version.subject, version.preheader, version.mjml, version.text]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def _compile(version: TemplateVersion) -> None:
    """Fill in what publishing makes of the words. Raises TemplateRefused."""
    compiled = compile_template(
        subject=version.subject,
        preheader=version.preheader,
        mjml=version.mjml,
        text=version.text or None,
        known=KNOWN | {f"coupons.{key}" for key in CouponPool.objects.values_list("key", flat=True)},
        blocks=set(Block.objects.values_list("key", flat=True)),
    )
    findings = [asdict(finding) for finding in compiled.findings]
    if errors := [finding for finding in findings if finding["severity"] == "error"]:
        raise TemplateRefused(errors)
    version.compiled_html, version.compiled_text = compiled.html, compiled.text
    version.links, version.variables = list(compiled.links), list(compiled.variables)
    version.findings, version.checksum = findings, _checksum(version)


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
    version = TemplateVersion.everything.get(pk=version_id)
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
