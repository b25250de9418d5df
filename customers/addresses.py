"""The one form in which an e-mail address is stored and compared."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

_PLAIN = re.compile(r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([A-Za-z0-9.-]{3,100})", re.ASCII)
_MAX_LOCAL = 64


class BadAddress(ValueError):
    """The text is not an e-mail address; the message says why."""


def canonical(address: str) -> str:
    """Return the address trimmed, with its domain in lower-case IDNA (`Ü@BÜCHER.de` → `Ü@xn--bcher-kva.de`).

    The local part keeps its case: only the receiving host may say that two spellings are one mailbox.
    Grammar is checked, deliverability is not. Raises BadAddress.
    """
    # Most addresses are plain: their grammar needs no parser, and their domains are few.
    plain = _PLAIN.fullmatch(address)
    if plain is not None and len(plain[1]) <= _MAX_LOCAL:
        return f"{plain[1]}@{_domain(plain[2])}"
    return _checked(address)


@lru_cache(maxsize=65536)
def _domain(domain: str) -> str:
    return _checked(f"a@{domain}").removeprefix("a@")


@lru_cache(maxsize=65536)
def _checked(address: str) -> str:
    try:
        found = validate_email(address.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from error
    if "." not in found.ascii_domain:
        raise BadAddress("The part after the @-sign has no dot.")
    return f"{found.local_part}@{found.ascii_domain.lower()}"
