"""SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489) of a domain, read by DNS and said in sentences."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

MOST_LOOKUPS = 10
"""RFC 7208 4.6.4: with more, receivers treat the whole record as broken."""
LOOKING_UP = ("include:", "a:", "a/", "mx:", "mx/", "ptr", "exists:", "redirect=")
SHORT_KEY_BITS = 1024


class NoAnswer(Exception):
    """The name servers did not answer, so that nothing can be said."""


class Resolver(Protocol):
    """Looks names up."""

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each joined; none if there is no such name. Raises NoAnswer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found. `tone` is success, warning or danger."""

    topic: str
    tone: str
    sentence: str

    def as_row(self) -> dict[str, str]:
        """The finding as it is stored."""
        return asdict(self)


def check_domain(
    domain: str, *, resolver: Resolver, selectors: Sequence[str], spf_include: str = ""
) -> list[Finding]:
    """Say what receivers will read about a domain. `spf_include` is the provider's part of an SPF record."""
    parts = {
        "SPF": _spf(domain, resolver, spf_include),
        "DKIM": _dkim(domain, resolver, selectors),
        "DMARC": _dmarc(domain, resolver),
    }
    # SPF comes last: its record can name many others, and answers about a domain are not waited for endlessly.
    found = {topic: _found(topic, looking) for topic, looking in reversed(parts.items())}
    return [finding for topic in parts for finding in found[topic]]


def _found(topic: str, looking: Iterator[tuple[str, str]]) -> list[Finding]:
    """What a topic says until an answer fails to come."""
    findings: list[Finding] = []
    try:
        for tone, sentence in looking:
            findings.append(Finding(topic=topic, tone=tone, sentence=sentence))
    except NoAnswer as error:
        sentence = f"Nobody knows: {error}. It is looked up again tomorrow, or when you ask."
        findings.append(Finding(topic=topic, tone="warning", sentence=sentence))
    return findings


def _spf(domain: str, resolver: Resolver, include: str) -> Iterator[tuple[str, str]]:
    records = _of_version(resolver.texts(domain), "v=spf1")
    if not records:
        advice = f" Publish “v=spf1 include:{include} ~all”." if include else ""
        yield "danger", f"{domain} has no SPF record: anybody may send in its name.{advice}"
        return
    if len(records) > 1:
        yield "danger", f"{domain} has {len(records)} SPF records; receivers then heed none. Keep one."
        return
    [record] = records
    words = record.lower().split()
    if "+all" in words or "all" in words:
        yield "danger", "The SPF record ends with “+all”: it allows everybody to send in your name."
    lookups = _lookups(words, resolver, seen={domain})
    if lookups > MOST_LOOKUPS:
        yield (
            "danger",
            f"The SPF record needs {lookups} look-ups; receivers stop at {MOST_LOOKUPS} and heed none.",
        )
    elif include and not _includes(words, include, resolver, seen={domain}):
        yield (
            "warning",
            f"The SPF record does not name {include}. That is right only if mail is returned to a domain of the "
            "provider; otherwise add it.",
        )
    elif "+all" not in words and "all" not in words:
        yield "success", f"The SPF record says who may send: {record}"


