"""A journey's document: what begins it, for whom, and its steps in order.

    trigger: {event: product_added}
    goal: {event: order_placed, within: {days: 2}}
    steps:
      - {name: a-while, wait: {for: {hours: 3}}}
      - {name: reminder, send: {template: cart}}

After a step comes the next one, unless the step names another for what came out: always one further down, or `end`.
So every way through a journey ends.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any
from urllib.parse import urlsplit

from customers.profiles import profile_problem
from recommendations.strategies import FOR_YOU, LABELS
from rules.files import load_text
from segments.conditions import Condition, ConditionError, Happened, parse
from segments.conditions.values import duration, join, mapping, only, text

END = "end"
NEXT = "then"
MOST_STEPS = 50
LONGEST_URL = 500
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TRIGGERS = ("event", "stage", "segment", "fits", "score")
KINDS = ("wait", "branch", "split", "send", "set", "webhook", "exit")
_TOP = ("trigger", "only_if", "reentry", "goal", "leave_if", "steps")


class JourneyError(ValueError):
    """A document that cannot be used; the message begins with the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Wait for a span of time, until a time of the customer's day, or until they do something, at most so long.

    Who is woken later than `unless_late_by` leaves the journey: what follows would come at the wrong time.
    """

    span: timedelta | None = None
    until: time | None = None
    days: frozenset[int] = frozenset()
    event: Happened | None = None
    unless_late_by: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """Go one way or the other."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Split:
    """Go the way of the customer's variant in an experiment."""

    experiment: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send a mail, with products by a strategy."""

    template: str
    strategy: str


@dataclass(frozen=True, slots=True)
class SetAttributes:
    """Write own attributes of the customer."""

    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Call an address with who came by, and data that stands in the journey."""

    url: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exit:
    """Leave."""


