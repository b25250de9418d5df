"""Published versions of a rule set: written once, and taken back by writing the old one anew."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts import audit
from accounts.models import User
from accounts.roles import Permission
from common.clock import now as present
from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from rules.documents import checksum, parse_document
from rules.drafts import Refused, advance, check_references, draft_in, lock, obstacles, save_draft
from rules.models import RuleDraft, RuleSet, RuleSetVersion
from rules.trials import failures, try_document


def publish_draft(rule_set: RuleSet, *, by: User | None, revision: int) -> RuleSetVersion:
    """Make the draft a version that decides from now on; campaigns that were launched keep theirs.

    Raises MovedOn where the rules changed since `revision`, and Refused while a test case fails, an approval is
    missing, or another version went live since the draft was written.
    """
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        draft = draft_in(locked)
        if problems := obstacles(draft, locked):
            raise Refused(" ".join(problems))
        version = _append(
            locked,
            draft.document,
            author=draft.author,
            approver=draft.approver,
            base=draft.base,
            note=draft.note,
        )
        draft.delete()
        _go_live(version, locked, rule_set)
        audit.record(by, "published rules", locked, detail=f"version {version.number}")
    return version


def publish_document(
    rule_set: RuleSet, document: Mapping[str, Any], *, author: User | None = None, note: str = ""
) -> RuleSetVersion:
    """Save a document as the draft and publish it; what is live already is returned instead.

    Raises DocumentError, and Refused, in which case nothing is saved either.
    """
    with transaction.atomic():
        locked = lock(rule_set, revision=None)
        live = locked.live_version
        if live is not None and live.checksum == checksum(document):
            return live
        save_draft(rule_set, document, author=author, note=note)
        return publish_draft(rule_set, by=author, revision=rule_set.revision)


def publish_due(*, now: datetime | None = None) -> int:
    """Publish the drafts whose planned moment has come; return how many. A failure becomes an alert, once.

    Each is judged again in a transaction of its own. What could not be published loses its plan.
    """
    at = now or present()
    due = RuleDraft.objects.filter(publish_at__lte=at).order_by("publish_at", "pk")
    return sum(_publish_planned(pk, at) for pk in list(due.values_list("rule_set_id", flat=True)))


def _publish_planned(rule_set_id: int, at: datetime) -> bool:
    with transaction.atomic():
        rule_set = RuleSet.objects.select_for_update().get(pk=rule_set_id)
        draft = (
            RuleDraft.objects.select_related("scheduled_by")
            .filter(rule_set=rule_set, publish_at__lte=at)
            .first()
        )
        if draft is None:
            return False
        planner = draft.scheduled_by
        try:
            if planner is None or not planner.is_active or not planner.may(Permission.LAUNCH):
                raise Refused("Who planned it may no longer publish rules.")
            publish_draft(rule_set, by=planner, revision=rule_set.revision)
        except Refused as refused:
            draft.publish_at = draft.scheduled_by = None
            draft.save(update_fields=["publish_at", "scheduled_by"])
            raise_alert(
                f"{_ALERT}{rule_set.key}",
                severity=Alert.Severity.DANGER,
                title=f"The rules “{rule_set.name}” were not published as planned",
                body=str(refused),
            )
            return False
    return True


def rollback(
    rule_set: RuleSet, number: int, *, by: User, revision: int, override: str = ""
) -> RuleSetVersion:
    """Publish a new version with the document of an old one, which is its base.

    Its test cases are tried again; while one fails, only an administrator's reason (`override`, kept with the version)
    lets it through. Raises RuleSetVersion.DoesNotExist, MovedOn, DocumentError where a segment is gone, and Refused:
    where it says what is live already, cases fail, or the old version lacks an approval that is required.
    """
    with transaction.atomic():
        locked = lock(rule_set, revision=revision)
        old = locked.versions.get(number=number)
        if locked.live_version is not None and locked.live_version.checksum == old.checksum:
            raise Refused(f"Version {number} says what is live already.")
        if locked.needs_approval and not _was_approved(old):
            raise Refused(f"Nobody approved version {number}; take it up as a draft and have it approved.")
        document = parse_document(old.document)
        check_references(document)
        failing = failures(try_document(locked, document))
        if failing and not (override.strip() and by.may(Permission.ADMINISTER)):
            raise Refused(f"{' '.join(failing)} An administrator may go back all the same, and says why.")
        version = _append(
            locked,
            old.document,
            author=by,
            approver=None,
            base=old,
            note=f"Back to version {number}",
            override=override.strip() if failing else "",
        )
        _go_live(version, locked, rule_set)
        reason = f"; although cases fail: {version.override}" if version.override else ""
        audit.record(by, "rolled rules back", locked, detail=f"to version {number}{reason}")
    return version


def _was_approved(old: RuleSetVersion) -> bool:
    same = RuleSetVersion.objects.filter(rule_set=old.rule_set_id, checksum=old.checksum)
    return same.exclude(approver=None).exists()


def retire(rule_set: RuleSet, *, by: User | None) -> None:
    """Let the rule set decide nothing any more; its versions and test cases stay."""
    with transaction.atomic():
        locked = lock(rule_set, revision=None)
        RuleDraft.objects.filter(rule_set=locked).delete()
        locked.live_version = None
        locked.save(update_fields=["live_version"])
        advance(locked, rule_set)
        audit.record(by, "retired rules", locked)


_ALERT = "rules:"


def _go_live(version: RuleSetVersion, locked: RuleSet, rule_set: RuleSet) -> None:
    locked.live_version = rule_set.live_version = version
    locked.save(update_fields=["live_version"])
    advance(locked, rule_set)
    resolve(Q(key=f"{_ALERT}{locked.key}"))


def _append(
    rule_set: RuleSet,
    document: Mapping[str, Any],
    *,
    author: User | None,
    approver: User | None,
    base: RuleSetVersion | None,
    note: str,
    override: str = "",
) -> RuleSetVersion:
    latest = rule_set.versions.first()
    return RuleSetVersion.objects.create(
        rule_set=rule_set,
        number=latest.number + 1 if latest else 1,
        document=document,
        checksum=checksum(document),
        author=author,
        approver=approver,
        base=base,
        note=note,
        override=override[:300],
    )


def live_versions() -> list[RuleSetVersion]:
    """Return the published version of each rule set, in the order of the rule sets' keys; one query."""
    live = RuleSet.objects.exclude(live_version=None).values("live_version")
    return list(
        RuleSetVersion.objects.filter(pk__in=live).select_related("rule_set").order_by("rule_set__key")
    )
