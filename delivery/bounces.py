"""What a bounce means, by RFC 3463's codes, the server's words, and what the provider calls it. Pure functions."""

import re
from typing import Any

from delivery.models import MessageEvent

Bounce = MessageEvent.Bounce
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?:^|\s)([45])\d\d(?=[\s-])")
_HARD_WORDS = re.compile(
    r"(user|mailbox|recipient|address|account) (is )?(unknown|not found|does not exist|doesn't exist|disabled|inactive)"
    r"|(unknown|invalid|no such|nonexistent|non-existent) (user|mailbox|recipient|address|account)"
    r"|no mailbox (here )?by that name|recipient address rejected|mailbox unavailable|bad destination mailbox"
)
_CLOSED = re.compile(r"\b(disabled|inactive)\b")
"""Said with a policy's code it may be the sender's account that is meant."""
_POLICY_WORDS = re.compile(
    r"\bspam|blocked|block ?list|blacklist|\bpolicy|reputation|\bdmarc\b|\bspf\b|\bdkim\b|not authenticated|\bdenied"
    r"|sender (address )?rejected|\baup#"
)
_SOFT_WORDS = re.compile(
    r"\bfull\b|quota|over ?limit|exceeded storage|temporar|try again|later|greylist|too many|timed? ?out|rate limit"
)
_HARD = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1), (7, 13), (7, 17), (7, 18)})
"""Subjects and details that say of the address that it is not there: RFC 3463, 7293, 7505 and the IANA registry."""
_OURS = frozenset({(1, 7), (1, 8)})
"""The sender's address is bad."""

_SAID_SOFT = frozenset({"softbounce", "soft", "transient", "temporary", "deferral", "dnserror", "softfail"})
_SAID_HARD = frozenset({"hardbounce", "hard", "permanent", "invalidemail", "bademailaddress", "invalid"})
_SAID_POLICY = frozenset({"spamnotification", "blocked", "dmarcpolicy", "spamblock", "policyrelated"})
_SAID_IN = ("Type", "event", "severity", "bounceType", "type", "delivery_status", "hard_bounce", "event_name")


def classify(*, code: str = "", text: str = "", kind: str = "") -> MessageEvent.Bounce:
    """Say what a bounce means.

    `code`: an enhanced status code ("5.1.1"), if it is known apart; else the first one in `text`, the server's words,
    is taken. `kind`: what the provider calls it ("SoftBounce", "permanent", …). A passing trouble (class 4) is always
    soft, and so is what the provider calls so: calling an address dead is the costlier mistake. Then the code counts,
    then the words, then the provider's kind.
    """
    said = _plain(kind)
    words = text.lower()
    found = _CODE.search(code) or _CODE.search(text)
    reply = _REPLY.search(text)
    status = found.group(1) if found else reply.group(1) if reply else ""
    if said in _SAID_SOFT or status == "4":
        return Bounce.SOFT
    if found and (meant := _by_code(int(found.group(2)), int(found.group(3)), words)):
        return meant
    by_words = _by_words(words)
    if by_words is not None:
        return by_words
    if said in _SAID_POLICY:
        return Bounce.POLICY
    if said in _SAID_HARD or (said == "bounced" and not words):
        return Bounce.HARD
    return Bounce.OTHER if status or not said else Bounce.SOFT


def said_by(raw: Any) -> str:
    """What a provider's report calls the bounce, if it says hard or soft in so many words; else empty.

    Looks into the objects of the report, not into its lists: the words stand near the top.
    """
    if not hasattr(raw, "get") or not hasattr(raw, "items"):
        return ""
    for name in _SAID_IN:
        value = raw.get(name)
        if name == "hard_bounce" and isinstance(value, bool | str | int) and value != "":
            return "hard" if value in (True, 1, "1", "true") else "soft"
        if isinstance(value, str) and _plain(value) in _SAID_SOFT | _SAID_HARD | _SAID_POLICY:
            return value
    inner = (value for _, value in raw.items() if isinstance(value, dict))
    return next((word for word in map(said_by, inner) if word), "")


def _by_code(subject: int, detail: int, words: str) -> MessageEvent.Bounce | None:
    """By the code alone, where it is telling; 5.0.0, 5.1.0, 5.4.1 and 5.5.0 are used for anything: words decide."""
    if (subject, detail) in _HARD:
        return Bounce.HARD
    if subject == 7 or (subject, detail) in _OURS:
        is_nobody = subject == 7 and detail == 1 and _is_nobody(_CLOSED.sub("", words))
        return Bounce.HARD if is_nobody else Bounce.POLICY
    if (subject, detail) in ((0, 0), (1, 0), (4, 1), (5, 0), (3, 0)):
        return None
    return Bounce.OTHER if subject == 6 or (subject, detail) == (2, 3) else Bounce.SOFT


def _by_words(words: str) -> MessageEvent.Bounce | None:
    if _SOFT_WORDS.search(words):
        return Bounce.SOFT
    if _is_nobody(words):
        return Bounce.HARD
    return Bounce.POLICY if _POLICY_WORDS.search(words) else None


def _is_nobody(words: str) -> bool:
    return bool(_HARD_WORDS.search(words)) and not _POLICY_WORDS.search(words)


def _plain(word: str) -> str:
    return re.sub(r"[^a-z]", "", word.lower())
