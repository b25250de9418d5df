"""Anonymous visits become part of the customer who signs in; a shared device makes nobody somebody else."""

from datetime import timedelta

import pytest

from common.clock import now
from customers.identity import ANONYMOUS, Person, Told, alias, identify, resolve
from customers.ingest import EventIn, ingest
from customers.models import Customer, CustomerFacts, CustomerIdentity, Event, EventType, Merge

pytestmark = pytest.mark.django_db


def view(client_id: str, **who: str) -> EventIn:
    at = now() - timedelta(hours=1)
    return EventIn(client_id=client_id, type=EventType.PRODUCT_VIEWED, occurred_at=at, **who)


def owner(namespace: str, value: str) -> Customer:
    return CustomerIdentity.objects.get(namespace=namespace, value=value).customer


def test_an_anonymous_visit_follows_the_customer_who_signs_in():
    ingest([view("1", anonymous="cookie"), view("2", anonymous="cookie")], source="site")
    visitor = owner(ANONYMOUS, "cookie")
    assert visitor.is_anonymous
    ingest([view("3", customer="7", anonymous="cookie")], source="site")
    ann = owner("site", "7")
    assert owner(ANONYMOUS, "cookie") == ann
    assert Event.objects.filter(customer=ann).count() == 3
    assert CustomerFacts.objects.get(customer=ann).views_count == 3
    assert CustomerFacts.objects.get(customer=visitor).views_count == 0
    assert Merge.objects.values_list("survivor", "absorbed", "cause", "evidence").get() == (
        ann.pk,
        visitor.pk,
        Merge.Cause.DEVICE,
        "anonymous:cookie",
    )


def test_what_comes_after_signing_in_needs_no_merge():
    ingest([view("1", customer="7", anonymous="cookie"), view("2", anonymous="cookie")], source="site")
    ingest([view("3", anonymous="cookie")], source="site")
    assert Event.objects.filter(customer=owner("site", "7")).count() == 3
    assert (Customer.objects.count(), Merge.objects.count()) == (1, 0)


def test_two_devices_of_one_customer_are_both_theirs():
    ingest([view("1", anonymous="phone"), view("2", anonymous="laptop")], source="site")
    ingest([view("3", customer="7", anonymous="phone")], source="site")
    ingest([view("4", customer="7", anonymous="laptop")], source="site")
    assert CustomerFacts.objects.get(customer=owner("site", "7")).views_count == 4
    assert Customer.objects.known().count() == 1


def test_a_shared_device_stays_with_whom_it_was_first():
    ingest([view("1", customer="7", anonymous="kiosk")], source="site")
    ingest([view("2", customer="8", anonymous="kiosk")], source="site")
    ingest([view("3", anonymous="kiosk")], source="site")
    assert Event.objects.filter(customer=owner("site", "7")).count() == 2
    assert Event.objects.filter(customer=owner("site", "8")).count() == 1
    assert Merge.objects.count() == 0


def test_an_address_names_the_customer_as_well_as_an_id():
    ingest([view("1", anonymous="cookie")], source="site")
    ingest([view("2", email="ann@example.com", anonymous="cookie")], source="site")
    assert owner(ANONYMOUS, "cookie").email == "ann@example.com"
    assert CustomerFacts.objects.get(customer__email="ann@example.com").views_count == 2


def test_an_event_that_names_an_absorbed_profile_counts_for_its_survivor():
    ingest([view("1", anonymous="cookie")], source="site")
    visitor = owner(ANONYMOUS, "cookie")
    ingest([view("2", customer="7", anonymous="cookie")], source="site")
    late = EventIn(client_id="3", type=EventType.PRODUCT_VIEWED, occurred_at=now(), customer_id=visitor.pk)
    ingest([late], source="site")
    assert CustomerFacts.objects.get(customer=owner("site", "7")).views_count == 3
    assert not Event.objects.filter(customer=visitor).exists()


def test_a_late_profile_never_overwrites_a_newer_one():
    newer, older = now() - timedelta(hours=1), now() - timedelta(hours=2)
    new = EventIn(
        client_id="1",
        type=EventType.PAGE_VIEWED,
        occurred_at=newer,
        customer="7",
        profile={"first_name": "Ann", "attributes": {"size": "M"}},
    )
    late = EventIn(
        client_id="2",
        type=EventType.PAGE_VIEWED,
        occurred_at=older,
        customer="7",
        profile={"first_name": "Anna", "country": "GB", "attributes": {"size": "S", "club": True}},
    )
    ingest([new], source="site")
    ingest([late], source="site")
    ann = owner("site", "7")
    assert (ann.first_name, ann.country, ann.attributes) == ("Ann", "GB", {"size": "M", "club": True})


def test_a_batch_stores_profiles_in_the_order_of_their_times():
    newer, older = now() - timedelta(hours=1), now() - timedelta(hours=2)
    batch = [
        EventIn(
            client_id=name, type=EventType.PAGE_VIEWED, occurred_at=at, customer="7", profile={"city": name}
        )
        for name, at in (("Cork", newer), ("Sligo", older))
    ]
    ingest(batch, source="site")
    assert owner("site", "7").city == "Cork"


def test_the_namespace_of_addresses_cannot_be_named():
    result = ingest([view("1", namespace="email", customer="ann@example.com")], source="site")
    assert result.rejects == [(0, "reserved_namespace")]


def test_a_known_device_costs_no_lock(django_assert_max_num_queries):
    person = Person("site", "7", anonymous="cookie")
    resolve([person], source="site")
    with django_assert_max_num_queries(2):
        resolve([person], source="site")


def test_identify_keeps_the_newest_word_whatever_comes_first():
    ann, day = Person("site", "7"), now() - timedelta(days=1)
    identify(
        [Told(ann, {"city": "Cork"}, day), Told(ann, {"city": "Sligo"}, day - timedelta(1))], source="site"
    )
    identify([Told(ann, {"city": "Galway", "region": "West"}, day - timedelta(hours=1))], source="site")
    assert Customer.objects.values_list("city", "region").get() == ("Cork", "West")


def test_an_alias_of_a_visitor_is_the_user():
    ingest([view("1", anonymous="cookie")], source="site")
    resolution = alias(Person(ANONYMOUS, "cookie"), Person("site", "7"), source="site")
    assert resolution.merges == 1
    assert owner(ANONYMOUS, "cookie") == owner("site", "7")
    assert CustomerFacts.objects.get(customer=owner("site", "7")).views_count == 1


def test_an_alias_that_nobody_has_is_attached_either_way():
    ann = resolve([Person("site", "7")], source="site").ids[Person("site", "7")]
    alias(Person("site", "7"), Person("site", "ann"), source="site")
    alias(Person("site", "old"), Person("site", "7"), source="site")
    assert {owner("site", value).pk for value in ("7", "ann", "old")} == {ann}


def test_an_alias_of_two_known_customers_merges_nobody():
    resolve([Person("site", "7"), Person("site", "8")], source="site")
    assert alias(Person("site", "7"), Person("site", "8"), source="site").conflicts == 1
    assert owner("site", "7") != owner("site", "8")
