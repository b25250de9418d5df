"""Composing a mail to its bytes, against the ordinary way in Django, on the same messages in the same run.

`python -m bench.compose` prints processor time, so that a busy machine counts less; it needs no database. The message:
19 KB of HTML, 12 tracked links, 6 products, 3 conditionals, a plain text.

- *compose*: what a worker does for a claimed message: context, what is kept of it, Liquid, links, tokens, MIME
- *bytes*: the same from the context on, without what is kept
- *naive*: the same context with python-liquid as it comes, links rewritten by a regular expression,
  `signing.dumps` for each, and `EmailMultiAlternatives`
- *lean*: the naive way with one `reverse()` in place of one for each of its 26 links, which take a quarter of its time
"""

import os
import random
import re
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

PEOPLE, PRODUCTS, SHOWN = 200, 200, 6
ROUNDS = 9
_SECTION = """<mj-section background-color="#ffffff" padding="20px 28px"><mj-column>
<mj-text font-size="24px" font-weight="700" color="#1b2a21">{title}</mj-text>
<mj-text>{text} <a href="https://shop.example/guides/{number}">Read the guide</a>.</mj-text>
<mj-button align="left" href="https://shop.example/new/{number}">See what is new</mj-button>
</mj-column></mj-section>"""
_STORY = "The days are changing, and so is what you need on the hill. We went through the shop for you."
MJML = f"""<mjml lang="en"><mj-head><mj-attributes>
<mj-all font-family="-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif" />
<mj-text font-size="16px" line-height="1.5" color="#26332c" padding="0" />
<mj-button background-color="#2f5d43" color="#ffffff" font-size="16px" border-radius="6px" /></mj-attributes></mj-head>
<mj-body background-color="#eef1ec" width="600px">
{_SECTION.format(title='Hello {{ customer.first_name | default: "there" }}', text=_STORY, number=1)}
{{% if last_purchase_category == "outdoor" %}}
{_SECTION.format(title="Care for your gear", text=_STORY, number=2)}{{% endif %}}
{{% if customer.city %}}<mj-section><mj-column><mj-text>Near {{{{ customer.city }}}}</mj-text></mj-column></mj-section>
{{% endif %}}
<mj-section background-color="#ffffff" padding="12px 18px 28px">
{{% recommendations k: {SHOWN} %}}<mj-column width="33.33%" padding="8px 10px">
<mj-text font-size="15px"><img src="{{{{ product.image_url }}}}" alt="{{{{ product.name }}}}" width="160"/><br/>
<a href="{{{{ product.url }}}}">{{{{ product.name }}}}</a><br/>
{{{{ product.price_minor | money: product.currency }}}}</mj-text>
</mj-column>{{% else %}}<mj-column><mj-text>See the shop</mj-text></mj-column>{{% endrecommendations %}}</mj-section>
{{% if orders_count > 3 %}}{_SECTION.format(title="Thank you", text=_STORY, number=3)}{{% endif %}}
<mj-section padding="24px 28px"><mj-column><mj-text font-size="13px" align="center">
You agreed to news from {{{{ sender.name }}}}. <a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a><br/>
{{{{ sender.postal_address }}}}</mj-text></mj-column></mj-section></mj-body></mjml>"""
_HREF = re.compile(r'href="(https?://[^"]*)"')
_PLAIN = re.compile(r"\((https?://[^)]*)\)")


