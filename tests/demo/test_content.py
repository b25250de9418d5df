"""What the demo's campaign says differs between people: conditional texts and blocks occur, and not for everybody."""

from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from campaigns.drafting import create_campaign
from campaigns.launching import launch, obstacles
from campaigns.sending import send_due
from customers.models import Customer, CustomerFacts
from delivery.models import MailboxMessage
from demo.loading import load_customers, load_products
from demo.management.commands.demo import CONTENT
from demo.world import World
from products.models import Product
from segments import membership
from segments.models import Segment

BUYERS = {"fact": "orders_count", "op": "gte", "value": 1}
CARE = "Wash and reproof it once a season"
CAMPERS = "You know how to spend a night outside"


def silent(name: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def bodies(world: World, settings: Settings, tmp_path: Path, db: None) -> list[str]:
    """The mails of the demo's campaign to people of whom each bought one thing, from all parts of the shop."""
    settings.MEDIA_ROOT = tmp_path
    load_products(world, progress=silent)
    load_customers(world, progress=silent)
    leaves = list(Product.objects.order_by("pk").values_list("category_id", flat=True))
    CustomerFacts.objects.bulk_create(
        CustomerFacts(
            customer=customer, orders_count=1, last_purchase_category_id=leaves[number % len(leaves)]
        )
        for number, customer in enumerate(Customer.objects.all())
    )
    segment = Segment.objects.create(key="has-bought", name="Has bought before", condition=BUYERS)
    membership.refresh(segment, cause="edit")
    call_command("publish_rules", str(settings.BASE_DIR / "rules/examples/hero.yaml"))
    send_due(launch(create_campaign(CONTENT / "campaign.yaml").pk).dispatch_id)
    mails = [message_from_bytes(bytes(mail.raw), policy=default) for mail in MailboxMessage.objects.all()]
    return [mail.get_body(("html",)).get_content() for mail in mails]


@pytest.mark.parametrize("text", [CARE, CAMPERS], ids=["care", "campers"])
def test_a_conditional_text_is_in_some_mails_and_not_in_all(bodies: list[str], text: str) -> None:
    assert 0 < sum(text in body for body in bodies) < len(bodies)


@pytest.mark.django_db
def test_three_subjects_wait_as_a_draft_that_nothing_keeps_from_its_launch() -> None:
    Segment.objects.create(key="has-bought", name="Has bought before", condition=BUYERS)
    create_campaign(CONTENT / "campaign.yaml")
    waiting = create_campaign(CONTENT / "subject-test.yaml")
    assert waiting.variants.values("template_version__subject").distinct().count() == 3
    assert obstacles(waiting) == []
