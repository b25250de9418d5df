"""The stages of the lifecycle, changed: stored, checked and judged together, so that everybody is in exactly one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count
from django.db.utils import OperationalError
from django.utils.module_loading import import_string

from common.charts import Flow
from common.clock import now
from customers.models import Customer
from segments import lifecycle, membership
from segments.conditions import ConditionError, needs, parse
from segments.counting import PATIENCE_MS, draw_sample
from segments.models import LifecycleStage, Segment, StageChange
from segments.nesting import problem_with_stages
from segments.references import tell_stages
from segments.whole_base import plan_for_everybody

MOST_STAGES = 20
Change = Callable[[list[LifecycleStage]], Sequence[LifecycleStage]]


class BadStages(ValueError):
    """The stages cannot be like that; the message says why."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Where everybody would be: (stage, how many now, how many then) in order, and how many would move.

    Where `sampled` is not 0, so many customers, drawn at random, were judged, and the numbers are estimates.
    """

    rows: list[tuple[LifecycleStage, int, int]]
    moving: int
    sampled: int


def stored_stages() -> list[LifecycleStage]:
    """Return the stages in the order in which they are asked, that of everybody else last."""
    return list(LifecycleStage.objects.all())


def with_draft(draft: LifecycleStage, stored: Sequence[LifecycleStage]) -> list[LifecycleStage]:
    """Return the stored stages with this one in its place; a new one stands before that of everybody else.

    Raises BadStages where the stored one is gone or was changed after the draft was read, and for a key that is taken.
    """
    others = [one for one in stored if one.pk != draft.pk]
    if not draft.pk:
        if draft.key in [one.key for one in others]:
            raise BadStages("There is a stage with this key already.")
        return [*others[:-1], draft, *others[-1:]]
    mine = [one for one in stored if one.pk == draft.pk]
    if not mine:
        raise BadStages(f"“{draft.name}” has been deleted meanwhile.")
    if mine[0].updated_at != draft.updated_at:
        raise BadStages(f"“{draft.name}” has been changed meanwhile; look at it again.")
    return [draft if one.pk == draft.pk else one for one in stored]


def in_order(keys: Sequence[str], stored: Sequence[LifecycleStage]) -> list[LifecycleStage]:
    """Return the stored stages in the order of these keys. Raises BadStages where they are others."""
    stages = {one.key: one for one in stored}
    if sorted(keys) != sorted(stages) or not keys or stages[keys[-1]].condition is not None:
        raise BadStages("The stages have changed meanwhile; look at them again.")
    return [stages[key] for key in keys]


def without(key: str, stored: Sequence[LifecycleStage]) -> list[LifecycleStage]:
    """Return the stored stages but this one."""
    return [one for one in stored if one.key != key]


def save_stages(change: Change) -> None:
    """Store the stages that `change` makes of those stored, which are all that stay, and judge everybody anew.

    Nobody else changes stages meanwhile; all or nothing. Raises BadStages where one is missing that somebody uses,
    where the last has a condition or another has none, and where stages and segments would wait for each other.
    """
    with transaction.atomic():
        membership.hold()
        stored = stored_stages()
        stages = list(change(stored))
        _check(stages)
        _store(stages, stored)
        if problem := problem_with_stages(stages):
            raise BadStages(problem)
        tell_stages()
        membership.refresh_lifecycle(cause="edit")


def _store(stages: Sequence[LifecycleStage], stored: Sequence[LifecycleStage]) -> None:
    """Write what differs; of those that stay as they are at most the position."""
    kept = {stage.pk for stage in stages}
    for stage in stored:
        if stage.pk not in kept:
            _refuse_if_used(stage)
            stage.delete()
    for number, stage in enumerate(stages, start=1):
        position = number if stage.condition is not None else LifecycleStage.LAST
        is_as_stored = any(stage is one for one in stored)
        if is_as_stored and stage.position == position:
            continue
        stage.position = position
        stage.save(update_fields=["position"] if is_as_stored else None)


def preview(stages: Sequence[LifecycleStage], *, at: datetime) -> Preview | None:
    """Return where everybody would be by these stages; None where counting takes too long. Raises ConditionError."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PATIENCE_MS)])
            plan_for_everybody()
            sample = draw_sample()
            found = lifecycle.distribution(stages, now=at, among=sample.ids if sample else None)
    except OperationalError:
        return None
    scale = sample.customers / len(sample.ids) if sample and sample.ids else 1
    rows = [
        (
            stage,
            round(scale * sum(count for (was, _), count in found.items() if was == stage.key)),
            round(scale * sum(count for (_, becomes), count in found.items() if becomes == stage.key)),
        )
        for stage in stages
    ]
    moving = sum(count for (was, becomes), count in found.items() if was != becomes)
    return Preview(rows, round(scale * moving), len(sample.ids) if sample else 0)


def moves(stages: Sequence[LifecycleStage], *, days: int = 30) -> Flow | None:
    """Return how many went from which stage to which in the last days, for a chart; None where nobody did.

    Who came into their first stage is not among them. One query.
    """
    names = {stage.key: stage.name for stage in stages}
    since = now() - timedelta(days=days)
    found = (
        StageChange.objects.filter(changed_at__gte=since)
        .exclude(from_stage="")
        .values_list("from_stage", "to_stage")
        .annotate(count=Count("pk"))
        .order_by("-count", "from_stage", "to_stage")
    )
    streams = [(names.get(start, start), names.get(end, end), count) for start, end, count in found]
    return Flow(title=f"Moves between stages in the last {days} days", streams=streams) if streams else None


def history_of(customer: Customer, *, most: int = 10) -> list[tuple[str, StageChange]]:
    """Return the stages that a customer came into, the latest first, each by its name. Two queries."""
    names = dict(LifecycleStage.objects.values_list("key", "name"))
    changes = StageChange.objects.filter(customer=customer).order_by("-changed_at", "-pk")[:most]
    return [(names.get(change.to_stage, change.to_stage), change) for change in changes]


def users_of(stage: LifecycleStage) -> list[str]:
    """Return the names of what asks for the stage: active segments, and what apps above answer."""
    names = [segment.name for segment in Segment.objects.active() if stage.key in _stages_in(segment)]
    for path in settings.STAGE_USERS:
        names += [label for label, keys in import_string(path)() if stage.key in keys]
    return names


def _stages_in(segment: Segment) -> frozenset[str]:
    try:
        return frozenset() if segment.is_static else needs(parse(segment.condition)).stages
    except ConditionError:
        return frozenset()


def _check(stages: Sequence[LifecycleStage]) -> None:
    if len(stages) > MOST_STAGES:
        raise BadStages(f"A lifecycle has at most {MOST_STAGES} stages.")
    if not stages or stages[-1].condition is not None:
        raise BadStages("The last stage is that of everybody else; it stays.")
    if any(stage.condition is None for stage in stages[:-1]):
        raise BadStages("Only the last stage can be without a condition.")


def _refuse_if_used(stage: LifecycleStage) -> None:
    if users := users_of(stage):
        names = ", ".join(f"“{one}”" for one in users)
        raise BadStages(f"“{stage.name}” stays: it is asked for by {names}.")
