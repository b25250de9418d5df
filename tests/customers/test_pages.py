"""The list of customers and the books of what was read in."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Role, User
from customers import consent
from customers.ingest import EventIn, ingest
from customers.models import Customer, EventType, SyncRun

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def viewer(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


@pytest.fixture
def editor(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("edit@example.com", role=Role.MARKETER))
    return client


@pytest.fixture
def rejects_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.REJECTS_DIR = tmp_path / "rejects"
    settings.REJECTS_DIR.mkdir()
    return settings.REJECTS_DIR


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


def run(**values: object) -> SyncRun:
    return SyncRun.objects.create(**{"source": "shop", "status": "succeeded", "started_at": AT, **values})


def test_a_row_shows_orders_net_revenue_and_consent(viewer: Client) -> None:
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


def test_the_books_of_a_run_show_how_every_row_ended(viewer: Client) -> None:
    run(rows_in=100, inserted=90, duplicates=4, rejected={"no_customer": 5, "bad_email": 1})
    html = viewer.get("/data/").content.decode()
    assert all(text in html for text in ("Adds up", "5 × no customer", "1 × bad email"))


def test_books_that_do_not_add_up_say_so(viewer: Client) -> None:
    run(rows_in=100, inserted=90)
    assert "Does not add up" in viewer.get("/data/").content.decode()


def test_the_newest_run_of_each_source_says_how_fresh_it_is(viewer: Client) -> None:
    run(source="till", status="failed")
    run(source="shop", status="failed", started_at=AT.replace(day=1))
    run(source="shop")
    sources = viewer.get("/data/").context["sources"]
    assert [(one.run.source, one.run.status) for one in sources] == [
        ("shop", "succeeded"),
        ("till", "failed"),
    ]


def test_without_runs_the_page_names_the_command_that_imports(viewer: Client) -> None:
    assert "manage.py import_events" in viewer.get("/data/").content.decode()


def test_the_data_page_takes_as_many_queries_for_twenty_runs_as_for_one(viewer: Client) -> None:
    run()
    few = queries(viewer, "/data/")
    for number in range(25):
        run(source=f"s{number}")
    assert queries(viewer, "/data/") == few


def test_an_editor_may_take_the_refused_rows_away(editor: Client, rejects_dir: Path) -> None:
    file = rejects_dir / "shop.csv"
    file.write_text("row,reason\n1,no_customer\n")
    made = run(rejects_path=str(file))
    response = editor.get(reverse("customers:rejects", args=[made.pk]))
    assert b"".join(response.streaming_content) == file.read_bytes()
    assert response["Content-Disposition"] == 'attachment; filename="shop.csv"'


def test_a_viewer_may_not_and_sees_no_link(viewer: Client, rejects_dir: Path) -> None:
    (rejects_dir / "shop.csv").write_text("row,reason\n")
    made = run(rejects_path="shop.csv")
    url = reverse("customers:rejects", args=[made.pk])
    assert viewer.get(url).status_code == 403
    assert url not in viewer.get("/data/").content.decode()


@pytest.mark.parametrize("path", ["../secret.csv", "{outside}", "link.csv", "missing.csv", ".", ""])
def test_nothing_outside_the_folder_is_handed_out(editor: Client, rejects_dir: Path, path: str) -> None:
    outside = rejects_dir.parent / "secret.csv"
    outside.write_text("secret")
    (rejects_dir / "link.csv").symlink_to(outside)
    made = run(rejects_path=path.format(outside=outside))
    assert editor.get(reverse("customers:rejects", args=[made.pk])).status_code == 404
