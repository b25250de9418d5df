"""A sent mail whose products are chosen when it is opened."""

import re
from datetime import timedelta

from django.test import Client

from campaigns.models import Recipient
from campaigns.sending import send_due
from common.clock import now
from customers.models import Customer
from delivery.mailbox import read_mail
from delivery.models import MailboxMessage, Message
from products.models import Product
from recommendations.models import ModelVersion, Recommendation
from tests.campaigns.making import bestsellers, launched, people

READER = "Mozilla/5.0 (X11; Linux x86_64) Thunderbird/140"
APPLE = "Mozilla/5.0"
SHELF = (
    '{% recommendations k: 2, open_time: true %}<mj-image src="{{ product.image_url }}" alt="{{ product.name }}" '
    'href="{{ product.url }}" />{% else %}<mj-text>[Come and see]</mj-text>{% endrecommendations %}'
)
PICTURE = re.compile(r'src="[^"]*(/o/[\w-]+/(\d+)/(\d+)\.png)"')


def shop(count: int = 6) -> list[Product]:
    """Products, those with the lower numbers selling better; the last ones have a picture each."""
    return bestsellers(count)


def recommend(customer: Customer, *products: Product) -> None:
    """Let the model in use rank these first for a customer."""
    version, _ = ModelVersion.objects.get_or_create(
        engine="blend", number=1, defaults={"status": "champion", "started_at": now()}
    )
    ids = [product.pk for product in products]
    values = {"model_version": version, "product_ids": ids, "scores": [1.0] * len(ids), "computed_at": now()}
    Recommendation.objects.update_or_create(customer=customer, defaults=values)


def sent(body: str = SHELF, *, arm: str = "b", strategy: str = "for_you", **options: object) -> Message:
    """The only mail of a campaign, sent an hour ago."""
    if not Customer.objects.exists():
        people(1)
    _, counted = launched(body=body, baseline=body, strategy=strategy, **options)
    Message.objects.update(variant_key=arm)
    Recipient.objects.update(variant_key=arm)
    send_due(counted.dispatch_id)
    Message.objects.update(sent_at=now() - timedelta(hours=1))
    message = Message.objects.get()
    assert message.state == "sent", message.reason
    return message


def html() -> str:
    """What its reader sees."""
    return read_mail(bytes(MailboxMessage.objects.get().raw)).html


def pictures() -> list[str]:
    """The addresses of its pictures, in their order."""
    return [found[1] for found in PICTURE.finditer(html())]


def opened(path: str, *, agent: str = READER) -> bytes:
    """Fetch a picture as a reader's program does."""
    response = Client(headers={"user-agent": agent}).get(path)
    assert response.status_code == 200, response.content
    return response.content


def leads_to(picture: str) -> str:
    """Where the link of a picture leads."""
    response = Client(headers={"user-agent": READER}).get(picture.removesuffix(".png"))
    assert response.status_code == 302
    return response["Location"]
