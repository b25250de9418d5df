"""SendGrid is one that Anymail supports without testing it any more."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="sendgrid",
    fields=(Field(name="api_key", label="API key", is_secret=True),),
    spf_include="sendgrid.net",
    dkim_selectors=("s1", "s2", "m1"),
)
