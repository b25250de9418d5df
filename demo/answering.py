"""The generated customers read their mail: they open and click over real HTTP, and some buy.

What they do follows from what the mail in their mailbox shows and from their tastes, not from the campaign, the arm or
the recommender, none of which is looked at here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from html import unescape
from urllib.parse import urlsplit

import httpx
import numpy as np

from common.clock import now
from customers.ingest import IngestResult, ingest
from customers.models import SyncRun
from delivery.models import MailboxMessage
from delivery.recording import record_message_events
from delivery.verdicts import BURST_LINKS
from demo.buying import order_events, organic_baskets
from demo.catalogue import Ints
from demo.loading import SOURCE
from demo.reactions import Reactions, expectations, react
from demo.week_before import read_later
from demo.world import World
from segments import membership

MOST_SHOWN = 6
DAY, HOUR = 86_400.0, 3_600.0
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_PICTURE = re.compile(
    r'<a\b[^>]*href="([^"]+)"[^>]*>\s*<img\b[^>]*alt="([^"]*)"[^>]*src="[^"]*/media/products/'
)
ANSWERS = f"{SOURCE}-answers"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
_UNSUBSCRIBE = re.compile(r"<(https?://[^>]+)>")
_PIXEL = re.compile(r'src="([^"]*/t/o/[^"]+\.gif)"')


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as its reader sees it: where its pixel is, which products it shows and where their links lead."""

    key: str
    customer: int
    pixel: str
    unsubscribe: str
    products: tuple[int, ...]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How many letters came, were opened, clicked and made their reader leave; orders they led to, and others."""

    letters: int
    opened: int
    clicked: int
    unsubscribed: int
    orders: int
    organic_orders: int

    def __str__(self) -> str:
        own = f"; {self.organic_orders:,} orders of people's own accord" if self.organic_orders else ""
        return (
            f"{self.letters:,} letters: {self.opened:,} opened, {self.clicked:,} clicked, "
            f"{self.unsubscribed:,} unsubscribed, {self.orders:,} orders{own}"
        )


def answer_new_mail(world: World, *, base_url: str, sent_at: datetime | None = None) -> Answers:
    """Let the customers live through a week with the mail that came since the last call: read, react, buy.

    With `sent_at`, of mail that was moved back (see `week_before`), they do so in the week that followed; without,
    all at once and now. Without new mail nothing happens. A call that was interrupted is made good by the next one.
    Everybody buys of their own accord too, mailed or not; in a week that is over they have. The counts stay as a
    `SyncRun` of the source `demo-answers`.
    """
    last = SyncRun.objects.filter(source=ANSWERS).order_by("-started_at").first()
    seen = (last.cursor_after or {}).get("mailbox", 0) if last else 0
    mails = list(MailboxMessage.objects.filter(pk__gt=seen).order_by("pk"))
    if not mails:
        return Answers(letters=0, opened=0, clicked=0, unsubscribed=0, orders=0, organic_orders=0)
    started = now()
    given, result = answer(world, mails, base_url=base_url, number=seen, sent_at=sent_at)
    SyncRun.objects.create(
        source=ANSWERS,
        status=SyncRun.Status.SUCCEEDED,
        started_at=started,
        finished_at=now(),
        cursor_before={"mailbox": seen},
        cursor_after={"mailbox": mails[-1].pk},
        rows_in=result.inserted + result.duplicates + sum(result.rejected.values()),
        inserted=result.inserted,
        duplicates=result.duplicates,
        rejected=dict(result.rejected),
    )
    return given


def settle() -> None:
    """Take what came back into the customers' history and their segments, without waiting for the workers."""
    while record_message_events():
        continue
    membership.refresh_all(cause="event")


