"""Scripts in everything that others write (names, subjects, products, events, reports, blocks): none runs in a page."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Dialog, Page

from accounts.models import User
from campaigns.models import Campaign, Journey, Recipient
from campaigns.publishing import save_block
from campaigns.sending import send_due
from common.clock import now
from customers.ingest import EventIn, ingest
from customers.models import Customer, EventType, QuarantinedRow
from customers.quality.alerts import raise_alert
from delivery.models import MailboxMessage, Message
from products.catalogue import ProductRef
from products.models import Product
from recommendations.models import PopularProducts
from segments.models import Segment
from tests.campaigns.journeys.going import journey
from tests.campaigns.making import launched, people
from tests.safety.scripts import payloads

ALL = "".join(payloads())
SHORT = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>"
BODY = (
    "{% for pair in customer.attributes %}<mj-text>{{ pair[1] }} "
    '<a href="{{ pair[1] }}" title="{{ pair[1] }}">{{ pair[1] }}</a></mj-text>{% endfor %}'
    '{% recommendations k: 6 %}<mj-image src="{{ product.image_url }}" alt="{{ product.name }}" '
    'href="{{ product.url }}" /><mj-text>{{ product.name }}</mj-text>{% endrecommendations %}'
    '{% recommendations k: 2, open_time: true %}<mj-image src="{{ product.image_url }}" alt="{{ product.name }}" '
    'href="{{ product.url }}" />{% endrecommendations %}'
    '{% render "offer" %}'
)
DANGEROUS = """() => {
  const found = window.ran ? ["ran"] : [];
  for (const element of document.querySelectorAll("*"))
    for (const { name, value } of element.attributes)
      if (name.startsWith("on") || /^[\\s\\x00-\\x1f]*(javascript|vbscript|data:text)/i.test(value) && name !== "title"
          && ["href", "src", "action", "formaction", "data", "xlink:href"].includes(name))
        found.push(`${element.tagName} ${name}=${value}`.slice(0, 120));
  for (const script of document.querySelectorAll("script"))
    if (!script.src.startsWith(location.origin) && script.type !== "application/json")
      found.push(`SCRIPT ${script.outerHTML}`.slice(0, 120));
  return found;
}"""


@pytest.fixture
def infested(transactional_db: None, page: Page) -> dict[str, str]:
    """A house into which everybody wrote scripts; its pages by name."""
    [victim] = people(
        1,
        first_name=SHORT,
        last_name=SHORT[::-1],
        city=SHORT,
        attributes={f"a{number}": payload for number, payload in enumerate(payloads())},
    )
    User.objects.filter(email="ada@example.com").update(name=SHORT)
    ingest([_event(victim, number, payload) for number, payload in enumerate(payloads())], source="shop")
    goods = list(Product.objects.order_by("pk").values_list("pk", flat=True))
    PopularProducts.objects.create(
        country="", product_ids=goods, scores=[1.0] * len(goods), computed_at=now()
    )
    Product.objects.update(url=SHORT, image_url=SHORT)
    said = "<mj-text>{{ customer.first_name }} {{ customer.attributes.a0 }}</mj-text>"
    save_block(key="offer", name=SHORT, mjml=said)
    campaign = _campaign(victim)
    journey(key="cart")
    Journey.objects.update(name=SHORT)
    cells = [[f"c{number}", payload] for number, payload in enumerate(payloads())]
    row = QuarantinedRow.objects.create(
        source=SHORT[:50], number=1, reason=SHORT, raw=cells, fingerprint=b"1"
    )
    raise_alert("test:scripts", severity="danger", title=SHORT, body=ALL)
    message = Message.objects.get(state="sent")
    mail = MailboxMessage.objects.get()
    shown = campaign.variants.get(variant__key="b").template_version_id
    _report(message)
    return {
        "customers": reverse("customers:list"),
        "customer": reverse("reports:customer", args=[victim.public_id]),
        "rights": reverse("customers:rights", args=[victim.public_id]),
        "why": reverse("campaigns:why_of_customer", args=[victim.public_id]),
        "inspect": reverse("recommendations:inspect", args=[victim.public_id]),
        "campaigns": reverse("campaigns:list"),
        "campaign": reverse("campaigns:detail", args=[campaign.key]),
        "experiment": reverse("reports:experiment", args=[campaign.experiment.key]),
        "segment": reverse("segments:detail", args=[campaign.segment.key]),
        "template": reverse("campaigns:template", args=["treatment"]) + f"?customer={victim.email}",
        "preview": reverse("campaigns:template_preview", args=[shown]) + f"?customer={victim.pk}",
        "block": reverse("campaigns:block", args=["offer"]) + f"?customer={victim.email}",
        "blocks": reverse("campaigns:blocks"),
        "journeys": reverse("campaigns:journeys"),
        "journey": reverse("campaigns:journey", args=["cart"]),
        "mailbox": reverse("delivery:mailbox"),
        "mail": reverse("delivery:mailbox_message", args=[mail.pk]),
        "mail alone": reverse("delivery:mailbox_html", args=[mail.pk]),
        "as sent": reverse("campaigns:message", args=[message.pk]),
        "as sent alone": reverse("campaigns:message_html", args=[message.pk]),
        "quarantine": reverse("customers:quarantine"),
        "quarantined row": reverse("customers:quarantined_row", args=[row.pk]),
        "alerts": reverse("customers:alerts"),
    }


def _event(customer: Customer, number: int, payload: str) -> EventIn:
    return EventIn(
        client_id=f"x{number}",
        type=EventType.PRODUCT_VIEWED,
        occurred_at=now(),
        customer_id=customer.pk,
        product=ProductRef(
            f"x{number}", name=payload[:300], category=f"outdoor/{payload[:40]}".replace("//", "/")
        ),
        properties={"page": payload, payload[:60]: payload},
    )


def _campaign(victim: Customer) -> Campaign:
    """A campaign whose only mail was sent to the victim, and many that were not, each for another reason."""
    campaign, counted = launched(body=BODY)
    Message.objects.update(variant_key="b")
    Recipient.objects.update(variant_key="b")
    send_due(counted.dispatch_id)
    refused = people(len(payloads()))
    Message.objects.bulk_create(
        Message(
            dispatch=campaign.dispatch, customer=one, variant_key="b", state="failed", reason=payload[:200],
            subject=payload, recipient=one.email,
        )
        for one, payload in zip(refused, payloads(), strict=True)
    )  # fmt: skip
    Message.objects.filter(customer=victim).update(subject=SHORT)
    MailboxMessage.objects.update(subject=SHORT)
    Campaign.objects.update(name=SHORT)
    Segment.objects.update(name=SHORT)
    campaign.refresh_from_db()
    return campaign


def _report(message: Message) -> None:
    """What a provider says about a mail, signed as it does."""
    token = hashlib.sha256(b"scripts").hexdigest()[:50]
    key = settings.WEBHOOK_SECRETS["mailgun"].encode()
    said: dict[str, Any] = {
        "signature": {
            "timestamp": "1767225600",
            "token": token,
            "signature": hmac.new(key, f"1767225600{token}".encode(), hashlib.sha256).hexdigest(),
        },
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "reason": SHORT,
            "id": SHORT,
            "timestamp": 1767225600.5,
            "recipient": message.recipient,
            "delivery-status": {"message": ALL, "description": ALL},
            "message": {"headers": {"message-id": f"{message.pk}.regards@shop.example"}},
            "user-variables": {payload[:40]: payload for payload in payloads()},
        },
    }
    response = Client().post(reverse("mailgun-tracking"), json.dumps(said), content_type="application/json")
    assert response.status_code == 200


def test_no_script_of_others_runs_in_any_page(page: Page, infested: dict[str, str]) -> None:
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(f"{page.url}: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", note)
    found = {}
    for name, address in infested.items():
        response = page.goto(address)
        assert response and response.status == 200, name
        for frame in page.frames:
            found[f"{name} {frame.url}"] = frame.evaluate(DANGEROUS)
    assert {name: dangers for name, dangers in found.items() if dangers} == {}
    assert dialogs == []


def test_the_same_words_run_where_they_are_not_escaped(visitor: Page) -> None:
    dialogs: list[str] = []
    visitor.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    visitor.set_content("<body>" + " ".join(payloads()))
    assert len(visitor.evaluate(DANGEROUS)) > 40
    assert visitor.evaluate("window.ran") == 1
    assert dialogs == []
