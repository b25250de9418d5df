"""Those who wait for the winner of a test: held at the launch, given what won when a planned look has decided.

They are a part of the audience that is in no comparison. Their messages are held like those behind a pilot, and stay
under the key of their own arm, so that the books add up; with the release that arm gets a copy of what the winner got.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q

from accounts import audit
from accounts.models import User
from campaigns.models import Campaign, Pilot, RemainderRelease
from common.clock import now
from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from delivery.models import Dispatch, Message, MessageEvent
from experiments.models import Experiment, Variant

LEFT_OUT = "nobody who waited for the winner was to get it"
IN_TEST = (Variant.Role.BASELINE, Variant.Role.TREATMENT)
_ASKS = ("invalid", "harmful", "holdout_wins")
"""Verdicts without an arm to send that no rule of the plan covers: wrong sizes, or every arm lost or does harm."""
_AT_RISK = "winner_at_risk"

# The same hour of the day as the winning arm's, some days later: not at a better or worse time than what won.
_RELEASE = """
WITH released AS (
    UPDATE delivery_message SET state = 'queued', due_at = due_at + %(hours)s * interval '1 hour' + greatest(
        ceil(extract(epoch FROM statement_timestamp() - due_at - %(hours)s * interval '1 hour') / 86400), 0
    ) * interval '1 day'
    WHERE dispatch_id = %(dispatch)s AND state = 'held' AND variant_key = ANY(%(waiting)s)
    RETURNING customer_id, due_at
), moved AS (
    UPDATE campaigns_recipient recipient SET due_at = released.due_at
    FROM released WHERE recipient.campaign_id = %(campaign)s AND recipient.customer_id = released.customer_id
)
SELECT count(*) FROM released
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What those who wait get, and why; no `variant_key`: a person has to say."""

    variant_key: str
    why: str


def remainder_keys(campaign: Campaign) -> list[str]:
    """Return the keys of the arm that waits for the winner: one, or none."""
    waiting = campaign.experiment.variants.filter(role=Variant.Role.REMAINDER)
    return list(waiting.values_list("key", flat=True))


def hold_remainder(dispatch: Dispatch, campaign: Campaign) -> None:
    """Hold the messages of those who wait for the winner, within the launch."""
    waiting = Message.objects.filter(dispatch=dispatch, variant_key__in=remainder_keys(campaign))
    waiting.update(state=Message.State.HELD)


def earliest_release(campaign: Campaign) -> datetime:
    """Return before when nothing is sent by itself: the minimum wait after the last mail of the test was due."""
    last = campaign.last_due_at or campaign.launched_at
    assert last is not None
    return last + timedelta(hours=campaign.experiment.minimum_wait_hours)


def choice_of(experiment: Experiment) -> Choice | None:
    """Return what a decided experiment means for those who wait; None while it is not decided.

    The winner; without one what the plan names for that case. Where the arms had the wrong sizes, did harm or lost to
    no mail, or the plan leaves it to people, nobody is mailed until somebody says so.
    """
    look = experiment.planned_looks.filter(is_deciding=True).first()
    if experiment.decided_at is None or look is None:
        return None
    variants = list(experiment.variants.filter(role__in=IN_TEST))
    winner = next((one for one in variants if one.key == experiment.decided_variant), None)
    if winner is not None and look.status != _AT_RISK:
        return Choice(variant_key=winner.key, why=look.sentence)
    if look.status in (*_ASKS, _AT_RISK) or experiment.no_winner == Experiment.NoWinner.ASK:
        return Choice(variant_key="", why=look.sentence)
    is_largest = experiment.no_winner == Experiment.NoWinner.LARGEST
    left = variants if is_largest else [one for one in variants if one.role == Variant.Role.BASELINE]
    chosen = max(left, key=lambda one: (one.weight, -one.position), default=None)
    if chosen is None:
        return Choice(variant_key="", why=look.sentence)
    rule = "the largest arm" if is_largest else "the baseline"
    return Choice(
        variant_key=chosen.key,
        why=f"{look.sentence} The plan says that {rule} is sent then: {chosen.name}.",
    )


def release_due(*, at: datetime | None = None) -> list[int]:
    """Release those whose test is decided and whose wait is over; return the dispatches that are to be rung.

    Where a person has to say what they get, an alert tells so.
    """
    at = at or now()
    waiting = Campaign.objects.filter(
        dispatch__state=Dispatch.State.SENDING,
        experiment__decided_at__isnull=False,
        experiment__variants__role=Variant.Role.REMAINDER,
        remainder_release=None,
    ).exclude(pilot__state__in=[*Pilot.UNDECIDED, Pilot.State.STOPPED])
    released = []
    for campaign in waiting.select_related("experiment").distinct().order_by("pk"):
        choice = choice_of(campaign.experiment)
        if choice is None or at < earliest_release(campaign):
            continue
        if choice.variant_key and (misfit := wrong_sizes(campaign)):
            choice = Choice(variant_key="", why=misfit)
        if not choice.variant_key or campaign.experiment.winner != Experiment.Winner.AUTO_SEND:
            _ask(campaign, choice)
        elif release(campaign, variant_key=choice.variant_key, why=choice.why, by=None):
            assert campaign.dispatch_id is not None
            released.append(campaign.dispatch_id)
    return released


def wrong_sizes(campaign: Campaign) -> str:
    """Return which arms of the test have other sizes by now than chance explains, as a sentence; empty where none has.

    A look may have decided while bounces were still to come.
    """
    from experiments.stats.srm import (
        sample_ratio,
    )  # SciPy takes a second to load, and only a release needs it

    arms = list(campaign.experiment.variants.exclude(role=Variant.Role.REMAINDER))
    mailed = [one for one in arms if one.role in IN_TEST]
    bounced = MessageEvent.objects.filter(message=OuterRef("pk"), kind=MessageEvent.Kind.BOUNCED)
    sent = Message.objects.filter(dispatch=campaign.dispatch, state=Message.State.SENT)
    for counted, of, rows in (
        ("assigned", arms, campaign.recipients.all()),
        ("delivered", mailed, sent.exclude(Exists(bounced))),
    ):
        sizes = dict(rows.values_list("variant_key").annotate(Count("pk")).order_by())
        ratio = sample_ratio(
            observed=[sizes.get(one.key, 0) for one in of], weights=[one.weight for one in of]
        )
        if ratio.alarm:
            seen = " / ".join(f"{count:,}" for count in ratio.observed)
            due = " / ".join(f"{count:,.0f}" for count in ratio.expected)
            return f"By now {counted} customers are {seen} where {due} were planned, which is hardly chance."
    return ""


def obstacle_of(campaign: Campaign) -> str:
    """Return why a pilot keeps those who wait from being released, by the plan or by hand; empty where none does."""
    pilot = Pilot.objects.filter(campaign=campaign).first()
    if pilot is None or pilot.state == Pilot.State.CONTINUED:
        return ""
    if pilot.state == Pilot.State.STOPPED:
        return "The pilot was stopped: nobody who was held gets the mail."
    return "The pilot comes first: judge it before those who wait get anything."


def release(campaign: Campaign, *, variant_key: str, why: str, by: User | None) -> bool:
    """Give those who wait what an arm of the test got, at the same hour of the day, once; without a key no mail.

    False where that has been decided already, a pilot is not passed, or the campaign was cancelled. Raises ValueError
    for a key of no mailed arm. Whoever calls rings the dispatch after the commit.
    """
    with transaction.atomic():
        locked = (
            Campaign.objects.select_for_update(of=["self"]).select_related("dispatch").get(pk=campaign.pk)
        )
        is_over = locked.dispatch is None or locked.dispatch.state == Dispatch.State.CANCELLED
        keys = remainder_keys(locked)
        if (
            is_over
            or not keys
            or obstacle_of(locked)
            or RemainderRelease.objects.filter(campaign=locked).exists()
        ):
            return False
        customers = _queue(locked, keys, variant_key) if variant_key else _leave_out(locked, keys)
        RemainderRelease.objects.create(
            campaign=locked, variant_key=variant_key, why=why, released_by=by, customers=customers
        )
        resolve(Q(key=_alert_key(locked)))
        audit.record(
            by, "sent a winner to the remainder" if variant_key else "left out the remainder", locked
        )
    return True


def _queue(campaign: Campaign, keys: list[str], variant_key: str) -> int:
    """Give the waiting arm what another one got, and queue its mails; return how many."""
    content = campaign.variants.filter(variant__key=variant_key, variant__role__in=IN_TEST).first()
    if content is None:
        raise ValueError(f"variant_key must name a mailed arm of {campaign.key}, not {variant_key!r}")
    for variant in campaign.experiment.variants.filter(key__in=keys):
        content.pk, content.variant = None, variant
        content._state.adding = True
        content.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute(
            _RELEASE,
            {
                "dispatch": campaign.dispatch_id,
                "campaign": campaign.pk,
                "waiting": keys,
                "hours": content.send_shift_hours,
            },
        )
        count: int = cursor.fetchone()[0]
    return count


def _leave_out(campaign: Campaign, keys: list[str]) -> int:
    held = Message.objects.filter(
        dispatch=campaign.dispatch_id, state=Message.State.HELD, variant_key__in=keys
    )
    return held.update(state=Message.State.SKIPPED, reason=LEFT_OUT)


def _ask(campaign: Campaign, choice: Choice) -> None:
    raise_alert(
        _alert_key(campaign),
        severity=Alert.Severity.WARNING,
        title=f"Those who wait for the winner of {campaign.name} need your word"[:200],
        body=f"{choice.why} The page of the experiment says what they can get.",
    )


def _alert_key(campaign: Campaign) -> str:
    return f"remainder:{campaign.pk}"
