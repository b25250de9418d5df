"""Segments put away: archived, deleted, or replaced by another one."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils.module_loading import import_string

from common.clock import now
from segments import membership
from segments.models import LifecycleStage, Reference, Segment
from segments.nesting import problem_with, problem_with_stages
from segments.references import SEGMENT, STAGE, forget_use, tell_own, tell_segment


class InUse(ValueError):
    """Something uses the segment, so it stays; the message names the users."""


def archive(segment: Segment) -> None:
    """Stop refreshing and offering a segment; members and history stay. Raises InUse."""
    with transaction.atomic():
        membership.hold()
        _refuse_if_used(segment, "archived")
        segment.archived_at = now()
        segment.save(update_fields=["archived_at", "updated_at"])
        forget_use(SEGMENT, segment.key)


def restore(segment: Segment) -> None:
    """Take a segment as it is stored out of the archive, and judge everybody for it anew.

    Raises ValueError, ConditionError, and Segment.DoesNotExist.
    """
    with transaction.atomic():
        membership.hold()
        locked = Segment.objects.select_for_update(no_key=True, of=("self",)).select_related("parent")
        segment.refresh_from_db(from_queryset=locked)
        segment.archived_at = None
        if problem := problem_with(segment):
            raise ValueError(problem)
        segment.save(update_fields=["archived_at", "updated_at"])
        membership.store(segment)


def delete(segment: Segment) -> None:
    """Delete a segment with its members and history. Raises InUse."""
    with transaction.atomic():
        membership.hold()
        _refuse_if_used(segment, "deleted")
        forget_use(SEGMENT, segment.key)
        try:
            segment.delete()
        except ProtectedError as error:
            names = ", ".join(sorted(f"“{one}”" for one in error.protected_objects))
            raise InUse(f"“{segment.name}” cannot be deleted: {names} was made with it.") from error


def replace(old: Segment, new: Segment) -> None:
    """Let whatever is built on `old` be built on `new`, and archive `old`.

    Segments and stages are changed here. Raises InUse where somebody else uses it, whom only they can change, and
    ValueError where `new` cannot stand in its place.
    """
    if new.pk == old.pk or new.archived_at is not None:
        raise ValueError("Choose another segment that is not archived.")
    with transaction.atomic():
        membership.hold()
        others = old.references.exclude(user_kind__in=(SEGMENT, STAGE))
        if labels := list(others.values_list("label", flat=True)):
            raise InUse(f"{', '.join(labels)} must be changed by hand to use “{new.name}”; then merge again.")
        for segment in _moved(old, new):
            if problem := problem_with(segment):
                raise ValueError(problem)
            segment.save(update_fields=["parent", "condition", "updated_at"])
            tell_segment(segment)
        _move_stages(old, new)
        tell_own()
        archive(old)
        membership.refresh_with_dependants(new, cause="edit")


def users_of(segment: Segment) -> list[Reference]:
    """Return who uses the segment, by kind and name."""
    return list(segment.references.order_by("user_kind", "label"))


def _refuse_if_used(segment: Segment, act: str) -> None:
    """Apps above are asked to tell anew first: what they told may be old."""
    for name in settings.SEGMENT_USERS:
        import_string(name)()
    labels = list(segment.references.order_by("label").values_list("label", flat=True))
    if labels:
        verb = "uses" if len(labels) == 1 else "use"
        raise InUse(f"“{segment.name}” cannot be {act}: {', '.join(labels)} {verb} it.")


def _moved(old: Segment, new: Segment) -> list[Segment]:
    """Return the segments that are built on `old`, changed to be built on `new`."""
    keys = old.references.filter(user_kind=SEGMENT).values("user_key")
    users = list(Segment.objects.filter(Q(key__in=keys) | Q(parent=old)).select_related("parent"))
    for user in users:
        user.condition = _renamed(user.condition, old.key, new.key)
        if user.parent == old:
            user.parent = None if user.pk == new.pk else new
    return users


def _move_stages(old: Segment, new: Segment) -> None:
    stages = list(LifecycleStage.objects.all())
    for stage in stages:
        if stage.condition is not None:
            stage.condition = _renamed(stage.condition, old.key, new.key)
    if problem := problem_with_stages(stages):
        raise ValueError(problem)
    for stage in stages:
        stage.save(update_fields=["condition", "updated_at"])


def _renamed(document: Any, old: str, new: str) -> Any:
    """Return a condition with one segment's key in the place of another's."""
    if isinstance(document, list):
        return [_renamed(part, old, new) for part in document]
    if not isinstance(document, dict):
        return document
    if document.get("segment") == old:
        return {**document, "segment": new}
    groups = {key: _renamed(document[key], old, new) for key in ("all", "any", "not") if key in document}
    return {**document, **groups}
