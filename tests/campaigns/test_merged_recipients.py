"""A campaign under way and two of its recipients who turn out to be one person: never two mails, no broken books."""

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import books
from campaigns.models import Campaign, Recipient
from campaigns.sending import send_due
from common import tokens
from customers.merging import merge
from customers.models import Consent, Customer, Merge
from customers.undoing import undo
from delivery import tracking
from delivery.models import MailboxMessage, Message
from delivery.recording import record_message_events
from tests.campaigns.making import bestsellers, launched, people

pytestmark = pytest.mark.django_db


def merged(campaign: Campaign, *, same_arm: bool) -> tuple[Customer, Customer]:
    """Merge two recipients of the campaign, of one arm or of two."""
    recipients = list(Recipient.objects.filter(campaign=campaign).select_related("customer").order_by("pk"))
    first = recipients[0]
    other = next(one for one in recipients[1:] if (one.variant_key == first.variant_key) is same_arm)
    merge(first.customer_id, other.customer_id, cause=Merge.Cause.REVIEW)
    return first.customer, other.customer


@pytest.fixture
def campaign() -> Campaign:
    bestsellers(2)
    people(12)
    return launched()[0]


@pytest.mark.parametrize("same_arm", [True, False])
def test_two_recipients_who_became_one_get_one_mail(campaign, same_arm):
    kept, absorbed = merged(campaign, same_arm=same_arm)
    send_due(campaign.dispatch_id)
    assert MailboxMessage.objects.count() == 11
    assert not MailboxMessage.objects.filter(recipient=absorbed.email).exists()
    assert Message.objects.get(customer=absorbed).state == Message.State.SKIPPED
    assert Message.objects.get(customer=kept).state == Message.State.SENT
    assert books.reconcile(campaign).adds_up


def test_a_recipient_absorbed_by_somebody_without_an_address_is_mailed_as_before(campaign):
    outside = Customer.objects.create(first_name="Ada")
    recipient = Recipient.objects.filter(campaign=campaign).select_related("customer").first()
    merge(outside.pk, recipient.customer_id, cause=Merge.Cause.REVIEW)
    send_due(campaign.dispatch_id)
    assert MailboxMessage.objects.count() == 12
    assert MailboxMessage.objects.filter(recipient=recipient.customer.email).count() == 1


def test_a_recipient_absorbed_by_somebody_who_never_agreed_for_their_address_gets_no_mail(campaign):
    outside = Customer.objects.create(email="outside@example.com")
    recipient = Recipient.objects.filter(campaign=campaign).first()
    merge(outside.pk, recipient.customer_id, cause=Merge.Cause.REVIEW)
    send_due(campaign.dispatch_id)
    assert MailboxMessage.objects.count() == 11
    assert not MailboxMessage.objects.filter(recipient="outside@example.com").exists()
    assert books.reconcile(campaign).adds_up


def test_somebody_held_out_gets_no_mail_by_a_merge():
    bestsellers(2)
    people(12)
    campaign, _ = launched(no_mail=50)
    recipients = Recipient.objects.filter(campaign=campaign).order_by("pk")
    held, mailed = (
        recipients.filter(variant_key="no_mail").first(),
        recipients.exclude(variant_key="no_mail").first(),
    )
    merge(held.customer_id, mailed.customer_id, cause=Merge.Cause.REVIEW)
    queued = Message.objects.count()
    send_due(campaign.dispatch_id)
    assert MailboxMessage.objects.count() == queued - 1
    message = Message.objects.get(customer=held.customer_id)
    assert (message.state, message.reason) == ("skipped", "merged with a recipient who has another arm")


def test_links_of_sent_mail_lead_to_the_survivor(campaign, client: Client):
    send_due(campaign.dispatch_id)
    kept, absorbed = merged(campaign, same_arm=True)
    message = Message.objects.get(customer=absorbed)
    client.post(reverse("delivery:unsubscribe", args=[tokens.sign(tracking.PURPOSE_UNSUBSCRIBE, message.pk)]))
    assert Consent.objects.get(customer=kept).is_granted is False
    client.get(reverse("delivery:opened", args=[tokens.sign(tracking.PURPOSE_OPEN, message.pk)]))
    record_message_events()
    assert kept.events.filter(type=14).count() == 1
    assert not absorbed.events.exists()


def test_a_merge_taken_back_before_sending_mails_both(campaign):
    merged(campaign, same_arm=True)
    undo(Merge.objects.get().pk)
    send_due(campaign.dispatch_id)
    assert MailboxMessage.objects.count() == 12
