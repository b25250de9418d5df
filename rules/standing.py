"""How a rule set stands: what is live, what the draft changes, what its test cases say and what hinders it."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.roles import Permission
from rules.cases import Verdict
from rules.documents import DocumentError, parse_document
from rules.drafts import obstacles
from rules.findings import Finding, findings
from rules.models import RuleDraft, RuleSet, RuleSetVersion
from rules.trials import try_document
from rules.wording import Difference, DiffLine, compare, describe_actions, describe_rule, text_diff


@dataclass(frozen=True, slots=True)
class Sentences:
    """A document in words, with what is odd about it and how the test cases go."""

    rules: tuple[tuple[str, str], ...]
    otherwise: str
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two documents side by side, each by what it is called."""

    before: str
    after: str
    differences: tuple[Difference, ...]
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule set with its draft, as one colleague sees it."""

    rule_set: RuleSet
    draft: RuleDraft | None
    problems: tuple[str, ...]
    may_approve: bool
    may_publish: bool
    follows_live: bool

    @property
    def state(self) -> tuple[str, str]:
        """The state of the draft as words and tone."""
        return state_of(self.rule_set)


def standing_of(rule_set: RuleSet, user: User) -> Standing:
    """Return how a rule set stands; load it with its draft's people. Three queries at most."""
    draft = draft_of(rule_set)
    problems = tuple(obstacles(draft, rule_set)) if draft else ()
    may_launch = user.may(Permission.LAUNCH)
    waits = draft is not None and rule_set.needs_approval and draft.approver_id is None
    return Standing(
        rule_set=rule_set,
        draft=draft,
        problems=problems,
        may_approve=waits and may_launch and draft is not None and draft.may_be_approved_by(user),
        may_publish=draft is not None and may_launch and not problems,
        follows_live=draft is None or draft.base_id == rule_set.live_version_id,
    )


def draft_of(rule_set: RuleSet) -> RuleDraft | None:
    """Return the draft, or None."""
    return getattr(rule_set, "draft", None)


def state_of(rule_set: RuleSet) -> tuple[str, str]:
    """Return what becomes of the draft, as words and a tone for a badge; no query where the draft is loaded."""
    draft = draft_of(rule_set)
    if draft is None:
        return ("published", "success") if rule_set.live_version_id else ("no rules yet", "neutral")
    if draft.publish_at is not None:
        return f"planned for {draft.publish_at:%-d %B %H:%M} UTC", "info"
    if draft.approver_id is not None:
        return "approved draft", "info"
    return ("draft waits for approval", "warning") if rule_set.needs_approval else ("draft", "warning")


def in_words(raw: Any, rule_set: RuleSet) -> Sentences:
    """Return a document in words. Raises DocumentError."""
    document = parse_document(raw)
    return Sentences(
        rules=tuple((rule.name, describe_rule(rule, currency=_currency())) for rule in document.rules),
        otherwise=describe_actions(document.otherwise),
        findings=tuple(findings(document, rule_set)),
        verdicts=tuple(try_document(rule_set, document)),
    )


def worded(raw: Any, rule_set: RuleSet) -> dict[str, Any]:
    """Return a document in words for a template, or why it cannot be read."""
    try:
        return {"words": in_words(raw, rule_set)}
    except DocumentError as error:
        return {"unreadable": str(error)}


def side_by_side(before: Any, after: Any, *, names: tuple[str, str]) -> Comparison:
    """Compare two raw documents; one that can no longer be read is compared line by line only."""
    try:
        old, new = parse_document(before), parse_document(after)
        differences = tuple(compare(old, new, currency=_currency()))
    except DocumentError:
        differences = ()
    return Comparison(*names, differences, tuple(text_diff(before, after)))


def side_by_side_versions(before: RuleSetVersion, after: RuleSetVersion) -> Comparison:
    """Compare two versions."""
    names = (f"version {before.number}", f"version {after.number}")
    return side_by_side(before.document, after.document, names=names)


def draft_against_live(rule_set: RuleSet) -> Comparison | None:
    """Compare the draft with what is live; None unless there are both."""
    draft, live = draft_of(rule_set), rule_set.live_version
    if draft is None or live is None:
        return None
    return side_by_side(live.document, draft.document, names=(f"version {live.number}", "the draft"))


def _currency() -> str:
    return settings.REPORTING_CURRENCY