def main() -> None:
    """Measure and print."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from campaigns.templating.compile import compile_template

    compiled = compile_template(subject="{{ customer.first_name }}, new for you", preheader="", mjml=MJML)
    if not compiled.is_publishable:
        raise RuntimeError(compiled.findings)
    with (
        patch("campaigns.letters.compiled_of", lambda _: compiled),
        patch("campaigns.composing.compiled_of", lambda _: compiled),
    ):
        _measure(_ways(compiled))


def _measure(ways: dict[str, Callable[[int], object]]) -> None:
    microseconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(ROUNDS + 1):
        for way, write in ways.items() if number % 2 else reversed(ways.items()):
            spent = _microseconds(write)
            if number:
                microseconds[way].append(spent)
    naive, lean = (statistics.median(microseconds[way]) for way in ("naive", "lean"))
    for way, several in microseconds.items():
        own = statistics.median(several)
        ratios = f"{naive / own:4.1f} x naive, {lean / own:4.1f} x lean"
        print(f"{way:8} {own:6.0f} µs  {1e6 / own:7,.0f} messages/s a core  {ratios}")


def _microseconds(write: Callable[[int], object]) -> float:
    """Processor time for one message, over all people."""
    start = time.process_time()
    for number in range(PEOPLE):
        write(number)
    return (time.process_time() - start) / PEOPLE * 1e6


def _ways(compiled: Any) -> dict[str, Callable[[int], object]]:
    """The ways to write the message to the person of a number."""
    from campaigns import composing, letters
    from campaigns.composing import Envelope
    from delivery.outbox import Claimed

    sender, ingredients = _ingredients()
    people = list(ingredients.people.customers.values())
    envelope = Envelope(sender=sender, list_id="1.segments", feedback_of="1:{arm}:campaign:regards")
    claimed = [
        Claimed(
            id=n + 10**6, customer_id=one.pk, variant_key="b", fence=1, attempts=1, recipient=one.email or ""
        )
        for n, one in enumerate(people)
    ]
    contexts = [composing._context(ingredients, one.pk) for one in people]
    said = [letters.contents(1, context, slots={}, blocks={}) for context in contexts]
    heads = [composing._letterhead(envelope, ingredients, one) for one in claimed]

    def as_bytes(n: int) -> bytes:
        mail = letters.rendered(
            said[n], message_id=claimed[n].id, base_url=heads[n].base_url, is_tracked=heads[n].is_tracked
        )
        return letters.as_bytes(heads[n], mail, message_id=claimed[n].id, recipient=claimed[n].recipient)

    html = letters.rendered(said[0], message_id=1, base_url=heads[0].base_url, is_tracked=True).html
    print(
        f"message: {len(html.encode()) / 1000:.1f} kB of HTML, {html.count('/t/c/')} links, {len(as_bytes(0)):,} bytes"
    )
    naive, lean = _naive(compiled), _naive(compiled, is_lean=True)
    return {
        "compose": lambda n: composing.compose_one(envelope, ingredients, claimed[n]),
        "bytes": as_bytes,
        "naive": lambda n: naive(contexts[n], claimed[n].id, claimed[n].recipient),
        "lean": lambda n: lean(contexts[n], claimed[n].id, claimed[n].recipient),
    }


def _ingredients() -> tuple[Any, Any]:
    """A sender, and what the mails to people who agreed to everything are made of."""
    from campaigns.composing import Ingredients, Source
    from campaigns.contexts import People
    from campaigns.models import CampaignVariant
    from common.clock import now
    from customers.models import Customer, CustomerFacts
    from delivery.models import Sender
    from products.models import Category, Product
    from recommendations.serving import Served

    random.seed(6)
    outdoor = Category(pk=1, name="Outdoor", path="outdoor")
    products = [
        Product(
            pk=n, source="shop", external_id=f"p{n}", name=f"Boot & Sole {n}", price_minor=9_900 + n, currency="GBP",
            url=f"https://shop.example/p/{n}", image_url=f"https://shop.example/p/{n}.png", category=outdoor,
        )
        for n in range(PRODUCTS)
    ]  # fmt: skip
    customers = {
        n: Customer(pk=n, email=f"c{n}@example.com", first_name=f"Zoë {n}", city="Keswick", country="GB")
        for n in range(1, PEOPLE + 1)
    }
    facts = {
        n: CustomerFacts(customer_id=n, orders_count=5, last_order_at=now(), last_purchase_category_id=1)
        for n in customers
    }
    sender = Sender(name="Shop", from_email="news@shop.example", from_name="Northwind Outdoor")
    source = Source(
        name="Bench",
        sender_name=sender.from_name,
        contents={"b": CampaignVariant(template_version_id=1)},
        versions=[],
        blocks={},
    )
    shelves = {
        who: {"": Served(tuple(random.sample(products, SHOWN)), ("bench",) * SHOWN, ("",) * SHOWN, None)}
        for who in customers
    }
    return sender, Ingredients(
        source=source,
        people=People(customers, facts, {1: outdoor}, {}, []),
        decisions={},
        recommended=shelves,
        open_tracked=set(customers),
        click_tracked=set(customers),
        failed={who: set() for who in customers},
    )


def _naive(compiled: Any, *, is_lean: bool = False) -> Callable[[dict[str, Any], int, str], bytes]:
    """The ordinary way: the same words, but nothing prepared beyond the parsed template."""
    from django.core import signing
    from django.core.mail import EmailMultiAlternatives
    from django.urls import reverse
    from liquid import Environment

    from campaigns.templating.filters import money

    for_html, for_text = Environment(autoescape=True), Environment()
    for environment in (for_html, for_text):
        environment.add_filter("money", money)
    subject = for_text.from_string(compiled.subject)
    body = for_html.from_string(_ordinary(compiled.html, compiled.links))
    text = for_text.from_string(_ordinary(compiled.text, compiled.links))

    place = reverse("delivery:clicked", args=["TOKEN", 0])

    def write(context: dict[str, Any], message_id: int, recipient: str) -> bytes:
        def tracked(match: re.Match[str]) -> str:
            token = signing.dumps({"message": message_id, "url": match[1]}, salt="click")
            path = place.replace("TOKEN", token) if is_lean else reverse("delivery:clicked", args=[token, 0])
            return match[0].replace(match[1], "https://shop.example" + path)

        unsubscribe = "https://shop.example/u/" + signing.dumps({"message": message_id}, salt="unsubscribe")
        said = context | {"unsubscribe_url": unsubscribe}
        mail = EmailMultiAlternatives(
            subject.render(**said),
            _PLAIN.sub(tracked, text.render(**said)),
            "Northwind Outdoor <news@shop.example>",
            [recipient],
            headers={
                "List-Unsubscribe": f"<{unsubscribe}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )
        mail.attach_alternative(_HREF.sub(tracked, body.render(**said)), "text/html")
        return mail.message().as_bytes()

    return write


def _ordinary(source: str, links: tuple[str, ...]) -> str:
    """Write our own tags as plain Liquid."""
    source = re.sub(r"{% link (\d+) %}", lambda match: links[int(match[1])], source)
    source = re.sub(r"{% (?:end)?tracked %}", "", source)
    source = re.sub(
        r"{%-? *recommendations k: (\d+) *-?%}", r"{% for product in recommendations limit: \1 %}", source
    )
    return re.sub(r"{%-? *endrecommendations *-?%}", "{% endfor %}", source)


if __name__ == "__main__":
    main()
