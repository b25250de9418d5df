"""The page of stores and the admin behind it."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.models import Role, User
from common.clock import now
from customers.models import Customer
from products.models import Promotion, Store

pytestmark = pytest.mark.django_db


def shop(name: str, **fields: object) -> Store:
    told = {"country": "GB", "latitude": 53.8, "longitude": -1.5, "external_id": name, **fields}
    return Store.objects.create(name=name, **told)


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


@pytest.fixture
def marketer(client: Client) -> Client:
    client.force_login(User.objects.create_user("mark@example.com", role=Role.MARKETER, is_staff=True))
    return client


def names(client: Client, query: str = "") -> list[str]:
    return [store.name for store in client.get(f"/stores/?q={quote(query)}").context["page"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Dublin", "York", "Leeds"]),
        ("leeds", ["Leeds"]),
        ("ie", ["Dublin"]),
        ("yorkshire", ["York", "Leeds"]),
        ("%", []),
        ("a\0b", []),
    ],
    ids=["all", "name", "country", "region", "percent", "nul"],
)
def test_stores_are_found_by_name_country_and_region(viewer: Client, query: str, found: list[str]) -> None:
    shop("Leeds", region="Yorkshire")
    shop("York", region="Yorkshire")
    shop("Dublin", country="IE", region="Leinster")
    assert names(viewer, query) == found


def test_the_number_of_queries_does_not_depend_on_the_rows(
    viewer: Client, django_assert_max_num_queries
) -> None:
    for number in range(60):
        store = shop(f"Store {number}")
        one = Promotion.objects.create(
            key=f"p{number}", name="On", headline="On", starts_at=now() - timedelta(days=1)
        )
        one.stores.add(store)
    with django_assert_max_num_queries(7):
        page = viewer.get("/stores/").context["page"]
    assert (len(page.rows), page.next_cursor != "") == (50, True)


def test_it_tells_what_runs_and_what_will_and_not_what_is_over(viewer: Client) -> None:
    for key, start, end in (("over", -3, -1), ("running", -1, 1), ("coming", 1, None)):
        Promotion.objects.create(
            key=key,
            name=key,
            headline=f"It is {key}",
            starts_at=now() + timedelta(days=start),
            ends_at=now() + timedelta(days=end) if end is not None else None,
        )
    words = viewer.get("/stores/").content.decode()
    assert [key for key in ("over", "running", "coming") if f"It is {key}" in words] == ["running", "coming"]


def test_without_stores_it_says_what_to_do_next(viewer: Client) -> None:
    assert "manage.py import_stores" in viewer.get("/stores/").content.decode()


def test_a_viewer_is_offered_no_changes(viewer: Client) -> None:
    shop("Leeds")
    assert "/admin/products/" not in viewer.get("/stores/").content.decode()


def test_a_marketer_adds_a_store_in_the_admin(marketer: Client) -> None:
    told = {
        "name": "Leeds",
        "source": "own",
        "external_id": "s1",
        "country": "GB",
        "latitude": "53.8",
        "longitude": "-1.5",
        "is_open": "on",
    }
    assert marketer.post("/admin/products/store/add/", {**told, "country": "gb"}).status_code == 200
    assert not Store.objects.exists()
    assert marketer.post("/admin/products/store/add/", told).status_code == 302
    assert Store.objects.get().name == "Leeds"


def test_a_deleted_store_is_nobodys_nearest(marketer: Client) -> None:
    leeds = shop("Leeds")
    customer = Customer.objects.create(nearest_store=leeds)
    marketer.post(f"/admin/products/store/{leeds.pk}/delete/", {"post": "yes"})
    customer.refresh_from_db()
    assert (Store.objects.exists(), customer.nearest_store) == (False, None)
