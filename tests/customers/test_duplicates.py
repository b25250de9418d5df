"""Pairs that may be one person are found, listed once, decided once, and the decision is remembered."""

from datetime import date

import pytest

from customers import duplicates
from customers.duplicates import find_duplicates, keep_apart, merge_pair, waiting_count
from customers.identity import ANONYMOUS, Person, alias, resolve
from customers.ingest import ingest
from customers.merging import MergeRefused, merge
from customers.models import (
    Customer,
    CustomerFacts,
    CustomerIdentity,
    DuplicatePair,
    Merge,
    Order,
    SourcePolicy,
)
from customers.undoing import detach, undo
from tests.customers.merges import bought, owner, view

pytestmark = pytest.mark.django_db
BORN = date(1990, 5, 1)


def person(first: str, last: str, born: date | None = BORN, **fields: object) -> Customer:
    return Customer.objects.create(first_name=first, last_name=last, birth_date=born, **fields)


def listed() -> set[tuple[str, str]]:
    return {(str(pair.first), str(pair.second)) for pair in DuplicatePair.objects.all()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Jon", "Smith"), ("John", "Smith")),
        (("Ann", "Lee"), ("Lee", "Ann")),
        (("Zoë", "Müller"), ("ZOE", "Muller")),
        (("Siobhan", "O'Brien"), ("Siobhán", "OBrien")),
    ],
)
def test_near_equal_names_of_one_birthday_are_found(one, other):
    person(*one)
    person(*other)
    assert find_duplicates() == 1
    assert listed() == {(" ".join(one), " ".join(other))}


@pytest.mark.parametrize(
    "other",
    [
        {"first": "Jon", "last": "Smith", "born": date(1990, 5, 2)},
        {"first": "Jon", "last": "Smith", "born": None},
        {"first": "Mary", "last": "Smith"},
        {"first": "Jon", "last": "Smith", "is_anonymous": True},
        {"first": "", "last": ""},
    ],
)
def test_others_are_not(other):
    person("Jon", "Smith")
    person(**other)
    assert find_duplicates() == 0


def test_the_same_phone_is_enough_however_it_is_written():
    person("Ann", "", None, attributes={"phone": "+353 1 234-5678"})
    person("Lee", "", None, attributes={"phone": "00353 12345678"})
    person("Bob", "", None, attributes={"phone": "+353 (1) 2345678"})
    person("Eve", "", None, attributes={"phone": "112"})
    assert find_duplicates() == 1
    assert listed() == {("Ann", "Bob")}


def test_a_placeholder_birthday_is_split_by_initials_and_cut_off(monkeypatch):
    monkeypatch.setattr(duplicates, "LARGEST_BLOCK", 2)
    for first, last in (("Jon", "Smith"), ("John", "Smith"), ("Ann", "Lee"), ("Anna", "Lee"), ("Ana", "Lee")):
        person(first, last)
    assert find_duplicates() == 1
    assert listed() == {("Jon Smith", "John Smith")}


def test_a_pair_is_listed_once_and_its_decision_stands():
    person("Jon", "Smith")
    person("John", "Smith")
    find_duplicates()
    keep_apart(DuplicatePair.objects.get().pk, by=None)
    assert (find_duplicates(), waiting_count()) == (0, 0)


def test_merging_a_pair_keeps_the_older_id():
    jon, john = person("Jon", "Smith"), person("John", "Smith")
    find_duplicates()
    merge_pair(DuplicatePair.objects.get().pk, by=None)
    assert Merge.objects.values_list("survivor", "absorbed").get() == (jon.pk, john.pk)
    assert DuplicatePair.objects.get().state == DuplicatePair.State.MERGED


def test_a_pair_is_decided_once():
    person("Jon", "Smith")
    person("John", "Smith")
    find_duplicates()
    pair = DuplicatePair.objects.get()
    keep_apart(pair.pk, by=None)
    for decide in (merge_pair, keep_apart):
        with pytest.raises(MergeRefused):
            decide(pair.pk, by=None)
    assert Merge.objects.count() == 0


def test_a_pair_of_whom_one_was_merged_waits_no_more_until_that_is_taken_back():
    person("Jon", "Smith")
    john = person("John", "Smith")
    find_duplicates()
    row = merge(Customer.objects.create().pk, john.pk, cause=Merge.Cause.REVIEW)
    assert waiting_count() == 0
    undo(row.pk)
    assert waiting_count() == 1


def test_taking_a_merge_back_remembers_that_they_are_two():
    person("Jon", "Smith")
    person("John", "Smith")
    find_duplicates()
    row = merge_pair(DuplicatePair.objects.get().pk, by=None)
    undo(row.pk)
    assert DuplicatePair.objects.get().state == DuplicatePair.State.DIFFERENT
    assert find_duplicates() == 0


def test_two_ids_of_one_source_with_one_address_are_listed_once():
    people = [Person("shop", "7", "ann@example.com"), Person("shop", "8", "ann@example.com")]
    for _ in range(2):
        ids = resolve(people, source="shop").ids
    pair = DuplicatePair.objects.get()
    assert {pair.first_id, pair.second_id} == set(ids.values())
    assert (pair.reason, pair.evidence) == (DuplicatePair.Reason.ADDRESS, "ann@example.com")


def test_a_source_that_may_not_attach_by_address_makes_a_profile_of_its_own():
    SourcePolicy.objects.create(source="market", attaches_by_email=False)
    ann = Customer.objects.create(email="ann@example.com")
    person = Person("market", "1", "ann@example.com")
    resolution = resolve([person], source="market")
    assert (resolution.created, resolution.conflicts) == (1, 1)
    assert resolution.ids[person] != ann.pk
    assert waiting_count() == 1


def test_two_known_ids_that_a_source_calls_one_are_listed():
    resolve([Person("shop", "7"), Person("shop", "8")], source="shop")
    alias(Person("shop", "7"), Person("shop", "8"), source="shop")
    assert DuplicatePair.objects.get().reason == DuplicatePair.Reason.ALIAS


def test_an_id_attached_by_address_can_be_taken_off_with_what_its_source_told():
    ingest([bought("A", 1000, customer="7", email="ann@example.com")], source="shop")
    ingest(
        [bought("B", 500, customer="1", email="ann@example.com"), view("2", customer="1")], source="market"
    )
    ann, identity = owner("shop", "7"), CustomerIdentity.objects.get(namespace="market")
    assert identity.attached_by == CustomerIdentity.Way.EMAIL
    new = detach(identity.pk)
    assert owner("market", "1") == new
    assert Order.objects.get(source="market").customer == new
    facts = {one.customer_id: one.revenue_minor for one in CustomerFacts.objects.all()}
    assert facts == {ann.pk: 1000, new.pk: 500}
    row = Merge.objects.get()
    assert (row.survivor, row.absorbed, row.rows.count()) == (ann, new, 5)
    ingest([view("3", customer="1", email="ann@example.com")], source="market")
    assert (owner("market", "1"), waiting_count()) == (new, 0)


def test_an_id_of_its_own_cannot_be_taken_off():
    resolve([Person("shop", "7"), Person(ANONYMOUS, "cookie")], source="shop")
    with pytest.raises(MergeRefused):
        detach(owner("shop", "7").identities.get().pk)
