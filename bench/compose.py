"""Rendering and writing a message, against the ordinary way in the same run.

`python -m bench.compose` prints three ratios: our MIME against Django's classes, our MIME against EmailMessage, and how
many messages a second one core composes all in (render the shipped example, write the bytes).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from campaigns.templating.compile import Compiled, compile_template
from campaigns.templating.render import Rendered, render
from delivery.mime import Mailbox, build, list_headers, message_id_for

EXAMPLE = Path(__file__).parent.parent / "campaigns" / "examples" / "recommendations.mjml"
DATE = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADERS = list_headers(unsubscribe_url="https://shop.example/u/abc", list_id="news.shop.example")
CONTEXT = {
    "customer": {"first_name": "Zoë"},
    "sender": {"name": "Northwind Outdoor", "postal_address": "1 Lake Road, Keswick"},
    "last_purchase_category": "outdoor",
    "unsubscribe_url": "https://shop.example/u/abc",
    "recommendations": [
        {"name": f"Boot {n}", "price_minor": 12_900, "currency": "GBP", "url": f"https://shop.example/p/{n}"}
        for n in range(3)
    ],
}


def main() -> None:
    """Measure and print."""
    if not settings.configured:
        settings.configure(USE_TZ=True, SECRET_KEY="bench", DEFAULT_CHARSET="utf-8")  # noqa: S106
    compiled = compile_template(
        subject="{{ customer.first_name }}, new for you", preheader="", mjml=EXAMPLE.read_text("utf-8")
    )
    words = _rendered(compiled)
    ours = _microseconds(lambda: _ours(words))
    django = _microseconds(lambda: _django(words))
    python = _microseconds(lambda: _python(words))
    rendering = _microseconds(lambda: _rendered(compiled))
    print(
        f"message: {len(words.html.encode()) / 1024:.0f} KB of HTML, {len(_ours(words)) / 1024:.0f} KB in all"
    )
    print(f"mime: ours {ours:.0f} µs, Django {django:.0f} µs, ratio {django / ours:.1f}")
    print(f"mime: ours {ours:.0f} µs, EmailMessage {python:.0f} µs, ratio {python / ours:.1f}")
    print(
        f"render {rendering:.0f} µs + mime {ours:.0f} µs = {1e6 / (rendering + ours):,.0f} messages/s on one core"
    )


def _microseconds(work: Callable[[], object], *, repeat: int = 5, number: int = 100) -> float:
    """Give the best of several rounds, in microseconds for one call."""
    work()
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(number):
            work()
        best = min(best, time.perf_counter() - start)
    return best / number * 1e6


def _rendered(compiled: Compiled) -> Rendered:
    return render(compiled, CONTEXT, links=lambda index, url: f"https://shop.example/c/TOKEN/{index}")


def _ours(words: Rendered) -> bytes:
    return build(
        sender=Mailbox("news@shop.example", "Northwind Outdoor"),
        recipient=Mailbox("zoe@example.com", "Zoë"),
        subject=words.subject,
        html=words.html,
        text=words.text,
        message_id=message_id_for(7, domain="shop.example"),
        headers=HEADERS,
        date=DATE,
    )


def _django(words: Rendered) -> bytes:
    message = EmailMultiAlternatives(
        words.subject,
        words.text,
        "Northwind Outdoor <news@shop.example>",
        ["Zoë <zoe@example.com>"],
        headers={"Message-ID": "<7.regards@shop.example>"} | HEADERS,
    )
    message.attach_alternative(words.html, "text/html")
    return message.message().as_bytes()


def _python(words: Rendered) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = "Northwind Outdoor <news@shop.example>", "Zoë <zoe@example.com>"
    message["Subject"], message["Message-ID"] = words.subject, "<7.regards@shop.example>"
    for name, value in HEADERS.items():
        message[name] = value
    message.set_content(words.text)
    message.add_alternative(words.html, subtype="html")
    return message.as_bytes()


if __name__ == "__main__":
    main()
