"""Ids and addresses of sources lead to one customer, and to two only where a source says so."""

import pytest

from customers.identity import ANONYMOUS, Person, resolve
from customers.models import Customer, CustomerIdentity, Touched

pytestmark = pytest.mark.django_db


def test_an_id_leads_to_the_same_customer_every_time():
    person = Person("shop", "7")
    first = resolve([person], source="shop")
    again = resolve([person], source="shop")
    assert (first.created, again.created) == (1, 0)
    assert first.ids == again.ids
    assert Customer.objects.get().is_anonymous is False


def test_an_id_with_a_known_address_attaches_to_its_customer():
    ann = Customer.objects.create(email="ann@example.com")
    assert resolve([Person("shop", "7", "ann@example.com")], source="shop").ids == {
        Person("shop", "7", "ann@example.com"): ann.pk
    }
    assert resolve([Person("crm", "A", "ann@example.com")], source="crm").created == 0
    assert set(ann.identities.values_list("namespace", "value")) == {("shop", "7"), ("crm", "A")}


def test_two_ids_of_one_source_with_one_address_are_kept_apart_and_counted():
    people = [Person("shop", "7", "ann@example.com"), Person("shop", "8", "ann@example.com")]
    result = resolve(people, source="shop")
    assert (result.created, result.conflicts) == (2, 1)
    assert Customer.objects.get(pk=result.ids[people[0]]).email == "ann@example.com"
    assert Customer.objects.get(pk=result.ids[people[1]]).email is None
    assert resolve(people, source="shop").ids == result.ids


def test_an_address_alone_finds_or_makes_its_customer():
    both = [Person("shop", "7", "ann@example.com"), Person(email="ann@example.com")]
    result = resolve(both, source="shop")
    assert result.created == 1
    assert result.ids[both[0]] == result.ids[both[1]]
    assert resolve([Person(email="bob@example.com")], source="shop").created == 1


def test_one_id_with_and_without_its_address_is_one_customer():
    people = [Person("shop", "7"), Person("shop", "7", "ann@example.com")]
    result = resolve(people, source="shop")
    assert result.created == 1
    assert Customer.objects.get().email == "ann@example.com"


def test_an_address_learnt_later_is_kept_unless_somebody_has_it():
    resolve([Person("shop", "7"), Person("shop", "8")], source="shop")
    resolve([Person("shop", "7", "ann@example.com")], source="shop")
    result = resolve([Person("shop", "8", "ann@example.com")], source="shop")
    assert result.conflicts == 1
    assert list(Customer.objects.order_by("pk").values_list("email", flat=True)) == ["ann@example.com", None]


def test_anonymous_ids_make_customers_that_are_in_no_count():
    resolve([Person(ANONYMOUS, "cookie")], source="site")
    assert Customer.objects.known().count() == 0
    assert CustomerIdentity.objects.get().customer.is_anonymous


def test_profiles_are_stored_merged_and_reported_as_news():
    person = Person("shop", "7")
    resolve({person: {"country": "GB", "attributes": {"size": "M"}}}, source="shop")
    Touched.objects.all().delete()
    resolve({person: {"country": "GB", "attributes": {"size": "M"}}}, source="shop")
    assert not Touched.objects.exists()
    resolve({person: {"country": "", "first_name": "Ann", "attributes": {"club": True}}}, source="shop")
    customer = Customer.objects.get()
    assert (customer.country, customer.first_name) == ("GB", "Ann")
    assert customer.attributes == {"size": "M", "club": True}
    assert Touched.objects.count() == 1
