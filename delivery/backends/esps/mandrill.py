"""Mandrill is Mailchimp's service for single mails."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="mandrill",
    fields=(Field(name="api_key", label="API key", is_secret=True),),
    spf_include="spf.mandrillapp.com",
    dkim_selectors=("mandrill", "mte1", "mte2"),
)
