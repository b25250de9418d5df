"""When and how often: what a marketer enters about a campaign's time, and about mail in all."""

from typing import Any

from django import forms
from timezone_field import TimeZoneFormField

from campaigns.models import Campaign, ContactCap
from campaigns.recurring import LAST_DAY_OF_EVERY_MONTH

_DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_TIME = {"type": "time"}


class TimingForm(forms.Form):
    """When a campaign is sent, and what it gives way to."""

    timing_kind = forms.ChoiceField(
        label="When the mails go out",
        choices=Campaign.When.choices,
        initial=Campaign.When.MOMENT,
        required=False,
        widget=forms.RadioSelect,
    )
    send_on = forms.DateField(
        label="Day",
        required=False,
        widget=_DATE,
        help_text="Leave day and time empty to send when you press Launch.",
    )
    send_at = forms.TimeField(
        label="Time", required=False, widget=forms.TimeInput(attrs=_TIME, format="%H:%M")
    )
    timezone = TimeZoneFormField(
        label="Time zone",
        initial="UTC",
        required=False,
        use_pytz=False,
        help_text="Of the one moment, and of people of whom neither zone nor country is known.",
    )
    past_zones = forms.ChoiceField(
        label="Where that time is past already",
        choices=Campaign.PastZones.choices,
        initial=Campaign.PastZones.TOMORROW,
        required=False,
        widget=forms.RadioSelect,
        help_text="When the launch comes too late for people who live far to the east.",
    )
    quiet_from = forms.TimeField(
        label="Quiet hours from",
        required=False,
        widget=forms.TimeInput(attrs=_TIME, format="%H:%M"),
        help_text="Where each person lives. Mails that fall into them wait until they are over.",
    )
    quiet_until = forms.TimeField(
        label="Quiet hours until", required=False, widget=forms.TimeInput(attrs=_TIME, format="%H:%M")
    )
    repeats = forms.ChoiceField(label="How often", choices=Campaign.Repeats.choices, required=False)
    repeats_until = forms.DateField(
        label="Last day",
        required=False,
        widget=_DATE,
        help_text="Of a campaign that repeats; empty: until you stop it.",
    )
    draws_arms_anew = forms.BooleanField(
        label="Draw the arms anew each time",
        required=False,
        help_text="Else everybody stays in their arm through the series, which also shows effects that add up.",
    )
    priority = forms.ChoiceField(
        choices=Campaign.Priority.choices,
        initial=Campaign.Priority.NORMAL,
        required=False,
        help_text="When a cap lets only one of two campaigns through, the higher one is sent.",
    )
    topic = forms.CharField(
        max_length=50,
        required=False,
        help_text="Such as “newsletter”: caps may count mails of a topic by themselves.",
    )
    ignores_caps = forms.BooleanField(
        label="Send it whatever the caps say",
        required=False,
        help_text="For what people must know, such as a recall.",
    )

    def clean_timing_kind(self) -> str:
        """One moment unless something else is said."""
        return self.cleaned_data["timing_kind"] or Campaign.When.MOMENT

    def clean_past_zones(self) -> str:
        """The next day unless something else is said."""
        return self.cleaned_data["past_zones"] or Campaign.PastZones.TOMORROW

    def clean_priority(self) -> int:
        """A normal one unless something else is said."""
        return int(self.cleaned_data["priority"] or Campaign.Priority.NORMAL)

    def clean(self) -> dict[str, Any]:
        """Hold the fields against each other."""
        data: dict[str, Any] = super().clean() or {}
        data["timezone"] = data.get("timezone") or "UTC"
        is_habit = data.get("timing_kind") == Campaign.When.HABIT
        is_planned = data.get("timing_kind") != Campaign.When.MOMENT or data.get("repeats")
        if is_planned or data.get("send_at"):
            self._want(data, "send_on", "Say on which day.")
        if (is_planned or data.get("send_on")) and not is_habit:
            self._want(data, "send_at", "Say at which time of the day.")
        if data.get("quiet_from") or data.get("quiet_until"):
            self._want(data, "quiet_from", "Say when the quiet hours begin.")
            self._want(data, "quiet_until", "Say when the quiet hours end.")
        if data.get("quiet_from") and data.get("quiet_from") == data.get("quiet_until"):
            self.add_error("quiet_until", "They would last all day: nothing would ever be sent.")
        self._check_repeats(data)
        return data

    def values(self) -> dict[str, Any]:
        """The campaign's fields that the form is about."""
        return {name: self.cleaned_data[name] for name in TimingForm.base_fields}

    @classmethod
    def of(cls, campaign: Campaign, data: Any = None) -> "TimingForm":
        """Start from what a campaign says."""
        return cls(data, initial={name: getattr(campaign, name) for name in TimingForm.base_fields})

    def _want(self, data: dict[str, Any], name: str, sentence: str) -> None:
        if data.get(name) is None and name not in self.errors:
            self.add_error(name, sentence)

    def _check_repeats(self, data: dict[str, Any]) -> None:
        first, last = data.get("send_on"), data.get("repeats_until")
        if data.get("repeats") == Campaign.Repeats.MONTHLY and first and first.day > LAST_DAY_OF_EVERY_MONTH:
            self.add_error("send_on", "Choose a day up to the 28th: not every month has the others.")
        if last and not data.get("repeats"):
            self.add_error("repeats_until", "Say how often it repeats, or leave the last day empty.")
        if first and last and last < first:
            self.add_error("repeats_until", "The last day is before the first.")


class ContactCapForm(forms.ModelForm):  # type: ignore[type-arg]
    """One more cap."""

    class Meta:
        model = ContactCap
        fields = ("most", "within_days", "topic")