Act = Wait | Branch | Split | Send | SetAttributes | Webhook | Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step, and where each outcome leads: the name of a step, or `end`."""

    name: str
    act: Act
    ways: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What enters customers: an event, a stage or segment that they come into, or a condition that they come to fit.

    A score that crosses a threshold is such a condition. `fits` is it as it is written.
    """

    kind: str
    event: Happened | None = None
    keys: frozenset[str] = frozenset()
    fits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A journey as it was checked. `reentry` is the least time between two entries; zero always, None never."""

    trigger: Trigger
    only_if: Condition | None
    reentry: timedelta | None
    goal: Condition | None
    leave_if: Condition | None
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step | None:
        """Return the step of this name, None where there is none."""
        return next((step for step in self.steps if step.name == name), None)


def read_text(written: str) -> Any:
    """Return a document that is written as YAML or JSON, not yet checked. Raises rules.documents.DocumentError."""
    return load_text(written)


def parse_document(raw: object) -> Document:
    """Return the checked document. Raises JourneyError, such as `steps[2].wait.until: …`."""
    try:
        document = mapping(raw, "")
        only(document, _TOP, "")
        for key in ("trigger", "steps"):
            if key not in document:
                raise ConditionError(key, "is missing.")
        return Document(
            trigger=_trigger(document["trigger"]),
            only_if=_condition(document, "only_if"),
            reentry=_reentry(document.get("reentry", "never")),
            goal=_condition(document, "goal"),
            leave_if=_condition(document, "leave_if"),
            steps=_steps(document["steps"]),
        )
    except ConditionError as error:
        raise JourneyError(f"{error.path or 'document'}: {error.reason}") from error


def _condition(document: dict[str, Any], key: str) -> Condition | None:
    return parse(document[key], path=key) if key in document else None


def _trigger(raw: object) -> Trigger:
    given = mapping(raw, "trigger")
    kind = _one_kind(given, TRIGGERS, "trigger")
    if kind == "score":
        parse(given, path="trigger")
        return Trigger(kind="fits", fits=given)
    if kind == "event":
        only(given, ("event", "name"), "trigger")
        return Trigger(kind=kind, event=_event(given, "trigger"))
    only(given, (kind,), "trigger")
    if kind == "fits":
        parse(given[kind], path="trigger.fits")
        return Trigger(kind=kind, fits=given[kind])
    return Trigger(kind=kind, keys=frozenset({text(given[kind], f"trigger.{kind}")}))


def _event(given: dict[str, Any], path: str) -> Happened:
    asked = parse({key: given[key] for key in ("event", "name") if key in given}, path=path)
    assert isinstance(asked, Happened)
    return asked


def _reentry(raw: object) -> timedelta | None:
    if raw in ("never", "always"):
        return None if raw == "never" else timedelta()
    if not isinstance(raw, dict) or set(raw) != {"after"}:
        raise ConditionError("reentry", "expected never, always, or {after: {days: 30}}.")
    return duration(raw["after"], "reentry.after")


def _steps(raw: object) -> tuple[Step, ...]:
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_STEPS:
        raise ConditionError("steps", f"expected a list of 1 to {MOST_STEPS} steps.")
    names = [_name(one, f"steps[{position}]") for position, one in enumerate(raw)]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ConditionError(f"steps[{position}].name", f"another step is called “{name}”.")
    return tuple(
        _step(one, f"steps[{position}]", later=names[position + 1 :]) for position, one in enumerate(raw)
    )


def _name(raw: object, path: str) -> str:
    name = text(mapping(raw, path).get("name"), f"{path}.name")
    if not NAME.fullmatch(name) or name == END:
        raise ConditionError(
            f"{path}.name", "a name has small letters, digits and hyphens, at most 39, and is not “end”."
        )
    return name


def _step(raw: dict[str, Any], path: str, *, later: list[str]) -> Step:
    kind = _one_kind(raw, KINDS, path)
    act = _READERS[kind](raw[kind], f"{path}.{kind}")
    outcomes = _outcomes(act)
    own = ("arms",) if isinstance(act, Split) else (*outcomes, NEXT)
    only(raw, ("name", kind, *own), path)
    ways = {one: _target(raw, one, path, later) for one in outcomes}
    if isinstance(act, Split):
        ways = _arms(raw, path, later)
    return Step(name=raw["name"], act=act, ways=ways)


def _outcomes(act: Act) -> tuple[str, ...]:
    """What can come out of a step, arms of an experiment apart."""
    match act:
        case Wait(event=Happened()):
            return ("happened", "otherwise")
        case Wait():
            return ("waited",)
        case Branch():
            return ("yes", "no")
        case Split() | Exit():
            return ()
        case Send():
            return ("sent",)
        case SetAttributes():
            return ("noted",)
        case Webhook():
            return ("called",)


def _target(raw: dict[str, Any], outcome: str, path: str, later: list[str]) -> str:
    following = later[0] if later else END
    key = outcome if outcome in raw else NEXT
    return _below(raw[key], join(path, key), later) if key in raw else following


def _below(name: object, path: str, later: list[str]) -> str:
    if name != END and name not in later:
        known = ", ".join([*later, END])
        raise ConditionError(path, f"expected a step further down ({known}).")
    return str(name)


def _arms(raw: dict[str, Any], path: str, later: list[str]) -> dict[str, str]:
    arms = mapping(raw.get("arms"), f"{path}.arms")
    if not arms:
        raise ConditionError(f"{path}.arms", "say for each variant which step follows.")
    return {
        text(arm, f"{path}.arms"): _below(target, f"{path}.arms.{arm}", later) for arm, target in arms.items()
    }


def _one_kind(node: dict[str, Any], kinds: tuple[str, ...], path: str) -> str:
    found = [kind for kind in kinds if kind in node]
    if len(found) != 1:
        raise ConditionError(
            path, f"expected exactly one of {', '.join(kinds)}; found {' and '.join(found) or 'none'}."
        )
    return found[0]


def _wait(raw: object, path: str) -> Wait:
    given = mapping(raw, path)
    late = duration(given["unless_late_by"], f"{path}.unless_late_by") if "unless_late_by" in given else None
    match _one_kind(given, ("for", "until", "event"), path):
        case "for":
            only(given, ("for", "unless_late_by"), path)
            return Wait(span=duration(given["for"], f"{path}.for"), unless_late_by=late)
        case "until":
            only(given, ("until", "on", "unless_late_by"), path)
            until = _time_of_day(given["until"], f"{path}.until")
            return Wait(until=until, days=_days(given.get("on"), f"{path}.on"), unless_late_by=late)
        case _:
            only(given, ("event", "name", "at_most", "unless_late_by"), path)
            if "at_most" not in given:
                raise ConditionError(f"{path}.at_most", "is missing: nobody waits for ever.")
            span = duration(given["at_most"], f"{path}.at_most")
            return Wait(event=_event(given, path), span=span, unless_late_by=late)


def _time_of_day(raw: object, path: str) -> time:
    written = text(raw, path)
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", written):
        raise ConditionError(path, 'expected a time of the day such as "09:30".')
    return time.fromisoformat(written)


def _days(raw: object, path: str) -> frozenset[int]:
    if raw is None:
        return frozenset(range(len(DAYS)))
    if not isinstance(raw, list) or not raw or not all(day in DAYS for day in raw):
        raise ConditionError(path, f"expected a list of days, of {', '.join(DAYS)}.")
    return frozenset(map(DAYS.index, raw))


def _send(raw: object, path: str) -> Send:
    given = mapping(raw, path)
    only(given, ("template", "strategy"), path)
    strategy = given.get("strategy", FOR_YOU)
    if strategy not in dict(LABELS):
        raise ConditionError(f"{path}.strategy", f"expected one of {', '.join(dict(LABELS))}.")
    return Send(text(given.get("template"), f"{path}.template"), strategy)


def _set(raw: object, path: str) -> SetAttributes:
    given = mapping(raw, path)
    if not given or any(isinstance(value, dict | list) for value in given.values()):
        raise ConditionError(path, "expected names with texts, numbers, true or false.")
    if profile_problem({"attributes": given}):
        raise ConditionError(path, "these attributes cannot be stored.")
    return SetAttributes(given)


def _webhook(raw: object, path: str) -> Webhook:
    given = mapping(raw, path)
    only(given, ("url", "data"), path)
    url = text(given.get("url"), f"{path}.url")
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        is_usable = False
    if not is_usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ConditionError(f"{path}.url", "expected an address such as https://crm.example/hooks.")
    return Webhook(url, mapping(given.get("data", {}), f"{path}.data"))


def _exit(raw: object, path: str) -> Exit:
    if raw is not True:
        raise ConditionError(path, "expected true.")
    return Exit()


_READERS: dict[str, Callable[[object, str], Act]] = {
    "wait": _wait,
    "branch": lambda raw, path: Branch(parse(raw, path=path)),
    "split": lambda raw, path: Split(text(raw, path)),
    "send": _send,
    "set": _set,
    "webhook": _webhook,
    "exit": _exit,
}
