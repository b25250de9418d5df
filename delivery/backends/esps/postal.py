"""Postal runs on a server of one's own."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Address, Field

ESP = Esp(
    name="postal",
    fields=(Field(name="api_key", label="API key", is_secret=True),),
    address=Address(label="Address of the server", help_text="Such as https://postal.shop.example"),
    takes_metadata=False,
    dkim_selectors=("postal",),
)
