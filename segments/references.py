"""Who uses a segment. Rows are told downwards: apps above tell theirs, and need not be asked.

A row keeps its segment from being deleted, by the database too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from segments.models import LifecycleStage, Reference, Segment
from segments.nesting import references

SEGMENT, STAGE = "segment", "stage"


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody who uses segments, by the segments' keys; `key` is unique within one kind of users."""

    key: str
    label: str
    segments: frozenset[str]
    url: str = ""


def tell_uses(user_kind: str, uses: Iterable[Use]) -> None:
    """Replace what one kind of users uses; keys that no segment has are left out. Four queries."""
    _replace(Q(user_kind=user_kind), user_kind, list(uses))


def tell_use(user_kind: str, use: Use) -> None:
    """Replace what one user uses."""
    _replace(Q(user_kind=user_kind, user_key=use.key), user_kind, [use])


def forget_use(user_kind: str, key: str) -> None:
    """Take back what a user that is gone used."""
    Reference.objects.filter(user_kind=user_kind, user_key=key).delete()


def tell_segment(segment: Segment) -> None:
    """Tell which segments this one is built on."""
    tell_use(SEGMENT, _of_segment(segment))


def tell_own() -> None:
    """Tell anew what all segments and stages are built on, for what was changed past their forms."""
    tell_uses(SEGMENT, [_of_segment(one) for one in Segment.objects.active().select_related("parent")])
    tell_uses(STAGE, [_of_stage(one) for one in LifecycleStage.objects.all()])


def tell_stages() -> None:
    """Tell which segments the lifecycle's stages are built on."""
    tell_uses(STAGE, [_of_stage(one) for one in LifecycleStage.objects.all()])


def _of_segment(segment: Segment) -> Use:
    keys = frozenset() if segment.is_static else references(segment.condition)
    if segment.parent is not None:
        keys |= {segment.parent.key}
    if segment.archived_at is not None:
        keys = frozenset()
    return Use(segment.key, segment.name, keys, segment.get_absolute_url())


def _of_stage(stage: LifecycleStage) -> Use:
    return Use(
        stage.key, f"Stage: {stage.name}"[:200], references(stage.condition), reverse("segments:lifecycle")
    )


def _replace(where: Q, user_kind: str, uses: list[Use]) -> None:
    wanted = sorted({key for use in uses for key in use.segments})
    ids = dict(Segment.objects.filter(key__in=wanted).values_list("key", "pk"))
    rows = {
        (ids[key], use.key): Reference(
            segment_id=ids[key], user_kind=user_kind, user_key=use.key, label=use.label[:200], url=use.url
        )
        for use in uses
        for key in use.segments
        if key in ids
    }
    with transaction.atomic():
        Reference.objects.bulk_create(
            [rows[key] for key in sorted(rows)],
            update_conflicts=True,
            unique_fields=["segment", "user_kind", "user_key"],
            update_fields=["label", "url"],
        )
        stored = Reference.objects.filter(where).values_list("pk", "segment_id", "user_key")
        Reference.objects.filter(pk__in=[pk for pk, id, key in stored if (id, key) not in rows]).delete()