def answer(
    world: World,
    mails: Sequence[MailboxMessage],
    *,
    base_url: str,
    number: int,
    sent_at: datetime | None = None,
) -> tuple[Answers, IngestResult]:
    """Let the readers of these mails react; `base_url` is where the site answers now.

    The same mails, `number` and tastes give the same reactions; an order is known by its mail, so that none is
    placed twice.
    """
    letters = read_letters(world, mails)
    day = ((sent_at or now()) - world.start) / timedelta(days=1)
    customers = np.array([letter.customer for letter in letters], dtype=np.int64)
    expected = expectations(world, customers=customers, shown=_shown(letters), day=day)
    reactions = react(world, expected, seed=number)
    _browse(letters, reactions, base_url=base_url)
    baskets = {
        row: (f"mail-{letter.key}", letter.customer, basket)
        for row, (letter, bought) in enumerate(zip(letters, reactions.bought, strict=True))
        if (basket := [product for product, taken in zip(letter.products, bought, strict=False) if taken])
    }
    led = list(baskets.values())
    if sent_at is None:
        own = organic_baskets(world, day=day, number=number)
        moments = [now()] * (len(led) + len(own))
    else:  # what people bought of their own accord in that week is in the history already
        own = []
        read, moments = _week_after(sent_at, letters, list(baskets), number=number)
        read_later(read)
    result = ingest(order_events(world, [*led, *own], placed_at=moments), source=SOURCE)
    given = Answers(
        letters=len(letters),
        opened=int(reactions.opened.sum()),
        clicked=int(reactions.clicked.any(axis=1).sum()),
        unsubscribed=int(reactions.unsubscribed.sum()),
        orders=len(led),
        organic_orders=len(own),
    )
    return given, result


def _week_after(
    sent_at: datetime, letters: Sequence[Letter], buyers: Sequence[int], *, number: int
) -> tuple[dict[int, float], list[datetime]]:
    """When within the week each letter is read, in seconds by message, and when the buyers among its readers order."""
    rng = np.random.default_rng([7, number])
    seconds = np.minimum(rng.exponential(DAY / 2, len(letters)), 4 * DAY) + 60
    read = {
        int(letter.key.rpartition("-")[2]): float(one) for letter, one in zip(letters, seconds, strict=True)
    }
    return read, [sent_at + timedelta(seconds=float(seconds[row] + HOUR)) for row in buyers]


def _browse(letters: Sequence[Letter], reactions: Reactions, *, base_url: str) -> None:
    """Fetch pixels and links and unsubscribe with one click, as mail programs and browsers do.

    Only the path of an address is used, so that nothing outside of this machine is ever called.
    """
    with httpx.Client(base_url=base_url, headers={"User-Agent": USER_AGENT}, timeout=30) as browser:
        for row, letter in enumerate(letters):
            if reactions.opened[row] and letter.pixel:
                browser.get(_path(letter.pixel)).raise_for_status()
            followed = [
                link
                for link, is_clicked in zip(letter.links, reactions.clicked[row], strict=False)
                if is_clicked
            ]
            for link in followed[: BURST_LINKS - 1]:  # more at once would be taken for a machine's
                if browser.get(_path(link)).status_code != httpx.codes.FOUND:
                    raise RuntimeError(f"The link {link} of a mail does not lead on.")
            if reactions.unsubscribed[row] and letter.unsubscribe:
                browser.post(_path(letter.unsubscribe), data=ONE_CLICK).raise_for_status()


def read_letters(world: World, mails: Sequence[MailboxMessage]) -> list[Letter]:
    """Read mails addressed to the world's people; a product is recognised by its name on its picture."""
    numbers = {email: index for index, email in enumerate(world.emails)}
    names = {product.name: index for index, product in enumerate(world.catalogue.products)}
    return [_read(mail, numbers[mail.recipient], names) for mail in mails if mail.recipient in numbers]


def _read(mail: MailboxMessage, customer: int, names: dict[str, int]) -> Letter:
    message = message_from_bytes(bytes(mail.raw), policy=default)
    body = message.get_body(("html",))
    html = body.get_content() if body is not None else ""
    pictures = [(unescape(link), unescape(name)) for link, name in _PICTURE.findall(html)]
    shown = [(names[name], link) for link, name in pictures if name in names][:MOST_SHOWN]
    pixel = _PIXEL.search(html)
    unsubscribe = _UNSUBSCRIBE.search(message["List-Unsubscribe"] or "")
    return Letter(
        key=mail.key,
        customer=customer,
        pixel=pixel.group(1) if pixel else "",
        unsubscribe=unsubscribe.group(1) if unsubscribe else "",
        products=tuple(product for product, _ in shown),
        links=tuple(link for _, link in shown),
    )


def _shown(letters: Sequence[Letter]) -> Ints:
    """The products of each letter as a matrix, −1 for none."""
    shown = np.full((len(letters), MOST_SHOWN), -1)
    for row, letter in enumerate(letters):
        shown[row, : len(letter.products)] = letter.products
    return shown


def _path(link: str) -> str:
    return urlsplit(link).path
