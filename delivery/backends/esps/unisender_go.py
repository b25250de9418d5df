"""Unisender Go has one address for each data centre."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Address, Field

ESP = Esp(
    name="unisender_go",
    fields=(Field(name="api_key", label="API key", is_secret=True),),
    address=Address(
        label="Address of the API", help_text="https://go1.unisender.ru/ru/transactional/api/v1/, or go2."
    ),
    dkim_selectors=("us",),
)
