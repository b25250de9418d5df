"""What rules ask about: the segments and stages of live versions and of drafts, which may go live any minute."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.urls import reverse

from rules.documents import DocumentError, parse_document
from rules.models import RuleSet
from rules.standing import draft_of
from segments.conditions import Needs, needs
from segments.references import Use


def segment_uses() -> Iterator[Use]:
    """Yield each rule set with the segments that it asks about; one query."""
    for rule_set, wanted in _asked():
        url = reverse("rules:detail", args=[rule_set.key])
        yield Use(str(rule_set.pk), _label(rule_set), wanted.segments, url)


def stage_uses() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what each rule set is called, with the keys of the stages that it asks about; one query."""
    for rule_set, wanted in _asked():
        yield _label(rule_set), wanted.stages


def _label(rule_set: RuleSet) -> str:
    return f"Rules: {rule_set.name}"


def _asked() -> Iterable[tuple[RuleSet, Needs]]:
    for rule_set in RuleSet.objects.select_related("live_version", "draft").order_by("pk"):
        total = Needs()
        for one in (rule_set.live_version, draft_of(rule_set)):
            if one is not None:
                total |= _needs_of(one.document)
        yield rule_set, total


def _needs_of(raw: Any) -> Needs:
    total = Needs()
    try:
        for rule in parse_document(raw).rules:
            total |= needs(rule.when)
    except DocumentError:
        return Needs()
    return total
