"""What colleagues may enter about a sender's warm-up, and about a dispatch's own rate."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from delivery import warming

_BETWEEN = re.compile(r"(?:[\s;]|,(?=\s|$))+")


class WarmUpForm(forms.Form):
    """The limits of a plan, day by day."""

    daily_limits = forms.CharField(
        label="Mails on each day, at most",
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One number for each day on which mail leaves, with spaces between: 50 100 500. After the last "
        "day there is no daily limit. A day counts when at least half of its mails have left.",
    )
    begins_anew = forms.BooleanField(label="Begin anew with day 1 today", required=False)

    def __init__(self, *args: Any, has_plan: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_plan:
            del self.fields["begins_anew"]

    def clean_daily_limits(self) -> list[int]:
        """Whole numbers from 1, for a quarter of a year at most."""
        words = [word for word in _BETWEEN.split(self.cleaned_data["daily_limits"]) if word]
        if len(words) > warming.MOST_DAYS:
            raise ValidationError(f"A plan has {warming.MOST_DAYS} days at most; these are {len(words)}.")
        return [self._number(word, day) for day, word in enumerate(words, 1)]

    def _number(self, word: str, day: int) -> int:
        is_number = word.isascii() and word.isdigit() and len(word) <= 8
        if not is_number or not 1 <= int(word) <= warming.MOST_A_DAY:
            raise ValidationError(
                f"Day {day}: “{word[:20]}” is no whole number from 1 to {warming.MOST_A_DAY}, written in digits."
            )
        return int(word)


class RateForm(forms.Form):
    """How many mails a second a campaign or journey sends at most."""

    rate_per_second = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
