"""The one form in which an e-mail address is stored and compared, and the one grammar it is held to.

Imports, the event API and the writer of mails all ask this module, so that whatever is stored can be written to.
"""

import re
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

_LONGEST = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"(?![a-z0-9-]{2}--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")
_RESERVED = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)


class BadAddress(ValueError):
    """The text is not an e-mail address; the message says why."""


def canonical(address: str) -> str:
    """Return the address trimmed, with its domain in lower-case IDNA (`Ada@BÜCHER.de` → `Ada@xn--bcher-kva.de`).

    The local part keeps its case: only the receiving host may say that two spellings are one mailbox. It is ASCII
    without quotes, as most hosts take nothing else. Deliverability is not checked. Raises BadAddress.
    """
    return address if _is_plain(address) else _parsed(address)


@lru_cache(maxsize=65536)
def _parsed(address: str) -> str:
    text = address.strip()
    if len(text) > _LONGEST:
        raise BadAddress("The address is too long.")
    try:
        found = validate_email(
            text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from error
    if "." not in found.ascii_domain:
        raise BadAddress("The part after the @-sign has no dot.")
    written = f"{text.rpartition('@')[0]}@{found.ascii_domain.lower()}"
    if len(written) > _LONGEST:
        raise BadAddress("The address is too long.")
    return written


def is_canonical(address: str) -> bool:
    """Say whether the address is in the form that `canonical` returns; a microsecond for nearly all."""
    try:
        return canonical(address) == address
    except BadAddress:
        return False


def _is_plain(address: str) -> bool:
    """Whether a look is enough: nearly all addresses are in their canonical form and need no parser."""
    return (
        _PLAIN.fullmatch(address) is not None and len(address) <= _LONGEST and not address.endswith(_RESERVED)
    )
