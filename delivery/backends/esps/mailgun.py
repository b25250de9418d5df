"""Mailgun has one host for each region."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="mailgun",
    fields=(
        Field(name="api_key", label="Sending API key", is_secret=True),
        Field(
            name="api_url",
            label="Region",
            default="https://api.mailgun.net/v3",
            choices=(
                ("https://api.mailgun.net/v3", "United States"),
                ("https://api.eu.mailgun.net/v3", "European Union"),
            ),
        ),
        Field(
            name="sender_domain",
            label="Sending domain at Mailgun",
            is_required=False,
            help_text="Such as mg.shop.example. Empty: the domain of the sender's address.",
        ),
    ),
    spf_include="mailgun.org",
    dkim_selectors=("pic", "mailo", "k1", "smtp", "mx", "email", "krs"),
)
