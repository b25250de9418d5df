"""Double opt-in over HTTP: nothing counts before the owner of the address has confirmed it."""

import re
from datetime import timedelta
from email import message_from_bytes

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from common.clock import now
from customers import consent, opt_in
from customers.erasure import erase
from customers.models import Consent, ConsentRecord, Customer, OptIn, Suppression
from delivery.models import MailboxMessage, Sender

pytestmark = pytest.mark.django_db
ANN = {"email": " Ann@Example.com ", "marketing_email": "on", "open_tracking": "on"}


@pytest.fixture(autouse=True)
def sender(db: None, settings: Settings, tmp_path: object) -> Sender:
    settings.ERASURES_FILE = f"{tmp_path}/erasures.jsonl"
    return Sender.objects.create(name="Shop", from_name="The Shop", from_email="news@shop.example")


def link() -> str:
    """The address in the newest mail."""
    mail = message_from_bytes(bytes(MailboxMessage.objects.latest("pk").raw))
    text = mail.get_payload(decode=True).decode()
    assert "I want to get offers" in text
    return re.search(r"https?://[^/]+(/confirm/\S+)", text).group(1)


def test_before_the_confirmation_nobody_is_a_customer(client: Client) -> None:
    assert b"Look into your mailbox" in client.post("/sign-up/", ANN).content
    assert (Customer.objects.count(), MailboxMessage.objects.get().recipient) == (0, "Ann@example.com")


def test_looking_at_the_link_changes_nothing_and_confirming_grants_what_was_ticked(client: Client) -> None:
    client.post("/sign-up/", ANN)
    url = link()
    assert b"Ann@example.com" in client.get(url).content
    assert Customer.objects.count() == 0
    assert b"It is confirmed" in client.post(url).content
    records = ConsentRecord.objects.order_by("purpose")
    assert [(one.purpose, one.is_granted, one.text.version) for one in records] == [
        ("marketing_email", True, 1),
        ("open_tracking", True, 1),
    ]
    assert records[0].proof.startswith(f"double opt-in {OptIn.objects.get().pk}: asked ")
    assert Customer.objects.consenting().get().email == "Ann@example.com"


def test_a_second_confirmation_changes_nothing(client: Client) -> None:
    client.post("/sign-up/", ANN)
    url = link()
    client.post(url)
    customer = Customer.objects.get()
    consent.withdraw([customer.pk], source="link")
    assert b"It is confirmed" in client.post(url).content
    assert not Consent.objects.get(purpose="marketing_email").is_granted
    assert OptIn.objects.get().email == ""


def test_after_seven_days_the_link_is_dead(client: Client) -> None:
    client.post("/sign-up/", ANN)
    url = link()
    with time_machine.travel(now() + timedelta(days=7, seconds=1)):
        assert client.post(url).status_code == 404
    assert Customer.objects.count() == 0


@pytest.mark.parametrize("token", ["", "x", "AQEBAQEBAQEBAQEBAQEBAQ"])
def test_a_token_that_is_not_ours_finds_nothing(client: Client, token: str) -> None:
    assert client.post(f"/confirm/{token}").status_code == 404


def test_asking_again_at_once_sends_no_second_mail_and_says_the_same(client: Client) -> None:
    answers = {
        re.search(rb"<h1.*</p>", client.post("/sign-up/", ANN).content, re.S).group() for _ in range(2)
    }
    assert (len(answers), MailboxMessage.objects.count()) == (1, 1)


def test_an_address_that_must_get_no_mail_gets_none_and_the_form_does_not_tell(client: Client) -> None:
    consent.suppress("Ann@example.com", Suppression.Reason.COMPLAINT)
    assert b"Look into your mailbox" in client.post("/sign-up/", ANN).content
    assert (MailboxMessage.objects.count(), OptIn.objects.count()) == (0, 0)


def test_a_flood_is_refused_whole(client: Client) -> None:
    for number in range(opt_in.MOST_A_MINUTE):
        opt_in.ask(f"a{number}@example.com", purposes=["marketing_email"], source="test")
    assert client.post("/sign-up/", ANN).status_code == 503
    assert (MailboxMessage.objects.count(), OptIn.objects.count()) == (0, opt_in.MOST_A_MINUTE)


def test_without_a_sender_the_request_is_taken_back(client: Client, sender: Sender) -> None:
    sender.delete()
    assert client.post("/sign-up/", ANN).status_code == 503
    assert OptIn.objects.count() == 0


@pytest.mark.parametrize("change", [{"email": "ann"}, {"email": "a\0@b.example"}, {"marketing_email": ""}])
def test_what_is_no_address_or_no_consent_is_refused(client: Client, change: dict[str, str]) -> None:
    assert client.post("/sign-up/", ANN | change).status_code == 400
    assert (MailboxMessage.objects.count(), OptIn.objects.count()) == (0, 0)


def test_the_owner_lifts_a_stop_of_marketing_and_an_erasure(client: Client) -> None:
    consent.suppress("Ann@example.com", Suppression.Reason.MANUAL, scope=Suppression.Scope.MARKETING)
    erase(Customer.objects.create(email="Ann@example.com").pk, by=None, reason="asked")
    client.post("/sign-up/", ANN)
    client.post(link())
    assert not consent.is_suppressed("Ann@example.com")
    assert Customer.objects.consenting().get().email == "Ann@example.com"
