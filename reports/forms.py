"""What colleagues may enter about reports. Amounts are typed in whole units and kept in minor ones."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings as django_settings

from common.money import exponent
from reports.models import CampaignCost, ReportSettings

MOST = Decimal(10_000_000)


class AmountField(forms.DecimalField):
    """An amount in the reporting currency: typed as 12.50, given as 1250."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("min_value", 0)
        options.setdefault("max_value", MOST)
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        """Show minor units as an amount; what was typed wrongly stays as it was typed."""
        if isinstance(value, int):
            places = exponent(django_settings.REPORTING_CURRENCY)
            return f"{Decimal(value).scaleb(-places):.{places}f}"
        return value

    def clean(self, value: Any) -> int | None:
        """Return minor units; refuse parts of them."""
        amount = super().clean(value)
        if amount is None:
            return None
        minor = amount.scaleb(exponent(django_settings.REPORTING_CURRENCY))
        if minor != minor.to_integral_value():
            raise forms.ValidationError("This has more decimal places than the currency.")
        return int(minor)


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """How orders are attributed, and what mails cost."""

    thousand_mails_minor = AmountField(
        label="Cost of 1,000 mails", help_text="What the provider takes for them."
    )

    class Meta:
        model = ReportSettings
        fields = (
            "rule",
            "click_window_days",
            "open_window_days",
            "thousand_mails_minor",
            "margin_percent",
            "timezone",
        )

    def store(self) -> str:
        """Keep the row, ask for new attribution where it needs one, and return in words what changed."""
        if {"rule", "click_window_days", "open_window_days"} & set(self.changed_data):
            self.instance.attribution_version += 1
        self.save()
        told = [f"{name} {self.cleaned_data[name]}" for name in self.changed_data]
        return ", ".join(told)[:300]


class CostForm(forms.ModelForm):  # type: ignore[type-arg]
    """What one campaign cost beside its mails."""

    thousand_mails_minor = AmountField(
        label="Cost of 1,000 mails",
        required=False,
        help_text="Empty: what the settings say for all campaigns.",
    )
    fixed_minor = AmountField(label="Fixed costs", help_text="Pictures, texts, an agency.")
    order_discount_minor = AmountField(
        label="Discount an order", help_text="What each order after this mail got off, on average."
    )

    class Meta:
        model = CampaignCost
        fields = ("thousand_mails_minor", "fixed_minor", "order_discount_minor")
