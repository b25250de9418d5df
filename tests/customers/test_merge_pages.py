"""Marketers compare, merge, keep apart and take back; viewers only look."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from customers.duplicates import find_duplicates
from customers.identity import Person, resolve
from customers.merging import merge
from customers.models import Customer, CustomerIdentity, DuplicatePair, Merge

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


@pytest.fixture
def editor() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("edit@example.com", role=Role.MARKETER))
    return client


def pair(number: int = 0) -> DuplicatePair:
    born = date(1990, 5, 1 + number)
    Customer.objects.create(first_name="Jon", last_name="Smith", birth_date=born)
    Customer.objects.create(first_name="John", last_name="Smith", birth_date=born, city="Cork")
    find_duplicates()
    return DuplicatePair.objects.latest("pk")


def test_the_list_says_what_to_do_when_nothing_waits(viewer):
    assert "No duplicates waiting" in viewer.get(reverse("customers:duplicates")).content.decode()


def test_the_list_takes_as_many_queries_for_twenty_pairs_as_for_one(viewer):
    counts = []
    for numbers in (range(1), range(1, 20)):
        for number in numbers:
            pair(number)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert viewer.get(reverse("customers:duplicates")).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_comparison_shows_both_and_the_result(viewer):
    html = viewer.get(reverse("customers:duplicate", args=[pair().pk])).content.decode()
    assert html.count("Cork") == 2
    assert "Jon Smith / John Smith" in html
    assert "Merge</button>" not in html


def test_a_marketer_merges_and_takes_it_back(editor):
    found = pair()
    response = editor.post(reverse("customers:decide_duplicate", args=[found.pk]), {"decision": "merge"})
    assert response.url == reverse("customers:duplicates")
    row = Merge.objects.get()
    assert (row.merged_by.email, row.survivor) == ("edit@example.com", found.first)
    profile = reverse("reports:customer", args=[found.first.public_id])
    assert "Take it back" in editor.get(profile).content.decode()
    assert editor.get(reverse("reports:customer", args=[found.second.public_id])).url == profile
    assert editor.post(reverse("customers:undo_merge", args=[row.pk])).url == profile
    assert Customer.objects.known().count() == 2
    assert "Taken back" in editor.get(profile).content.decode()


def test_a_marketer_keeps_two_people_apart(editor):
    found = pair()
    editor.post(reverse("customers:decide_duplicate", args=[found.pk]), {"decision": "different"})
    found.refresh_from_db()
    assert (found.state, found.decided_by.email) == ("different", "edit@example.com")


def test_a_second_decision_is_refused_in_words(editor):
    found = pair()
    url = reverse("customers:decide_duplicate", args=[found.pk])
    editor.post(url, {"decision": "different"})
    html = editor.post(url, {"decision": "merge"}, follow=True).content.decode()
    assert "Somebody has decided on this pair already." in html
    assert not Merge.objects.exists()


def test_a_viewer_decides_nothing(viewer):
    found = pair()
    row = merge(Customer.objects.create().pk, Customer.objects.create().pk, cause=Merge.Cause.REVIEW)
    for url in (
        reverse("customers:decide_duplicate", args=[found.pk]),
        reverse("customers:undo_merge", args=[row.pk]),
        reverse("customers:detach", args=[1]),
    ):
        assert viewer.post(url, {"decision": "merge"}).status_code == 403
    assert Merge.objects.get().undone_at is None


def test_an_id_that_is_somebody_elses_is_taken_off_on_the_profile(editor):
    ann = Customer.objects.create(email="ann@example.com")
    resolve([Person("market", "1", "ann@example.com")], source="market")
    profile = reverse("reports:customer", args=[ann.public_id])
    assert "Somebody else</button>" in editor.get(profile).content.decode()
    identity = CustomerIdentity.objects.get()
    response = editor.post(reverse("customers:detach", args=[identity.pk]))
    identity.refresh_from_db()
    assert response.url == reverse("reports:customer", args=[identity.customer.public_id]) != profile


def test_an_old_public_id_still_answers_the_inspection(viewer):
    old, new = Customer.objects.create(), Customer.objects.create(email="ann@example.com")
    merge(new.pk, old.pk, cause=Merge.Cause.REVIEW)
    html = viewer.get(reverse("recommendations:inspect", args=[old.public_id])).content.decode()
    assert "ann@example.com" in html
