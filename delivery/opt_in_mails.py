"""The one mail that an address gets before anybody agreed to anything: is it you, and do you want this?"""

import time

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from common.clock import now
from customers import opt_in
from customers.models import ConsentText, OptIn
from delivery import mime
from delivery.answers import Accepted, Unavailable
from delivery.backends import backend_of
from delivery.backends.base import Outgoing
from delivery.models import Sender
from delivery.steering import kill_switch

PATIENCE_SECONDS = 10
"""Somebody waits for the page."""


class NoSender(Exception):
    """There is nobody to send from yet."""


def send_opt_in_mail(request: OptIn) -> bool:
    """Send the confirmation mail from the first sender; say whether it was taken. Raises NoSender, Unavailable."""
    if kill_switch().is_on:
        raise Unavailable("all sending is stopped")
    sender = Sender.objects.order_by("pk").first()
    if sender is None:
        raise NoSender
    texts = ConsentText.objects.filter(pk__in=request.texts.values()).order_by("pk")
    context = {
        "sender": sender,
        "texts": texts,
        "url": settings.BASE_URL + reverse("delivery:confirm", args=[opt_in.token_of(request)]),
        "postal_address": settings.POSTAL_ADDRESS,
    }
    subject = f"Please confirm: news from {sender.from_name}"
    domain = sender.from_email.partition("@")[2]
    raw = mime.build(
        sender=mime.Mailbox(sender.from_email, sender.from_name),
        recipient=mime.Mailbox(request.email),
        subject=subject,
        html="",
        text=render_to_string("delivery/opt_in_mail.txt", context),
        message_id=f"<opt-in-{request.pk}.regards@{domain}>",
        headers={},
        date=now(),
    )
    key = f"opt-in-{request.pk}"
    mail = Outgoing(key=key, recipient=request.email, subject=subject, raw=raw)
    answers = dict(backend_of(sender).send([mail], deadline=time.monotonic() + PATIENCE_SECONDS))
    return isinstance(answers.get(mail), Accepted)
