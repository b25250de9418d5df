"""One mail, from what is kept of it to its bytes: sent once, and the same whenever it is shown again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Any

from django.conf import settings
from django.urls import reverse

from campaigns.open_time import places
from campaigns.publishing import compiled_of
from campaigns.tagging import NO_TAGS, Tags, tagged
from campaigns.templating.links import LinkRewriter
from campaigns.templating.render import Rendered, render
from campaigns.templating.used import Tree, kept, read_by
from common import tokens
from delivery import mime, tracking
from delivery.quoted_printable import Fixed
from delivery.unsubscribe_mail import address_for
from delivery.verdicts import TRAP_INDEX

_TOKEN = "TOKEN"  # noqa: S105 - a place, not a secret
_BODY_END = "</body>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a mail says to one customer: a template's version, the data that it reads, and the HTML of blocks.

    `slots` has it by the slot that rules put it into, `blocks` by the key under which the template names it.
    """

    template_version_id: int
    context: dict[str, Any]
    slots: dict[str, str]
    blocks: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What a mail says beside its contents. `base_url` is where its links lead; `written_at` has whole seconds, UTC.

    `has_trap`: a link that readers do not see, which tells programs apart. `unsubscribe_mailbox` takes unsubscribing
    mails where there is one. Mails of before have neither.
    `tags` are the UTM parameters of its links (see `campaigns.tagging`).
    """

    from_email: str
    from_name: str
    list_id: str
    feedback_id: str
    base_url: str
    written_at: str
    has_pixel: bool
    is_tracked: bool
    has_trap: bool = False
    unsubscribe_mailbox: str = ""
    tags: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def contents(
    template_version_id: int, context: dict[str, Any], *, slots: dict[str, str], blocks: dict[str, str]
) -> Contents:
    """Keep of a context what the version and the blocks in it read; the mail is made of nothing else."""
    said = kept(context, read(template_version_id, (*slots.values(), *blocks.values())))
    return Contents(template_version_id=template_version_id, context=said, slots=slots, blocks=blocks)


def read(template_version_id: int, blocks: tuple[str, ...]) -> Tree | None:
    """Return what a version reads, with the HTML of the blocks in it."""
    compiled = compiled_of(template_version_id)
    return read_by(compiled.html, (compiled.subject, compiled.preheader, compiled.text), blocks)


def rendered(
    written: Contents,
    *,
    message_id: int | None,
    base_url: str,
    is_tracked: bool = False,
    tags: Tags = NO_TAGS,
) -> Rendered:
    """Render a mail. Raises RenderFailed.

    Without a message (preview) links lead where they lead, and so they do where clicks are not `is_tracked`.
    """
    context = written.context | {
        "slots": written.slots,
        "unsubscribe_url": _unsubscribe_url(message_id, base_url),
        "preferences_url": _preferences_url(message_id, base_url),
    }
    if shelves := written.context.get("open_time"):
        context["open_time"] = (
            places.for_preview(shelves, base_url)
            if message_id is None
            else places.for_message(shelves, message_id, base_url)
        )
    compiled = compiled_of(written.template_version_id)
    links: LinkRewriter | None = None
    if message_id is not None and is_tracked:
        links = _tracked(message_id, base_url)
    elif tags.parameters:
        links = partial(_tagged, tags)
    return render(compiled, context, links=links, blocks=written.blocks)


def as_bytes(letterhead: Letterhead, mail: Rendered, *, message_id: int, recipient: str) -> bytes:
    """Write a mail as it leaves the house. Raises mime.RefusedHeader."""
    return mime.build(
        sender=mime.Mailbox(letterhead.from_email, letterhead.from_name),
        recipient=mime.Mailbox(recipient),
        subject=mail.subject,
        html=_at_end(mail.html_pieces, _unseen(letterhead, message_id)),
        text=mail.text,
        message_id=mime.message_id_for(message_id, domain=letterhead.from_email.partition("@")[2]),
        headers=mime.list_headers(
            unsubscribe_url=_unsubscribe_url(message_id, letterhead.base_url),
            list_id=letterhead.list_id,
            feedback_id=letterhead.feedback_id,
            unsubscribe_mailto=_unsubscribe_mailto(message_id, letterhead.unsubscribe_mailbox),
        ),
        date=datetime.fromisoformat(letterhead.written_at),
    )


def _unsubscribe_mailto(message_id: int, mailbox: str) -> str:
    return f"{address_for(message_id, mailbox=mailbox)}?subject=unsubscribe" if mailbox else ""


def _tracked(message_id: int, base_url: str) -> LinkRewriter:
    """Return what puts a message's links behind its tracked addresses."""
    before = _address("delivery:clicked", tracking.PURPOSE_CLICK, message_id, base_url, 0).removesuffix("0")
    return lambda index, url: f"{before}{index}"


def _tagged(tags: Tags, index: int, url: str) -> str:
    return tagged(url, tags)


def _unsubscribe_url(message_id: int | None, base_url: str) -> str:
    if message_id is None:
        return base_url + "/u/preview"
    return _address("delivery:unsubscribe", tracking.PURPOSE_UNSUBSCRIBE, message_id, base_url)


def _preferences_url(message_id: int | None, base_url: str) -> str:
    if message_id is None:
        return base_url + "/p/preview"
    return _address("delivery:preferences", tracking.PURPOSE_PREFERENCES, message_id, base_url)


def _unseen(letterhead: Letterhead, message_id: int) -> str:
    """The hidden link and the tracking pixel, for whom they are allowed."""
    unseen, base_url = "", letterhead.base_url
    if letterhead.has_trap:
        url = _address("delivery:clicked", tracking.PURPOSE_CLICK, message_id, base_url, TRAP_INDEX)
        unseen += f'<div style="display:none"><a href="{url}" tabindex="-1" rel="nofollow"></a></div>'
    if letterhead.has_pixel:
        url = _address("delivery:opened", tracking.PURPOSE_OPEN, message_id, base_url)
        unseen += f'<img src="{url}" width="1" height="1" alt="" style="display:block">'
    return unseen


def without_pixel(html: str) -> str:
    """Return a sent mail's HTML without the tracking pixel, for a colleague who looks at it."""
    place = _path("delivery:opened").partition(_TOKEN)
    return re.sub(rf'<img src="[^"]*{re.escape(place[0])}[\w-]+{re.escape(place[2])}"[^>]*>', "", html)


def _at_end(html: Sequence[str], addition: str) -> Sequence[str]:
    """Put something at the end of the body."""
    if not addition:
        return html
    for place in range(len(html) - 1, -1, -1):
        if _BODY_END in html[place]:
            before, after = _at_body_end(html[place])
            return [*html[:place], before, addition, after, *html[place + 1 :]]
    return [*html, addition]


def _address(name: str, purpose: str, message_id: int, base_url: str, *numbers: int) -> str:
    """Return a signed address of a message."""
    return base_url + _path(name, *numbers).replace(_TOKEN, _token(purpose, message_id, settings.SECRET_KEY))


@lru_cache(maxsize=16)
def _token(purpose: str, message_id: int, secret: str) -> str:
    """A mail has each of its tokens in several places."""
    return tokens.sign(purpose, message_id)


@cache
def _path(name: str, *numbers: int) -> str:
    """Return where an address leads, with a word in the token's place; looked up once, not for each message."""
    return reverse(name, args=[_TOKEN, *numbers])


@lru_cache(maxsize=256)
def _at_body_end(piece: str) -> tuple[str, str]:
    before, end, after = piece.rpartition(_BODY_END)
    return Fixed(before), Fixed(end + after)
