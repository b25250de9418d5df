"""Who sends a mail to the address in List-Unsubscribe is unsubscribed, and nobody else."""

import base64
import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import Any

import pytest
from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, inbound
from django.core.exceptions import SuspiciousOperation
from django.test import RequestFactory
from pytest_django import Settings

from campaigns.sending import send_due
from common import tokens
from customers.models import Consent
from delivery import tracking
from delivery.models import MailboxMessage, Message, MessageEvent
from delivery.unsubscribe_mail import (
    PURPOSE,
    MailboxUnreadable,
    address_for,
    read_mailbox,
    unsubscribe_by,
)
from delivery.webhook_urls import INBOUND, view_of
from tests.campaigns.making import bestsellers, launched, people

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]
MAILBOX = "unsubscribe@mail.example"


def consenting() -> list[int]:
    return list(
        Consent.objects.filter(is_granted=True).order_by("customer").values_list("customer", flat=True)
    )


def received(recipient: str, *, to: str = "somebody@shop.example") -> None:
    """A provider's inbound webhook was called and verified."""
    mail = AnymailInboundMessage.construct(from_email="a@example.com", to=to, subject="unsubscribe", text="")
    mail.envelope_recipient = recipient
    event = AnymailInboundEvent(event_type="inbound", message=mail)
    inbound.send(sender=None, event=event, esp_name="Mailgun")


def test_a_mail_to_the_address_unsubscribes_who_got_the_message(queue: Queue) -> None:
    first, second = queue(2)
    received(address_for(first.pk, mailbox=MAILBOX))
    assert consenting() == [second.customer_id]
    record = Consent.objects.get(customer=first.customer_id)
    assert (record.source, record.proof) == ("unsubscribe mail", f"message {first.pk}")
    assert MessageEvent.objects.filter(kind="unsubscribed", message=first).count() == 1


def test_the_address_may_stand_in_the_head_and_in_capitals(queue: Queue) -> None:
    (message,) = queue(1)
    received("inbox@mail.example", to=f"Shop <{address_for(message.pk, mailbox=MAILBOX).upper()}>")
    assert consenting() == []


@pytest.mark.parametrize("position", range(0, 30, 3))
def test_an_address_that_was_tampered_with_unsubscribes_nobody(queue: Queue, position: int) -> None:
    (message,) = queue(1)
    local, domain = address_for(message.pk, mailbox=MAILBOX).split("@")
    head, token = local.split("+")
    place = position % (len(token) - 1)
    other = "a" if token[place] != "a" else "b"
    assert unsubscribe_by([f"{head}+{token[:place]}{other}{token[place + 1 :]}@{domain}"]) == 0
    assert consenting() == [message.customer_id]


@pytest.mark.parametrize(
    "purpose", [tracking.PURPOSE_CLICK, tracking.PURPOSE_OPEN, tracking.PURPOSE_UNSUBSCRIBE]
)
def test_a_token_made_for_something_else_unsubscribes_nobody_by_mail(queue: Queue, purpose: str) -> None:
    (message,) = queue(1)
    token = tokens.caseless(tokens.sign(purpose, message.pk))
    assert unsubscribe_by([f"unsubscribe+{token}@mail.example"]) == 0
    assert consenting() == [message.customer_id]


def test_any_other_mail_is_left_alone(queue: Queue) -> None:
    (message,) = queue(1)
    received("info@shop.example", to="sales+2024@shop.example")
    assert consenting() == [message.customer_id]


def test_a_spelling_without_case_is_the_same_token() -> None:
    token = tokens.sign(PURPOSE, 123_456_789)
    assert re.fullmatch(r"[a-z2-7]+", tokens.caseless(token))
    assert tokens.read(PURPOSE, tokens.from_caseless(tokens.caseless(token))) == 123_456_789
    with pytest.raises(tokens.BadToken):
        tokens.from_caseless("a")


