"""Reading back the mails of the local mailbox."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

SHOWN_HEADERS = (
    "From",
    "To",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "Feedback-ID",
)
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMail:
    """A mail as its reader sees it. In `html` links open in a new window."""

    subject: str
    headers: list[tuple[str, str]]
    html: str
    text: str


def read_mail(raw: bytes) -> ReadMail:
    """Parse an RFC 5322 message; parts that are not there are empty strings."""
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return ReadMail(
        subject=str(mail["Subject"] or ""),
        headers=[(name, str(mail[name])) for name in SHOWN_HEADERS if mail[name]],
        html=_HEAD.sub(lambda head: head.group() + '<base target="_blank">', _part(mail, "html"), count=1),
        text=_part(mail, "plain"),
    )


def _part(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""
