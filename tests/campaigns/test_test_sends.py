"""Test mails go to colleagues, as a customer would get them, and count nowhere."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role, User
from campaigns.models import Campaign
from campaigns.sending import due_dispatches, send_due
from campaigns.test_sending import send_test
from customers.consent import suppress, withdraw
from customers.models import Customer, Event
from delivery.mailbox import read_mail
from delivery.models import Dispatch, MailboxMessage, Message, MessageEvent
from delivery.recording import record_message_events
from reports.customer_profile import customer_profile
from tests.campaigns.making import draft, people, rules

pytestmark = pytest.mark.django_db
BODY = '<mj-text>{{ customer.first_name }} <a href="https://shop.example/a">there</a></mj-text>'


def tried(campaign: Campaign, customer: Customer, *to: User, arms: tuple[str, ...] = ("b",)) -> None:
    send_due(send_test(campaign, customer=customer, arms=arms, to=to, by=to[0]).pk)


@pytest.fixture
def me() -> User:
    return User.objects.create_user("me@example.com", role=Role.MARKETER)


def test_the_mail_is_the_customer_s_and_goes_to_the_colleague(me: User) -> None:
    [ada] = people(1, first_name="Ada")
    tried(draft(body=BODY), ada, me)
    [copy] = MailboxMessage.objects.all()
    assert (copy.recipient, copy.subject) == ("me@example.com", "[Test] News")
    mail = read_mail(bytes(copy.raw))
    assert "Ada" in mail.html
    assert 'href="https://shop.example/a"' in mail.html
    assert "/t/" not in mail.html
    assert str(ada.email) not in mail.html
    assert "/u/preview" in dict(mail.headers)["List-Unsubscribe"]


def test_it_takes_no_notice_of_what_the_customer_allowed_but_of_the_colleague_s_address(me: User) -> None:
    bob = User.objects.create_user("bob@example.com", role=Role.VIEWER)
    [ada] = people(1)
    withdraw([ada.pk], source="test")
    suppress("bob@example.com", "hard_bounce")
    tried(draft(), ada, me, bob)
    assert dict(Message.objects.values_list("recipient", "state")) == {
        "me@example.com": "sent",
        "": "suppressed",
    }


def test_every_arm_goes_to_every_colleague_once(me: User) -> None:
    bob = User.objects.create_user("bob@example.com", role=Role.VIEWER)
    [ada] = people(1)
    campaign = draft()
    dispatch = send_test(campaign, customer=ada, arms=["a", "b"], to=[me, bob, me], by=me)
    assert due_dispatches() == [dispatch.pk]
    assert (send_due(dispatch.pk), send_due(dispatch.pk)) == (4, 0)
    assert MailboxMessage.objects.count() == 4


def test_it_is_in_nobody_s_history_and_no_count(me: User) -> None:
    [ada] = people(1)
    campaign = draft()
    tried(campaign, ada, me)
    assert not MessageEvent.objects.exists()
    message = Message.objects.get()
    MessageEvent.objects.create(message=message, kind="bounced", occurred_at=message.sent_at, dedupe_key="b")
    record_message_events()
    assert not Event.objects.exists()
    assert customer_profile(ada).mails == []
    campaign.refresh_from_db()
    assert (campaign.state, campaign.dispatch) == ("draft", None)


def test_a_rule_that_keeps_the_mail_from_them_is_said(me: User) -> None:
    british = {"attribute": "country", "value": "GB"}
    rules({"name": "quiet", "when": british, "then": {"suppress": True}}, otherwise={"show": "none"})
    [ada] = people(1)
    slot = '<mj-text>x</mj-text>{% slot "hero" %}<mj-text>y</mj-text>{% endslot %}'
    tried(draft(body=slot), ada, me)
    assert Message.objects.values_list("state", "reason").get() == ("skipped", "a rule suppressed it")


def test_the_page_sends_to_colleagues_only_and_notes_it(client: Client, me: User) -> None:
    client.force_login(me)
    [ada] = people(1)
    campaign = draft()
    address = f"/campaigns/{campaign.key}/test/"
    wrong = client.post(address, {"customer": "x@y.example", "arms": ["a"], "to": [me.pk]})
    assert "Nobody has this e-mail address or id." in wrong.content.decode()
    assert (
        client.post(address, {"customer": ada.email, "arms": ["a"], "to": ["x@y.example"]}).status_code == 200
    )
    assert not Dispatch.objects.exists()
    client.post(address, {"customer": ada.email, "arms": ["a", "b"], "to": [me.pk]})
    assert Dispatch.objects.values_list("kind", "priority").get() == ("test", 100)
    assert Message.objects.filter(recipient="me@example.com").count() == 2
    assert (
        AuditEntry.objects.filter(action="sent a test mail as somebody", object_id=str(ada.pk)).count() == 1
    )
    assert "me@example.com" in client.get(address).content.decode()
