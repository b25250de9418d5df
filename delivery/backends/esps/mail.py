"""Anymail takes Django's mails, not bytes: what was composed is read back, part by part."""

from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default

from anymail.message import AnymailStatus
from django.core.mail import EmailMultiAlternatives

_SET_ELSEWHERE = frozenset({"from", "to", "subject", "date", "mime-version"})


class ComposedMail(EmailMultiAlternatives):
    """A mail that is already written: a provider that takes MIME gets the very bytes."""

    raw: bytes = b""
    metadata: dict[str, str] | None = None
    anymail_status: AnymailStatus

    def message(self) -> Message:  # type: ignore[override]
        """The mail as it was composed."""
        return message_from_bytes(self.raw)


def as_django_mail(raw: bytes, *, recipient: str) -> ComposedMail:
    """Read composed bytes: subject, both parts, attachments and all headers but those that providers set themselves."""
    parsed = message_from_bytes(raw, policy=default)
    assert isinstance(parsed, EmailMessage)
    text, html = _part(parsed, "plain"), _part(parsed, "html")
    mail = ComposedMail(
        subject=str(parsed["Subject"] or ""),
        body=text or html,
        from_email=str(parsed["From"]),
        to=[str(parsed["To"] or recipient)],
        headers={
            name: str(value)
            for name, value in parsed.items()
            if name.lower() not in _SET_ELSEWHERE and not name.lower().startswith("content-")
        },
    )
    mail.raw = raw
    if not text:
        mail.content_subtype = "html"
    elif html:
        mail.attach_alternative(html, "text/html")
    for part in parsed.iter_attachments():
        mail.attach(part.get_filename(), part.get_payload(decode=True), part.get_content_type())
    return mail


def _part(parsed: EmailMessage, subtype: str) -> str:
    part = parsed.get_body((subtype,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
