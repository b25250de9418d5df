"""Double opt-in over HTTP: nothing counts before the owner of the address has confirmed it."""

import re
from datetime import timedelta
from email import message_from_bytes

import pytest
import time_machine
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from common import callers
from common.clock import now
from customers import consent, opt_in
from customers.erasure import erase
from customers.models import Consent, ConsentRecord, Customer, OptIn, Suppression
from delivery.letters import send_waiting
from delivery.models import MailboxMessage, Sender

pytestmark = pytest.mark.django_db
ANN = {"email": " Ann@Example.com ", "marketing_email": "on", "open_tracking": "on"}


@pytest.fixture(autouse=True)
def uncounted(db: None) -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def sender(db: None, settings: Settings, tmp_path: object) -> Sender:
    settings.ERASURES_FILE = f"{tmp_path}/erasures.jsonl"
    return Sender.objects.create(name="Shop", from_name="The Shop", from_email="news@shop.example")


def sign_up(client: Client, answers: dict[str, str] = ANN, **caller: str) -> HttpResponse:
    """Read the form, then send it; the worker sends the mail."""
    shown = re.search(r'name="shown" value="([^"]+)"', client.get("/sign-up/").content.decode()).group(1)
    answer = client.post("/sign-up/", {"shown": shown} | answers, **caller)
    send_waiting()
    return answer


def link() -> str:
    """The address in the newest mail."""
    mail = message_from_bytes(bytes(MailboxMessage.objects.latest("pk").raw))
    text = mail.get_payload(decode=True).decode()
    assert "I want to get offers" in text
    return re.search(r"https?://[^/]+(/confirm/\S+)", text).group(1)


def test_before_the_confirmation_nobody_is_a_customer(client: Client) -> None:
    assert b"Look into your mailbox" in sign_up(client).content
    assert (Customer.objects.count(), MailboxMessage.objects.get().recipient) == (0, "Ann@example.com")


def test_looking_at_the_link_changes_nothing_and_confirming_grants_what_was_ticked(client: Client) -> None:
    sign_up(client)
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
    sign_up(client)
    url = link()
    client.post(url)
    customer = Customer.objects.get()
    consent.withdraw([customer.pk], source="link")
    assert b"It is confirmed" in client.post(url).content
    assert not Consent.objects.get(purpose="marketing_email").is_granted
    assert OptIn.objects.get().email == ""


def test_after_seven_days_the_link_is_dead(client: Client) -> None:
    sign_up(client)
    url = link()
    with time_machine.travel(now() + timedelta(days=7, seconds=1)):
        assert client.post(url).status_code == 404
    assert Customer.objects.count() == 0


@pytest.mark.parametrize("token", ["", "x", "AQEBAQEBAQEBAQEBAQEBAQ"])
def test_a_token_that_is_not_ours_finds_nothing(client: Client, token: str) -> None:
    assert client.post(f"/confirm/{token}").status_code == 404


def test_asking_again_at_once_sends_no_second_mail_and_says_the_same(client: Client) -> None:
    answers = {re.search(rb"<h1.*</p>", sign_up(client).content, re.S).group() for _ in range(2)}
    assert (len(answers), MailboxMessage.objects.count()) == (1, 1)


def test_an_address_that_must_get_no_mail_gets_none_and_the_form_does_not_tell(client: Client) -> None:
    consent.suppress("Ann@example.com", Suppression.Reason.COMPLAINT)
    assert b"Look into your mailbox" in sign_up(client).content
    assert (MailboxMessage.objects.count(), OptIn.objects.count()) == (0, 0)


def test_a_flood_is_refused_whole(client: Client) -> None:
    text = consent.current_text("marketing_email").pk
    for number in range(opt_in.MOST_A_MINUTE):
        opt_in.ask(f"a{number}@example.com", texts={"marketing_email": text}, source="test")
    assert sign_up(client).status_code == 503
    assert (MailboxMessage.objects.count(), OptIn.objects.count()) == (0, opt_in.MOST_A_MINUTE)


def test_without_a_sender_the_request_is_taken_back(client: Client, sender: Sender) -> None:
    sender.delete()
    assert sign_up(client).status_code == 503
    assert OptIn.objects.count() == 0


