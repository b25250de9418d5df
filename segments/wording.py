"""What a segment is, in words for pages."""

from collections.abc import Iterable

from django.conf import settings
from django.db import connection

from segments.conditions import ConditionError, Needs, describe, needs, parse
from segments.models import Segment

_STORED_SCORES = (
    "SELECT kind FROM unnest(%s::text[]) AS kind"
    " WHERE EXISTS (SELECT FROM customers_score s WHERE s.kind = kind.kind)"
)


def sentence_of(segment: Segment) -> str:
    """Return who is in it as a sentence, or why the stored condition cannot be read."""
    if segment.is_static:
        sentence = "Is on a fixed list"
    else:
        try:
            sentence = describe(parse(segment.condition), currency=settings.REPORTING_CURRENCY)
        except ConditionError as error:
            return f"The condition cannot be read: {error}"
    if segment.parent is not None:
        return f"{sentence}, and is in the segment “{segment.parent.name}”."
    return f"{sentence}."


def kind_of(segment: Segment) -> str:
    """Return what decides who is in it: a list, a stage, a prediction, or a condition."""
    if segment.is_static:
        return "Fixed list"
    wanted = _needs(segment)
    if wanted.stages:
        return "Lifecycle"
    return "Predictive" if wanted.scores else "Dynamic"


def missing_scores(segments: Iterable[Segment]) -> dict[int, list[str]]:
    """Return the scores that no customer has yet, by the id of the segment that waits for them. One query at most."""
    wanted = {segment.pk: _needs(segment).scores for segment in segments if not segment.is_static}
    kinds = sorted({kind for scores in wanted.values() for kind in scores})
    if not kinds:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STORED_SCORES, [kinds])
        stored = {kind for (kind,) in cursor.fetchall()}
    return {pk: sorted(scores - stored) for pk, scores in wanted.items() if scores - stored}


def _needs(segment: Segment) -> Needs:
    try:
        return needs(parse(segment.condition))
    except ConditionError:
        return Needs()
