"""The list of customers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from customers import consent
from customers.ingest import EventIn, ingest
from customers.models import Customer, EventType

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def viewer(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


def buy(number: int, *, email: str = "", value_minor: int = 1250, **profile: object) -> None:
    event = EventIn(
        client_id=f"o{number}",
        line="1",
        type=EventType.ORDER_LINE,
        occurred_at=AT,
        customer=f"c{number}",
        email=email,
        profile=profile,
        order=f"o{number}",
        quantity=1,
        value_minor=value_minor,
        currency="GBP",
    )
    assert ingest([event], source="shop").inserted


def shown(client: Client, url: str) -> list[str]:
    return [str(customer) for customer in client.get(url).context["page"]]


def queries(client: Client, url: str) -> int:
    client.get(url)  # what is asked once a minute is asked now
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_a_row_shows_orders_net_revenue_and_consent(viewer: Client, settings: Any) -> None:
    settings.REPORTING_CURRENCY = "GBP"
    buy(1, email="ada@example.com", first_name="Ada", last_name="Byron", country="GB")
    consent.grant([Customer.objects.get().pk], source="form")
    html = viewer.get("/customers/").content.decode()
    assert all(text in html for text in ("Ada Byron", "ada@example.com", "£12.50", "Allowed"))


def test_the_list_leaves_anonymous_visitors_out(viewer: Client) -> None:
    Customer.objects.create(email="ada@example.com")
    Customer.objects.create(is_anonymous=True)
    assert shown(viewer, "/customers/") == ["ada@example.com"]


def test_it_finds_by_the_beginning_of_an_address(viewer: Client) -> None:
    for email in ("ada@example.com", "adam@example.com", "bob@example.com"):
        Customer.objects.create(email=email)
    assert shown(viewer, "/customers/?q=Ada") == ["adam@example.com", "ada@example.com"]


def test_it_finds_by_the_id_of_a_source(viewer: Client) -> None:
    buy(1, email="ada@example.com")
    buy(12, email="bob@example.com")
    assert shown(viewer, "/customers/?q=c1") == ["ada@example.com"]


def test_it_finds_by_our_own_id(viewer: Client) -> None:
    wanted = Customer.objects.create(email="ada@example.com")
    Customer.objects.create(email="bob@example.com")
    assert shown(viewer, f"/customers/?q={wanted.public_id}") == ["ada@example.com"]


def test_it_offers_the_countries_there_are_and_filters_by_one(viewer: Client) -> None:
    for email, country in (
        ("a@b.example", "GB"),
        ("c@d.example", "FR"),
        ("e@f.example", ""),
        ("g@h.example", "GB"),
    ):
        Customer.objects.create(email=email, country=country)
    assert viewer.get("/customers/").context["countries"] == ["FR", "GB"]
    assert shown(viewer, "/customers/?country=FR") == ["c@d.example"]


@pytest.mark.parametrize(
    ("prepare", "label"),
    [
        (lambda customer: None, "Never asked"),
        (lambda customer: consent.withdraw([customer.pk], source="link"), "Withdrawn"),
        (lambda customer: consent.suppress(customer.email, "complaint"), "Suppressed"),
        (lambda customer: Customer.objects.update(email=None, first_name="Ada"), "No address"),
    ],
)
def test_it_says_why_mail_may_not_go_out(viewer: Client, prepare, label: str) -> None:
    prepare(Customer.objects.create(email="ada@example.com"))
    (customer,) = viewer.get("/customers/").context["page"]
    assert customer.mail.label == label


def test_the_list_takes_as_many_queries_for_fifty_as_for_one(viewer: Client) -> None:
    buy(0, email="c0@example.com")
    few = queries(viewer, "/customers/")
    for number in range(1, 60):
        buy(number, email=f"c{number}@example.com")
    assert queries(viewer, "/customers/") == few
    assert len(viewer.get("/customers/").context["page"]) == 50


def test_a_visitor_is_led_to_the_login(client: Client, db: None) -> None:
    assert client.get("/customers/").url.startswith("/login/")
