"""UTM parameters on the links of a mail: added to those that lead into the shop, and to no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.conf import settings

from campaigns.models import Campaign, CampaignTags


@dataclass(frozen=True, slots=True)
class Tags:
    """What is added, as (name, value) pairs, to links whose host is one of the domains or below it."""

    parameters: tuple[tuple[str, str], ...] = ()
    domains: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data, empty where nothing is added."""
        return {"parameters": self.parameters, "domains": self.domains} if self.parameters else {}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> "Tags":
        """Read what `as_json` gave, after its way through a database."""
        return cls(
            tuple((name, value) for name, value in stored.get("parameters", ())),
            tuple(stored.get("domains", ())),
        )


NO_TAGS = Tags()


def tags_of(campaign: Campaign) -> Tags:
    """Return what the campaign adds to its links; nothing where nobody asked for it. One query."""
    stored = CampaignTags.objects.filter(campaign=campaign).first()
    if stored is None:
        return NO_TAGS
    parameters = tuple((name, value) for name, value in stored.plan().items() if value)
    return Tags(parameters, tuple(sorted(own_domains(campaign))))


def own_domains(campaign: Campaign) -> set[str]:
    """Return the domains of the shop: `settings.SHOP_DOMAINS`, or the sender's and this host's."""
    if settings.SHOP_DOMAINS:
        return set(settings.SHOP_DOMAINS)
    sender = campaign.sender.from_email.rpartition("@")[2].lower()
    return {sender, urlsplit(settings.BASE_URL).hostname or sender}


@lru_cache(maxsize=4096)
def tagged(url: str, tags: Tags) -> str:
    """Return a web address with the parameters that it does not have yet; its own query and place stay as they are."""
    if not tags.parameters:
        return url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not _is_own(parts.hostname or "", tags.domains):
        return url
    has = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode([pair for pair in tags.parameters if pair[0] not in has], quote_via=quote)
    if not added:
        return url
    head, hash_sign, place = url.partition("#")
    separator = "" if head.endswith(("?", "&")) else "&" if "?" in head else "?"
    return f"{head}{separator}{added}{hash_sign}{place}"


def _is_own(host: str, domains: Sequence[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
