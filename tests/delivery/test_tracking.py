"""What comes back from a mail, over HTTP."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from common import tokens
from customers.models import Consent, Touched
from delivery import tracking
from delivery.models import Message, MessageEvent

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]
PERSON = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


@pytest.fixture
def message(queue: Queue) -> Message:
    (message,) = queue(1)
    Message.objects.filter(pk=message.pk).update(
        links=["https://shop.example/tent"], recipient="c0@example.com"
    )
    message.refresh_from_db()
    return message


def click_url(message: Message, index: int = 0) -> str:
    return reverse("delivery:clicked", args=[tokens.sign(tracking.PURPOSE_CLICK, message.pk), index])


def test_a_click_leads_where_the_mail_led_and_is_noted(client: Client, message: Message) -> None:
    response = client.get(click_url(message), **PERSON)
    assert (response.status_code, response["Location"]) == (302, "https://shop.example/tent")
    event = MessageEvent.objects.get()
    assert (event.kind, event.link_index, event.is_machine) == ("clicked", 0, False)


def test_a_link_that_the_mail_did_not_have_is_refused(client: Client, message: Message) -> None:
    assert client.get(click_url(message, 1), **PERSON).status_code == 404
    assert MessageEvent.objects.count() == 0


def test_an_open_token_cannot_click(client: Client, message: Message) -> None:
    token = tokens.sign(tracking.PURPOSE_OPEN, message.pk)
    assert client.get(reverse("delivery:clicked", args=[token, 0])).status_code == 404


def test_the_pixel_is_a_picture_and_notes_an_opening(client: Client, message: Message) -> None:
    token = tokens.sign(tracking.PURPOSE_OPEN, message.pk)
    response = client.get(reverse("delivery:opened", args=[token]), **PERSON)
    assert (response["Content-Type"], response.content[:6]) == ("image/gif", b"GIF89a")
    assert MessageEvent.objects.get().is_machine is False


@pytest.mark.parametrize(
    ("user_agent", "verdict"),
    [
        ("Mozilla/5.0", "mail privacy prefetch"),
        ("", "no user agent"),
        ("Barracuda Sentinel", "user agent of a program"),
        ("python-requests/2", "user agent of a program"),
    ],
)
def test_machines_are_told_apart(client: Client, message: Message, user_agent: str, verdict: str) -> None:
    client.get(click_url(message), HTTP_USER_AGENT=user_agent)
    assert MessageEvent.objects.values_list("is_machine", "verdict").get() == (True, verdict)


def test_looking_at_the_unsubscribe_page_changes_nothing(client: Client, message: Message) -> None:
    token = tokens.sign(tracking.PURPOSE_UNSUBSCRIBE, message.pk)
    response = client.get(reverse("delivery:unsubscribe", args=[token]))
    assert b"c0@example.com" in response.content
    assert Consent.objects.get().is_granted is True


def test_one_click_unsubscribes_without_a_cookie(message: Message) -> None:
    client = Client(enforce_csrf_checks=True)
    url = reverse("delivery:unsubscribe", args=[tokens.sign(tracking.PURPOSE_UNSUBSCRIBE, message.pk)])
    assert client.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert client.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert client.post(url).status_code == 200
    assert Consent.objects.values_list("is_granted", "source").get() == (False, "one-click unsubscribe")
    assert MessageEvent.objects.filter(kind="unsubscribed").count() == 1


def test_who_unsubscribes_is_news_to_the_segments(client: Client, message: Message) -> None:
    Touched.objects.all().delete()
    client.post(reverse("delivery:unsubscribe", args=[tokens.sign(tracking.PURPOSE_UNSUBSCRIBE, message.pk)]))
    assert Touched.objects.values_list("consumer", "customer_id").get() == ("segments", message.customer_id)
