"""Who saw or changed what: noted once it happened, never changed afterwards."""

from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction
from django.test import Client

from accounts import audit
from accounts.models import AuditEntry, Role, User
from common.clock import now
from customers.models import Customer
from segments.models import Segment

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> User:
    boss = User.objects.create_user("boss@example.com", role=Role.ADMIN, is_staff=True)
    client.force_login(boss)
    return boss


def acts() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "object_id"))


def test_a_change_through_a_page_is_noted_with_its_object(client: Client, boss: User) -> None:
    Segment.objects.create(key="gb", name="GB", condition={"attribute": "country", "value": "GB"})
    client.post("/segments/gb/refresh/")
    assert acts() == [("segments:refresh", "gb")]
    assert AuditEntry.objects.get().user == boss


def test_the_trail_reads_as_words(client: Client, boss: User) -> None:
    client.post("/admin/products/category/add/", {"name": "Tents", "path": "tents"})
    audit.record(boss, "saw", Customer.objects.create())
    entries = AuditEntry.objects.order_by("pk")
    assert [(entry.action_in_words, entry.kind_in_words) for entry in entries] == [
        ("admin: products category add", ""),
        ("saw", "customer"),
    ]


def test_a_kind_that_is_gone_reads_as_it_was_written() -> None:
    assert AuditEntry(object_kind="shop.basket").kind_in_words == "shop.basket"


def test_a_refused_change_and_a_mere_count_are_not_noted(client: Client, boss: User) -> None:
    client.post("/segments/nothing/refresh/")
    client.post("/segments/new/count/", {"json": "{}"})
    assert acts() == []


def test_a_change_in_the_admin_is_noted(client: Client, boss: User) -> None:
    client.post("/admin/products/category/add/", {"name": "Tents", "path": "tents"})
    assert acts() == [("admin:products_category_add", "")]


def test_no_line_is_changed_or_deleted(boss: User) -> None:
    entry = audit.record(boss, "export", "x")
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(action="nothing")
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        entry.delete()
    assert acts() == [("export", "x")]


def test_the_names_of_erased_subjects_are_emptied_and_nobody_elses(boss: User) -> None:
    ada, bob = Customer.objects.bulk_create([Customer(), Customer()])
    segment = Segment.objects.create(pk=ada.pk, key="k", name="k", condition={})
    for subject in (ada, bob, segment, str(ada.public_id)):
        audit.record(boss, "saw", subject)
    theirs = audit.naming(customer_ids=[ada.pk], public_ids=[ada.public_id])
    assert AuditEntry.objects.filter(theirs).update(object_id="") == 2
    assert acts() == [("saw", ""), ("saw", str(bob.pk)), ("saw", str(segment.pk)), ("saw", "")]


def test_retention_deletes_what_is_older_and_only_that(boss: User) -> None:
    audit.record(boss, "old")
    between = now() + timedelta(seconds=1)
    AuditEntry.objects.bulk_create([AuditEntry(action="new", at=between + timedelta(seconds=1))])
    assert audit.delete_before(between) == 1
    assert acts() == [("new", "")]


def test_the_page_finds_by_colleague_and_object(client: Client, boss: User) -> None:
    audit.record(boss, "export", "spring")
    audit.record(None, "erased", "summer")
    page = client.get("/audit/", {"object": "spring"}).context["page"]
    assert [entry.action for entry in page] == ["export"]
    assert b"a command or task" in client.get("/audit/").content


def test_it_is_closed_to_everybody_else(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.APPROVER))
    assert client.get("/audit/").status_code == 403
