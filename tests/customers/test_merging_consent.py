"""What a merge, and taking it back, make of what two profiles allowed: nothing looser, each change in the log."""

import pytest

from customers.consent import grant, withdraw
from customers.merging import merge
from customers.models import Consent, ConsentRecord, Customer, Merge, Purpose
from customers.undoing import undo

pytestmark = pytest.mark.django_db
REVIEW = Merge.Cause.REVIEW


@pytest.fixture
def ann() -> Customer:
    return Customer.objects.create(email="ann@example.com")


@pytest.fixture
def anna() -> Customer:
    return Customer.objects.create(email="anna@example.com")


def log(customer: Customer) -> list[tuple[bool, str]]:
    lines = ConsentRecord.objects.filter(customer=customer).order_by("at", "pk")
    return list(lines.values_list("is_granted", "source"))


def test_a_withdrawal_that_is_carried_over_is_a_line_of_the_log_and_names_where_it_came_from(ann, anna):
    grant([ann.pk], source="form")
    withdraw([anna.pk], source="link")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    now_held = Consent.objects.get(customer=ann)
    assert (now_held.is_granted, now_held.source) == (False, "merge")
    assert now_held.proof.startswith(f"merge {row.pk}: link, ")
    assert log(ann) == [(True, "form"), (False, "link"), (False, "merge")]


def test_taking_it_back_gives_the_grant_back_and_is_a_line_for_both(ann, anna):
    grant([ann.pk], source="form")
    withdraw([anna.pk], source="link")
    before = list(Consent.objects.order_by("pk").values())
    undo(merge(ann.pk, anna.pk, cause=REVIEW).pk)
    assert list(Consent.objects.order_by("pk").values()) == before
    assert log(ann) == [(True, "form"), (False, "merge"), (True, "merge taken back")]
    assert log(anna) == [(False, "link"), (False, "merge taken back")]


def test_a_grant_for_another_address_does_not_become_the_survivors(ann, anna):
    grant([anna.pk], source="form")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    assert not Customer.objects.consenting().filter(pk=ann.pk).exists()
    assert log(ann) == []
    undo(row.pk)
    assert Customer.objects.consenting().get() == anna


def test_a_grant_comes_along_with_its_address(ann, anna):
    Customer.objects.filter(pk=ann.pk).update(email=None)
    grant([anna.pk], source="form")
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert Customer.objects.consenting().get().email == "anna@example.com"
    assert log(ann) == [(True, "form"), (True, "merge")]


def test_what_was_allowed_apart_from_mail_is_one_persons_word(ann, anna):
    grant([anna.pk], Purpose.PROFILING, source="form")
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert Consent.objects.get(customer=ann).purpose == Purpose.PROFILING


def test_an_own_withdrawal_since_the_merge_stays_although_the_merge_had_carried_one(ann, anna):
    grant([ann.pk], source="form")
    withdraw([anna.pk], source="link")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    assert withdraw([ann.pk], source="unsubscribe") == 1
    undo(row.pk)
    assert not Consent.objects.get(customer=ann).is_granted
    assert log(ann)[-1] == (False, "merge taken back")


def test_a_withdrawal_while_merged_is_logged_for_both_when_it_is_taken_back(ann, anna):
    grant([ann.pk, anna.pk], source="form")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    withdraw([ann.pk], source="link")
    undo(row.pk)
    assert [log(one)[-1] for one in (ann, anna)] == [(False, "merge taken back")] * 2


def test_an_answer_on_its_way_to_a_merged_profile_is_the_survivors(ann, anna):
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert withdraw([anna.pk], source="link") == 1
    assert list(Consent.objects.values_list("customer", "is_granted")) == [(ann.pk, False)]


@pytest.mark.parametrize(("address", "expected"), [("ann@example.com", 0), (None, 1)])
def test_a_grant_on_its_way_to_a_merged_profile_counts_if_its_address_came_along(
    ann, anna, address, expected
):
    Customer.objects.filter(pk=ann.pk).update(email=address)
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert grant([anna.pk], source="form") == expected
    assert Consent.objects.filter(customer=ann, is_granted=True).count() == expected
    assert not Consent.objects.filter(customer=anna).exists()
