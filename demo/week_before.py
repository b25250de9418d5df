"""The demo's campaign went out last week: a newcomer finds it judged, not to be judged in a week.

What was sent a moment ago is moved back as it is, with everything that is known of it. Its readers then live through
the week that followed, and the product counts, judges and reports it as it would any other campaign.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from campaigns.models import Campaign, Recipient
from delivery.models import Dispatch, MailboxMessage, Message, MessageEvent
from experiments.models import Experiment

BACK = timedelta(days=8)
"""A day more than the window in which orders count."""
_HITS = """
WITH hit AS (
    SELECT event.id, event.occurred_at - min(event.occurred_at) OVER (PARTITION BY event.message_id) AS after_first,
        message.sent_at + make_interval(secs => read.seconds) AS read_at
    FROM unnest(%(messages)s::bigint[], %(seconds)s::float8[]) AS read (message_id, seconds)
    JOIN delivery_message message ON message.id = read.message_id
    JOIN delivery_messageevent event ON event.message_id = message.id AND event.recorded_at IS NULL
        AND event.kind <> 'sent' AND event.occurred_at > message.sent_at + make_interval(secs => read.seconds)
)
UPDATE delivery_messageevent event SET occurred_at = hit.read_at + hit.after_first
FROM hit WHERE hit.id = event.id
"""


@transaction.atomic
def move_back(campaign_id: int, *, launched_since: datetime) -> datetime:
    """Move a campaign and its mails `BACK` if it was launched since a moment; return when it was launched.

    A second call finds it launched before that moment and moves nothing.
    """
    campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign_id)
    assert campaign.launched_at is not None
    if campaign.launched_at < launched_since:
        return campaign.launched_at
    mails = Message.objects.filter(dispatch=campaign.dispatch_id)
    keys = [Message.key_of(pk) for pk in mails.values_list("pk", flat=True)]
    for rows, names in (
        (Campaign.objects.filter(pk=campaign_id), ("created_at", "launched_at", "last_due_at")),
        (Experiment.objects.filter(pk=campaign.experiment_id), ("created_at", "started_at")),
        (Dispatch.objects.filter(campaign=campaign), ("created_at",)),
        (Recipient.objects.filter(campaign=campaign), ("due_at", "created_at")),
        (MessageEvent.objects.filter(message__in=mails), ("occurred_at",)),
        (mails, ("due_at", "handed_over_at", "sent_at", "created_at")),
        (MailboxMessage.objects.filter(key__in=keys), ("received_at",)),
    ):
        rows.update(**{name: F(name) - BACK for name in names})
    return campaign.launched_at - BACK


def read_later(seconds: dict[int, float]) -> None:
    """Let hits that came just now on mails of the week before have come so many seconds after each mail was sent."""
    with connection.cursor() as cursor:
        cursor.execute(_HITS, {"messages": list(seconds), "seconds": list(seconds.values())})
