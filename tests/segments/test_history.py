from datetime import timedelta

import pytest

from common.clock import now
from customers.models import Customer
from segments import membership
from segments.history import growth
from segments.models import SegmentDay

pytestmark = pytest.mark.django_db


def test_each_refresh_adds_to_its_day(segment):
    people = [Customer.objects.create(country="GB") for _ in range(3)]
    membership.refresh(segment)
    Customer.objects.filter(pk=people[0].pk).update(country="DE")
    membership.refresh(segment)
    day = SegmentDay.objects.get()
    assert (day.day, day.members, day.entered, day.left) == (now().date(), 2, 3, 1)


def test_days_without_a_change_keep_their_members(segment):
    today = now().date()
    for ago, members, entered in ((4, 10, 10), (2, 12, 2)):
        SegmentDay.objects.create(
            segment=segment, day=today - timedelta(days=ago), members=members, entered=entered
        )
    chart = growth(segment)
    assert chart is not None
    assert [list(series.values) for series in chart.series[:2]] == [[10, 10, 12, 12, 12], [10, 0, 2, 0, 0]]


def test_what_was_before_the_window_is_where_it_begins(segment):
    SegmentDay.objects.create(segment=segment, day=now().date() - timedelta(days=200), members=7)
    chart = growth(segment, days=3)
    assert chart is not None
    assert list(chart.series[0].values) == [7, 7, 7]


def test_a_single_day_is_no_growth(segment):
    assert growth(segment) is None
    membership.refresh(segment)
    assert growth(segment) is None
