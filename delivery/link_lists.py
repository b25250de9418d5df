"""The links that many messages share, stored once: those of a template's version."""

import hashlib
from collections.abc import Sequence

from delivery.models import LinkList


def link_list_of(urls: Sequence[str]) -> int | None:
    """Return the id of the list of these addresses, which is stored where it is new; None for no addresses."""
    if not urls:
        return None
    digest = hashlib.sha256("\n".join(urls).encode()).hexdigest()
    return LinkList.objects.get_or_create(digest=digest, defaults={"urls": list(urls)})[0].pk
