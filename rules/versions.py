"""Versions of a rule set: written once, published, and taken back by writing the old one anew."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from rules.documents import Document, DocumentError, parse_document
from rules.models import RuleSet, RuleSetVersion
from segments.conditions import needs
from segments.models import Segment


class MovedOn(Exception):
    """Somebody else saved a version meanwhile: `latest`."""

    def __init__(self, latest: RuleSetVersion) -> None:
        super().__init__(
            f"{latest.author or 'A program'} saved version {latest.number} while you were writing. Look at it, carry "
            "over what is worth keeping, and save again: then this text follows it."
        )
        self.latest = latest


def checksum(document: Any) -> str:
    """Return the SHA-256 of the document in one canonical spelling."""
    spelling = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(spelling.encode()).hexdigest()


@transaction.atomic
def save_version(
    rule_set: RuleSet,
    document: Mapping[str, Any],
    *,
    author: User | None = None,
    note: str = "",
    written_from: int | None = None,
) -> RuleSetVersion:
    """Store the document as the next version; the same as the latest is returned instead of stored again.

    `written_from` is the number of the version that its author had before him, 0 for none; MovedOn is raised where
    that is no longer the latest. None asks for no such check. Raises DocumentError, also where a condition names a
    segment that does not exist.
    """
    _check_segments(parse_document(document))
    RuleSet.objects.select_for_update().get(pk=rule_set.pk)
    latest = rule_set.versions.first()
    if latest is not None and latest.checksum == checksum(document):
        return latest
    if latest is not None and written_from not in (None, latest.number):
        raise MovedOn(latest)
    return _append(rule_set, document, latest=latest, base=latest, author=author, note=note)


@transaction.atomic
def publish(version: RuleSetVersion) -> None:
    """Make the version the one that decides from now on; campaigns that were launched keep theirs."""
    rule_set = RuleSet.objects.select_for_update().get(pk=version.rule_set_id)
    rule_set.live_version = version
    rule_set.save(update_fields=["live_version"])


@transaction.atomic
def rollback(rule_set: RuleSet, to_number: int, author: User | None) -> RuleSetVersion:
    """Publish a new version with the document of an old one, which is its base.

    Raises RuleSetVersion.DoesNotExist, and DocumentError where the old document is live, or no longer fits
    because a segment is gone.
    """
    locked = (
        RuleSet.objects.select_for_update(of=("self",)).select_related("live_version").get(pk=rule_set.pk)
    )
    old = locked.versions.get(number=to_number)
    if locked.live_version is not None and locked.live_version.checksum == old.checksum:
        raise DocumentError(f"version {to_number}: says what is live already.")
    _check_segments(parse_document(old.document))
    note = f"Back to version {to_number}"
    version = _append(
        locked, old.document, latest=locked.versions.first(), base=old, author=author, note=note
    )
    publish(version)
    rule_set.live_version = version
    return version


def _append(
    rule_set: RuleSet,
    document: Mapping[str, Any],
    *,
    latest: RuleSetVersion | None,
    base: RuleSetVersion | None,
    author: User | None,
    note: str,
) -> RuleSetVersion:
    return RuleSetVersion.objects.create(
        rule_set=rule_set,
        number=latest.number + 1 if latest else 1,
        document=document,
        checksum=checksum(document),
        base=base,
        author=author,
        note=note,
    )


def _check_segments(document: Document) -> None:
    for position, rule in enumerate(document.rules):
        keys = needs(rule.when).segments
        known = set(Segment.objects.filter(key__in=keys).values_list("key", flat=True)) if keys else set()
        if missing := sorted(keys - known):
            place = f"rules[{position}].when.segment"
            raise DocumentError(f"{place}: there is no segment {', '.join(missing)}.")
