"""Write one e-mail as RFC 5322 bytes, fast.

Python's own classes take 0.6 to 2 ms a message; this module does what a campaign needs in a fraction of that: one
multipart/alternative, quoted-printable, RFC 2047 headers, the list headers. The bytes depend only on the arguments,
so that the hash of what was sent can be reproduced.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple

from customers.addresses import BadAddress, canonical, is_canonical
from delivery.quoted_printable import quoted_printable, quoted_printable_of

LINE = 76
HARD_LINE = 998
FRAME = len("=?utf-8?b??=")
_PLAIN, _HTML = (
    f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
    for subtype in ("plain", "html")
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_NAME = re.compile(r"[!-9;-~]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_OURS = frozenset({"from", "to", "subject", "date", "message-id", "mime-version", "bcc", "cc"})


class RefusedHeader(ValueError):
    """A header's name or value would break the message, or forge another header."""


class Mailbox(NamedTuple):
    """A person's e-mail address and the name to show with it (may be empty)."""

    email: str
    name: str = ""


def build(
    *,
    sender: Mailbox,
    recipient: Mailbox,
    subject: str,
    html: str | Sequence[str],
    text: str,
    message_id: str,
    headers: Mapping[str, str],
    date: datetime,
) -> bytes:
    """Write the message; with one of `html` and `text` empty it has that single part. `html` may come in pieces.

    `message_id` has its angle brackets, `date` is aware. Raises RefusedHeader for line breaks or other control
    characters in a header, malformed addresses, and headers in `headers` that this function sets itself.
    """
    if date.tzinfo is None:
        raise ValueError("the date of a message needs a time zone")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise RefusedHeader(f"{message_id!r} is no message id")
    lines = [
        f"From: {format_mailbox(sender)}",
        f"To: {format_mailbox(recipient)}",
        header("Subject", subject),
        f"Date: {format_datetime(date)}",
        f"Message-ID: {message_id}",
        *(header(name, value) for name, value in _allowed(headers)),
        "MIME-Version: 1.0",
    ]
    return (
        "\r\n".join(lines).encode("ascii")
        + b"\r\n"
        + _body(html=[html] if isinstance(html, str) else html, text=text, message_id=message_id)
    )


def list_headers(
    *, unsubscribe_url: str, list_id: str, feedback_id: str = "", unsubscribe_mailto: str = ""
) -> dict[str, str]:
    """Give the headers of bulk mail: List-Unsubscribe with one click (RFC 8058), List-Id and Feedback-ID.

    `unsubscribe_url` must be https (http on a development machine), `list_id` is like `news.shop.example`.
    """
    if not unsubscribe_url.startswith(("https://", "http://")) or re.search(r"[\s<>,]", unsubscribe_url):
        raise RefusedHeader(f"{unsubscribe_url!r} cannot stand in List-Unsubscribe")
    targets = [f"<{unsubscribe_url}>"] + ([f"<mailto:{unsubscribe_mailto}>"] if unsubscribe_mailto else [])
    headers = {
        "List-Unsubscribe": ", ".join(targets),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<{list_id}>",
    }
    return headers | ({"Feedback-ID": feedback_id} if feedback_id else {})


def message_id_for(message_id: int, *, domain: str) -> str:
    """Name a message for ever: the same row gives the same Message-ID on every attempt."""
    return f"<{message_id}.regards@{domain}>"


def header(name: str, value: str) -> str:
    """Write one header line, folded and encoded where it must be, without the final line break."""
    if not _NAME.fullmatch(name):
        raise RefusedHeader(f"{name!r} is no header name")
    if _CONTROL.search(value):
        raise RefusedHeader(f"{name} holds a control character")
    if (
        value.isascii()
        and len(name) + 2 + len(value) <= LINE
        and "=?" not in value
        and value == value.strip()
    ):
        return f"{name}: {value}"
    return _folded(name, value)


def format_mailbox(mailbox: Mailbox) -> str:
    """Write `Name <local@domain>`; a name outside ASCII is encoded, the address is in its canonical form."""
    address = mailbox.email
    if not is_canonical(address):
        try:
            address = canonical(address)
        except BadAddress as error:
            raise RefusedHeader(f"{address!r} is no e-mail address: {error}") from error
    if _CONTROL.search(mailbox.name):
        raise RefusedHeader("the name holds a control character")
    if not mailbox.name:
        return address
    phrase = _phrase(mailbox.name)
    gap = " " if len(phrase) + len(address) < LINE - 10 else "\r\n "
    return f"{phrase}{gap}<{address}>"


def _allowed(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    for name in headers:
        if name.lower() in _OURS or name.lower().startswith("content-"):
            raise RefusedHeader(f"{name} is not for the caller to set")
    return list(headers.items())


def _body(*, html: Sequence[str], text: str, message_id: str) -> bytes:
    if not any(html):
        return _PLAIN + quoted_printable(text) + b"\r\n"
    if not text:
        return _HTML + quoted_printable_of(html) + b"\r\n"
    # "=_" never occurs in quoted-printable, so no body can contain this boundary.
    boundary = b"=_" + hashlib.blake2b(message_id.encode(), digest_size=12).hexdigest().encode()
    return b"".join(
        (
            b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n',
            b"\r\n--" + boundary + b"\r\n" + _PLAIN + quoted_printable(text),
            b"\r\n--" + boundary + b"\r\n" + _HTML + quoted_printable_of(html),
            b"\r\n--" + boundary + b"--\r\n",
        )
    )


def _phrase(name: str) -> str:
    if name.isascii() and "=?" not in name and len(name) <= LINE - 10:
        return name if _ATOMS.fullmatch(name) and name == name.strip() else _quoted(name)
    return "\r\n ".join(_encoded_words(name, used=len("From: ")))


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _folded(name: str, value: str) -> str:
    """Fold ASCII at single spaces; anything else, or what would not survive that, becomes encoded words."""
    words = value.split(" ")
    if (
        not value.isascii()
        or "=?" in value
        or "" in words
        or max(map(len, words)) > HARD_LINE - len(name) - 2
    ):
        return f"{name}: " + "\r\n ".join(_encoded_words(value, used=len(name) + 2))
    lines = [f"{name}: {words[0]}"]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\r\n".join(lines)


def _encoded_words(value: str, *, used: int) -> list[str]:
    """Cut into RFC 2047 words of whole characters; the first line has `used` characters on it already."""
    words, chunk = [], b""
    room = max(LINE - used - FRAME, 16) // 4 * 3
    for character in value:
        encoded = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > room:
            words.append(chunk)
            chunk, room = b"", (LINE - 1 - FRAME) // 4 * 3
        chunk += encoded
    return [f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in [*words, chunk]]
