"""The one mail that an address gets before anybody agreed to anything: is it you, and do you want this?"""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from common.clock import now
from customers import opt_in
from customers.models import ConsentText, OptIn
from delivery import mime
from delivery.backends.base import Outgoing
from delivery.models import Sender


def write(request: OptIn, *, sender: Sender) -> Outgoing | None:
    """Write the confirmation mail; None if it was confirmed or has expired meanwhile."""
    if not request.email or request.expires_at <= now():
        return None
    texts = ConsentText.objects.filter(pk__in=request.texts.values()).order_by("pk")
    context = {
        "sender": sender,
        "texts": texts,
        "url": settings.BASE_URL + reverse("delivery:confirm", args=[opt_in.token_of(request)]),
        "postal_address": settings.POSTAL_ADDRESS,
    }
    subject = f"Please confirm: news from {sender.from_name}"
    raw = mime.build(
        sender=mime.Mailbox(sender.from_email, sender.from_name),
        recipient=mime.Mailbox(request.email),
        subject=subject,
        html="",
        text=render_to_string("delivery/opt_in_mail.txt", context),
        message_id=f"<opt-in-{request.pk}.regards@{sender.domain}>",
        headers={},
        date=request.asked_at,
    )
    return Outgoing(key=f"opt-in-{request.pk}", recipient=request.email, subject=subject, raw=raw)
