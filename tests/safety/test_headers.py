"""No line break and no control character gets into a header, from any side."""

from datetime import UTC, datetime

import pytest

from delivery.mime import Mailbox, RefusedHeader, build, list_headers, message_id_for

BREAKS = ["\r", "\n", "\r\n", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]
FORGED = "Bcc: everybody@example.com"


def made(**changes: object) -> bytes:
    """A message, with something of it changed."""
    parts: dict[str, object] = {
        "sender": Mailbox("news@shop.example", "Shop"),
        "recipient": Mailbox("ann@example.com", "Ann"),
        "subject": "News",
        "html": "<p>Hello</p>",
        "text": "Hello",
        "message_id": message_id_for(7, domain="shop.example"),
        "headers": {},
        "date": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return build(**(parts | changes))  # type: ignore[arg-type]


WAYS = {
    "subject": lambda forged: {"subject": forged},
    "sender name": lambda forged: {"sender": Mailbox("news@shop.example", forged)},
    "sender address": lambda forged: {"sender": Mailbox(forged, "Shop")},
    "recipient name": lambda forged: {"recipient": Mailbox("ann@example.com", forged)},
    "recipient address": lambda forged: {"recipient": Mailbox(f"ann@example.com{forged}")},
    "message id": lambda forged: {"message_id": f"<7{forged}@shop.example>"},
    "header value": lambda forged: {"headers": {"List-Id": forged}},
    "header name": lambda forged: {"headers": {f"X-A{forged}": "x"}},
    "unsubscribe address": lambda forged: {
        "headers": list_headers(unsubscribe_url=f"https://s.example/u{forged}", list_id="a.b")
    },
    "list id": lambda forged: {
        "headers": list_headers(unsubscribe_url="https://s.example/u", list_id=forged)
    },
    "feedback id": lambda forged: {
        "headers": list_headers(unsubscribe_url="https://s.example/u", list_id="a.b", feedback_id=forged)
    },
    "unsubscribe by mail": lambda forged: {
        "headers": list_headers(
            unsubscribe_url="https://s.example/u", list_id="a.b", unsubscribe_mailto=f"u@s.example{forged}"
        )
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mark", BREAKS, ids=[f"{ord(mark[-1]):#x}-{len(mark)}" for mark in BREAKS])
def test_it_is_refused(way, mark):
    with pytest.raises(RefusedHeader):
        made(**WAYS[way](f"x{mark}{FORGED}"))


@pytest.mark.parametrize("way", ["subject", "sender name", "recipient name", "header value"])
def test_the_same_without_a_break_is_only_text(way):
    head = made(**WAYS[way](f"x {FORGED}")).split(b"\r\n\r\n")[0]
    assert not any(line.lower().startswith(b"bcc:") for line in head.split(b"\r\n"))


@pytest.mark.parametrize("name", ["", " ", "X A", "X:A", "Bcc", "Content-Type", "Ä", "From"])
def test_a_name_that_is_none_or_not_the_callers_is_refused(name):
    with pytest.raises(RefusedHeader):
        made(headers={name: "x"})
