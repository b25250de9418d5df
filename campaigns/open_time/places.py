"""The places of a mail whose products are chosen when it is opened: what is stored for them, and their addresses.

A card is plain data: what a picture shows of a product, and where it leads.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.urls import reverse

from campaigns.contexts import absolute_product
from campaigns.templating.tags import AT_OPENING
from common import tokens
from products.models import Product
from recommendations.serving import Served

PURPOSE = "open-time"
PURPOSE_PREVIEW = "open-time-preview"
ALT = "Picked for you"
WIDTH, HEIGHT = 260, 350
"""Of a picture as it is shown; it has twice as many pixels each way."""
_TOKEN = "TOKEN"  # noqa: S105 - a place, not a secret

Card = dict[str, Any]
Shelves = Sequence[Mapping[str, Any]]
"""As they are kept with a mail: each a `shelf`, which says what it is filled by, and its `products`."""


def card_of(product: Product) -> Card:
    """Return what a picture shows of a product. `was_minor` is the price it had, where the catalogue tells one."""
    shown = absolute_product(product)
    card = {name: shown[name] for name in ("id", "name", "price_minor", "currency", "url", "image_url")}
    was = product.attributes.get("was_price_minor")
    return card | ({"was_minor": was} if isinstance(was, int) and was > product.price_minor else {})


def stored(shelves: Mapping[str, Served]) -> list[dict[str, Any]]:
    """Return what is kept with a mail of those shelves that are filled anew when it is opened."""
    return [
        {"shelf": shelf, "products": [card_of(product) for product in served.products]}
        for shelf, served in shelves.items()
        if shelf.startswith(AT_OPENING)
    ]


def for_message(shelves: Shelves, message_id: int, base_url: str) -> dict[str, list[Card]]:
    """Return the shelves as a sent mail's template sees them: addresses, behind which something is chosen later."""
    token = tokens.sign(PURPOSE, message_id)
    return {
        shelf["shelf"]: [
            _in_template(
                url=base_url + path("link", slot, place).replace(_TOKEN, token),
                image_url=base_url + path("picture", slot, place).replace(_TOKEN, token),
            )
            for place in range(len(shelf["products"]))
        ]
        for slot, shelf in enumerate(shelves)
    }


def for_preview(shelves: Shelves, base_url: str) -> dict[str, list[Card]]:
    """Return them as a preview sees them: pictures of what would be chosen now, which count as nothing."""
    return {
        shelf["shelf"]: [
            _in_template(url=card["url"], image_url=base_url + _preview(card["id"]))
            for card in shelf["products"]
        ]
        for shelf in shelves
    }


def for_colleagues(html: str, message_id: int) -> str:
    """Let the pictures of a sent mail be those that it showed last, which does not count as an opening."""
    before, _, after = path("picture", 0, 0).partition(_TOKEN)
    end = after.replace("/0/0", r"/(\d+)/(\d+)").replace(".", r"\.")
    return re.sub(
        rf'src="[^"]*{before}[\w-]+{end}"',
        lambda found: f'src="{reverse("campaigns:message_shown", args=[message_id, found[1], found[2]])}"',
        html,
    )


def _in_template(*, url: str, image_url: str) -> Card:
    return {"name": ALT, "url": url, "image_url": image_url, "width": WIDTH, "height": HEIGHT}


def _preview(product_id: int) -> str:
    return reverse("campaigns:open_time_preview", args=[tokens.sign(PURPOSE_PREVIEW, product_id)])


@cache
def path(kind: str, slot: int, place: int) -> str:
    """Return where a place's picture or link lies, with a word where the token stands; looked up once."""
    return reverse(f"campaigns:open_time_{kind}", args=[_TOKEN, slot, place])
