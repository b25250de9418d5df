"""The pages of senders, and that their secrets stay secret."""

import json

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Role, User
from common.clock import now
from common.sealed import Unreadable, seal, unseal
from delivery.answers import InDoubt, Unavailable
from delivery.backends import WAYS, backend_of, in_doubt_of_senders
from delivery.backends.base import Outgoing
from delivery.letters import send_waiting
from delivery.models import Letter, MailboxMessage, Sender, SenderCheck
from delivery.sender_forms import SenderForm

pytestmark = pytest.mark.django_db
COMMON = {
    "name": "News",
    "from_name": "The Shop",
    "from_email": "News@Shop.Example",
    "rate_per_second": "20",
    "dkim_selector": "",
}
POSTMARK = COMMON | {"option_server_token": "s3cr3t-token", "option_message_stream": "broadcast"}
SMTP = COMMON | {
    "address": "smtp.shop.example:587",
    "option_security": "starttls",
    "option_username": "ann",
    "option_password": "pa55 wörd",
    "option_envelope_from": "",
    "option_connections": "2",
}


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada@example.com", role=Role.ADMIN)


@pytest.fixture
def admin(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def test_every_way_that_a_sender_may_have_can_be_filled_in() -> None:
    assert set(WAYS) == set(Sender.Backend.values)
    for way in WAYS:
        SenderForm(sender=Sender(), way=way).as_p()


def test_a_secret_is_stored_encrypted_and_never_shown(admin: Client) -> None:
    answer = admin.post("/senders/new/postmark/", POSTMARK, follow=True)
    sender = Sender.objects.get()
    assert (sender.from_email, sender.backend, sender.options) == (
        "News@shop.example",
        "postmark",
        {"message_stream": "broadcast"},
    )
    assert sender.secrets() == {"server_token": "s3cr3t-token"}
    assert "s3cr3t-token" not in json.dumps(list(Sender.objects.values()), default=str)
    for address in (f"/senders/{sender.pk}/", f"/senders/{sender.pk}/edit/", "/senders/"):
        assert b"s3cr3t-token" not in admin.get(address).content
    assert b"Send yourself a test" in answer.content


def test_an_empty_secret_keeps_the_stored_one_and_another_way_forgets_it(admin: Client) -> None:
    admin.post("/senders/new/postmark/", POSTMARK)
    sender = Sender.objects.get()
    admin.post(f"/senders/{sender.pk}/edit/", POSTMARK | {"option_server_token": "", "name": "Renamed"})
    sender.refresh_from_db()
    assert (sender.name, sender.secrets()) == ("Renamed", {"server_token": "s3cr3t-token"})
    assert admin.post(f"/senders/{sender.pk}/edit/?way=resend", COMMON).status_code == 400
    admin.post(f"/senders/{sender.pk}/edit/?way=resend", COMMON | {"option_api_key": "re_1"})
    sender.refresh_from_db()
    assert (sender.backend, sender.options, sender.secrets()) == ("resend", {}, {"api_key": "re_1"})
    assert in_doubt_of_senders() == {sender.pk: InDoubt.REPEAT}


def test_a_mail_server_is_what_was_filled_in(admin: Client) -> None:
    admin.post("/senders/new/smtp/", SMTP)
    backend = backend_of(Sender.objects.get())
    assert (backend.server.host, backend.server.port, backend.server.security) == (
        "smtp.shop.example",
        587,
        "starttls",
    )
    assert (backend.server.password, backend.envelope_from, backend.connections) == (
        "pa55 wörd",
        "News@shop.example",
        2,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"address": "smtp.shop.example"},
        {"address": "smtp.shop.example:99999"},
        {"address": "a b:25"},
        {"address": "x\r\nQUIT:25"},
        {"option_security": "none"},
        {"option_security": "maybe"},
        {"option_envelope_from": "nobody"},
        {"from_email": "nobody"},
        {"from_name": "The\u2028Shop"},
        {"rate_per_second": "0"},
        {"dkim_selector": "a b"},
    ],
)
def test_what_cannot_work_is_refused_in_its_place(admin: Client, change: dict[str, str]) -> None:
    answer = admin.post("/senders/new/smtp/", SMTP | change)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == list(change)
    assert Sender.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "Renamed"}, 302),
        ({"address": "smtp.evil.example:587"}, 400),
        ({"option_username": "eve"}, 400),
        ({"address": "smtp.evil.example:587", "option_password": "new"}, 302),
    ],
)
def test_a_stored_secret_goes_nowhere_else(admin: Client, change: dict[str, str], status: int) -> None:
    admin.post("/senders/new/smtp/", SMTP)
    sender = Sender.objects.get()
    answer = admin.post(f"/senders/{sender.pk}/edit/", SMTP | {"option_password": ""} | change)
    assert answer.status_code == status
    if status == 400:
        assert list(answer.context["form"].errors) == ["option_password"]
    sender.refresh_from_db()
    assert sender.secrets()["password"] == change.get("option_password", "pa55 wörd")