def _dkim(domain: str, resolver: Resolver, selectors: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not selectors:
        yield (
            "warning",
            "The name of the DKIM key is not known, so that it cannot be looked up. Type it in under “DKIM selector”: "
            "it is the s= of a signature.",
        )
        return
    found = {
        selector: record
        for selector in selectors
        if (record := _key_record(resolver.texts(f"{selector}._domainkey.{domain}")))
    }
    if not found:
        names = ", ".join(f"{selector}._domainkey.{domain}" for selector in selectors)
        yield (
            "danger",
            f"There is no DKIM key at {names}: mails are not signed for {domain}, and more land in spam.",
        )
    for selector, record in found.items():
        yield _judged_key(selector, _tags(record))


def _judged_key(selector: str, tags: dict[str, str]) -> tuple[str, str]:
    key = "".join(tags.get("p", "").split())
    if not key:
        return "danger", f"The DKIM key {selector} was taken back (its p= is empty)."
    if tags.get("k", "rsa") == "ed25519":
        return "success", f"The DKIM key {selector} is there (Ed25519)."
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return "danger", f"The DKIM key {selector} cannot be read: something was lost when it was published."
    bits = public.key_size if isinstance(public, RSAPublicKey) else 0
    if bits <= SHORT_KEY_BITS:
        return "warning", f"The DKIM key {selector} has {bits} bits; 2,048 are safe."
    testing = " It is marked as a test (t=y): receivers may ignore it." if "y" in tags.get("t", "") else ""
    return ("warning" if testing else "success"), f"The DKIM key {selector} is there, {bits} bits.{testing}"


def _dmarc(domain: str, resolver: Resolver) -> Iterator[tuple[str, str]]:
    for name in _parents(domain):
        records = _of_version(resolver.texts(f"_dmarc.{name}"), "v=DMARC1")
        if len(records) > 1:
            yield "danger", f"_dmarc.{name} has {len(records)} records; receivers then heed none. Keep one."
            return
        if records:
            yield _judged_policy(name, _tags(records[0]), is_parent=name != domain)
            return
    yield (
        "danger",
        f"{domain} has no DMARC record. Gmail and Yahoo ask bulk senders for one: publish “v=DMARC1; p=none; "
        f"rua=mailto:you@{domain}” at _dmarc.{domain}, and tighten it later.",
    )


def _judged_policy(name: str, tags: dict[str, str], *, is_parent: bool) -> tuple[str, str]:
    policy = (tags.get("sp") if is_parent else None) or tags.get("p", "")
    source = f" (from {name})" if is_parent else ""
    if policy.lower() in ("quarantine", "reject"):
        act = "put aside" if policy.lower() == "quarantine" else "refuse"
        return "success", f"DMARC tells receivers to {act} what is forged{source}."
    if policy.lower() == "none":
        return (
            "warning",
            f"DMARC only watches: p=none lets forged mails through{source}. Tighten it when reports are clean.",
        )
    return "danger", f"The DMARC record has no policy that is known: p={policy or 'nothing'}{source}."


def _parents(domain: str) -> list[str]:
    """The domain and those above it, without the last label: RFC 9091's walk, without a list of public suffixes."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def _of_version(texts: Iterable[str], version: str) -> list[str]:
    """The records that begin with a version, which a space or a semicolon ends."""
    return [text for text in texts if text.lower().replace(";", " ").split()[:1] == [version.lower()]]


def _tags(record: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _key_record(texts: Iterable[str]) -> str:
    return next((text for text in texts if "p" in _tags(text)), "")


def _names(words: Iterable[str]) -> list[str]:
    """The domains whose SPF records count as parts of this one."""
    plain = (word.lstrip("+-~?") for word in words)
    return [
        word.partition(mark)[2]
        for word in plain
        for mark in ("include:", "redirect=")
        if word.startswith(mark)
    ]


def _inner(words: Iterable[str], resolver: Resolver, seen: set[str]) -> Iterator[list[str]]:
    """The records that a record includes, each once."""
    for name in _names(words):
        if name not in seen and len(seen) <= 2 * MOST_LOOKUPS:
            seen.add(name)
            yield next((one.lower().split() for one in _of_version(resolver.texts(name), "v=spf1")), [])


def _lookups(words: list[str], resolver: Resolver, seen: set[str]) -> int:
    """How many look-ups a receiver needs for a record and all that it includes."""
    plain = [word.lstrip("+-~?") for word in words]
    own = sum(word in ("a", "mx") or word.startswith(LOOKING_UP) for word in plain)
    return own + sum(_lookups(inner, resolver, seen) for inner in _inner(words, resolver, seen))


def _includes(words: list[str], include: str, resolver: Resolver, seen: set[str]) -> bool:
    return include in _names(words) or any(
        _includes(inner, include, resolver, seen) for inner in _inner(words, resolver, seen)
    )