@pytest.mark.parametrize("change", [{"email": "ann"}, {"email": "a\0@b.example"}, {"marketing_email": ""}])
def test_what_is_no_address_or_no_consent_is_refused(client: Client, change: dict[str, str]) -> None:
    assert sign_up(client, ANN | change).status_code == 400
    assert (MailboxMessage.objects.count(), OptIn.objects.count()) == (0, 0)


def test_the_owner_lifts_a_stop_of_marketing_and_an_erasure(client: Client) -> None:
    consent.suppress("Ann@example.com", Suppression.Reason.MANUAL, scope=Suppression.Scope.MARKETING)
    erase(Customer.objects.create(email="Ann@example.com").pk, by=None, reason="asked")
    sign_up(client)
    client.post(link())
    assert not consent.is_suppressed("Ann@example.com")
    assert Customer.objects.consenting().get().email == "Ann@example.com"


def test_what_is_agreed_to_is_what_was_shown_whatever_is_published_meanwhile(client: Client) -> None:
    page = client.get("/sign-up/").content.decode()
    shown = re.search(r'name="shown" value="([^"]+)"', page).group(1)
    consent.publish_text("marketing_email", "I want to get everything.")
    client.post("/sign-up/", ANN | {"shown": shown})
    send_waiting()
    client.post(link())
    assert ConsentRecord.objects.get(purpose="marketing_email").text.version == 1


@pytest.mark.parametrize("token", ["", "eyJtYXJrZXRpbmdfZW1haWwiOjF9:1:forged"])
def test_a_form_that_is_not_ours_agrees_to_nothing_and_is_shown_again(client: Client, token: str) -> None:
    answer = sign_up(client, ANN | {"shown": token})
    assert answer.status_code == 400
    assert OptIn.objects.count() == 0
    shown = re.search(r'name="shown" value="([^"]+)"', answer.content.decode()).group(1)
    assert sign_up(client, ANN | {"shown": shown}).status_code == 200


def test_a_form_that_lay_open_for_a_day_is_shown_again(client: Client) -> None:
    page = client.get("/sign-up/").content.decode()
    shown = re.search(r'name="shown" value="([^"]+)"', page).group(1)
    with time_machine.travel(now() + timedelta(days=1, seconds=2)):
        assert client.post("/sign-up/", ANN | {"shown": shown}).status_code == 400


def test_one_address_may_sign_up_ten_people_an_hour(client: Client) -> None:
    with time_machine.travel(now().replace(minute=10)):
        for number in range(10):
            assert sign_up(client, ANN | {"email": f"a{number}@example.com"}).status_code == 200
        assert sign_up(client).status_code == 429
        assert sign_up(client, REMOTE_ADDR="192.0.2.77").status_code == 200
    assert OptIn.objects.count() == 11


def test_one_network_may_sign_up_fifty_people_an_hour(client: Client, settings: Settings) -> None:
    with time_machine.travel(now().replace(minute=10)):
        for number in range(50):
            caller = {"REMOTE_ADDR": f"192.0.2.{number}"}
            client.post("/sign-up/", {"email": "nonsense"}, **caller)
        assert sign_up(client, REMOTE_ADDR="192.0.2.99").status_code == 429
        assert sign_up(client, REMOTE_ADDR="192.0.3.1").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "", "192.0.2.1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "nonsense", "nonsense"),
    ],
    ids=["nobody-is-believed", "one-proxy", "made-up", "two-proxies", "no-header", "mapped", "no-address"],
)
def test_the_caller_is_who_our_own_proxies_saw(
    rf: RequestFactory, settings: Settings, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert callers.caller_address(request) == expected


def test_callers_with_old_addresses_do_not_share_one_network(rf: RequestFactory, settings: Settings) -> None:
    def may_call(address: str) -> bool:
        return callers.is_within(rf.get("/", REMOTE_ADDR=address), "test", by_address=9, by_network=1)

    settings.TRUSTED_PROXIES = 0
    said = [may_call(f"::ffff:{one}") for one in ("192.0.2.1", "198.51.100.1", "192.0.2.2")]
    assert said == [True, True, False]