def test_a_mail_offers_both_ways_where_there_is_a_mailbox(settings: Settings) -> None:
    settings.UNSUBSCRIBE_MAILBOX = MAILBOX
    bestsellers(1)
    (reader,) = people(1)
    _, counted = launched()
    send_due(counted.dispatch_id)
    mail = message_from_bytes(bytes(MailboxMessage.objects.get().raw))
    header = re.sub(r"\r?\n ", " ", mail["List-Unsubscribe"])
    assert re.fullmatch(
        r"<http://\S+/u/\S+>, <mailto:unsubscribe\+\S+@mail\.example\?subject=unsubscribe>", header
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert unsubscribe_by([header]) == 1
    assert reader.pk not in consenting()


class Imap(socketserver.StreamRequestHandler):
    """As much of IMAP as reading unread mails takes; the mails are the server's."""

    server: Any

    def handle(self) -> None:
        self.say("* OK ready")
        for line in self.rfile:
            tag, command, *words = line.decode().split()
            if command == "UID":
                command = words.pop(0)
            self.server.heard.append(" ".join([command, *words]))
            if not self.answer(command, words):
                self.say(f"{tag} NO not here")
                continue
            self.say(f"{tag} OK done")
            if command == "LOGOUT":
                return

    def answer(self, command: str, words: list[str]) -> bool:
        if command == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1")
        elif command == "LOGIN":
            return words == ["robot", '"pass word"'] or words[1:] == ['"pass', 'word"']
        elif command == "SEARCH":
            unread = [str(n) for n in self.server.mails if n not in self.server.seen]
            self.say(f"* SEARCH {' '.join(unread)}")
        elif command == "FETCH":
            head = self.server.mails[int(words[0])]
            self.say(f"* 1 FETCH (UID {words[0]} BODY[HEADER] {{{len(head)}}}")
            self.wfile.write(head)
            self.say(")")
        elif command == "STORE":
            self.server.seen.add(int(words[0]))
            return not self.server.is_read_only
        return True

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@pytest.fixture
def imap(settings: Settings) -> Iterator[Any]:
    class Server(socketserver.ThreadingTCPServer):
        mails: dict[int, bytes] = {}
        seen: set[int] = set()
        heard: list[str] = []
        is_read_only = False

    with Server(("127.0.0.1", 0), Imap) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.UNSUBSCRIBE_IMAP_URL = f"imap://robot:pass%20word@127.0.0.1:{server.server_address[1]}/INBOX"
        yield server
        server.shutdown()


def test_the_unread_mails_of_a_mailbox_are_heeded_once(queue: Queue, imap: Any) -> None:
    first, second, third = queue(3)
    imap.mails |= {
        7: f"To: {address_for(first.pk, mailbox=MAILBOX)}\r\n\r\n".encode(),
        8: b"To: info@shop.example\r\nSubject: hello\r\n\r\n",
        9: f"To: list@x.example\r\nDelivered-To: {address_for(second.pk, mailbox=MAILBOX)}\r\n\r\n".encode(),
    }
    assert read_mailbox() == 2
    assert consenting() == [third.customer_id]
    assert imap.seen == {7, 8, 9}
    assert read_mailbox() == 0


@pytest.mark.parametrize(
    "bad", [b"=?utf-8?q?a=0Ab?= <x@y.example>", b"<@", b"a@[", b"=?x?q?=?=", b"\xff\xfe <a@\xff>"]
)
def test_a_malformed_mail_keeps_no_other_from_unsubscribing(queue: Queue, imap: Any, bad: bytes) -> None:
    (message,) = queue(1)
    imap.mails |= {
        1: b"To: " + bad + b"\r\n\r\n",
        2: f"To: {address_for(message.pk, mailbox=MAILBOX)}\r\n\r\n".encode(),
    }
    assert read_mailbox() == 1
    assert (consenting(), imap.seen) == ([], {1, 2})


def test_a_mailbox_that_cannot_be_marked_as_read_is_said(imap: Any) -> None:
    imap.mails, imap.is_read_only = {1: b"To: info@shop.example\r\n\r\n"}, True
    with pytest.raises(MailboxUnreadable, match="marked as read"):
        read_mailbox()


def test_a_mailbox_that_lets_nobody_in_is_said(imap: Any, settings: Settings) -> None:
    settings.UNSUBSCRIBE_IMAP_URL = settings.UNSUBSCRIBE_IMAP_URL.replace("pass%20word", "wrong")
    with pytest.raises(MailboxUnreadable, match="cannot be read"):
        read_mailbox()


def test_a_mailbox_that_is_not_there_is_said(settings: Settings) -> None:
    settings.UNSUBSCRIBE_IMAP_URL = "imap://robot:secret@127.0.0.1:1/"
    with pytest.raises(MailboxUnreadable) as raised:
        read_mailbox()
    assert "secret" not in str(raised.value)


def test_without_a_mailbox_nothing_is_read(settings: Settings) -> None:
    settings.UNSUBSCRIBE_IMAP_URL = ""
    assert read_mailbox() == 0


@pytest.mark.parametrize(("password", "status", "left"), [("long-password", 200, 0), ("guessed", 400, 1)])
def test_postmark_hands_mail_over_with_the_agreed_password_only(
    queue: Queue, password: str, status: int, left: int
) -> None:
    (message,) = queue(1)
    address = address_for(message.pk, mailbox=MAILBOX)
    report = {
        "From": "a@example.com",
        "FromFull": {"Email": "a@example.com", "Name": ""},
        "To": address,
        "ToFull": [{"Email": address, "Name": ""}],
        "OriginalRecipient": address,
        "Subject": "unsubscribe",
        "TextBody": "",
        "Headers": [],
        "Attachments": [],
        "MessageID": "1",
    }
    (postmark,) = (provider for provider in INBOUND if provider.name == "postmark")
    authorization = "Basic " + base64.b64encode(f"shop:{password}".encode()).decode()
    request = RequestFactory().post(
        "/", json.dumps(report), content_type="application/json", headers={"Authorization": authorization}
    )
    view = view_of(postmark, "shop:long-password")
    if status == 400:
        with pytest.raises(SuspiciousOperation):
            view(request)
    else:
        assert view(request).status_code == status
    assert len(consenting()) == left
