from datetime import UTC, datetime

import pytest

from customers.models import Customer, CustomerFacts, Touched
from segments import membership
from segments.conditions import ConditionError
from segments.membership import Change
from segments.models import MembershipChange, Segment, SegmentMembership
from segments.nesting import CycleError, problem_with
from tests.segments.worlds import NOW

pytestmark = pytest.mark.django_db


def test_a_refresh_lets_in_who_fits_and_logs_it(segment):
    person = Customer.objects.create(country="gb")
    Customer.objects.create(country="DE")
    assert membership.refresh(segment, cause="edit") == Change(entered=1, left=0)
    assert SegmentMembership.objects.get().customer == person
    change = MembershipChange.objects.get()
    assert (change.customer, change.kind, change.cause) == (person, "entered", "edit")
    segment.refresh_from_db()
    assert (segment.member_count, segment.refreshed_at) == (1, NOW)


def test_a_second_refresh_changes_nothing(segment):
    Customer.objects.create(country="GB")
    membership.refresh(segment)
    assert membership.refresh(segment) == Change(entered=0, left=0)
    assert MembershipChange.objects.count() == 1


def test_a_refresh_removes_who_no_longer_fits(segment):
    person = Customer.objects.create(country="GB")
    membership.refresh(segment)
    Customer.objects.filter(pk=person.pk).update(country="FR")
    assert membership.refresh(segment) == Change(entered=0, left=1)
    assert not SegmentMembership.objects.exists()
    assert segment.member_count == 0


def test_segments_are_judged_after_those_they_are_built_on(segment):
    outer = Segment.objects.create(key="outer", name="Outer", condition={"not": {"segment": "british"}})
    Customer.objects.create(country="GB")
    Customer.objects.create(country="DE")
    membership.refresh(outer)
    assert (outer.member_count, segment.memberships.count()) == (1, 1)


def test_who_leaves_the_inner_segment_enters_its_dependants(segment):
    outer = Segment.objects.create(key="outer", name="Outer", condition={"not": {"segment": "british"}})
    person = Customer.objects.create(country="GB")
    membership.refresh_all()
    Customer.objects.filter(pk=person.pk).update(country="DE")
    membership.refresh_with_dependants(segment, cause="edit")
    assert outer.memberships.get().customer == person


def test_segments_in_a_circle_are_refused_with_a_sentence(segment):
    Segment.objects.create(key="outer", name="Outer", condition={"segment": "british"})
    segment.condition = {"all": [{"segment": "outer"}]}
    segment.save()
    with pytest.raises(CycleError, match="“British” is built on “Outer”, which is built on “British”"):
        membership.refresh(segment)


def test_a_segment_built_on_itself_is_refused(segment):
    segment.condition = {"not": {"segment": "british"}}
    assert problem_with(segment) == "“British” is built on “British”."


def test_a_segment_built_on_nothing_known_is_refused(segment):
    segment.condition = {"segment": "nope"}
    assert problem_with(segment) == "There is no segment with the key nope."


def test_a_condition_that_cannot_be_read_leaves_the_members_alone(segment):
    Customer.objects.create(country="GB")
    membership.refresh(segment)
    segment.condition = {"attribute": "shoe_size", "value": 1}
    segment.save()
    with pytest.raises(ConditionError):
        membership.refresh(segment)
    assert membership.refresh_all() == {}
    assert SegmentMembership.objects.count() == 1


def touch(*people: Customer) -> None:
    Touched.objects.bulk_create(Touched(consumer="segments", customer=person) for person in people)


def test_news_of_a_customer_has_only_them_judged_again(segment):
    told, _ = (Customer.objects.create(country="GB") for _ in range(2))
    touch(told)
    assert membership.refresh_touched(limit=10) == 1
    assert SegmentMembership.objects.get().customer == told
    segment.refresh_from_db()
    assert (segment.member_count, Touched.objects.count()) == (1, 0)


def test_news_make_customers_leave_and_others_stay(segment):
    goes, stays = (Customer.objects.create(country="GB") for _ in range(2))
    membership.refresh(segment)
    Customer.objects.update(country="DE")
    touch(goes)
    membership.refresh_touched(limit=10)
    assert SegmentMembership.objects.get().customer == stays
    assert list(MembershipChange.objects.filter(kind="left").values_list("customer", "cause")) == [
        (goes.pk, "event")
    ]


def test_news_are_taken_in_batches(segment):
    touch(*[Customer.objects.create(country="GB") for _ in range(3)])
    assert [membership.refresh_touched(limit=2) for _ in range(3)] == [2, 1, 0]
    assert SegmentMembership.objects.count() == 3


def test_news_for_other_listeners_are_left_alone(segment):
    Touched.objects.create(consumer="recommendations", customer=Customer.objects.create(country="GB"))
    assert membership.refresh_touched(limit=10) == 0
    assert Touched.objects.count() == 1


def test_news_travel_through_nested_segments(segment):
    outer = Segment.objects.create(
        key="outer",
        name="Outer",
        condition={"all": [{"segment": "british"}, {"fact": "orders_count", "op": "gte", "value": 1}]},
    )
    person = Customer.objects.create(country="GB")
    CustomerFacts.objects.create(customer=person, orders_count=1)
    touch(person)
    membership.refresh_touched(limit=10)
    assert outer.memberships.get().customer == person


def test_a_refresh_judges_by_the_stored_condition_not_by_one_read_before(segment):
    stale = Segment.objects.get()
    french = Customer.objects.create(country="FR")
    Customer.objects.create(country="GB")
    Segment.objects.update(condition={"attribute": "country", "value": "FR"})
    membership.refresh(stale)
    assert SegmentMembership.objects.get().customer == french


def test_segments_in_a_stored_circle_hold_up_no_other(segment, caplog):
    Segment.objects.create(key="a", name="A", condition={"segment": "b"})
    Segment.objects.create(key="b", name="B", condition={"segment": "a"})
    person = Customer.objects.create(country="GB")
    assert set(membership.refresh_all()) == {"british", "a", "b"}
    assert segment.memberships.get().customer == person
    assert "is built on “A”" in caplog.text


def test_a_segment_that_fails_holds_up_no_other(segment, caplog):
    long_ago = {"event": "order_placed", "count": {"gte": 1}, "within": {"days": 30}}
    Segment.objects.create(key="a", name="A", condition=long_ago, as_of=datetime(1, 1, 1, tzinfo=UTC))
    person = Customer.objects.create(country="GB")
    Touched.objects.create(consumer="segments", customer=person)
    assert membership.refresh_touched() == 1
    assert segment.memberships.get().customer == person
    assert set(membership.refresh_all()) == {"british"}
    assert caplog.text.count("“A” was not refreshed") == 2