def test_a_server_that_asks_for_no_password_any_more_is_told_none(admin: Client) -> None:
    admin.post("/senders/new/smtp/", SMTP)
    sender = Sender.objects.get()
    nobody = {"option_username": "", "option_password": ""}
    assert admin.post(f"/senders/{sender.pk}/edit/", SMTP | nobody).status_code == 302
    sender.refresh_from_db()
    assert sender.secrets() == {}


@pytest.mark.parametrize(
    ("address", "secret", "wrong"),
    [
        ("http://mail.example/messages", "s3cret", ["address"]),
        ("HTTP://mail.example/messages", "s3cret", ["address"]),
        ("http://mail.example/messages", "", []),
        ("https://mail.example/messages", "s3cret", []),
        ("http://127.0.0.1:9/messages", "s3cret", []),
        ("http://10.1.2.3/messages", "s3cret", []),
        ("https://mail.example/messages", "s3crét", ["option_secret"]),
        ("https://mail.example/messages", "s3\ncret", ["option_secret"]),
    ],
)
def test_a_secret_travels_sealed_and_in_ascii(
    admin: Client, settings: Settings, address: str, secret: str, wrong: list[str]
) -> None:
    settings.OUTBOUND_ALLOWED = ["127.0.0.1", "10.0.0.0/8"]
    typed = COMMON | {"address": address, "option_secret": secret, "option_in_doubt": "leave"}
    answer = admin.post("/senders/new/gateway/", typed)
    assert answer.status_code == (400 if wrong else 302)
    assert (list(answer.context["form"].errors) if wrong else []) == wrong


@pytest.mark.parametrize("role", [Role.MARKETER, Role.APPROVER, Role.ANALYST])
def test_only_administrators_set_senders_up(client: Client, sender: Sender, role: Role) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=role))
    for address in ("/senders/new/", "/senders/new/smtp/", f"/senders/{sender.pk}/edit/"):
        assert client.get(address).status_code == 403
    assert client.get(f"/senders/{sender.pk}/").status_code == 200
    assert client.post(f"/senders/{sender.pk}/test/").status_code == (403 if role == Role.ANALYST else 302)


def test_a_test_mail_reaches_who_asked_and_the_page_says_so(admin: Client, sender: Sender, ada: User) -> None:
    admin.post(f"/senders/{sender.pk}/test/")
    page = f"/senders/{sender.pk}/"
    assert b"every 2s" in admin.get(page, headers={"HX-Request": "true"}).content
    assert (MailboxMessage.objects.count(), send_waiting(seconds=0)) == (0, 0)
    assert (send_waiting(), send_waiting()) == (1, 0)
    assert MailboxMessage.objects.get().recipient == ada.email
    shown = admin.get(page, headers={"HX-Request": "true"}).content
    assert b"has taken it" in shown and b"every 2s" not in shown
    assert Letter.objects.get().state == Letter.State.SENT


def test_the_list_needs_the_same_queries_however_long_it_is(
    admin: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        one = Sender.objects.create(name=f"S{number}", from_name="Shop", from_email="news@shop.example")
        SenderCheck.objects.create(sender=one, finished_at=now())
    with django_assert_max_num_queries(6):
        assert admin.get("/senders/").content.count(b"looked up") == 20


def test_an_empty_list_says_what_to_do(admin: Client) -> None:
    assert b"No senders yet" in admin.get("/senders/").content


def test_what_was_sealed_opens_with_an_older_key_and_not_with_another(settings: Settings) -> None:
    sealed = seal("pa55 wörd")
    older, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 60
    with pytest.raises(Unreadable):
        unseal(sealed)
    settings.SECRET_KEY_FALLBACKS = [older]
    assert unseal(sealed) == "pa55 wörd"


def test_nothing_leaves_by_a_way_whose_secrets_cannot_be_read(settings: Settings, sender: Sender) -> None:
    sender.backend = Sender.Backend.RESEND
    sender.set_secrets({"api_key": "re_1"})
    sender.save()
    settings.SECRET_KEY = "n" * 60
    mail = Outgoing(key="regards-1", recipient="c@example.com", subject="", raw=b"")
    with pytest.raises(Unavailable, match="Type them in again"):
        list(backend_of(sender).send([mail], deadline=1e12))
    assert in_doubt_of_senders() == {sender.pk: InDoubt.REPEAT}
