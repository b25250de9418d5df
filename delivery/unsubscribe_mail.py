"""Unsubscribing by a mail to an address that names the message and is signed, so that nobody can do it for others.

Such a mail comes through a provider's inbound webhook, which Anymail verifies, or is read from a mailbox by IMAP.
"""

import imaplib
import logging
import re
import ssl
from collections.abc import Iterable, Iterator
from email.message import Message as Mail
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import Any
from urllib.parse import unquote, urlsplit

from anymail.signals import AnymailInboundEvent, inbound
from django.conf import settings
from django.dispatch import receiver

from common import tokens
from delivery import tracking
from delivery.models import Message

logger = logging.getLogger(__name__)

SOURCE = "unsubscribe mail"
PURPOSE = "unsubscribe by mail"
MOST_MAILS = 500
TIMEOUT_SECONDS = 20
_RECIPIENTS = frozenset({"to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to"})
_SIGNED = re.compile(r"\+([a-z2-7]{20,40})@", re.ASCII | re.IGNORECASE)


class MailboxUnreadable(Exception):
    """The mailbox cannot be read; the text says why."""


def address_for(message_id: int, *, mailbox: str) -> str:
    """Return the address that unsubscribes who got this message; servers may change its case."""
    local, _, domain = mailbox.rpartition("@")
    return f"{local}+{tokens.caseless(tokens.sign(PURPOSE, message_id))}@{domain}"


def unsubscribe_by(addressed: Iterable[str]) -> int:
    """Unsubscribe by whatever signed addresses stand in these texts, and return how many messages they named."""
    named = {message_id for text in addressed for message_id in _named(text)}
    messages = list(Message.objects.filter(pk__in=named).order_by("pk"))
    for message in messages:
        tracking.unsubscribe(message, source=SOURCE)
    return len(messages)


@receiver(inbound)
def take_mail(sender: object, event: AnymailInboundEvent, esp_name: str, **kwargs: Any) -> None:
    """Heed a mail that a provider received for us; any other mail is left alone."""
    mail = event.message
    unsubscribe_by([str(mail.envelope_recipient or ""), *_recipients(mail)])


def read_mailbox() -> int:
    """Heed the unread mails of the mailbox that is set up, and mark them as read; returns how many unsubscribed.

    Raises MailboxUnreadable. A mail whose reading is interrupted is read again, which changes nothing.
    """
    if not settings.UNSUBSCRIBE_IMAP_URL:
        return 0
    try:
        with _logged_in(settings.UNSUBSCRIBE_IMAP_URL) as server:
            return sum(_heed(server, number) for number in _unread(server)[:MOST_MAILS])
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxUnreadable(f"The mailbox for unsubscribing cannot be read: {error}") from error


def _named(text: str) -> Iterator[int]:
    for found in _SIGNED.finditer(text):
        try:
            yield tokens.read(PURPOSE, tokens.from_caseless(found[1]))
        except tokens.BadToken:
            continue


def _recipients(mail: Mail) -> list[str]:
    """What stands in the head as it was written: parsing it may fail."""
    return [str(value) for name, value in mail.raw_items() if name.lower() in _RECIPIENTS]


def _logged_in(url: str) -> imaplib.IMAP4:
    """Open the mailbox of an address such as imaps://user:password@imap.example/INBOX."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    server: imaplib.IMAP4
    if parts.scheme == "imaps":
        context = ssl.create_default_context()
        server = imaplib.IMAP4_SSL(host, parts.port or 993, timeout=TIMEOUT_SECONDS, ssl_context=context)
    else:
        server = imaplib.IMAP4(host, parts.port or 143, timeout=TIMEOUT_SECONDS)
    try:
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        answer, told = server.select(unquote(parts.path.strip("/")) or "INBOX")
        if answer != "OK":
            raise imaplib.IMAP4.error(f"the folder cannot be opened: {told!r}")
    except BaseException:
        server.shutdown()
        raise
    return server


def _unread(server: imaplib.IMAP4) -> list[str]:
    found = server.uid("SEARCH", "UNSEEN")[1]
    return found[0].decode("ascii").split() if found and found[0] else []


def _heed(server: imaplib.IMAP4, number: str) -> int:
    """Read the head of one mail, heed it, and mark it as read, even if it cannot be understood."""
    parts = server.uid("FETCH", number, "(BODY.PEEK[HEADER])")[1]
    head = b"".join(part[1] for part in parts if isinstance(part, tuple))
    try:
        recipients = _recipients(BytesHeaderParser(policy=compat32).parsebytes(head))
    except (ValueError, LookupError, AttributeError, TypeError):
        logger.exception("mail %s in the mailbox for unsubscribing cannot be read", number)
        recipients = []
    heeded = unsubscribe_by(recipients)
    answer, told = server.uid("STORE", number, "+FLAGS", r"(\Seen)")
    if answer != "OK":
        raise imaplib.IMAP4.error(f"a mail cannot be marked as read: {told!r}")
    return heeded
