"""A campaign's books and arms, counted in the background and kept, so that its pages read one row."""

import time
from collections import Counter
from dataclasses import asdict
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Count, F, Q

from campaigns.books import Accounts
from campaigns.models import Campaign
from common.clock import now
from delivery.models import Message
from experiments.outcomes import ArmOutcomes
from reports import counting
from reports.models import CampaignFigures
from reports.worth import Worth, worth

MOST_SEGMENTS = 12
_SEGMENTS = """
SELECT segment.key, segment.name, count(*) AS sent, count(*) FILTER (WHERE fact.bounced_on IS NULL) AS delivered,
    count(fact.opened_on) AS opened, count(fact.clicked_on) AS clicked, count(fact.unsubscribed_on) AS unsubscribed,
    sum(fact.order_parts)::bigint AS order_parts, sum(fact.revenue_minor)::bigint AS revenue_minor
FROM reports_messagefact fact
JOIN delivery_message message ON message.id = fact.message_id
JOIN segments_segmentmembership member ON member.customer_id = message.customer_id
JOIN segments_segment segment ON segment.id = member.segment_id AND segment.archived_at IS NULL
WHERE fact.dispatch_id = %s
GROUP BY segment.id ORDER BY sent DESC, segment.key LIMIT %s
"""
REST = 20
"""A campaign that took t to count is left alone for so many times t, so that big ones do not keep a worker busy."""
Json = dict[str, object]


def recount() -> int:
    """Count launched campaigns of which something changed, or whose window closed, since; returns how many."""
    done = 0
    for campaign in _launched():
        if _is_due(campaign):
            count(campaign)
            done += 1
    return done


@transaction.atomic
def count(campaign: Campaign) -> CampaignFigures:
    """Count one launched campaign now and keep the result. What changes meanwhile makes it stale again."""
    CampaignFigures.objects.filter(campaign=campaign).update(is_stale=False)
    started = time.monotonic()
    counted = counting.count(campaign, as_of=now())
    plan, accounts, arms = counted.plan(campaign), counted.accounts(campaign), counted.arms
    values = {
        "counted_at": counted.as_of,
        "counted": counted.as_json(),
        "currency": plan.currency,
        "window_closes_at": plan.window_closes_at,
        "waiting": _waiting(accounts),
        "audience": accounts.launched.audience,
        "excluded": accounts.launched.excluded,
        "segments": _segments(campaign),
        "arms": [_as_json(arm, accounts) for arm in arms],
        **_columns("mail", worth(arms, against="no_mail")),
        **_columns("personal", worth(arms, against="baseline")),
        "took_ms": round((time.monotonic() - started) * 1000),
    }
    return CampaignFigures.objects.update_or_create(campaign=campaign, defaults=values)[0]


def _launched() -> list[Campaign]:
    """Campaigns with their row, where something may have to be counted."""
    launched = Campaign.objects.exclude(launched_at=None).exclude(dispatch=None)
    changed = Q(figures=None) | Q(figures__is_stale=True)
    waiting = Q(figures__window_closes_at=None) | ~Q(figures__waiting={})
    closed = Q(figures__window_closes_at__lte=now(), figures__window_closes_at__gt=F("figures__counted_at"))
    return list(
        launched.filter(changed | waiting | closed)
        .select_related("figures", "experiment", "dispatch", "segment")
        .order_by("-launched_at")
    )


def _is_due(campaign: Campaign) -> bool:
    figures: CampaignFigures | None = getattr(campaign, "figures", None)
    if figures is None:
        return True
    closes = figures.window_closes_at
    if closes is not None and figures.counted_at < closes <= now():
        return True
    rested = now() - figures.counted_at >= timedelta(milliseconds=REST * figures.took_ms)
    return rested and (figures.is_stale or closes is None or figures.waiting != _waiting_now(campaign))


def _waiting(accounts: Accounts) -> dict[str, int]:
    """How many messages have not come to an end, by state."""
    states: Counter[str] = Counter()
    for arm in accounts.arms:
        states.update({state: size for state, size in arm.states.items() if state in Message.OPEN})
    return dict(states)


def _waiting_now(campaign: Campaign) -> dict[str, int]:
    """The same, counted now, which an index answers. No trigger tells of a first end without being sent."""
    waiting = Message.objects.filter(dispatch=campaign.dispatch_id, state__in=Message.OPEN)
    return dict(waiting.values_list("state").annotate(size=Count("*")).order_by())


def _segments(campaign: Campaign) -> list[Json]:
    """The segments that most readers are in now, with what these did."""
    with connection.cursor() as cursor:
        cursor.execute(_SEGMENTS, [campaign.dispatch_id, MOST_SEGMENTS])
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _as_json(arm: ArmOutcomes, accounts: Accounts) -> Json:
    states = next((one.states for one in accounts.arms if one.variant.key == arm.key), {})
    return {**asdict(arm), "states": states}


def _columns(prefix: str, found: Worth | None) -> Json:
    return {
        f"{prefix}_worth_minor": found and found.minor,
        f"{prefix}_worth_variance": found and found.variance,
        f"{prefix}_treated": found and found.treated,
        f"{prefix}_doubt": found.doubt if found else "",
    }
