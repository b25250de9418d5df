"""A mail is shown again byte for byte from what is kept of it, whatever has changed since."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Role, User
from campaigns.models import Recipient
from campaigns.publishing import save_block
from campaigns.sending import send_due
from campaigns.showing import CannotBeShown, show_again
from common.clock import now
from customers.consent import grant
from customers.models import Customer, CustomerFacts, Purpose
from delivery.mailbox import read_mail
from delivery.models import MailboxMessage, Message, Sender
from products.models import Category, Product, Promotion, Store
from tests.campaigns.making import bestsellers, launched, people, rules

pytestmark = pytest.mark.django_db
BODY = (
    "<mj-text>{{ customer.first_name }} "
    "{% for pair in customer.attributes %}{{ pair[0] }}={{ pair[1] }};{% endfor %} "
    "{{ shoe_size }} {{ nearest_store.name }} "
    "{{ customer.attributes.size }} {{ last_order_at | date: '%d.%m.%Y' }} {{ last_purchase_category }} "
    "{% if last_purchase_category == 'outdoor' %}{% assign city = 'Keswick' %}{% endif %}{{ city }} "
    "{{ promotion.headline }} {{ headline }} {{ now }} from {{ sender.name }} about {{ campaign.name }}</mj-text>"
    '{% slot "hero" %}<mj-text>Nothing special</mj-text>{% endslot %}'
    '{% render "offer", code: "TENT5" %}'
    '{% recommendations k: 1 %}<mj-text><a href="{{ product.url }}">{{ product.name }} '
    "{{ product.price_minor | money: product.currency }}</a></mj-text>{% endrecommendations %}"
    '{% recommendations k: 1, strategy: "bestsellers" %}<mj-image alt="{{ product.brand }}" '
    'src="{{ product.image_url }}"/>{% endrecommendations %}'
)


def sent() -> Message:
    """A mail with everything in it, to somebody who allows tracking."""
    bestsellers(4)
    save_block(
        key="uk",
        name="UK",
        mjml="<mj-text>Hi {{ customer.last_name }}, {{ headline }} {{ weather }}</mj-text>",
    )
    save_block(
        key="offer",
        name="Offer",
        mjml='<mj-text>{{ code }} for {{ customer.country }} <a href="https://s.example/{{ code }}">go</a></mj-text>',
    )
    rules(otherwise={"show": "uk", "set": {"headline": "Rain & wind"}})
    store = Store.objects.create(
        external_id="S1", name="Keswick", country="GB", latitude=54.6, longitude=-3.1
    )
    Promotion.objects.create(key="boots", name="Boots", headline="Boots <20 %", starts_at=now())
    [customer] = people(
        1,
        first_name="Zoë",
        last_name="O'Hara",
        city="Ambleside",
        attributes={"shoe_size": 42.5, "colours": {"b": 1, "aa": [1, 2]}, "weather": "wet"},
        nearest_store=store,
    )
    grant([customer.pk], source="test", purpose=Purpose.OPEN_TRACKING)
    grant([customer.pk], source="test", purpose=Purpose.CLICK_TRACKING)
    boots = Category.objects.create(name="Boots", path="outdoor/boots")
    CustomerFacts.objects.create(customer=customer, last_order_at=now(), last_purchase_category_id=boots.pk)
    _, counted = launched(body=BODY, strategy="bestsellers")
    Message.objects.update(variant_key="b")
    Recipient.objects.update(variant_key="b")
    send_due(counted.dispatch_id)
    return Message.objects.get()


def change_everything() -> None:
    """What is kept of a mail does not follow what happens later."""
    Customer.objects.update(first_name="Eve", last_name="New", city="Oslo", attributes={}, nearest_store=None)
    CustomerFacts.objects.all().delete()
    Product.objects.update(name="Other", price_minor=1, url="https://other.example/", image_url="/other.png")
    Promotion.objects.update(headline="Over")
    Store.objects.update(name="Closed")
    Sender.objects.update(from_email="other@other.example", from_name="Other")
    for key in ("uk", "offer"):
        save_block(key=key, name=key, mjml="<mj-text>Changed</mj-text>")


def test_the_same_bytes_come_out_however_much_has_changed() -> None:
    message = sent()
    was = bytes(MailboxMessage.objects.get().raw)
    change_everything()
    shown = show_again(message)
    assert shown.raw == was
    assert shown.is_identical is True
    assert b"TENT5 for GB" in was
    assert b"t/c/" in was
    assert b"t/o/" in was


def test_only_the_facts_that_the_mail_names_are_kept() -> None:
    [customer] = people(1, first_name="Ann", last_name="Lee", city="Keswick", attributes={"shoe_size": 42})
    CustomerFacts.objects.create(customer=customer, orders_count=3)
    bestsellers(1)
    body = (
        "<mj-text>{{ customer.first_name }}</mj-text>"
        "{% recommendations k: 1 %}<mj-text>{{ product.name }}</mj-text>{% endrecommendations %}"
    )
    _, counted = launched(body=body, baseline=body)
    send_due(counted.dispatch_id)
    message = Message.objects.get()
    assert message.resolved["context"] == {
        "customer": {"first_name": "Ann"},
        "recommendations": [{"name": "Product 0"}],
        "sender": {"postal_address": message.resolved["context"]["sender"]["postal_address"]},
    }
    assert show_again(message).is_identical is True


def test_another_secret_key_is_said_to_make_another_mail(settings: Settings) -> None:
    message = sent()
    settings.SECRET_KEY = "another"
    assert show_again(message).is_identical is False


@pytest.mark.parametrize(
    ("emptied", "why"),
    [
        ({"resolved": None, "content_sha256": ""}, "Nothing was sent, or the customer was erased."),
        ({"resolved": {"template_version": 1}}, "It was sent before the facts in mails were kept."),
    ],
)
def test_what_is_not_kept_cannot_be_shown(emptied: dict[str, object], why: str) -> None:
    message = sent()
    Message.objects.update(**emptied)
    message.refresh_from_db()
    with pytest.raises(CannotBeShown, match=why):
        show_again(message)


def test_the_page_shows_the_mail_and_says_that_it_is_the_same() -> None:
    message = sent()
    client = Client()
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    page = client.get(reverse("campaigns:message", args=[message.pk])).content.decode()
    assert "Byte for byte what was sent" in page
    frame = client.get(reverse("campaigns:message_html", args=[message.pk]))
    assert "Zoë" in frame.content.decode()
    assert "sandbox" in frame["Content-Security-Policy"]
    assert "/t/o/" in read_mail(show_again(message).raw).html
    assert "/t/o/" not in frame.content.decode()


def test_the_page_of_an_erased_mail_says_why_there_is_none() -> None:
    message = sent()
    Message.objects.update(resolved=None, content_sha256="")
    client = Client()
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    response = client.get(reverse("campaigns:message", args=[message.pk]))
    assert "the customer was erased" in response.content.decode()
    assert client.get(reverse("campaigns:message_html", args=[message.pk])).status_code == 404
