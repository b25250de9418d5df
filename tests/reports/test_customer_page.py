"""The profile of a customer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from customers import consent
from customers.ingest import EventIn, ingest
from customers.models import Assignment, Customer, EventType, Score
from delivery.models import Dispatch, MailboxMessage, Message, MessageEvent, Sender
from experiments.models import Experiment, Variant
from products.catalogue import ProductRef
from products.models import Store
from segments.models import Segment, SegmentMembership

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
TENT = ProductRef("tent", name="Tent for two", category="camping/tents")


@pytest.fixture
def viewer(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


def event(number: int, kind: EventType, **values: object) -> EventIn:
    return EventIn(
        client_id=f"e{number}",
        type=kind,
        occurred_at=AT + timedelta(hours=number),
        customer="c1",
        email="ada@example.com",
        profile={"first_name": "Ada", "country": "GB"},
        currency="GBP",
        **values,
    )


def live(first: int, count: int) -> Customer:
    """Make `count` rows of everything that the page lists."""
    sender, _ = Sender.objects.get_or_create(name="Shop", from_name="Shop", from_email="shop@example.com")
    for number in range(first, first + count):
        line = {"order": f"o{number}", "line": "1", "quantity": 2, "value_minor": 2500, "product": TENT}
        ingest(
            [
                event(3 * number, EventType.PRODUCT_VIEWED, product=TENT),
                event(3 * number + 1, EventType.ORDER_LINE, **line),
            ],
            source="shop",
        )
        customer = Customer.objects.get()
        segment = Segment.objects.create(key=f"s{number}", name=f"Segment {number}", condition={})
        SegmentMembership.objects.create(segment=segment, customer=customer, entered_at=AT)
        Score.objects.create(
            customer=customer,
            kind=f"score {number}",
            value=0.5,
            percentile=80,
            model_version="f1",
            computed_at=AT,
        )
        experiment = Experiment.objects.create(key=f"x{number}", name=f"Test {number}", salt="s")
        Variant.objects.create(experiment=experiment, key="a", name="Arm A", role="treatment", weight=10_000)
        Assignment.objects.create(
            customer=customer, experiment_key=f"x{number}", variant_key="a", assigned_at=AT
        )
        message = Message.objects.create(
            dispatch=Dispatch.objects.create(name=f"Spring {number}", sender=sender),
            customer=customer,
            state="sent",
            subject=f"Hello {number}",
            sent_at=AT,
            provider_id=f"k{number}",
            resolved={"rules_fired": [f"hero: rule {number}"]},
        )
        MailboxMessage.objects.create(key=f"k{number}", recipient="ada@example.com", subject="Hello", raw=b"")
        MessageEvent.objects.create(message=message, kind="opened", occurred_at=AT, dedupe_key=f"d{number}")
    return customer


def page(client: Client, customer: Customer) -> str:
    return client.get(reverse("reports:customer", args=[customer.public_id])).content.decode()


def test_it_shows_who_what_and_why(viewer: Client) -> None:
    customer = live(1, 1)
    consent.grant([customer.pk], source="the sign-up form")
    html = page(viewer, customer)
    for text in (
        "ada@example.com",
        "United Kingdom",
        "Given by the sign-up form.",
        "Tent for two",
        "camping/tents",
        "£25.00",
        "Segment 1",
        "Rules: hero: rule 1",
        "score 1",
        "Arm A",
        "Hello 1",
        "Opened",
        "New in the shop",
    ):
        assert text in html


def test_a_refund_of_an_unknown_order_lessens_the_net_revenue(viewer: Client) -> None:
    customer = live(1, 1)
    ingest([event(9, EventType.ORDER_REFUNDED, refund="r1", value_minor=400)], source="shop")
    html = page(viewer, customer)
    assert "£21.00" in html
    assert "after refunds of £4.00" in html


def test_a_machines_opening_is_not_the_customers(viewer: Client) -> None:
    customer = live(1, 1)
    MessageEvent.objects.update(is_machine=True)
    assert "Opened" not in page(viewer, customer)


def test_events_before_the_window_are_left_out(viewer: Client) -> None:
    customer = live(1, 1)
    old = event(0, EventType.SEARCHED, properties={"query": "an old lantern"})
    old.occurred_at = AT - timedelta(days=91)
    new = event(9, EventType.SEARCHED, properties={"query": "a new lantern"})
    ingest([old, new], source="shop")
    html = page(viewer, customer)
    assert "a new lantern" in html
    assert "an old lantern" not in html


def test_it_takes_25_queries_for_much_and_for_little(viewer: Client) -> None:
    customer = live(1, 1)
    page(viewer, customer)  # whether there are demo data is known for a minute from here on
    with CaptureQueriesContext(connection) as few:
        page(viewer, customer)
    live(2, 6)
    with CaptureQueriesContext(connection) as many:
        page(viewer, customer)
    assert (len(few), len(many)) == (25, 25)


def test_an_experiment_that_is_gone_is_named_by_its_key(viewer: Client) -> None:
    customer = live(1, 1)
    Assignment.objects.create(customer=customer, experiment_key="old-one", variant_key="b", assigned_at=AT)
    assert "old-one" in page(viewer, customer)


def test_it_shows_the_nearest_store(viewer: Client) -> None:
    customer = live(1, 1)
    customer.nearest_store = Store.objects.create(
        name="Camden Outdoor", external_id="s1", country="GB", latitude=51.5, longitude=-0.1
    )
    customer.nearest_store_km = Decimal("3.4")
    customer.save(update_fields=["nearest_store", "nearest_store_km"])
    html = page(viewer, customer)
    assert "Camden Outdoor" in html
    assert "3.4 km" in html


def test_somebody_of_whom_nothing_is_known_has_a_page(viewer: Client) -> None:
    html = page(viewer, Customer.objects.create())
    assert "Nothing was bought yet" in html


def test_an_unknown_id_is_not_found(viewer: Client) -> None:
    assert viewer.get("/customers/00000000-0000-4000-8000-000000000000/").status_code == 404
