"""Brevo keeps a key, which must be a UUID, for at least 15 minutes and refuses a second mail with it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from django.core.mail import EmailMultiAlternatives

from delivery.answers import Accepted, Answer, InDoubt
from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field
from delivery.backends.side_by_side import Halt

_SPACE = UUID("7f8b4a52-5c0e-4c4b-9d0a-52d1f1b6f0aa")


def _mark(mail: EmailMultiAlternatives, key: str) -> None:
    mail.extra_headers["idempotencyKey"] = str(uuid5(_SPACE, key))


def _judge(response: Any, halt: Halt) -> Answer | None:
    """A key that is known already was taken the first time."""
    try:
        is_repeated = response.json()["code"] == "duplicate_parameter"
    except (ValueError, LookupError, TypeError):
        return None
    return Accepted(provider_id="") if is_repeated else None


ESP = Esp(
    name="brevo",
    fields=(Field(name="api_key", label="API key", is_secret=True),),
    in_doubt=InDoubt.REPEAT,
    key_lifetime=timedelta(minutes=15),
    mark=_mark,
    judge=_judge,
    spf_include="spf.brevo.com",
    dkim_selectors=("brevo1", "brevo2", "mail"),
)
