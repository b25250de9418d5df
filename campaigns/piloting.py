"""Pilots: a launch goes to a few first, the rest is held, and then it goes on or stops, by rule or by a person."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from accounts import audit
from accounts.models import User
from campaigns.models import Campaign, Pilot
from campaigns.winning import remainder_keys
from common.clock import now
from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from delivery.models import Dispatch, Message
from experiments.stats.assignment import BUCKETS, bucket_sql

State = Pilot.State
STOPPED = "the pilot was stopped"
_LABELS = {
    "bounced": "bounced",
    "complained": "were marked as spam",
    "unsubscribed": "led to an unsubscribe",
    "failed": "failed",
    "fell_back": "had something fall back",
}

_HOLD = """
UPDATE delivery_message message SET state = 'held'
FROM customers_customer customer
WHERE message.dispatch_id = %(dispatch)s AND customer.id = message.customer_id AND NOT ({chosen})
"""
_IN_SEGMENT = """EXISTS (SELECT FROM segments_segmentmembership member
    WHERE member.segment_id = %(segment)s AND member.customer_id = customer.id)"""
# Where people have an hour of their own, it stays that hour, some days later; else the rest is due at once.
_DUE_AGAIN = """CASE WHEN {due} >= statement_timestamp() THEN {due} WHEN %(keeps_hours)s THEN {due}
        + ceil(extract(epoch FROM statement_timestamp() - {due}) / 86400) * interval '1 day'
    ELSE statement_timestamp() END"""
_RELEASE = f"""
WITH released AS (
    UPDATE delivery_message SET state = 'queued', due_at = {_DUE_AGAIN.format(due="due_at")}
    WHERE dispatch_id = %(dispatch)s AND state = 'held' AND variant_key <> ALL (%(waiting)s)
    RETURNING customer_id, due_at
)
UPDATE campaigns_recipient recipient SET due_at = released.due_at
FROM released WHERE recipient.campaign_id = %(campaign)s AND recipient.customer_id = released.customer_id
"""  # noqa: S608 - a text of this module
_RELEASE_UNMAILED = f"""
UPDATE campaigns_recipient recipient
SET due_at = {_DUE_AGAIN.format(due="coalesce(recipient.due_at, %(launched)s::timestamptz)")}
FROM customers_customer customer
WHERE recipient.campaign_id = %(campaign)s AND customer.id = recipient.customer_id AND recipient.variant_key <> ''
    AND NOT EXISTS (SELECT FROM delivery_message message
        WHERE message.dispatch_id = %(dispatch)s AND message.customer_id = customer.id)
    AND NOT ({{chosen}})
"""  # noqa: S608 - a text of this module
_FIGURES = """
SELECT count(*), count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state IN ('queued', 'in_flight')),
    count(*) FILTER (WHERE state IN ('failed', 'unknown')),
    count(*) FILTER (WHERE state = 'sent' AND fallbacks > 0), max(sent_at)
FROM delivery_message WHERE dispatch_id = %(dispatch)s AND state <> 'held'
"""
_EVENTS = """
SELECT event.kind, count(DISTINCT event.message_id)
FROM delivery_message message JOIN delivery_messageevent event ON event.message_id = message.id
WHERE message.dispatch_id = %(dispatch)s AND event.kind IN ('bounced', 'complained', 'unsubscribed') GROUP BY event.kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How a pilot does. `failed` counts failed and unknown ones; `last_sent_at` is None before the first mail."""

    messages: int
    sent: int
    unfinished: int
    failed: int
    fell_back: int
    bounced: int
    complained: int
    unsubscribed: int
    last_sent_at: datetime | None

    def share(self, what: str) -> float:
        """Return a count as a share: of failures among all that were tried, of the rest among what was sent."""
        of = self.sent + self.failed if what == "failed" else self.sent
        return float(getattr(self, what)) / of if of else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """One limit, and how far the pilot is from it; shares from 0 to 1."""

    what: str
    count: int
    share: float
    limit: float

    @property
    def is_broken(self) -> bool:
        """Whether the pilot is above the limit."""
        return self.share > self.limit

    @property
    def sentence(self) -> str:
        """What was counted, in words."""
        return f"{self.count:,} mails ({self.share:.2%}) {_LABELS[self.what]}; the limit is {self.limit:.2%}."


def hold_back(dispatch: Dispatch, campaign: Campaign) -> int | None:
    """Hold the messages of all but the pilot, within the launch; return how many go first, None without a pilot."""
    pilot = Pilot.objects.filter(campaign=campaign).first()
    if pilot is None:
        return None
    chosen, parameters = _chosen(pilot)
    with connection.cursor() as cursor:
        cursor.execute(_HOLD.format(chosen=chosen), {"dispatch": dispatch.pk, **parameters})
    Pilot.objects.filter(pk=pilot.pk).update(state=State.RUNNING)
    return dispatch.messages.filter(state=Message.State.QUEUED).count()


def _chosen(pilot: Pilot) -> tuple[str, dict[str, Any]]:
    """Whether a `customer` is in the pilot, as SQL; drawn apart from the arms, so that each has its share."""
    if pilot.segment_id is not None:
        return _IN_SEGMENT, {"segment": pilot.segment_id}
    assert pilot.percent is not None
    sql, [salt] = bucket_sql(salt=f"{pilot.campaign.experiment.salt}:pilot", public_id="customer.public_id")
    return f"{sql.replace('%s', '%(salt)s')} < %(limit)s", {
        "salt": salt,
        "limit": -(-pilot.percent * BUCKETS // 100),
    }


def figures_of(dispatch_id: int) -> Figures:
    """Count what became of everything that is not held; two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"dispatch": dispatch_id})
        messages, sent, unfinished, failed, fell_back, last = cursor.fetchone()
        cursor.execute(_EVENTS, {"dispatch": dispatch_id})
        events = dict(cursor.fetchall())
    return Figures(
        messages=messages,
        sent=sent,
        unfinished=unfinished,
        failed=failed,
        fell_back=fell_back,
        bounced=events.get("bounced", 0),
        complained=events.get("complained", 0),
        unsubscribed=events.get("unsubscribed", 0),
        last_sent_at=last,
    )


