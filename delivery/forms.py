"""What the reader of a mail may choose."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core import signing
from django.utils.html import escape

from customers import consent, privacy_requests
from customers.addresses import BadAddress, canonical
from customers.models import ConsentText, Customer, Purpose

SOURCE = "preference page"


class PreferencesForm(forms.Form):
    """One box a purpose, with the wording that is agreed to, and the sale of data.

    Whoever reads a mail to an address that the customer has no more (`is_former_address`) may take back and object,
    but allow nothing: it may be somebody else by now.
    """

    do_not_sell = forms.BooleanField(
        required=False, label="Do not sell or share my data", help_text="Nothing about you goes to others."
    )

    def __init__(self, data: object, *, customer: Customer, is_former_address: bool = False) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.customer = customer
        self.texts = {purpose: consent.current_text(purpose) for purpose in Purpose}
        self.held = consent.answers(customer)
        boxes = {
            purpose.value: forms.BooleanField(
                required=False,
                label=purpose.label,
                help_text=escape(text.wording),
                initial=self.held[purpose],
                disabled=is_former_address and not self.held[purpose],
            )
            for purpose, text in self.texts.items()
        }
        self.fields = {**boxes, "do_not_sell": self.fields["do_not_sell"]}
        self.fields["do_not_sell"].initial = customer.do_not_sell
        self.fields["do_not_sell"].disabled = is_former_address and customer.do_not_sell

    def save(self, *, proof: str) -> None:
        """Store what differs from before, each answer with the wording that was shown."""
        for purpose, text in self.texts.items():
            answer = self.cleaned_data[purpose.value]
            if answer != self.held[purpose]:
                put = consent.grant if answer else consent.withdraw
                put([self.customer.pk], purpose, source=SOURCE, proof=proof, text=text)
        if self.cleaned_data["do_not_sell"]:
            privacy_requests.opt_out_of_sale([self.customer.pk], source=SOURCE)
        elif self.customer.do_not_sell:
            privacy_requests.allow_sale(self.customer.pk)


SIGNED = "sign-up form"
SHOWN_FOR = timedelta(days=1)


class SignUpForm(forms.Form):
    """An address, the marketing mail that the form is about, and boxes for the rest, left empty.

    The form carries, signed, which wordings it shows: those are what is agreed to, whatever is published meanwhile.
    """

    email = forms.CharField(
        label="E-mail address", max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        said = _texts_of(str(data.get("shown", ""))) if data is not None else None
        self._is_stale = data is not None and said is None
        self.texts = said or {purpose: consent.current_text(purpose) for purpose in consent.MAIL_PURPOSES}
        token = signing.dumps({one.purpose: one.pk for one in self.texts.values()}, salt=SIGNED)
        super().__init__(
            {**_plain(data), "shown": token} if data is not None else None, initial={"shown": token}
        )
        for purpose, text in self.texts.items():
            self.fields[purpose.value] = forms.BooleanField(
                required=purpose == Purpose.MARKETING_EMAIL,
                label=purpose.label,
                help_text=escape(text.wording),
            )

    def clean(self) -> dict[str, Any]:
        """Refuse what was agreed to in a form that is not ours, or was shown too long ago."""
        if self._is_stale:
            raise forms.ValidationError(
                "This form was open for too long. Please read it again, then send it."
            )
        return super().clean() or self.cleaned_data

    def clean_email(self) -> str:
        """The address in its one form."""
        try:
            return canonical(self.cleaned_data["email"])
        except BadAddress as error:
            raise forms.ValidationError(f"This is not an e-mail address: {error}") from error

    @property
    def agreed(self) -> dict[str, int]:
        """The ids of the wordings that were agreed to, by purpose."""
        return {
            purpose.value: text.pk for purpose, text in self.texts.items() if self.cleaned_data[purpose.value]
        }


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data.get(name) for name in data}


def _texts_of(token: str) -> dict[Purpose, ConsentText] | None:
    """The wordings that a form showed, or None where its token is not ours or too old."""
    try:
        shown = signing.loads(token, salt=SIGNED, max_age=SHOWN_FOR)
    except signing.BadSignature:
        return None
    found = {Purpose(one.purpose): one for one in ConsentText.objects.filter(pk__in=shown.values())}
    is_whole = set(found) == set(consent.MAIL_PURPOSES)
    return {purpose: found[purpose] for purpose in consent.MAIL_PURPOSES} if is_whole else None
