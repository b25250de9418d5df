"""Two profiles become one, and two again: nothing is lost, nothing is loosened, everything is logged."""

from datetime import date
from uuid import uuid4

import pytest
from django.apps import apps
from django.db.models import UniqueConstraint

from common.clock import now
from customers.aliases import current, survivors
from customers.consent import grant, withdraw
from customers.facts import facts_drift
from customers.identity import Person, resolve
from customers.ingest import ingest
from customers.merging import MergeRefused, merge, moving_columns
from customers.models import (
    Assignment,
    Consent,
    Customer,
    CustomerFacts,
    Event,
    Merge,
    MergedRow,
    Order,
    Refund,
    Score,
    Touched,
)
from customers.undoing import undo
from segments.models import Segment, SegmentMembership
from tests.customers.merges import bought, owner, refunded, snapshot, view

pytestmark = pytest.mark.django_db
REVIEW = Merge.Cause.REVIEW


@pytest.fixture
def ann() -> Customer:
    ingest([view("1", customer="7"), bought("A", 1000, customer="7")], source="shop")
    return owner("shop", "7")


@pytest.fixture
def anna() -> Customer:
    ingest(
        [
            view("2", customer="x", namespace="crm"),
            bought("B", 500, customer="x", namespace="crm"),
            refunded("R", "B", 200, customer="x", namespace="crm"),
        ],
        source="shop",
    )
    return owner("crm", "x")


def test_every_model_that_belongs_to_a_customer_says_what_a_merge_does_to_it():
    undecided = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if field.related_model is Customer and getattr(model, "on_merge", None) not in {"move", "leave"}
    ]
    assert undecided == []


def test_rows_that_move_have_an_index_to_find_them_by():
    own, others = moving_columns()
    for column in own + others:
        model = apps.get_model(column.label)
        fields = {one.column: one for one in model._meta.local_fields}
        field = fields[column.column]
        unique = [one for one in model._meta.constraints if isinstance(one, UniqueConstraint)]
        whole = [one for one in (*model._meta.indexes, *unique) if one.condition is None and one.fields]
        leading = [one.fields[0] for one in whole]
        assert field.db_index or field.name in leading, column.label


def test_everything_follows_and_facts_are_those_of_one_person(ann, anna):
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert {one.customer_id for one in Event.objects.all()} == {ann.pk}
    assert set(Order.objects.values_list("customer", flat=True)) == {ann.pk}
    assert Refund.objects.get().customer == ann
    assert owner("crm", "x") == owner("shop", "7") == ann
    facts = CustomerFacts.objects.get(customer=ann)
    assert (facts.views_count, facts.orders_count, facts.revenue_minor, facts.refunded_minor) == (
        2,
        2,
        1500,
        200,
    )
    assert CustomerFacts.objects.get(customer=anna).orders_count == 0
    assert facts_drift() == {}


def test_each_row_that_moved_is_in_the_log(ann, anna):
    row = merge(ann.pk, anna.pk, cause=REVIEW, evidence="same name")
    counts = {
        model: row.rows.filter(model=model).count() for model in row.rows.values_list("model", flat=True)
    }
    assert counts == {
        "customers.customeridentity": 1,
        "customers.event": 4,  # viewed, bought, placed, refunded
        "customers.order": 1,
        "customers.refund": 1,
    }
    assert (row.evidence, row.cause) == ("same name", REVIEW)


def test_taking_a_merge_back_restores_every_row(ann, anna):
    Customer.objects.filter(pk=anna.pk).update(
        first_name="Anna", birth_date=date(1990, 5, 1), timezone="Europe/Dublin", email="anna@example.com"
    )
    Customer.objects.filter(pk=anna.pk).update(attributes={"size": "M"}, traits_at={"first_name": 5})
    Customer.objects.filter(pk=ann.pk).update(attributes={"club": True})
    grant([ann.pk], source="form")
    withdraw([anna.pk], source="link")
    Score.objects.create(
        customer=anna, kind="ltv", value=1, percentile=50, model_version="1", computed_at=now()
    )
    before = snapshot()
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    assert snapshot() != before
    undo(row.pk)
    assert snapshot() == before
    row.refresh_from_db()
    assert row.undone_at is not None


def test_what_came_after_the_merge_stays_with_the_survivor(ann, anna):
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    ingest([view("9", customer="x", namespace="crm")], source="shop")
    undo(row.pk)
    assert CustomerFacts.objects.get(customer=ann).views_count == 2
    assert CustomerFacts.objects.get(customer=anna).views_count == 1
    assert owner("crm", "x") == anna


def test_empty_columns_are_filled_and_full_ones_stand(ann, anna):
    Customer.objects.filter(pk=ann.pk).update(first_name="Ann", attributes={"size": "S"})
    Customer.objects.filter(pk=anna.pk).update(
        first_name="Anna", last_name="Lee", attributes={"size": "M", "club": True}, allows_profiling=False
    )
    merge(ann.pk, anna.pk, cause=REVIEW)
    ann.refresh_from_db()
    assert ann.full_name == "Ann Lee"
    assert ann.attributes == {"size": "S", "club": True}
    assert ann.allows_profiling is False


def test_a_column_changed_since_the_merge_stays_as_it_is(ann, anna):
    Customer.objects.filter(pk=anna.pk).update(first_name="Anna", city="Cork")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    Customer.objects.filter(pk=ann.pk).update(city="Sligo")
    undo(row.pk)
    ann.refresh_from_db()
    assert (ann.first_name, ann.city) == ("", "Sligo")


