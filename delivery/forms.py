"""What the reader of a mail may choose."""

from django import forms
from django.utils.html import escape

from customers import consent, privacy_requests
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
