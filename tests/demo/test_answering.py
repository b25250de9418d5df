"""Generated customers answer what is in their mailbox, over real HTTP."""

from datetime import timedelta
from email.message import EmailMessage
from html import escape
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Max, Min
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from common import tokens
from common.clock import now
from customers.models import Consent, CustomerIdentity, Order, SyncRun
from delivery import tracking
from delivery.models import Dispatch, MailboxMessage, Message, MessageEvent, Sender
from demo.answering import ANSWERS, answer_new_mail, read_letters
from demo.buying import organic_baskets
from demo.loading import SOURCE, load_customers, load_products
from demo.week_before import BACK
from demo.world import World


def silent(name: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def shop(transactional_db: None, world: World, settings: Settings, tmp_path: Path) -> World:
    settings.MEDIA_ROOT = tmp_path
    load_products(world, progress=silent)
    load_customers(world, progress=silent)
    return world


@pytest.fixture
def mailed(shop: World) -> list[Message]:
    """A letter in the mailbox for each of the 300, with the three products that head the catalogue."""
    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    dispatch = Dispatch.objects.create(name="Test", sender=sender)
    owners = dict(CustomerIdentity.objects.filter(namespace=SOURCE).values_list("value", "customer_id"))
    links = [f"https://shop.example/p/{product.sku}" for product in shop.catalogue.products[:3]]
    messages = Message.objects.bulk_create(
        Message(
            dispatch=dispatch,
            customer_id=owners[shop.external_id(customer)],
            state=Message.State.SENT,
            sent_at=now() - timedelta(hours=1),
            links=links,
        )
        for customer in range(shop.size)
    )
    MailboxMessage.objects.bulk_create(
        MailboxMessage(
            key=Message.key_of(message.pk),
            recipient=shop.emails[customer],
            subject="News",
            raw=_raw(shop, message),
        )
        for customer, message in enumerate(messages)
    )
    return messages


def _raw(world: World, message: Message) -> bytes:
    """A mail as the composer makes it: pictures in tracked links, the pixel, the unsubscribe headers."""
    click = tokens.sign(tracking.PURPOSE_CLICK, message.pk)
    pictures = "".join(
        f'<a href="http://shop.example/t/c/{click}/{index}"><img alt="{escape(product.name)}" '
        f'src="http://shop.example/media/products/p.png"></a>'
        for index, product in enumerate(world.catalogue.products[:3])
    )
    pixel = f"http://shop.example/t/o/{tokens.sign(tracking.PURPOSE_OPEN, message.pk)}.gif"
    mail = EmailMessage()
    leave = tokens.sign(tracking.PURPOSE_UNSUBSCRIBE, message.pk)
    mail["List-Unsubscribe"] = f"<http://shop.example/u/{leave}>"
    mail.set_content("News")
    mail.add_alternative(f'<p>News</p>{pictures}<img src="{pixel}" alt="">', subtype="html")
    return mail.as_bytes()


def test_a_letter_is_read_as_its_reader_sees_it(shop: World, mailed: list[Message]) -> None:
    (letter,) = read_letters(shop, list(MailboxMessage.objects.filter(recipient=shop.emails[7])))
    assert (letter.customer, letter.products) == (7, (0, 1, 2))
    assert letter.links[2].endswith("/2")
    assert "/t/o/" in letter.pixel
    assert "/u/" in letter.unsubscribe


def test_mail_to_strangers_is_left_alone(shop: World) -> None:
    mail = MailboxMessage(key="x", recipient="somebody@else.example", subject="Hello", raw=b"")
    assert read_letters(shop, [mail]) == []


def test_what_they_say_they_did_is_what_came_in(
    shop: World, mailed: list[Message], live_server: LiveServer
) -> None:
    given = answer_new_mail(shop, base_url=live_server.url)
    hits = MessageEvent.objects.filter(is_machine=False)
    assert hits.filter(kind="opened").count() == given.opened > 0
    assert hits.filter(kind="clicked").values("message").distinct().count() == given.clicked > 0
    assert Order.objects.filter(external_id__startswith="mail-").count() == given.orders
    assert Order.objects.filter(external_id__startswith="own-").count() == given.organic_orders > 0
    assert (
        Consent.objects.filter(is_granted=False, source="one-click unsubscribe").count() == given.unsubscribed
    )


def test_mail_of_last_week_is_read_and_bought_from_in_the_week_that_followed(
    shop: World, mailed: list[Message], live_server: LiveServer
) -> None:
    sent_at = now() - BACK
    Message.objects.update(sent_at=sent_at)
    given = answer_new_mail(shop, base_url=live_server.url, sent_at=sent_at)
    hits = MessageEvent.objects.filter(is_machine=False)
    assert hits.filter(kind="clicked").values("message").distinct().count() == given.clicked > 0
    span = MessageEvent.objects.aggregate(Min("occurred_at"), Max("occurred_at"))
    assert sent_at < span["occurred_at__min"] < span["occurred_at__max"] < sent_at + timedelta(days=5)
    ordered = Order.objects.filter(placed_at__gt=sent_at, placed_at__lt=sent_at + timedelta(days=7))
    assert ordered.count() == Order.objects.count() == given.orders > 0 == given.organic_orders
    for order in ordered:
        clicks = hits.filter(kind="clicked", message__customer=order.customer)
        assert clicks.latest("occurred_at").occurred_at < order.placed_at


def test_each_letter_is_answered_once(shop: World, mailed: list[Message], live_server: LiveServer) -> None:
    answer_new_mail(shop, base_url=live_server.url)
    before = (MessageEvent.objects.count(), Order.objects.count())
    assert answer_new_mail(shop, base_url=live_server.url).letters == 0
    assert (MessageEvent.objects.count(), Order.objects.count()) == before
    assert SyncRun.objects.get(source=ANSWERS).adds_up


def test_an_interrupted_answer_is_made_good_without_a_second_order(
    shop: World, mailed: list[Message], live_server: LiveServer
) -> None:
    answer_new_mail(shop, base_url=live_server.url)
    orders = Order.objects.count()
    SyncRun.objects.filter(source=ANSWERS).delete()
    answer_new_mail(shop, base_url=live_server.url)
    assert Order.objects.count() == orders


def test_people_buy_of_their_own_accord_whoever_was_mailed(world: World) -> None:
    day = 547.0
    buyers = [customer for _, customer, _ in organic_baskets(world, day=day, number=1)]
    assert len(set(buyers)) == len(buyers) > 0
    assert (world.churn_day[buyers] >= day).all()
    assert organic_baskets(world, day=day, number=1) == organic_baskets(world, day=day, number=1)


@pytest.mark.django_db
def test_without_a_demo_shop_the_command_says_what_to_do() -> None:
    with pytest.raises(CommandError, match=r"run manage\.py demo first"):
        call_command("demo_reactions")
