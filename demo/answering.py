"""The generated customers read their mail: they open and click over real HTTP, and some buy.

What they do follows from what the mail in their mailbox shows and from their tastes, not from the campaign, the arm or
the recommender, none of which is looked at here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from urllib.parse import urlsplit

import httpx
import numpy as np

from common.clock import now
from customers.events_in import EventIn
from customers.ingest import ingest
from customers.models import EventType
from delivery.models import MailboxMessage
from demo.catalogue import Ints
from demo.loading import CURRENCY, SOURCE
from demo.reactions import Reactions, expectations, react
from demo.world import World
from products.models import Product

MOST_SHOWN = 6
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_PICTURE = re.compile(
    r'<a\b[^>]*href="([^"]+)"[^>]*>\s*<img\b[^>]*alt="([^"]*)"[^>]*src="[^"]*/media/products/'
)
_PIXEL = re.compile(r'src="([^"]*/t/o/[^"]+\.gif)"')


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as its reader sees it: where its pixel is, which products it shows and where their links lead."""

    key: str
    customer: int
    pixel: str
    products: tuple[int, ...]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How many letters were read, opened and clicked, and how many orders followed."""

    letters: int
    opened: int
    clicked: int
    orders: int


def answer(world: World, mails: Sequence[MailboxMessage], *, base_url: str, seed: int = 1) -> Answers:
    """Let the readers of these mails react; `base_url` is where the site answers now.

    Only the path of a link is used, so that nothing outside of this machine is ever called. The same mails, seed and
    tastes give the same reactions; an order is known by its mail, so that none is placed twice.
    """
    letters = read_letters(world, mails)
    if not letters:
        return Answers(letters=0, opened=0, clicked=0, orders=0)
    customers = np.array([letter.customer for letter in letters])
    reactions = react(world, expectations(world, customers=customers, shown=_shown(letters)), seed=seed)
    with httpx.Client(base_url=base_url, headers={"User-Agent": USER_AGENT}, timeout=30) as browser:
        for letter, opened, clicked in zip(letters, reactions.opened, reactions.clicked, strict=True):
            if opened and letter.pixel:
                browser.get(_path(letter.pixel)).raise_for_status()
            for link, is_clicked in zip(letter.links, clicked, strict=False):
                if is_clicked and browser.get(_path(link)).status_code != httpx.codes.FOUND:
                    raise RuntimeError(f"The link {link} of a mail does not lead on.")
    orders = _orders(world, letters, reactions)
    ingest(orders, source=SOURCE)
    return Answers(
        letters=len(letters),
        opened=int(reactions.opened.sum()),
        clicked=int(reactions.clicked.any(axis=1).sum()),
        orders=len({event.order for event in orders}),
    )


def read_letters(world: World, mails: Sequence[MailboxMessage]) -> list[Letter]:
    """Read mails addressed to the world's people; a product is recognised by its name on its picture."""
    numbers = {email: index for index, email in enumerate(world.emails)}
    names = {product.name: index for index, product in enumerate(world.catalogue.products)}
    return [_read(mail, numbers[mail.recipient], names) for mail in mails if mail.recipient in numbers]


def _read(mail: MailboxMessage, customer: int, names: dict[str, int]) -> Letter:
    body = message_from_bytes(bytes(mail.raw), policy=default).get_body(("html",))  # type: ignore[attr-defined]
    html = body.get_content() if body is not None else ""
    shown = [(names[name], link) for link, name in _PICTURE.findall(html) if name in names][:MOST_SHOWN]
    pixel = _PIXEL.search(html)
    return Letter(
        key=mail.key,
        customer=customer,
        pixel=pixel.group(1) if pixel else "",
        products=tuple(product for product, _ in shown),
        links=tuple(link for _, link in shown),
    )


def _shown(letters: Sequence[Letter]) -> Ints:
    """The products of each letter as a matrix, −1 for none."""
    shown = np.full((len(letters), MOST_SHOWN), -1)
    for row, letter in enumerate(letters):
        shown[row, : len(letter.products)] = letter.products
    return shown


def _orders(world: World, letters: Sequence[Letter], reactions: Reactions) -> list[EventIn]:
    """One order a letter, with each product bought after a click."""
    ids = dict(Product.objects.filter(source=SOURCE).values_list("external_id", "pk"))
    at = now()
    events = []
    for letter, bought in zip(letters, reactions.bought, strict=True):
        for line, product in enumerate(letter.products):
            if bought[line]:
                made = world.catalogue.products[product]
                events.append(
                    EventIn(
                        client_id=f"mail-{letter.key}",
                        line=str(line),
                        type=EventType.ORDER_LINE.value,
                        occurred_at=at,
                        customer=world.external_id(letter.customer),
                        order=f"mail-{letter.key}",
                        product_id=ids[made.sku],
                        description=made.name,
                        quantity=1,
                        unit_price_minor=made.price_minor,
                        value_minor=made.price_minor,
                        currency=CURRENCY,
                    )
                )
    return events


def _path(link: str) -> str:
    return urlsplit(link).path
