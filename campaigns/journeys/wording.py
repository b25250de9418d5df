"""A journey in words for pages."""

from datetime import timedelta

from django.conf import settings

from campaigns.journeys.documents import (
    DAYS,
    Branch,
    Document,
    Exit,
    Send,
    SetAttributes,
    Split,
    Step,
    Trigger,
    Wait,
    Webhook,
)
from segments.conditions import Condition, Happened, describe, parse

ENDINGS = {
    "done": "came to the end",
    "exit": "left at an exit",
    "goal": "reached the goal",
    "left": "no longer belonged there",
    "late": "was woken too late",
    "gone": "was erased, merged, or their step is gone",
    "failed": "could not go on",
    "withheld": "went on without the call: nothing of them goes to others",
    "moved": "went on in another version",
}


def sentence_of(step: Step) -> str:
    """Return what a step does."""
    match step.act:
        case Wait():
            return _wait(step.act)
        case Branch(condition):
            return f"Ask: {said(condition)}?"
        case Split(experiment):
            return f"Split by the experiment “{experiment}”"
        case Send(template, _):
            return f"Send the mail “{template}”"
        case SetAttributes(attributes):
            told = ", ".join(f"{name} = {value}" for name, value in sorted(attributes.items()))
            return f"Note on the customer: {told}"
        case Webhook(url, _):
            return f"Call {url}"
        case Exit():
            return "Leave the journey"


def trigger_sentence(trigger: Trigger) -> str:
    """Return what enters customers."""
    if trigger.event is not None:
        return f"Begins when somebody {_done(trigger.event)}."
    if trigger.kind == "fits":
        return f"Begins when somebody comes to fit this: {said(parse(dict(trigger.fits)))}."
    noun = "stage" if trigger.kind == "stage" else "segment"
    return f"Begins when somebody comes into the {noun} “{', '.join(sorted(trigger.keys))}”."


def rules_of(document: Document) -> list[tuple[str, str]]:
    """Return who may enter, when again, and what ends the journey, as labels and sentences."""
    found = []
    if document.only_if is not None:
        found.append(("Only for whom", said(document.only_if)))
    again = "Never"
    if document.reentry is not None:
        again = (
            f"{span_of(document.reentry)} after the last time"
            if document.reentry
            else "As often as it begins"
        )
    found.append(("Enters again", again))
    if document.goal is not None:
        found.append(("Goal", said(document.goal)))
    if document.leave_if is not None:
        found.append(("Leaves if", said(document.leave_if)))
    return found


def said(condition: Condition) -> str:
    """Return a condition as a sentence, with amounts in the reporting currency."""
    return describe(condition, currency=settings.REPORTING_CURRENCY)


def span_of(span: timedelta) -> str:
    """Return a span such as `1 day 3 hours`."""
    minutes = int(span.total_seconds()) // 60
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    return " ".join(f"{number} {unit}{'s' if number != 1 else ''}" for number, unit in parts if number)


def _wait(wait: Wait) -> str:
    if wait.event is not None:
        assert wait.span is not None
        return f"Wait until the customer {_done(wait.event)}, at most {span_of(wait.span)}"
    if wait.until is not None:
        days = (
            "" if len(wait.days) == len(DAYS) else f" on {', '.join(DAYS[day] for day in sorted(wait.days))}"
        )
        return f"Wait until {wait.until:%H:%M}{days}, by the customer's clock"
    assert wait.span is not None
    return f"Wait {span_of(wait.span)}"


def _done(event: Happened) -> str:
    """The condition's sentence, from its verb on."""
    sentence = said(event)
    return sentence[0].lower() + sentence[1:]
