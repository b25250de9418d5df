"""Subjects that read like spam or pretend to be something else."""

import re
from collections.abc import Iterable

from campaigns.templating.findings import Finding
from campaigns.templating.masking import mask

MOST_CHARACTERS = 70
_REPLY = re.compile(r"^\s*(re|fwd?|aw|wg|tr|rv)\s*:", re.IGNORECASE)
_NOTICE = re.compile(
    r"\b(your (order|parcel|package|payment|invoice|account)\b.*\b(fail|declin|suspend|overdue|expire|on hold|problem)"
    r"|payment (failed|declined)|(final|last) (notice|warning)|security alert|verify your (account|identity)"
    r"|account (suspended|locked)|invoice attached|(letzte )?mahnung|konto (gesperrt|sperrung))",
    re.IGNORECASE,
)
_SPAM = re.compile(
    r"\b(act now|100 ?% free|free money|risk[- ]free|you('ve| have)? won|winner|congratulations|click here|cash bonus"
    r"|double your|earn money|no obligation|guaranteed|miracle|viagra|gratis|gewonnen|jetzt zuschlagen)\b",
    re.IGNORECASE,
)
_LOUD = re.compile(r"[!?]{2,}|(?:[$€£]\s*){2,}")


def subject_findings(subject: str) -> Iterable[Finding]:
    """Look at a subject, without what Liquid will put into it."""
    hidden = mask(subject)
    words = hidden.token.sub(" ", hidden.text)
    letters = [letter for letter in words if letter.isalpha()]
    if _REPLY.search(words):
        yield _warning(
            "The subject pretends to answer or forward a mail: that is deceptive, and in places illegal."
        )
    if _NOTICE.search(words):
        yield _warning(
            "The subject reads like a notice about an order, a payment or an account. Say what the mail is."
        )
    if found := _SPAM.search(words):
        yield _warning(f'"{found[0]}" in the subject is typical of spam.')
    if found := _LOUD.search(words):
        yield _warning(f'"{found[0]}" in the subject is typical of spam.')
    if len(letters) >= 8 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters):
        yield _warning("The subject is in capitals, which is typical of spam.")
    if len(" ".join(words.split())) > MOST_CHARACTERS:
        message = f"The subject has more than {MOST_CHARACTERS} characters; phones show about 40."
        yield Finding("info", message, "subject")


def _warning(message: str) -> Finding:
    return Finding("warning", message, "subject")
