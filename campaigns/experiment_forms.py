"""The plan of an experiment as a marketer enters it: shares in per cent, money in whole units."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from campaigns.forms import metric_refused
from campaigns.splitting import number
from common.money import exponent
from experiments.models import (
    LEAST_ALPHA,
    LEAST_POWER,
    MOST_ALPHA,
    MOST_LOOKS,
    MOST_POWER,
    MOST_REMAINDER_PERCENT,
    MOST_WAIT_HOURS,
    Experiment,
)

USUAL_LOOKS = 4


class PlanForm(forms.Form):
    """What is decided before the start; `values` are the experiment's fields.

    `currency` is that of the revenue. What only campaigns or only series have is left out for others.
    """

    hypothesis = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        required=False,
        help_text="What do you expect, and why?",
    )
    tests = forms.ChoiceField(label="What is tested", choices=Experiment.Tests.choices)
    primary_metric = forms.ChoiceField(
        label="What decides",
        choices=Experiment.Metric.choices,
        help_text="One figure. The others are shown, and decide nothing.",
    )
    conversion_window_days = forms.IntegerField(
        label="Window, days",
        min_value=1,
        max_value=90,
        help_text="What people do within so many days after their mail is due counts.",
    )
    smallest_effect = forms.DecimalField(
        label="Smallest lift worth finding, %",
        min_value=Decimal("0.1"),
        max_value=1000,
        required=False,
        help_text="Relative: from 2 % to 2.1 % is a lift of 5 %. What would change what you do?",
        max_digits=6,
        decimal_places=2,
    )
    expected_value = forms.DecimalField(
        label="Expected of the control",
        min_value=0,
        max_digits=12,
        decimal_places=4,
        required=False,
        help_text="A rate in %, or revenue per recipient. Empty: what the list itself did, which is kept then. "
        "It is emptied when what decides or the window changes.",
    )
    expected_deviation = forms.DecimalField(
        label="Deviation of revenue per recipient",
        min_value=0,
        max_digits=12,
        decimal_places=4,
        required=False,
        help_text="For revenue only. Empty: as it was.",
    )
    method = forms.ChoiceField(
        label="When it is judged",
        choices=Experiment.Method.choices,
        widget=forms.RadioSelect,
        help_text="Looking more often needs more people. Only looks that are planned here keep the error rate.",
    )
    looks = forms.IntegerField(
        label="Looks, the last included",
        min_value=1,
        max_value=MOST_LOOKS,
        required=False,
        help_text="For planned looks.",
    )
    alpha = forms.DecimalField(
        label="Error rate, %",
        min_value=Decimal(str(LEAST_ALPHA * 100)),
        max_value=Decimal(str(MOST_ALPHA * 100)),
        help_text="The chance of naming a winner where there is none.",
        max_digits=6,
        decimal_places=2,
    )
    power = forms.DecimalField(
        label="Power, %",
        min_value=Decimal(str(LEAST_POWER * 100)),
        max_value=Decimal(str(MOST_POWER * 100)),
        help_text="The chance of finding the smallest lift where there is one.",
        max_digits=6,
        decimal_places=2,
    )
    guardrails = forms.MultipleChoiceField(
        label="What must not get worse",
        choices=Experiment.Guardrail.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    guardrail_margin = forms.DecimalField(
        label="Worse at most by, percentage points",
        min_value=Decimal("0.01"),
        max_value=10,
        help_text="An arm whose rate may be worse by more than this is no safe winner.",
        max_digits=6,
        decimal_places=2,
    )
    remainder_percent = forms.IntegerField(
        label="Waits for the winner, % of everybody",
        min_value=0,
        max_value=MOST_REMAINDER_PERCENT,
        required=False,
        help_text="These people get their mail when it is decided. They are outside of the test.",
    )
    winner = forms.ChoiceField(
        label="The winner", choices=Experiment.Winner.choices, widget=forms.RadioSelect, required=False
    )
    minimum_wait_hours = forms.IntegerField(
        label="Wait at least, hours",
        min_value=1,
        max_value=MOST_WAIT_HOURS,
        required=False,
        help_text="After the last mail of the test nothing is decided by itself before.",
    )
    no_winner = forms.ChoiceField(
        label="If nobody wins, they get",
        choices=Experiment.NoWinner.choices,
        widget=forms.RadioSelect,
        required=False,
    )
    allocation = forms.ChoiceField(
        label="Shares of the arms in a series",
        choices=Experiment.Allocation.choices,
        widget=forms.RadioSelect,
        required=False,
    )

    IN_PERCENT = ("smallest_effect", "alpha", "power", "guardrail_margin")
    OF_METRIC = ("expected_value", "expected_deviation")
    OF_REMAINDER = ("remainder_percent", "winner", "minimum_wait_hours", "no_winner")

    def __init__(
        self,
        experiment: Experiment,
        data: Mapping[str, Any] | None = None,
        *,
        currency: str,
        is_campaign: bool,
        may_be_bandit: bool,
    ) -> None:
        self.experiment, self.places = experiment, exponent(currency)
        super().__init__(data, initial=self._initial())
        for name in () if may_be_bandit else ("allocation",):
            del self.fields[name]
        if not is_campaign:
            self._of_split()

    def _of_split(self) -> None:
        """Leave what a journey's split has: people keep coming to it, so it is judged at any time, without an end."""
        for name in (*self.OF_REMAINDER, "looks"):
            del self.fields[name]
        method, anytime = self.fields["method"], Experiment.Method.ANYTIME
        assert isinstance(method, forms.ChoiceField)
        method.choices = [(anytime.value, anytime.label)]
        method.help_text = "People keep coming to a split, so its intervals hold at all times at once."
        self.initial["method"] = anytime.value
        self.fields[
            "conversion_window_days"
        ].help_text = "What people do so many days after the split counts."

    def clean(self) -> dict[str, Any]:
        """Hold the fields against each other."""
        data: dict[str, Any] = super().clean() or {}
        if sentence := metric_refused(data.get("primary_metric", ""), tests=data.get("tests", "")):
            self.add_error("primary_metric", sentence)
        is_planned = data.get("method") in (Experiment.Method.OBRIEN_FLEMING, Experiment.Method.POCOCK)
        if is_planned and data.get("looks") == 1:
            self.add_error("looks", "Plan two looks at least, or judge it once, at the end.")
        if not is_planned:
            data["looks"] = 1
        self._forget_other_metric(data)
        is_rate = data.get("primary_metric") != Experiment.Metric.REVENUE
        if is_rate and (data.get("expected_value") or 0) >= 100:
            self.add_error("expected_value", "A rate is below 100 %.")
        if data.get("winner") == Experiment.Winner.AUTO_SEND and not data.get("remainder_percent"):
            self.add_error("remainder_percent", "Somebody has to wait for the winner: give a share above 0.")
        return data

    def values(self) -> dict[str, Any]:
        """The experiment's fields, shares from 0 to 1 and money in minor units."""
        data = {name: value for name, value in self.cleaned_data.items() if name in self.fields}
        for name in self.IN_PERCENT:
            data[name] = None if data[name] is None else float(data[name] / 100)
        is_rate = data["primary_metric"] != Experiment.Metric.REVENUE
        if data["expected_value"] is not None:
            data["expected_value"] = float(
                data["expected_value"] / 100 if is_rate else data["expected_value"] * 10**self.places
            )
        deviation = None if is_rate else data["expected_deviation"]
        data["expected_deviation"] = None if deviation is None else float(deviation * 10**self.places)
        data["looks"] = self.cleaned_data["looks"] or USUAL_LOOKS
        for name in ("remainder_percent", "winner", "minimum_wait_hours", "no_winner", "allocation"):
            if data.get(name) in (None, ""):
                data[name] = getattr(self.experiment, name)
        return data

    def _forget_other_metric(self, data: dict[str, Any]) -> None:
        """Empty what was expected of another metric or window, unless it was entered anew."""
        if {"primary_metric", "conversion_window_days"} & set(self.changed_data):
            for name in self.OF_METRIC:
                if data.get(name) == self.fields[name].to_python(self.initial.get(name)):
                    data[name] = None

    def _initial(self) -> dict[str, Any]:
        stored = self.experiment.plan()
        for name in self.IN_PERCENT:
            stored[name] = _entered(stored[name], 100)
        is_rate = self.experiment.primary_metric != Experiment.Metric.REVENUE
        factor = 100 if is_rate else 10**-self.places
        stored["expected_value"] = _entered(stored["expected_value"], factor)
        stored["expected_deviation"] = _entered(stored["expected_deviation"], 10**-self.places)
        if self.experiment.is_expectation_measured:
            stored |= dict.fromkeys(self.OF_METRIC)
        return stored


def _entered(value: object, factor: float) -> str | None:
    """A stored number as it is entered, without the dust of binary fractions."""
    return number(Decimal(f"{value * factor:.4f}")) if isinstance(value, int | float) else None
