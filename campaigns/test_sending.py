"""Test mails: a campaign's mail as one customer would get it, sent to colleagues, and counted nowhere.

They go through the outbox like any other, to the address that the message names. Nothing in them is tracked, and their
unsubscribe link belongs to nobody.
"""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import transaction

from accounts import audit
from accounts.models import User
from campaigns.composing import gather, is_suppressed, source_of, write
from campaigns.models import Campaign, TestSend
from campaigns.templating.render import RenderFailed
from common.clock import now
from customers.models import Customer
from delivery import mime
from delivery.backends.base import Outgoing
from delivery.models import Dispatch, Message, Sender
from delivery.outbox import Claimed, Composed

PRIORITY = 100
"""Somebody waits for them."""
MARK = "[Test] "
UNSUBSCRIBE = "/u/preview"


@transaction.atomic
def send_test(
    campaign: Campaign, *, customer: Customer, arms: Iterable[str], to: Iterable[User], by: User
) -> Dispatch:
    """Queue the mails of these arms as this customer would get them, for these colleagues.

    Whoever calls rings `campaigns.tasks.send_dispatch` after the commit.
    """
    dispatch = Dispatch.objects.create(
        name=f"Test of {campaign.name}"[:200],
        kind=Dispatch.Kind.TEST,
        sender=campaign.sender,
        priority=PRIORITY,
    )
    TestSend.objects.create(campaign=campaign, dispatch=dispatch, asked_by=by)
    addresses = sorted({colleague.email for colleague in to})
    Message.objects.bulk_create(
        Message(
            dispatch=dispatch,
            customer=customer,
            variant_key=arm,
            occasion=f"{arm[:40]}:{number}",
            recipient=address,
        )
        for arm in sorted(set(arms))
        for number, address in enumerate(addresses)
    )
    audit.record(by, "sent a test mail as somebody", customer, detail=campaign.key)
    return dispatch


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    """Write the claimed test mails from fresh data, as previews are written."""
    asked = TestSend.objects.select_related("campaign__sender", "campaign__experiment").get(dispatch=dispatch)
    campaign = asked.campaign
    ingredients = gather(source_of(campaign), [(one.customer_id, one.variant_key) for one in claimed])
    composed = []
    for one in claimed:
        if is_suppressed(ingredients, one.customer_id):
            composed.append(Composed(claimed=one, skipped="a rule suppressed it"))
            continue
        try:
            mail = write(ingredients, one.customer_id, one.variant_key, message_id=None)
            subject = f"{MARK}{mail.subject}"
            raw = _as_bytes(campaign.sender, one, subject=subject, html=mail.html, text=mail.text)
        except (RenderFailed, mime.RefusedHeader) as error:
            composed.append(Composed(claimed=one, failed=f"{type(error).__name__}: {error}"))
            continue
        outgoing = Outgoing(key=one.key, recipient=one.recipient, subject=subject, raw=raw)
        composed.append(Composed(claimed=one, mail=outgoing, fallbacks=sum(mail.fallbacks.values())))
    return composed


def _as_bytes(sender: Sender, claimed: Claimed, *, subject: str, html: str, text: str) -> bytes:
    return mime.build(
        sender=mime.Mailbox(sender.from_email, sender.from_name),
        recipient=mime.Mailbox(claimed.recipient),
        subject=subject,
        html=html,
        text=text,
        message_id=mime.message_id_for(claimed.id, domain=sender.from_email.partition("@")[2]),
        headers=mime.list_headers(
            unsubscribe_url=settings.BASE_URL + UNSUBSCRIBE,
            list_id=f"tests.{sender.from_email.partition('@')[2]}",
        ),
        date=now(),
    )
