"""The hand-made message is what Python's e-mail package reads, and says the same as EmailMessage."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.mime import (
    Mailbox,
    RefusedHeader,
    build,
    format_mailbox,
    header,
    list_headers,
    message_id_for,
    quoted_printable,
)

DATE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
BODY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"))


def made(**changes):
    arguments = {
        "sender": Mailbox("news@shop.example", "Northwind Outdoor"),
        "recipient": Mailbox("ann@example.com", "Ann Lee"),
        "subject": "New boots",
        "html": "<p>Hello Ann</p>\n",
        "text": "Hello Ann\n",
        "message_id": message_id_for(7, domain="shop.example"),
        "headers": {},
        "date": DATE,
    }
    return build(**(arguments | changes))


def parsed(**changes):
    return email.message_from_bytes(made(**changes), policy=email.policy.default)


def test_it_reads_back_with_all_its_headers():
    message = parsed(subject="Größe 42 – now 20 % off")
    assert message.defects == []
    assert message["Subject"] == "Größe 42 – now 20 % off"
    assert str(message["From"]) == "Northwind Outdoor <news@shop.example>"
    assert message["Message-ID"] == "<7.regards@shop.example>"
    assert message["Date"].datetime == DATE


def test_it_has_the_plain_text_first_and_the_html_last():
    parts = list(parsed().iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content() for part in parts] == ["Hello Ann\r\n", "<p>Hello Ann</p>\r\n"]


def test_it_says_the_same_as_python_s_own_class():
    own = EmailMessage(policy=email.policy.SMTP)
    own["From"], own["To"] = "Zoë <news@shop.example>", '"Lee, Ann" <ann@example.com>'
    own["Subject"] = "Grüße"
    own.set_content("Tschüß, a very long line " * 20 + "\n", cte="quoted-printable")
    own.add_alternative("<p>ü</p>\n", subtype="html", cte="quoted-printable")
    ours = parsed(
        sender=Mailbox("news@shop.example", "Zoë"),
        recipient=Mailbox("ann@example.com", "Lee, Ann"),
        subject="Grüße",
        text="Tschüß, a very long line " * 20 + "\n",
        html="<p>ü</p>\n",
    )
    theirs = email.message_from_bytes(own.as_bytes(), policy=email.policy.default)
    for name in ("From", "To", "Subject"):
        assert str(ours[name]) == str(theirs[name])
    for subtype in ("plain", "html"):
        assert ours.get_body((subtype,)).get_content() == theirs.get_body((subtype,)).get_content()


def test_without_html_it_is_one_plain_part():
    message = parsed(html="")
    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "Hello Ann\r\n\r\n"


def test_the_same_arguments_give_the_same_bytes():
    assert made() == made()


@given(text=BODY)
def test_every_body_survives(text):
    part = next(parsed(text=text or " ").iter_parts())
    assert part.get_payload(decode=True).decode().replace("\r\n", "\n") == (text or " ")


@given(text=BODY)
def test_every_line_of_a_body_is_short_ascii_and_ends_in_crlf(text):
    encoded = quoted_printable(text)
    assert b"\n" not in encoded.replace(b"\r\n", b"")
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert encoded.isascii()


def test_a_long_line_without_any_break_gets_crlf_soft_breaks():
    assert quoted_printable("a" * 100) == b"a" * 75 + b"=\r\n" + b"a" * 25


@given(subject=st.text(LETTERS, max_size=200).map(str.strip))
def test_every_subject_survives(subject):
    assert parsed(subject=subject)["Subject"] == subject


@given(subject=st.text(LETTERS, max_size=200))
def test_no_header_line_is_longer_than_78_when_it_is_encoded(subject):
    assert all(len(line) <= 78 for line in header("Subject", "é" + subject).split("\r\n"))


@given(name=st.text(LETTERS, max_size=80).map(lambda name: " ".join(name.split())))
def test_every_display_name_survives(name):
    """Read with `decode_header`: the newer parser puts a blank between the encoded words of a phrase."""
    raw = email.message_from_bytes(made(recipient=Mailbox("ann@example.com", name)))["To"]
    shown, address = parseaddr(raw.replace("\r\n", ""))
    assert (str(make_header(decode_header(shown))) if shown else "", address) == (name, "ann@example.com")


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\x0b", "\u2028", "\x85"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: {"subject": text},
        lambda text: {"recipient": Mailbox("ann@example.com", text)},
        lambda text: {"recipient": Mailbox(f"ann{text}@example.com")},
        lambda text: {"sender": Mailbox(f"ann@example.com{text}")},
        lambda text: {"message_id": f"<1{text}@example.com>"},
        lambda text: {"headers": {"X-Campaign": text}},
        lambda text: {"headers": {f"X-{text}": "spring"}},
    ],
)
def test_a_line_break_in_a_header_is_refused(break_, change):
    with pytest.raises(RefusedHeader):
        made(**change(f"x{break_}Bcc: all@example.com"))


@pytest.mark.parametrize("name", ["From", "bcc", "Content-Type", "SUBJECT", "MIME-Version"])
def test_a_caller_cannot_set_the_headers_that_the_message_sets(name):
    with pytest.raises(RefusedHeader):
        made(headers={name: "x"})


@pytest.mark.parametrize(
    "address", ["", "ann", "@example.com", "ann@", "a b@example.com", "a@b@c", "é@example.com"]
)
def test_a_malformed_address_is_refused(address):
    with pytest.raises(RefusedHeader):
        format_mailbox(Mailbox(address))


def test_a_domain_outside_ascii_is_written_in_idna():
    assert format_mailbox(Mailbox("ann@bücher.example")) == "ann@xn--bcher-kva.example"


def test_a_naive_date_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        made(date=datetime(2026, 3, 1))


def test_the_list_headers_offer_one_click_unsubscribe():
    headers = list_headers(
        unsubscribe_url="https://shop.example/u/abc",
        unsubscribe_mailto="u@shop.example",
        list_id="news.shop.example",
        feedback_id="12:spring:regards",
    )
    message = parsed(headers=headers)
    assert message["List-Unsubscribe"] == "<https://shop.example/u/abc>, <mailto:u@shop.example>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (message["List-Id"], message["Feedback-ID"]) == ("<news.shop.example>", "12:spring:regards")


def test_a_long_unsubscribe_address_is_not_broken():
    url = "https://shop.example/u/" + "a" * 300
    message = parsed(headers=list_headers(unsubscribe_url=url, list_id="n.shop.example"))
    assert message["List-Unsubscribe"] == f"<{url}>"


def test_the_message_ends_every_line_in_crlf():
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", made(text="a\nb\r\nc\rd", html="x" * 5000))
