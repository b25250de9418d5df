"""The page Privacy, the rights of one customer, and what administrators do there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from common.clock import now
from customers import consent, privacy_requests
from customers.models import Consent, Customer, ErasureReceipt, PrivacyRequest
from customers.tasks import check_privacy_requests

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def file(settings: Settings, tmp_path: Path) -> None:
    settings.ERASURES_FILE = tmp_path / "erasures.jsonl"


@pytest.fixture
def boss(client: Client) -> User:
    boss = User.objects.create_user("boss@example.com", role=Role.ADMIN)
    client.force_login(boss)
    return boss


@pytest.fixture
def ada(db: None) -> Customer:
    return Customer.objects.create(email="ada@example.com", first_name="Ada")


def act(client: Client, ada: Customer, name: str, **data: str) -> int:
    return client.post(f"/customers/{ada.public_id}/rights/{name}/", data).status_code


@pytest.mark.parametrize(("kind", "days"), [("access", 30), ("erasure", 30), ("do_not_sell", 45)])
def test_a_request_is_due_when_the_law_says(db: None, kind: str, days: int) -> None:
    made = privacy_requests.log_request(kind, source="letter", received_at=AT)
    assert made.due_at == AT + timedelta(days=days)


def test_a_request_is_logged_for_the_customer_who_is_called_so(
    client: Client, boss: User, ada: Customer
) -> None:
    data = {"kind": "access", "person": "ada@example.com", "contact": "ada@example.com", "note": "by letter"}
    assert client.post("/privacy/", data).status_code == 302
    made = PrivacyRequest.objects.get()
    assert (made.customer, made.state, made.note) == (ada, "open", "by letter")


@pytest.mark.parametrize("data", [{"kind": "access", "person": "nobody@x.example"}, {"kind": "fun"}, {}])
def test_a_request_that_is_none_is_refused(client: Client, boss: User, data: dict[str, str]) -> None:
    assert client.post("/privacy/", data).status_code == 400
    assert PrivacyRequest.objects.count() == 0


def test_a_request_is_settled_once(client: Client, boss: User) -> None:
    made = privacy_requests.log_request("access", source="letter")
    client.post(f"/privacy/{made.pk}/done/")
    client.post(f"/privacy/{made.pk}/refused/")
    made.refresh_from_db()
    assert (made.state, made.closed_by) == ("done", boss)


def test_what_is_overdue_stands_above_and_is_counted(client: Client, boss: User) -> None:
    late = privacy_requests.log_request(
        "access", source="letter", received_at=now() - timedelta(days=30, seconds=1)
    )
    privacy_requests.log_request("access", source="letter")
    assert list(client.get("/privacy/").context["overdue"]) == [late]
    assert check_privacy_requests() == 1
    privacy_requests.close(late.pk, state="done", by=boss)
    assert check_privacy_requests() == 0


def test_at_the_very_end_of_its_time_a_request_is_not_overdue_yet(db: None) -> None:
    made = privacy_requests.log_request("access", source="letter", received_at=AT)
    with time_machine.travel(made.due_at, tick=False):
        assert not privacy_requests.overdue().exists()


def test_the_page_takes_as_many_queries_for_twenty_requests_as_for_one(
    client: Client, boss: User, ada: Customer, django_assert_num_queries
) -> None:
    privacy_requests.log_request("access", source="letter", customer=ada)
    client.get("/privacy/")
    with CaptureQueriesContext(connection) as few:
        client.get("/privacy/")
    for _ in range(25):
        privacy_requests.log_request("access", source="letter", customer=ada)
    with django_assert_num_queries(len(few)):
        client.get("/privacy/")


def test_an_objection_to_profiling_holds_at_once(client: Client, boss: User, ada: Customer) -> None:
    assert act(client, ada, "no-profiling") == 302
    ada.refresh_from_db()
    assert ada.allows_profiling is False
    assert Consent.objects.get().proof == f"written down by user {boss.pk}"


def test_selling_is_stopped_and_allowed_again(client: Client, boss: User, ada: Customer) -> None:
    act(client, ada, "do-not-sell")
    assert not Customer.objects.shareable().exists()
    act(client, ada, "allow-sale")
    assert Customer.objects.shareable().get() == ada


def test_no_mail_withdraws_consent(client: Client, boss: User, ada: Customer) -> None:
    consent.grant([ada.pk], source="form")
    act(client, ada, "no-mail")
    assert not Customer.objects.consenting().exists()


def test_the_copy_is_handed_out_and_noted(client: Client, boss: User, ada: Customer) -> None:
    response = client.get(f"/customers/{ada.public_id}/rights/export.json")
    assert json.loads(response.content)["tables"]["customers.Customer"]["rows"][0]["first_name"] == "Ada"
    assert response["Cache-Control"] == "no-store"
    assert client.get(f"/customers/{ada.public_id}/rights/export.zip").content[:2] == b"PK"
    noted = AuditEntry.objects.filter(action="exported a person", object_id=str(ada.pk), user=boss)
    assert sorted(noted.values_list("detail", flat=True)) == ["json", "zip"]


def test_erasing_asks_for_the_word_and_the_reason(client: Client, boss: User, ada: Customer) -> None:
    for data in (
        {},
        {"word": "erase", "reason": "no longer needed"},
        {"word": "ERASE", "reason": "Ada wrote"},
    ):
        assert act(client, ada, "erase", **data) == 302
    assert Customer.objects.get().first_name == "Ada"


def test_an_erasure_leaves_a_receipt_and_no_page_of_the_person(
    client: Client, boss: User, ada: Customer
) -> None:
    act(client, ada, "erase", word="ERASE", reason="no longer needed")
    assert ErasureReceipt.objects.get().asked_by == boss
    assert str(ErasureReceipt.objects.get().pk) in client.get("/privacy/").content.decode()
    assert client.get(f"/customers/{ada.public_id}/rights/").status_code == 404
    assert client.get(f"/customers/{Customer.objects.get().public_id}/rights/").status_code == 200
    assert not AuditEntry.objects.filter(object_id__contains=str(ada.public_id)).exists()


def test_looking_at_a_profile_is_noted(client: Client, boss: User, ada: Customer) -> None:
    client.get(f"/customers/{ada.public_id}/")
    assert AuditEntry.objects.values_list("action", "object_kind", "object_id").get() == (
        "looked at a profile",
        "customers.customer",
        str(ada.pk),
    )


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.MARKETER, Role.APPROVER])
def test_all_of_it_is_closed_to_everybody_else(client: Client, ada: Customer, role: Role) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=role))
    rights = f"/customers/{ada.public_id}/rights/"
    for address in ("/privacy/", rights, f"{rights}export.json", f"{rights}export.zip"):
        assert client.get(address).status_code == 403
    assert act(client, ada, "erase", word="ERASE", reason="no longer needed") == 403
    assert Customer.objects.get().first_name == "Ada"
