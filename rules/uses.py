"""What rules ask about: the segments and stages of live versions and of drafts, which may go live any minute."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.urls import reverse

from rules.documents import DocumentError, parse_document
from rules.models import RuleDraft, RuleSet, RuleSetVersion
from segments.conditions import Needs, needs
from segments.references import Use, tell_use

RULES = "rule_set"
"""How rule sets are called among the users of segments."""


def segment_uses() -> Iterator[Use]:
    """Yield each rule set with the segments that it asks about; one query."""
    for rule_set, wanted in _asked():
        yield _use(rule_set, wanted)


def tell_rule_set(rule_set: RuleSet) -> None:
    """Tell which segments a rule set asks about now; in the transaction that changes it."""
    draft = RuleDraft.objects.filter(rule_set=rule_set).first()
    tell_use(RULES, _use(rule_set, _needs_of_all(rule_set.live_version, draft)))


def stage_uses() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what each rule set is called, with the keys of the stages that it asks about; one query."""
    for rule_set, wanted in _asked():
        yield _label(rule_set), wanted.stages


def _use(rule_set: RuleSet, wanted: Needs) -> Use:
    url = reverse("rules:detail", args=[rule_set.key])
    return Use(str(rule_set.pk), _label(rule_set), wanted.segments, url)


def _label(rule_set: RuleSet) -> str:
    return f"Rules: {rule_set.name}"


def _asked() -> Iterable[tuple[RuleSet, Needs]]:
    for rule_set in RuleSet.objects.select_related("live_version", "draft").order_by("pk"):
        yield rule_set, _needs_of_all(rule_set.live_version, getattr(rule_set, "draft", None))


def _needs_of_all(*written: RuleSetVersion | RuleDraft | None) -> Needs:
    total = Needs()
    for one in written:
        if one is not None:
            total |= needs_of(one.document)
    return total


def needs_of(raw: Any) -> Needs:
    """Return what the conditions of a stored document ask about; nothing where it cannot be read."""
    total = Needs()
    try:
        for rule in parse_document(raw).rules:
            total |= needs(rule.when)
    except DocumentError:
        return Needs()
    return total
