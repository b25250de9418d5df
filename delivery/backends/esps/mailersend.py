"""MailerSend takes our headers in its Enterprise plan only."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="mailersend",
    fields=(Field(name="api_token", label="API token", is_secret=True),),
    takes_metadata=False,
    spf_include="_spf.mailersend.net",
    dkim_selectors=("mlsend", "mlsend2"),
)
