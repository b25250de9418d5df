"""A journey tried for one customer, with the clock moved on from wait to wait. Nothing is written."""

from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.journeys.documents import END, Document, Send, Step, Wait, Webhook
from campaigns.journeys.steps import LATE, Move, Situation, come_out, ended_by_itself, reads
from campaigns.journeys.ways import arms_of, zone_of
from campaigns.journeys.wording import ENDINGS, sentence_of
from customers.models import Consent, Customer
from segments.conditions import needs
from segments.evaluator import load_profiles, matches
from segments.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What would happen at a moment."""

    at: datetime
    step: str
    sentence: str
    outcome: str


def simulate(
    document: Document, customer: Customer, *, start: datetime, events_come: bool = False
) -> list[Line]:
    """Return what this customer would go through from `start` on, by what is known of them today.

    The same steps decide as for real. `events_come`: they do at once what steps wait for; otherwise never. What steps
    would write about the customer is not known to later ones.
    """
    if problem := _refusal(document, customer, start):
        return [Line(at=start, step="", sentence="Begins", outcome=problem)]
    arms = arms_of(document, [customer])[customer.pk]
    lines: list[Line] = []
    now, name = start, document.steps[0].name
    while name != END:
        profile = _profile(document, customer, now)
        if ending := ended_by_itself(document, profile, now=now):
            lines.append(Line(at=now, step=name, sentence="Leaves the journey", outcome=ENDINGS[ending]))
            break
        step = _step(document, name)
        at = Situation(now=now, zone=zone_of(customer), profile=profile, arms=arms)
        now, move = _through(step, at, events_come=events_come)
        outcome = move.outcome or LATE
        lines.append(
            Line(at=now, step=name, sentence=sentence_of(step), outcome=_said(step, outcome, customer))
        )
        name = step.ways.get(outcome, END)
    return lines


def _through(step: Step, at: Situation, *, events_come: bool) -> tuple[datetime, Move]:
    """Let the wait be over, if it is one; return when it is, and what came out."""
    happened = events_come and isinstance(step.act, Wait) and step.act.event is not None
    move = come_out(step, replace(at, happened=happened))
    since = at.now
    while move.outcome is None and move.due_at is not None:
        at = replace(at, now=move.due_at, since=since)
        move = come_out(step, at)
    return at.now, move


def _profile(document: Document, customer: Customer, now: datetime) -> Profile:
    return load_profiles([customer.pk], reads(document), now=now)[customer.pk]


def _refusal(document: Document, customer: Customer, start: datetime) -> str | None:
    if customer.is_anonymous or customer.erased_at is not None:
        return "is not known by name: only known customers enter"
    if document.only_if is None:
        return None
    profile = load_profiles([customer.pk], needs(document.only_if), now=start)[customer.pk]
    return (
        None if matches(document.only_if, profile, now=start) else "would not enter: the condition is not met"
    )


def _step(document: Document, name: str) -> Step:
    step = document.step(name)
    assert step is not None
    return step


def _said(step: Step, outcome: str, customer: Customer) -> str:
    if isinstance(step.act, Send):
        return (
            "would be queued" if _may_be_mailed(customer) else "would not be sent: no address, or no consent"
        )
    if isinstance(step.act, Webhook):
        return ENDINGS["withheld"] if customer.do_not_sell else "would be called"
    return ENDINGS.get(outcome, outcome)


def _may_be_mailed(customer: Customer) -> bool:
    granted = Consent.objects.filter(
        customer=customer, purpose=Consent.Purpose.MARKETING_EMAIL, is_granted=True
    )
    return bool(customer.email) and granted.exists()
