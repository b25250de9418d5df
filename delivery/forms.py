"""What the reader of a mail may choose."""

from django import forms
from django.utils.html import escape

from customers import consent, privacy_requests
from customers.addresses import BadAddress, canonical
from customers.models import Customer, Purpose

SOURCE = "preference page"


class PreferencesForm(forms.Form):
    """One box a purpose, with the wording that is agreed to, and the sale of data."""

    do_not_sell = forms.BooleanField(
        required=False, label="Do not sell or share my data", help_text="Nothing about you goes to others."
    )

    def __init__(self, data: object, *, customer: Customer) -> None:
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
            )
            for purpose, text in self.texts.items()
        }
        self.fields = {**boxes, "do_not_sell": self.fields["do_not_sell"]}
        self.fields["do_not_sell"].initial = customer.do_not_sell

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


class SignUpForm(forms.Form):
    """An address, the marketing mail that the form is about, and boxes for the rest, left empty."""

    email = forms.CharField(
        label="E-mail address", max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def __init__(self, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        for purpose in (Purpose.MARKETING_EMAIL, Purpose.OPEN_TRACKING, Purpose.CLICK_TRACKING):
            self.fields[purpose.value] = forms.BooleanField(
                required=purpose == Purpose.MARKETING_EMAIL,
                label=purpose.label,
                help_text=escape(consent.current_text(purpose).wording),
            )

    def clean_email(self) -> str:
        """The address in its one form."""
        try:
            return canonical(self.cleaned_data["email"])
        except BadAddress as error:
            raise forms.ValidationError(f"This is not an e-mail address: {error}") from error

    @property
    def purposes(self) -> list[str]:
        """What was agreed to."""
        return [purpose.value for purpose in Purpose if self.cleaned_data.get(purpose.value)]