def guardrails(pilot: Pilot, figures: Figures) -> list[Guardrail]:
    """Hold the figures against the pilot's limits."""
    names = [name.removeprefix("max_") for name in Pilot.LIMITS]
    return [
        Guardrail(
            what=name,
            count=getattr(figures, name),
            share=figures.share(name),
            limit=float(getattr(pilot, f"max_{name}")) / 100,
        )
        for name in names
    ]


def judged_at(pilot: Pilot, figures: Figures) -> datetime | None:
    """Return when the pilot is judged: so long after its last mail; None while that has not been sent."""
    if figures.unfinished:
        return None
    return (figures.last_sent_at or now()) + timedelta(hours=pilot.wait_hours if figures.sent else 0)


def judge_due() -> list[int]:
    """Judge the pilots whose time has come; return the dispatches of which the rest was released, to be rung."""
    running = Pilot.objects.filter(state=State.RUNNING, campaign__dispatch__state=Dispatch.State.SENDING)
    released = []
    for pilot in running.select_related("campaign").order_by("pk"):
        dispatch_id = pilot.campaign.dispatch_id
        assert dispatch_id is not None
        figures = figures_of(dispatch_id)
        at = judged_at(pilot, figures)
        if at is not None and at <= now() and _judge(pilot, figures):
            released.append(dispatch_id)
    return released


def _judge(pilot: Pilot, figures: Figures) -> bool:
    """Decide, or leave it to a person and tell; True where the rest was released."""
    broken = [one.sentence for one in guardrails(pilot, figures) if one.is_broken]
    if not figures.sent:
        broken.append("Nothing was sent.")
    verdict = {"broken": broken, "figures": asdict(figures) | {"last_sent_at": str(figures.last_sent_at)}}
    Pilot.objects.filter(pk=pilot.pk, state=State.RUNNING).update(verdict=verdict)
    if not broken and pilot.continues_by_itself:
        return go_on(pilot.campaign, by=None)
    waits = Pilot.objects.filter(pk=pilot.pk, state=State.RUNNING).update(state=State.WAITING)
    if waits:
        raise_alert(
            _alert_key(pilot.campaign),
            severity=Alert.Severity.DANGER if broken else Alert.Severity.WARNING,
            title=f"The pilot of {pilot.campaign.name} waits for a decision",
            body=" ".join(broken) or "Nothing is above its limit. The page of the pilot lets the rest go.",
        )
    return False


def go_on(campaign: Campaign, *, by: User | None) -> bool:
    """Release everybody who is held, once; False where the pilot is not under way. The caller rings the dispatch."""
    with transaction.atomic():
        if not _decide(campaign, State.CONTINUED, by=by):
            return False
        _release(campaign)
        audit.record(by, "let a campaign go on after its pilot", campaign)
    return True


def _release(campaign: Campaign) -> None:
    """Queue who was held; their clocks start anew, and so do those of whom no mail was meant for, outside the pilot."""
    pilot = Pilot.objects.select_related("campaign__experiment").get(campaign=campaign)
    chosen, parameters = _chosen(pilot)
    parameters |= {
        "campaign": campaign.pk,
        "dispatch": campaign.dispatch_id,
        "launched": campaign.launched_at,
        "keeps_hours": not campaign.timing().is_alike
        or campaign.variants.exclude(send_shift_hours=0).exists(),
        "waiting": remainder_keys(campaign),
    }
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, parameters)
        cursor.execute(_RELEASE_UNMAILED.format(chosen=chosen), parameters)
    campaign.last_due_at = campaign.recipients.aggregate(last=Max("due_at"))["last"]
    campaign.save(update_fields=["last_due_at"])


def stop(campaign: Campaign, *, by: User | None) -> bool:
    """Let nobody who is held get the mail; False where the pilot is not under way. That is final."""
    with transaction.atomic():
        if not _decide(campaign, State.STOPPED, by=by):
            return False
        _held(campaign).update(state=Message.State.SKIPPED, reason=STOPPED)
        audit.record(by, "stopped a campaign after its pilot", campaign)
    return True


def _decide(campaign: Campaign, state: Pilot.State, *, by: User | None) -> bool:
    undecided = Pilot.objects.filter(campaign=campaign, state__in=Pilot.UNDECIDED)
    is_ours = undecided.exclude(campaign__dispatch__state=Dispatch.State.CANCELLED).update(
        state=state, decided_by=by, decided_at=Now()
    )
    if is_ours:
        resolve(Q(key=_alert_key(campaign)))
    return bool(is_ours)


def _held(campaign: Campaign) -> Any:
    return Message.objects.filter(dispatch=campaign.dispatch, state=Message.State.HELD)


def _alert_key(campaign: Campaign) -> str:
    return f"pilot:{campaign.pk}"
