"""Mailjet finds a mail by the CustomID it was given."""

from urllib.parse import urljoin

from django.core.mail import EmailMultiAlternatives

from delivery.answers import InDoubt
from delivery.backends.esps.esp import Connection, Esp
from delivery.backends.fields import Field


def _mark(mail: EmailMultiAlternatives, key: str) -> None:
    mail.esp_extra = {"Globals": {"CustomID": key}}  # type: ignore[attr-defined]


def _ask(connection: Connection, key: str) -> str:
    response = connection.session.get(
        urljoin(connection.api_url, "/v3/REST/message"),
        params={"CustomID": key, "ShowCustomID": "true", "Limit": 1},
        auth=(connection.api_key, connection.secret_key),  # type: ignore[attr-defined]
        timeout=connection.timeout,  # type: ignore[attr-defined]
    )
    response.raise_for_status()
    found = [one for one in response.json()["Data"] if one["CustomID"] == key]
    return str(found[0]["ID"]) if found else ""


ESP = Esp(
    name="mailjet",
    fields=(
        Field(name="api_key", label="API key", is_secret=True),
        Field(name="secret_key", label="Secret key", is_secret=True),
    ),
    in_doubt=InDoubt.ASK,
    mark=_mark,
    ask=_ask,
    spf_include="spf.mailjet.com",
    dkim_selectors=("mailjet",),
)
