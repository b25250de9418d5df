"""Resend keeps the key of a request for a day and answers a second one like the first."""

from datetime import timedelta

from delivery.answers import InDoubt
from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="resend",
    fields=(Field(name="api_key", label="API key", is_secret=True),),
    in_doubt=InDoubt.REPEAT,
    key_lifetime=timedelta(hours=24),
    key_header="Idempotency-Key",
    spf_include="amazonses.com",
    dkim_selectors=("resend",),
)
