"""Mails as they leave, read by a parser that is neither ours nor Python's, and all their links followed over HTTP."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fast_mail_parser import PyMail, parse_email
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from campaigns.sending import send_due
from common.clock import now
from customers.models import Customer
from delivery.models import MailboxMessage, Message, Sender
from tests.campaigns.making import bestsellers, launched, people

BODY = (
    '<mj-text>Hello {{ customer.first_name | default: "you" }}, <a href="https://shop.example/sale?a=1&amp;b=ü">the'
    " sale</a> {{ customer.last_name }}</mj-text>"
    '{% recommendations k: 3 %}<mj-image src="{{ product.image_url }}" alt="{{ product.name }}" '
    'href="{{ product.url }}" />{% endrecommendations %}'
)
FIRST_NAMES = ("Ada", "Žofie", "名前", 'O\'Neil "Q" <b>', "=?utf-8?q?x?=", ".", "From me", "𝔘nicode", "")
LAST_NAMES = ("Byron", "x" * 100, "\t.\r\n.\r\n", "Müller-Lüdenscheidt")
_ADDRESS = re.compile(r'(?:href|src)="([^"]+)"')


@pytest.fixture
def mails(
    request: pytest.FixtureRequest, transactional_db: None, live_server: LiveServer, settings: Settings
) -> Any:
    """So many mails to people with all kinds of names, through the outbox into the mailbox."""
    settings.BASE_URL = live_server.url
    settings.UNSUBSCRIBE_MAILBOX = "unsubscribe@mail.example"
    bestsellers(6)
    readers = people(request.param)
    for number, reader in enumerate(readers):
        reader.first_name = FIRST_NAMES[number % len(FIRST_NAMES)][:100]
        reader.last_name = LAST_NAMES[number % len(LAST_NAMES)][:100]
    Customer.objects.bulk_update(readers, ["first_name", "last_name"])
    _, counted = launched(body=BODY, baseline=BODY)
    Sender.objects.update(from_name="Løvely “Shop”, Ltd.")
    send_due(counted.dispatch_id)
    stored = list(MailboxMessage.objects.order_by("pk"))
    assert len(stored) == request.param
    return stored


def header(mail: PyMail, name: str) -> str:
    (value,) = mail.headers[name]
    return value


def check_head(mail: PyMail, message: Message, base_url: str) -> None:
    by_link, by_mail = header(mail, "List-Unsubscribe").split(", ")
    assert re.fullmatch(rf"<{re.escape(base_url)}/u/[\w-]+>", by_link)
    assert re.fullmatch(r"<mailto:unsubscribe\+[a-z2-7]+@mail\.example\?subject=unsubscribe>", by_mail)
    assert header(mail, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<[\w.-]+\.[\w.-]+>", header(mail, "List-Id"))
    assert header(mail, "Feedback-ID").count(":") == 3
    assert header(mail, "Message-ID") == f"<{message.pk}.regards@shop.example>"
    assert abs(mail.date_parsed - now()) < timedelta(hours=1)
    assert header(mail, "To") == message.recipient
    assert mail.subject == message.subject == "News"
    assert mail.from_.display_name == "Løvely “Shop”, Ltd."


def check_body(mail: PyMail, raw: bytes) -> list[str]:
    """Both parts are there and whole; the links of both."""
    (plain,), (rich,) = mail.text_plain, mail.text_html
    assert mail.warnings == []
    assert plain.startswith("Hello ")
    assert rich.rstrip().endswith("</html>")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    return [html.unescape(one) for one in _ADDRESS.findall(rich)] + re.findall(r"https?://[^\s)>\]]+", plain)


def check_link(browser: httpx.Client, url: str) -> str:
    """What a link of ours leads to; our own pages and pictures answer."""
    answer = browser.get(url)
    if "/t/c/" in url and answer.status_code == httpx.codes.FOUND:
        return answer.headers["Location"]
    assert answer.status_code == httpx.codes.OK, url
    return ""


@pytest.mark.parametrize("mails", [40, pytest.param(1_000, marks=pytest.mark.long)], indirect=True)
def test_an_independent_parser_reads_every_mail_and_every_link_leads_somewhere(
    mails: list[MailboxMessage], live_server: LiveServer
) -> None:
    sent = {f"regards-{one.pk}": one for one in Message.objects.all()}
    leads: set[str] = set()
    with httpx.Client(headers={"User-Agent": "Mozilla/5.0 (X11) Firefox/140.0"}, timeout=60) as browser:
        for stored in mails:
            raw = bytes(stored.raw)
            mail = parse_email(raw)
            check_head(mail, sent[stored.key], live_server.url)
            links = {*check_body(mail, raw), header(mail, "List-Unsubscribe").split(">")[0].strip("<")}
            ours = {url for url in links if url.startswith(live_server.url) and "/media/" not in url}
            assert {urlsplit(url).path[:3] for url in ours} == {"/t/", "/u/"}
            assert {url for url in links - ours if "/media/" not in url} == set()
            leads |= {check_link(browser, url) for url in ours}
    assert "https://shop.example/sale?a=1&b=%C3%BC" in leads
    assert {f"https://shop.example/p{number}" for number in range(3)} <= leads
