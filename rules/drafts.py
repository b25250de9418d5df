"""The working draft of a rule set: saved, approved by a second person, planned, discarded.

Every act locks the rule set's row and asks whether it still has the revision that its colleague looked at, so that of
two people who act at the same time the second is told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from common.clock import now as present
from rules.documents import Document, DocumentError, checksum, parse_document
from rules.models import RuleDraft, RuleSet
from rules.trials import failures, try_document
from rules.uses import tell_rule_set
from segments.conditions import needs
from segments.models import LifecycleStage, Segment


class MovedOn(Exception):
    """Somebody else changed the rules meanwhile; `rule_set` is as it is now."""

    def __init__(self, rule_set: RuleSet) -> None:
        draft = RuleDraft.objects.select_related("author").filter(rule_set=rule_set).first()
        latest = rule_set.versions.select_related("author").first()
        if draft is not None:
            what = f"{draft.author or 'A program'} saved a draft"
        elif latest is not None:
            what = f"{latest.author or 'A program'}’s version {latest.number} went live, or a draft was discarded,"
        else:
            what = "The draft was discarded"
        super().__init__(
            f"{what} while you were looking. Carry over what is worth keeping, and do it again: "
            "then it follows what is there now."
        )
        self.rule_set = rule_set


class Refused(Exception):
    """What cannot be done to a draft now; the message says why, in one sentence or several."""


def save_draft(
    rule_set: RuleSet,
    document: Mapping[str, Any],
    *,
    author: User | None,
    note: str = "",
    revision: int | None = None,
) -> RuleDraft:
    """Store the document as the working draft, which follows the version that is live now.

    An edit takes approval and schedule away. Whoever changes the words is their author from then on; the same words
    keep theirs, if there is one. Everybody who was is kept too. `revision` is that of the rule set when its author
    began; None asks for no such check. Raises DocumentError, also where a condition names a segment that does not
    exist, and MovedOn.
    """
    check_references(parse_document(document))
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        draft = RuleDraft.objects.filter(rule_set=locked).first() or RuleDraft(rule_set=locked)
        if draft.author_id is None or checksum(draft.document) != checksum(document):
            draft.author = author
            draft.writer_ids = sorted({*draft.writer_ids, *([author.pk] if author else [])})
        draft.document, draft.note, draft.base_id = document, note, locked.live_version_id
        draft.save()
        advance(locked, rule_set)
        draft.refresh_from_db()
        audit.record(author, "saved a draft of rules", locked)
    return draft


def discard_draft(rule_set: RuleSet, *, by: User | None, revision: int) -> None:
    """Delete the working draft. Raises MovedOn."""
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        RuleDraft.objects.filter(rule_set=locked).delete()
        advance(locked, rule_set)
        audit.record(by, "discarded a draft of rules", locked)


def follow_live(rule_set: RuleSet, *, by: User, revision: int) -> RuleDraft:
    """Let the draft follow what is live now; its words and their author stay as they are.

    Raises MovedOn, and Refused where there is no draft.
    """
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        draft = draft_in(locked)
        return save_draft(rule_set, draft.document, author=by, note=draft.note, revision=revision)


def approve(rule_set: RuleSet, *, by: User, revision: int) -> RuleDraft:
    """Let a second person stand by the draft; its test cases must pass.

    Raises MovedOn, and Refused: for all who wrote on it, where nobody knows who did, and while cases fail.
    """
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        draft = draft_in(locked)
        if draft.author_id is None:
            raise Refused(
                "A program wrote this draft; a colleague saves it as theirs, and another approves it."
            )
        if not draft.may_be_approved_by(by):
            raise Refused("You wrote on this draft; a second person approves it.")
        if failing := failures(try_document(locked, parse_document(draft.document))):
            raise Refused(" ".join(failing))
        draft.approver, draft.approved_at = by, present()
        draft.save(update_fields=["approver", "approved_at"])
        audit.record(by, "approved rules", locked)
    return draft


def schedule(rule_set: RuleSet, at: datetime, *, by: User, revision: int) -> RuleDraft:
    """Plan the draft's publication; tests and approval are asked for then too. Raises MovedOn and Refused."""
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        draft = draft_in(locked)
        if at <= present():
            raise Refused("That moment is over; choose a later one, or publish now.")
        if problems := obstacles(draft, locked):
            raise Refused(" ".join(problems))
        draft.publish_at, draft.scheduled_by = at, by
        draft.save(update_fields=["publish_at", "scheduled_by"])
        audit.record(by, "planned publication of rules", locked, detail=at.isoformat())
    return draft


def unschedule(rule_set: RuleSet, *, by: User, revision: int) -> RuleDraft:
    """Take the planned publication back. Raises MovedOn, and Refused where there is no draft."""
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        draft = draft_in(locked)
        draft.publish_at = draft.scheduled_by = None
        draft.save(update_fields=["publish_at", "scheduled_by"])
        audit.record(by, "took back planned publication of rules", locked)
    return draft


def obstacles(draft: RuleDraft, rule_set: RuleSet) -> list[str]:
    """Return in sentences why the draft cannot be published now; two queries at most, none changes anything."""
    try:
        document = parse_document(draft.document)
        check_references(document)
    except DocumentError as error:
        return [f"The draft cannot be read: {error}"]
    problems = failures(try_document(rule_set, document))
    if rule_set.needs_approval and draft.approver_id is None:
        problems.append("A second person has to approve it first.")
    if draft.base_id != rule_set.live_version_id:
        problems.append(
            "Another version went live since it was written; look at the difference and follow it."
        )
    return problems


def lock(rule_set: RuleSet, *, revision: int | None) -> RuleSet:
    """Return the rule set's row, locked until the transaction ends. Raises MovedOn if it has another revision."""
    locked = RuleSet.objects.select_for_update().get(pk=rule_set.pk)
    if revision is not None and locked.revision != revision:
        raise MovedOn(locked)
    return locked


def advance(locked: RuleSet, rule_set: RuleSet) -> None:
    """Count a change of the locked row, in the caller's object too, and tell the segments that it asks about."""
    locked.revision += 1
    locked.save(update_fields=["revision"])
    rule_set.revision = locked.revision
    tell_rule_set(locked)


def draft_in(locked: RuleSet) -> RuleDraft:
    """Return the draft of a locked rule set. Raises Refused where there is none."""
    draft = RuleDraft.objects.filter(rule_set=locked).first()
    if draft is None:
        raise Refused("There is no draft.")
    return draft


def check_references(document: Document) -> None:
    """Refuse rules about segments or stages that do not exist, or segments that are archived.

    Two queries at most. Raises DocumentError with the place.
    """
    asked = [needs(rule.when) for rule in document.rules]
    keys = frozenset[str]().union(*(wanted.segments for wanted in asked))
    archived = dict(Segment.objects.filter(key__in=keys).values_list("key", "archived_at")) if keys else {}
    names = frozenset[str]().union(*(wanted.stages for wanted in asked))
    stages = LifecycleStage.objects.filter(key__in=names).values_list("key", flat=True) if names else ()
    known = frozenset(stages)
    for position, wanted in enumerate(asked):
        place = f"rules[{position}].when"
        if missing := sorted(wanted.segments - archived.keys()):
            raise DocumentError(f"{place}.segment: there is no segment {', '.join(missing)}.")
        if old := sorted(key for key in wanted.segments if archived[key] is not None):
            raise DocumentError(f"{place}.segment: the segment {', '.join(old)} is archived.")
        if missing := sorted(wanted.stages - known):
            raise DocumentError(f"{place}.stage: there is no stage {', '.join(missing)}.")
