"""What comes out of a step. Pure: the walker and the simulated run both ask here, and only the walker acts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.journeys.documents import (
    Branch,
    Document,
    Exit,
    Send,
    SetAttributes,
    Split,
    Step,
    Wait,
    Webhook,
)
from campaigns.journeys.waiting import next_due
from segments.conditions import Condition, Needs, needs
from segments.evaluator import matches
from segments.profiles import Profile

DONE, EXIT, GOAL, LEFT, LATE = "done", "exit", "goal", "left", "late"
# An event that comes while the wait is being stored rings for nobody yet: it is looked for once more.
SECOND_LOOK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where somebody stands: what is known of them, and since when they wait; `since` None is a step just reached.

    `arms` are their variants by experiment; `happened` says whether the awaited event came since.
    """

    now: datetime
    zone: ZoneInfo
    profile: Profile
    arms: Mapping[str, str]
    since: datetime | None = None
    happened: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """What came out of a step, or, where nothing has yet, when to look again."""

    outcome: str | None
    due_at: datetime | None = None


def reads(document: Document) -> Needs:
    """Return what has to be known about customers who go through it."""
    asked = [document.goal, document.leave_if]
    asked += [step.act.condition for step in document.steps if isinstance(step.act, Branch)]
    total = Needs()
    for condition in asked:
        total |= needs(condition) if condition is not None else Needs()
    return total


def ended_by_itself(document: Document, profile: Profile, *, now: datetime) -> str | None:
    """Return how the way ends wherever they stand: at the goal, or because they no longer belong there."""
    if _holds(document.goal, profile, now):
        return GOAL
    return LEFT if _holds(document.leave_if, profile, now) else None


def come_out(step: Step, at: Situation) -> Move:
    """Return what comes out of the step."""
    match step.act:
        case Wait():
            return _wait(step.act, at)
        case Branch(condition):
            return Move("yes" if matches(condition, at.profile, now=at.now) else "no")
        case Split(experiment):
            return Move(at.arms.get(experiment, EXIT))
        case Send():
            return Move("sent")
        case SetAttributes():
            return Move("noted")
        case Webhook():
            return Move("called")
        case Exit():
            return Move(EXIT)


def _holds(condition: Condition | None, profile: Profile, now: datetime) -> bool:
    return condition is not None and matches(condition, profile, now=now)


def _wait(wait: Wait, at: Situation) -> Move:
    due = next_due(wait, since=at.since or at.now, zone=at.zone)
    if wait.event is not None and at.happened:
        return Move("happened")
    if due > at.now:
        is_second_look = wait.event is not None and at.since is None
        return Move(None, min(due, at.now + SECOND_LOOK) if is_second_look else due)
    if wait.unless_late_by is not None and at.now - due > wait.unless_late_by:
        return Move(LATE)
    return Move("waited" if wait.event is None else "otherwise")