def test_the_absorbed_profiles_address_leads_to_the_survivor(ann, anna):
    Customer.objects.filter(pk=ann.pk).update(email="ann@example.com")
    Customer.objects.filter(pk=anna.pk).update(email="anna@example.com")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    person = Person(email="anna@example.com")
    assert resolve([person], source="shop").ids[person] == ann.pk
    undo(row.pk)
    assert resolve([person], source="shop").ids[person] == anna.pk
    assert Customer.objects.get(email="ann@example.com") == ann


def test_an_address_goes_to_a_survivor_who_has_none_and_back(ann, anna):
    Customer.objects.filter(pk=anna.pk).update(email="anna@example.com")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    assert Customer.objects.get(email="anna@example.com") == ann
    undo(row.pk)
    assert Customer.objects.get(email="anna@example.com") == anna


@pytest.mark.parametrize(
    ("survivor", "absorbed", "expected"),
    [(True, False, False), (False, True, False), (True, True, True), (None, True, True), (True, None, True)],
)
def test_the_stricter_consent_wins(ann, anna, survivor, absorbed, expected):
    for customer, answer in ((ann, survivor), (anna, absorbed)):
        if answer is not None:
            (grant if answer else withdraw)([customer.pk], source="form")
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert Consent.objects.get(customer=ann).is_granted is expected


def test_a_withdrawal_while_merged_counts_for_both(ann, anna):
    grant([ann.pk, anna.pk], source="form")
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    withdraw([ann.pk], source="link")
    undo(row.pk)
    assert set(Consent.objects.values_list("customer", "is_granted")) == {(ann.pk, False), (anna.pk, False)}


def test_of_rows_that_may_be_there_once_the_survivors_stand(ann, anna):
    for customer, arm in ((ann, "a"), (anna, "b")):
        Assignment.objects.create(customer=customer, experiment_key="x", variant_key=arm, assigned_at=now())
    Assignment.objects.create(customer=anna, experiment_key="y", variant_key="b", assigned_at=now())
    segment = Segment.objects.create(key="s", name="S", condition={})
    for customer in (ann, anna):
        SegmentMembership.objects.create(segment=segment, customer=customer, entered_at=now())
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert set(Assignment.objects.filter(customer=ann).values_list("experiment_key", "variant_key")) == {
        ("x", "a"),
        ("y", "b"),
    }
    assert SegmentMembership.objects.filter(customer=ann).count() == 1


def test_listeners_hear_of_both(ann, anna):
    Touched.objects.all().delete()
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert set(Touched.objects.values_list("customer", flat=True)) == {ann.pk, anna.pk}


def test_old_ids_lead_to_the_last_survivor(ann, anna):
    third = Customer.objects.create()
    merge(anna.pk, third.pk, cause=REVIEW)
    merge(ann.pk, anna.pk, cause=REVIEW)
    assert survivors([third.pk, anna.pk, ann.pk]) == {third.pk: ann.pk, anna.pk: ann.pk}
    assert current(ann.pk) == ann.pk
    assert Customer.objects.named(third.public_id) == ann
    assert Customer.objects.named(uuid4()) is None
    assert Customer.objects.known().count() == 1


def test_of_a_chain_the_first_merge_can_be_taken_back(ann, anna):
    ingest([view("5", customer="c"), bought("C", 70, customer="c")], source="shop")
    carl = owner("shop", "c")
    Customer.objects.filter(pk=carl.pk).update(first_name="Carl", email="carl@example.com")
    before = snapshot()
    first = merge(anna.pk, carl.pk, cause=REVIEW)
    merge(ann.pk, anna.pk, cause=REVIEW)
    undo(first.pk)
    carl.refresh_from_db()
    ann.refresh_from_db()
    assert (carl.email, carl.merged_into_id, ann.first_name, ann.email) == (
        "carl@example.com",
        None,
        "",
        None,
    )
    assert CustomerFacts.objects.get(customer=carl).revenue_minor == 70
    assert CustomerFacts.objects.get(customer=ann).revenue_minor == 1500
    undo(Merge.objects.get(undone_at=None).pk)
    assert snapshot() == before


def test_of_two_merges_into_one_the_first_can_be_taken_back(ann, anna):
    Customer.objects.filter(pk=anna.pk).update(first_name="Anna")
    dan = Customer.objects.create(first_name="Dan", email="dan@example.com")
    first = merge(ann.pk, anna.pk, cause=REVIEW)
    merge(ann.pk, dan.pk, cause=REVIEW)
    undo(first.pk)
    ann.refresh_from_db()
    assert ann.first_name == "Dan"


def test_nobody_is_merged_twice_nor_with_themselves(ann, anna):
    merge(ann.pk, anna.pk, cause=REVIEW)
    before = (snapshot(), MergedRow.objects.count())
    for survivor, absorbed in ((ann, anna), (anna, ann), (ann, ann)):
        with pytest.raises(MergeRefused):
            merge(survivor.pk, absorbed.pk, cause=REVIEW)
    assert (snapshot(), MergedRow.objects.count()) == before


def test_a_merge_is_taken_back_once(ann, anna):
    row = merge(ann.pk, anna.pk, cause=REVIEW)
    undo(row.pk)
    with pytest.raises(MergeRefused):
        undo(row.pk)
