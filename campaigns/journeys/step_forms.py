"""One step of a journey as a form: fields for each kind, in plain words."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django import forms

from campaigns.journeys.documents import DAYS, END, LONGEST_URL, NEXT, JourneyError, parse_document
from campaigns.journeys.drafting import Raw
from campaigns.models import Template
from experiments.models import Experiment
from recommendations.strategies import FOR_YOU, LABELS
from rules.forms import TextInYaml
from segments.conditions.values import duration
from segments.conditions.vocabulary import EVENTS
from segments.models import Segment

_UNITS = [("minutes", "minutes"), ("hours", "hours"), ("days", "days")]
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EVENTS = [(name, event.label.capitalize()) for name, event in EVENTS.items() if name != "custom"]
_NEXT_CHOICE = ("", "The next step")


class StepForm(forms.Form):
    """What all steps have: a name, and what comes after them. `step` is the checked entry of the document."""

    kind: ClassVar[str]
    label: ClassVar[str]
    says: ClassVar[str]
    ways: ClassVar[dict[str, str]] = {NEXT: "Then"}

    name = forms.SlugField(
        max_length=39, help_text="Small letters, digits and hyphens; it stands in counts and reports."
    )

    def __init__(self, *args: Any, raw: Raw | None, below: Sequence[str], **options: Any) -> None:
        given = {} if raw is None else {"name": raw["name"], **self.read(raw)}
        given |= {way: raw.get(way, raw.get(NEXT, "")) for way in self.ways} if raw else {}
        options["initial"] = given
        super().__init__(*args, **options)
        self.raw, self.below = raw, list(below)
        for way, label in self.ways.items():
            self.fields[way] = forms.ChoiceField(choices=self.targets(), required=False, label=label)

    def targets(self) -> list[tuple[str, str]]:
        """Return the steps that may follow."""
        return [_NEXT_CHOICE, *((name, name) for name in self.below), (END, "The journey ends")]

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        raise NotImplementedError

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        raise NotImplementedError

    def step(self) -> Raw:
        """Return the step as it stands in the document."""
        data = self.cleaned_data
        ways = {way: data[way] for way in self.ways if data[way]}
        return {"name": data["name"], **self.written(data), **ways}

    def may_stand_in(self, draft: Raw) -> bool:
        """Whether the draft with this step can be read; otherwise the form says why not."""
        try:
            parse_document(draft)
        except JourneyError as error:
            place, _, reason = str(error).partition(": ")
            self.add_error("name" if place.endswith(".name") else None, reason.capitalize() or place)
            return False
        return True


class _SpanForm(StepForm):
    amount = forms.IntegerField(min_value=1, max_value=100_000, label="How long")
    unit = forms.ChoiceField(choices=_UNITS, initial="days")

    def span_of(self, raw: object) -> dict[str, Any]:
        minutes = duration(raw, "wait") // timedelta(minutes=1)
        for unit, size in (("days", 1440), ("hours", 60)):
            if minutes % size == 0:
                return {"amount": minutes // size, "unit": unit}
        return {"amount": minutes, "unit": "minutes"}

    def span(self, data: dict[str, Any]) -> Raw:
        return {data["unit"]: data["amount"]}


class WaitForm(_SpanForm):
    """So much time."""

    kind, label, says = "wait-for", "Wait a while", "Everybody waits the same span of time."

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return self.span_of(raw["wait"]["for"])

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        return {"wait": {"for": self.span(data)} | _lateness(self.raw)}


class WaitUntilForm(StepForm):
    """A time of the customer's day."""

    kind, label = "wait-until", "Wait until a time of day"
    says = "By the clock of the customer's own time zone."

    until = forms.TimeField(label="Until", widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    on = forms.MultipleChoiceField(
        choices=list(zip(DAYS, _DAY_NAMES, strict=True)),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="On these days only",
        help_text="None chosen: on any day.",
    )

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return {"until": raw["wait"]["until"], "on": raw["wait"].get("on", [])}

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        days = {"on": data["on"]} if data["on"] else {}
        return {"wait": {"until": f"{data['until']:%H:%M}", **days} | _lateness(self.raw)}


class WaitEventForm(_SpanForm):
    """Until they do something."""

    kind, label = "wait-event", "Wait until they do something"
    says = "At most for the time below: nobody waits for ever."
    ways: ClassVar = {"happened": "When they did it", "otherwise": "When the time is over"}

    event = forms.ChoiceField(choices=_EVENTS, label="Until the customer")

    field_order = ("name", "event", "amount", "unit")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"].label = "At most"

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return {"event": raw["wait"]["event"], **self.span_of(raw["wait"]["at_most"])}

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        return {"wait": {"event": data["event"], "at_most": self.span(data)} | _lateness(self.raw)}


class BranchForm(StepForm):
    """One way or the other."""

    kind, label, says = "branch", "Ask something", "Who fits goes one way, everybody else the other."
    ways: ClassVar = {"yes": "Who fits", "no": "Everybody else"}

    segment = forms.ModelChoiceField(
        Segment.objects.order_by("name"),
        to_field_name="key",
        required=False,
        label="Is the customer in the segment",
        empty_label="No segment",
    )
    condition = TextInYaml(
        required=False,
        label="Or does this hold for them",
        help_text="A condition as in segments, one part a line: fact: orders_count, op: gte, value: 2.",
    )

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        asked = raw["branch"]
        is_segment = isinstance(asked, dict) and set(asked) == {"segment"}
        return {"segment": asked["segment"]} if is_segment else {"condition": asked}

    def clean(self) -> dict[str, Any]:
        """Insist on one of the two."""
        data = super().clean() or {}
        if not self.errors and bool(data.get("segment")) == bool(data.get("condition")):
            raise forms.ValidationError("Choose a segment or write a condition: one of them.")
        return data

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        return {"branch": {"segment": data["segment"].key} if data["segment"] else data["condition"]}


class SplitForm(StepForm):
    """By an experiment's variants. Which step follows for each is asked once the experiment is stored."""

    kind, label = "split", "Split by an experiment"
    says = "Each variant of the experiment goes its own way; who has which is decided by chance, once."
    ways: ClassVar = {}

    experiment = forms.ModelChoiceField(
        Experiment.objects.order_by("name"),
        to_field_name="key",
        help_text="Save to choose where its variants go.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for arm, target in (self.raw or {}).get("arms", {}).items():
            choices = self.targets()[1:]
            self.fields[f"arm-{arm}"] = forms.ChoiceField(
                choices=choices, initial=target, label=f"Variant “{arm}”"
            )

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return {"experiment": raw["split"]}

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        following = self.below[0] if self.below else END
        arms = data["experiment"].variants.values_list("key", flat=True)
        return {
            "split": data["experiment"].key,
            "arms": {arm: data.get(f"arm-{arm}") or following for arm in arms},
        }


class SendForm(StepForm):
    """A mail."""

    kind, label, says = (
        "send",
        "Send a mail",
        "To those who allow it at that moment; the others go on without.",
    )

    template = forms.ModelChoiceField(
        Template.objects.exclude(versions=None).order_by("name"), to_field_name="key", label="Mail"
    )
    strategy = forms.ChoiceField(choices=LABELS, initial=FOR_YOU, label="Products in it")

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return {"template": raw["send"]["template"], "strategy": raw["send"].get("strategy", FOR_YOU)}

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        return {"send": {"template": data["template"].key, "strategy": data["strategy"]}}


class SetForm(StepForm):
    """Own attributes."""

    kind, label, says = (
        "set",
        "Note something on the customer",
        "Own attributes, for segments and mails to use.",
    )

    attributes = TextInYaml(rows=4, help_text="One a line, such as tier: gold.")

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return {"attributes": raw["set"]}

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        return {"set": data["attributes"]}


class WebhookForm(StepForm):
    """A call."""

    kind, label = "webhook", "Call another system"
    says = (
        "A signed call with the customer's id and the data below; repeated until it is taken, for two days."
    )

    url = forms.CharField(max_length=LONGEST_URL, label="Address", help_text="https://crm.example/hooks")
    payload = TextInYaml(rows=4, required=False, label="Data", help_text="One a line, such as list: vip.")

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return {"url": raw["webhook"]["url"], "payload": raw["webhook"].get("data")}

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        return {"webhook": {"url": data["url"]} | ({"data": data["payload"]} if data["payload"] else {})}


class ExitForm(StepForm):
    """The end."""

    kind, label, says = "exit", "Leave the journey", "Nothing comes after it."
    ways: ClassVar = {}

    def read(self, raw: Raw) -> dict[str, Any]:
        """Return the fields' values of a stored step."""
        return {}

    def written(self, data: dict[str, Any]) -> Raw:
        """Return the step's own part of the document."""
        return {"exit": True}


FORMS: dict[str, type[StepForm]] = {
    form.kind: form
    for form in (
        SendForm,
        WaitForm,
        WaitUntilForm,
        WaitEventForm,
        BranchForm,
        SplitForm,
        SetForm,
        WebhookForm,
        ExitForm,
    )
}


def form_of(raw: Raw) -> type[StepForm] | None:
    """Return the form of a stored step; None for what only YAML can say, such as a wait for a custom event."""
    if "wait" not in raw:
        return next(form for kind, form in FORMS.items() if kind in raw)
    kind = next(key for key in ("for", "until", "event") if key in raw["wait"])
    return None if raw["wait"].get("event") == "custom" else FORMS[f"wait-{kind}"]


def _lateness(raw: Raw | None) -> Raw:
    """What only YAML can say of a wait stays as it is."""
    late = (raw or {}).get("wait", {}).get("unless_late_by")
    return {"unless_late_by": late} if late else {}
