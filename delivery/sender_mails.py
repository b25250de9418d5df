"""The mail that shows whether a sender works."""

from django.template.loader import render_to_string

from accounts.models import User
from delivery import mime
from delivery.backends.base import Outgoing
from delivery.models import Letter, Sender


def write(letter: Letter, *, sender: Sender, to: User) -> Outgoing:
    """Write the test to a colleague; the same bytes at each attempt."""
    subject = f"A test of the sender {sender.name}"
    context = {"sender": sender, "to": to, "asked_at": letter.asked_at}
    raw = mime.build(
        sender=mime.Mailbox(sender.from_email, sender.from_name),
        recipient=mime.Mailbox(to.email, to.name),
        subject=subject,
        html=render_to_string("delivery/sender_test_mail.html", context),
        text=render_to_string("delivery/sender_test_mail.txt", context),
        message_id=f"<test-{letter.pk}.regards@{sender.domain}>",
        headers={},
        date=letter.asked_at,
    )
    return Outgoing(key=f"test-{letter.pk}", recipient=to.email, subject=subject, raw=raw)
