"""Verdicts on hits made anew, as rules get better or more is known; never those that something was decided by."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet, Window
from django.db.models.functions import Now, RowNumber

from delivery.models import Dispatch, MessageEvent
from delivery.verdicts import MOST_HITS, TOO_MANY, Hit, judged

BATCH = 2_000
HITS = (MessageEvent.Kind.OPENED, MessageEvent.Kind.CLICKED)
_NEEDED = ("message__sent_at", "kind", "occurred_at", "link_index", "user_agent", "dedupe_key", "verdict")

# A person's hit that was taken for a machine's is recorded after all. The dispatch is locked so that what was frozen
# meanwhile stays.
_STORE = """
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(verdicts)s::text[]) AS t(id, verdict)
), changing AS (
    SELECT e.id, wanted.verdict FROM wanted
    JOIN delivery_messageevent e ON e.id = wanted.id AND e.verdict <> wanted.verdict
    JOIN delivery_message m ON m.id = e.message_id
    JOIN delivery_dispatch d ON d.id = m.dispatch_id
    WHERE d.verdicts_frozen_at IS NULL OR e.occurred_at > d.verdicts_frozen_at
    ORDER BY e.id FOR NO KEY UPDATE OF e FOR SHARE OF d
)
UPDATE delivery_messageevent e
SET verdict = changing.verdict, is_machine = changing.verdict <> '',
    recorded_at = CASE WHEN changing.verdict <> '' THEN e.recorded_at END
FROM changing WHERE changing.id = e.id
RETURNING e.id, e.verdict
"""


def rescore(message_ids: Collection[int]) -> dict[int, str]:
    """Judge all openings and clicks of these messages anew; return those verdicts that changed, by the hit's id.

    Two statements. What was recorded of a person stays in their history, whatever the verdict becomes. Of what is
    beyond the first `MOST_HITS` of a message only a person's are looked at: they become a machine's.
    """
    rows = list(_judgeable(message_ids))
    hits = [_hit(row) for row in rows]
    first = {row.pk for row in rows if row.number <= MOST_HITS}  # type: ignore[attr-defined]
    verdicts = dict.fromkeys((hit.id for hit in hits), TOO_MANY) | judged(
        [hit for hit in hits if hit.id in first]
    )
    new = {hit.id: verdicts[hit.id] for hit in hits if verdicts[hit.id] != hit.verdict}
    if not new:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"ids": list(new), "verdicts": list(new.values())})
        return dict(cursor.fetchall())


def rescore_since(begin: datetime) -> Iterator[Counter[str]]:
    """Judge anew all hits of messages that were hit since then, batch by batch; how many got which new verdict."""
    last = 0
    while ids := _hit_messages(begin, after=last):
        yield Counter(rescore(ids).values())
        last = ids[-1]


def freeze_verdicts(dispatch_id: int) -> None:
    """Let the verdicts on all hits so far stand for good: something was decided by them."""
    Dispatch.objects.filter(pk=dispatch_id, verdicts_frozen_at=None).update(verdicts_frozen_at=Now())


def _hit_messages(begin: datetime, *, after: int) -> list[int]:
    """The next messages, by their ids, with a hit since then."""
    hits = MessageEvent.objects.filter(kind__in=HITS, occurred_at__gte=begin, message__gt=after)
    return list(hits.order_by("message").values_list("message_id", flat=True).distinct()[:BATCH])


def _judgeable(message_ids: Collection[int]) -> QuerySet[MessageEvent]:
    """The hits to be judged, in their order, with their number within the message."""
    number = Window(RowNumber(), partition_by="message", order_by="pk")
    hits = MessageEvent.objects.filter(message__in=message_ids, kind__in=HITS).annotate(number=number)
    return (
        hits.filter(Q(number__lte=MOST_HITS) | Q(verdict=""))
        .select_related("message")
        .only(*_NEEDED)
        .order_by("pk")
    )


def _hit(row: MessageEvent) -> Hit:
    return Hit(
        id=row.pk,
        message_id=row.message_id,
        is_click=row.kind == MessageEvent.Kind.CLICKED,
        at=row.occurred_at,
        sent_at=row.message.sent_at,
        link_index=row.link_index,
        user_agent=row.user_agent,
        is_reported=not row.dedupe_key.startswith(f"{row.kind}:"),
        verdict=row.verdict,
    )
