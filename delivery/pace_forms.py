"""What colleagues may enter about stopping and pacing."""

import re

from django import forms

from delivery import domains

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class SwitchForm(forms.Form):
    """Why all sending is stopped or allowed again; everybody reads it."""

    reason = forms.CharField(max_length=200, help_text="Everybody sees it on every page, and it is kept.")


class DomainPaceForm(forms.Form):
    """How many mails a second one domain gets at most."""

    domain = forms.CharField(max_length=253, help_text="What stands behind the @: gmail.com")
    rate_per_second = forms.IntegerField(
        label="Messages a second, at most",
        min_value=1,
        max_value=100_000,
        required=False,
        help_text="Empty: no rate of its own.",
    )

    def clean_domain(self) -> str:
        """A domain as it stands in addresses: small, and in its ASCII form."""
        text = self.cleaned_data["domain"].strip().lower().lstrip("@")
        try:
            text = text.encode("idna").decode() if not text.isascii() else text
        except UnicodeError:
            raise forms.ValidationError("This is not the domain of an address.") from None
        if not _DOMAIN.fullmatch(text):
            raise forms.ValidationError("This is not the domain of an address.")
        return text

    def store(self) -> None:
        """Keep the rate."""
        domains.set_rate(self.cleaned_data["domain"], self.cleaned_data["rate_per_second"])
