"""What keeps mail from leaving, derived from rows and said in plain sentences; and the alerts about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils.timezone import localtime

from common.clock import now
from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from delivery import tallies, warming
from delivery.models import Breaker, Dispatch, DomainPace, Message, Sender, SendWorker
from delivery.steering import kill_switch
from delivery.turns import due_dispatches

NOBODY_AFTER = timedelta(minutes=2)
"""Mail is due and no process has been seen for so long: nobody sends."""
TELL_AFTER = timedelta(minutes=5)
"""A provider that refuses for so long is worth an alert."""
_KEYS = Q(key__startswith="delivery:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One thing that keeps mail from leaving: which alert it is about, and a sentence."""

    key: str
    title: str
    sentence: str
    is_worth_an_alert: bool = True


def blockers() -> list[Blocker]:
    """Everything that keeps mail from leaving now, the gravest first; eight queries."""
    found = [*_switched_off(), *_nobody_sends(), *_refusing(Breaker.objects.all()), *_failing()]
    found += _used_up(warming.stands())
    resting = DomainPace.objects.filter(resting_until__gt=now()).order_by("domain")
    for pace in resting[:20]:
        found.append(
            Blocker(
                key=f"domain:{pace.domain}",
                title=f"{pace.domain} rests",
                sentence=f"Mail to {pace.domain} rests until {_at(pace.resting_until)}: {pace.reason}.",
                is_worth_an_alert=False,
            )
        )
    return found


def blocker_of(dispatch: Dispatch) -> str:
    """Why the messages of one dispatch wait, in one sentence; empty if they do not."""
    waiting = Message.objects.filter(dispatch=dispatch, state=Message.State.QUEUED)
    first = waiting.order_by("due_at", "id").values_list("due_at", "reason").first()
    if first is None or dispatch.state != Dispatch.State.SENDING:
        return ""
    due_at, reason = first
    if due_at > now():
        return f"The next mail is due at {_at(due_at)}{f': {reason}' if reason else ''}."
    refusing = _refusing(Breaker.objects.filter(sender_id=dispatch.sender_id))
    plan = _used_up(warming.stands([dispatch.sender_id]))
    for one in [*_switched_off(), *refusing, *plan, *_nobody_sends()]:
        return one.sentence
    held = SendWorker.objects.filter(dispatch=dispatch, seen_at__gt=now() - NOBODY_AFTER).exclude(
        waits_for=""
    )
    waits_for = held.order_by("-seen_at").values_list("waits_for", flat=True).first()
    return f"It waits for {waits_for}." if waits_for else ""


def refresh_alerts() -> int:
    """Open and resolve alerts so that there is one for each grave blocker; returns how many are new.

    A domain's alert is raised by the bounce that stopped it, and resolved here when the domain no longer rests.
    """
    grave = [one for one in blockers() if one.is_worth_an_alert]
    new = sum(
        raise_alert(f"delivery:{one.key}", severity=Alert.Severity.DANGER, title=one.title, body=one.sentence)
        for one in grave
    )
    resting = DomainPace.objects.filter(resting_until__gt=now()).values_list("domain", flat=True)
    kept = [f"delivery:{one.key}" for one in grave] + [f"delivery:domain:{domain}" for domain in resting]
    resolve(_KEYS & ~Q(key__in=kept))
    return new


def _switched_off() -> list[Blocker]:
    switch = kill_switch()
    if not switch.is_on:
        return []
    who = f" by {switch.changed_by}" if switch.changed_by else ""
    sentence = f"All sending was stopped{who} at {_at(switch.changed_at)}: {switch.reason}"
    return [Blocker(key="switch", title="All sending is stopped", sentence=sentence)]


def _nobody_sends() -> list[Blocker]:
    """Mail has been due for a while, and no process was seen."""
    seen: datetime | None = SendWorker.objects.aggregate(last=Max("seen_at"))["last"]
    before = now() - NOBODY_AFTER
    if seen is not None and seen > before:
        return []
    oldest = Message.objects.filter(dispatch_id__in=due_dispatches()[:20], state=Message.State.QUEUED)
    waits_since: datetime | None = oldest.aggregate(first=Min("due_at"))["first"]
    if waits_since is None or waits_since > before:
        return []
    last = f"since {_at(seen)}" if seen else "yet"
    sentence = f"Mail has been due since {_at(waits_since)}, and no sending worker has been seen {last}."
    return [Blocker(key="workers", title="Nobody sends", sentence=sentence)]


def _failing() -> list[Blocker]:
    """Senders of whose last mails too many failed."""
    return [
        Blocker(
            key=f"failing:{one.sender.pk}",
            title=f"Many mails of {one.sender.name} fail",
            sentence=f"Of the last {one.settled:,} mails of {one.sender.name} {one.failed:,} failed. Each says why, "
            "on the page of its campaign and in the admin.",
        )
        for one in tallies.failing()
    ]


def _used_up(stands: Mapping[int, warming.Stand]) -> list[Blocker]:
    """Plans that allow nothing more today, of senders who have mail waiting."""
    used_up = {sender_id: stand for sender_id, stand in stands.items() if stand.is_used_up}
    if not used_up:
        return []
    waits = Message.objects.filter(
        dispatch__sender=OuterRef("pk"), dispatch__state=Dispatch.State.SENDING, state=Message.State.QUEUED
    )
    senders = Sender.objects.filter(Exists(waits), pk__in=used_up).order_by("pk")
    return [_waits_for_plan(sender, used_up[sender.pk]) for sender in senders]


def _waits_for_plan(sender: Sender, stand: warming.Stand) -> Blocker:
    tomorrow = stand.next_day().limit
    then = "without a limit" if tomorrow is None else f"up to {tomorrow:,} then"
    return Blocker(
        key=f"plan:{sender.pk}",
        title=f"{sender.name} has sent what today allows",
        sentence=f"The warm-up plan of {sender.name} allows {stand.limit:,} mails today, and they have left. "
        f"The others go on at {_at(stand.goes_on_at)}, {then}.",
        is_worth_an_alert=False,
    )


def _refusing(breakers: QuerySet[Breaker]) -> list[Blocker]:
    found = []
    for one in breakers.select_related("sender").order_by("since"):
        trial = f"next try at {_at(one.retry_at)}" if one.retry_at > now() else "it is being tried again"
        found.append(
            Blocker(
                key=f"sender:{one.pk}",
                title=f"The provider of {one.sender.name} takes nothing",
                sentence=f"The provider of {one.sender.name} takes nothing since {_at(one.since)}, {trial}: "
                f"{one.reason}.",
                is_worth_an_alert=one.since < now() - TELL_AFTER,
            )
        )
    return found


def _at(moment: datetime | None) -> str:
    """A time of day, with its date unless it is today."""
    assert moment is not None
    local = localtime(moment)
    style = "%H:%M" if local.date() == localtime(now()).date() else "%-d %b, %H:%M"
    return f"{local:{style}}"
