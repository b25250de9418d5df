"""The one form in which an e-mail address is stored and compared."""

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email


class BadAddress(ValueError):
    """The text is not an e-mail address; the message says why."""


@lru_cache(maxsize=65536)
def canonical(address: str) -> str:
    """Return the address trimmed, with its domain in lower-case IDNA (`Ü@BÜCHER.de` → `Ü@xn--bcher-kva.de`).

    The local part keeps its case: only the receiving host may say that two spellings are one mailbox.
    Grammar is checked, deliverability is not. Raises BadAddress.
    """
    try:
        found = validate_email(address.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from error
    if "." not in found.ascii_domain:
        raise BadAddress("The part after the @-sign has no dot.")
    return f"{found.local_part}@{found.ascii_domain.lower()}"
