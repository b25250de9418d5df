"""What a customer allows holds at once: for mails to come, for mails already sent, and on the preference page."""

from collections.abc import Callable
from email import message_from_bytes

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from campaigns.sending import send_due
from common import tokens
from customers.address_changes import change_address
from customers.consent import grant, withdraw
from customers.models import Consent, ConsentRecord, Customer, PrivacyRequest, Purpose, Score
from delivery import tracking
from delivery.models import MailboxMessage, Message, MessageEvent
from tests.campaigns.making import bestsellers, launched, people

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]
PERSON = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


@pytest.fixture
def message(queue: Queue) -> Message:
    (message,) = queue(1)
    Message.objects.update(links=["https://shop.example/tent"], recipient="c0@example.com", state="sent")
    message.refresh_from_db()
    return message


def open_it(client: Client, message: Message, **headers: str) -> int:
    token = tokens.sign(tracking.PURPOSE_OPEN, message.pk)
    return client.get(reverse("delivery:opened", args=[token]), **PERSON, **headers).status_code


def click_it(client: Client, message: Message) -> str:
    token = tokens.sign(tracking.PURPOSE_CLICK, message.pk)
    return client.get(reverse("delivery:clicked", args=[token, 0]), **PERSON)["Location"]


def preferences(message: Message) -> str:
    return reverse("delivery:preferences", args=[tokens.sign(tracking.PURPOSE_PREFERENCES, message.pk)])


def test_after_a_withdrawal_the_pixel_answers_and_keeps_nothing(client: Client, message: Message) -> None:
    withdraw([message.customer_id], Purpose.OPEN_TRACKING, source="test")
    assert open_it(client, message) == 200
    assert MessageEvent.objects.count() == 0


def test_after_a_withdrawal_the_link_leads_on_and_keeps_nothing(client: Client, message: Message) -> None:
    withdraw([message.customer_id], Purpose.CLICK_TRACKING, source="test")
    assert click_it(client, message) == "https://shop.example/tent"
    assert MessageEvent.objects.count() == 0


def test_each_purpose_stands_by_itself(client: Client, message: Message) -> None:
    withdraw([message.customer_id], Purpose.OPEN_TRACKING, source="test")
    open_it(client, message)
    click_it(client, message)
    assert [event.kind for event in MessageEvent.objects.all()] == ["clicked"]


def test_where_the_law_asks_for_it_only_a_yes_is_noted(
    client: Client, message: Message, settings: Settings
) -> None:
    settings.TRACKING_NEEDS_CONSENT = True
    open_it(client, message)
    assert MessageEvent.objects.count() == 0
    grant([message.customer_id], Purpose.OPEN_TRACKING, source="test")
    open_it(client, message)
    assert MessageEvent.objects.count() == 1


def test_a_mail_to_somebody_who_allows_no_tracking_has_no_pixel_and_plain_links() -> None:
    bestsellers(1)
    free, watched = people(2)
    withdraw([free.pk], Purpose.OPEN_TRACKING, source="test")
    withdraw([free.pk], Purpose.CLICK_TRACKING, source="test")
    _, counted = launched()
    send_due(counted.dispatch_id)
    mails = {one.recipient: html(one) for one in MailboxMessage.objects.all()}
    assert ("/t/o/" in mails[free.email], "/t/c/" in mails[free.email]) == (False, False)
    assert ("/t/o/" in mails[watched.email], "/t/c/" in mails[watched.email]) == (True, True)
    assert 'href="https://shop.example/"' in mails[free.email]


def html(mail: MailboxMessage) -> str:
    parts = message_from_bytes(bytes(mail.raw)).walk()
    return next(
        part.get_payload(decode=True).decode() for part in parts if part.get_content_type() == "text/html"
    )


def test_looking_at_the_preferences_changes_nothing(client: Client, message: Message) -> None:
    before = ConsentRecord.objects.count()
    assert b"I want to get offers" in client.get(preferences(message)).content
    assert ConsentRecord.objects.count() == before


def test_the_preference_page_stores_each_changed_answer_with_its_wording(
    client: Client, message: Message
) -> None:
    Score.objects.create(
        customer_id=message.customer_id,
        kind="engagement",
        value=1,
        percentile=1,
        model_version="1",
        computed_at=message.created_at,
    )
    client.post(preferences(message), {"marketing_email": "on", "click_tracking": "on"})
    records = ConsentRecord.objects.filter(source="preference page").order_by("purpose")
    assert [(one.purpose, one.is_granted, one.text.version, one.proof) for one in records] == [
        ("open_tracking", False, 1, f"message {message.pk}"),
        ("profiling", False, 1, f"message {message.pk}"),
    ]
    customer = Customer.objects.get()
    assert (customer.allows_profiling, customer.scores.count()) == (False, 0)


def test_a_token_for_clicking_opens_no_preferences(client: Client, message: Message) -> None:
    token = tokens.sign(tracking.PURPOSE_CLICK, message.pk)
    assert client.get(reverse("delivery:preferences", args=[token])).status_code == 404


def test_a_browsers_privacy_signal_stops_the_sale_of_data_and_is_logged_once(
    client: Client, message: Message
) -> None:
    for _ in range(2):
        open_it(client, message, HTTP_SEC_GPC="1")
    assert Customer.objects.get().do_not_sell is True
    assert PrivacyRequest.objects.values_list("kind", "state", "source").get() == (
        "do_not_sell",
        "done",
        "Global Privacy Control",
    )
    assert not Customer.objects.shareable().exists()


def test_without_the_signal_nothing_is_assumed(client: Client, message: Message) -> None:
    open_it(client, message)
    assert Customer.objects.get().do_not_sell is False


def test_a_mail_to_a_former_address_takes_back_and_allows_nothing_for_the_new_one(
    client: Client, message: Message
) -> None:
    change_address(message.customer_id, "new@example.com")
    grant([message.customer_id], Purpose.CLICK_TRACKING, source="test")
    withdraw([message.customer_id], Purpose.PROFILING, source="test")
    Customer.objects.update(do_not_sell=True)
    page = client.get(preferences(message)).content.decode()
    assert "Your address has changed" in page
    client.post(preferences(message), {"marketing_email": "on", "open_tracking": "on", "profiling": "on"})
    held = dict(Consent.objects.values_list("purpose", "is_granted"))
    assert held == {"click_tracking": False, "profiling": False}
    assert Customer.objects.get().do_not_sell


def test_a_mail_to_the_present_address_allows_what_it_went_to(client: Client, message: Message) -> None:
    withdraw([message.customer_id], source="test")
    client.post(preferences(message), {"marketing_email": "on"})
    assert Consent.objects.get(purpose=Purpose.MARKETING_EMAIL).is_granted
