"""Mailtrap has a sandbox that delivers nothing."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="mailtrap",
    fields=(
        Field(name="api_token", label="API token", is_secret=True),
        Field(
            name="sandbox_id",
            label="Sandbox id",
            is_required=False,
            help_text="With one, mails are caught there and reach nobody.",
        ),
    ),
    dkim_selectors=("rwmt1", "rwmt2"),
)
