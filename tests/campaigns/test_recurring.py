"""A campaign that repeats: one campaign for each occurrence, made once."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from campaigns.launching import LaunchRefused, database_time, launch
from campaigns.models import Campaign
from campaigns.recurring import next_date, spawn
from campaigns.scheduling import due_campaigns, due_series, launch_scheduled, schedule, spawn_due
from customers.models import Alert, Assignment
from tests.campaigns.making import people
from tests.campaigns.planning_making import planned

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 12, 1, 9, tzinfo=UTC)


def series(name: str = "News", **fields: object) -> Campaign:
    """A weekly series that begins on 1 December at nine."""
    start = {"repeats": "weekly", "send_on": FIRST.date(), "send_at": time(9)}
    campaign = planned(name, **{**start, **fields})
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.SCHEDULED, launch_at=FIRST)
    return campaign


def children() -> list[tuple[str, int, datetime]]:
    found = Campaign.objects.exclude(parent=None).order_by("occurrence")
    return list(found.values_list("key", "occurrence", "launch_at"))


@pytest.mark.parametrize(
    ("day", "repeats", "expected"),
    [
        (date(2026, 12, 31), "daily", date(2027, 1, 1)),
        (date(2026, 12, 28), "weekly", date(2027, 1, 4)),
        (date(2026, 12, 28), "monthly", date(2027, 1, 28)),
        (date(2027, 1, 28), "monthly", date(2027, 2, 28)),
    ],
)
def test_the_next_day_is_a_day_a_week_or_a_month_later(day: date, repeats: str, expected: date) -> None:
    assert next_date(day, repeats) == expected


def test_an_occurrence_is_made_once_and_the_series_moves_on() -> None:
    campaign = series()
    assert spawn(campaign.pk, at=FIRST - timedelta(seconds=1)) is None
    assert spawn(campaign.pk, at=FIRST) is not None
    assert spawn(campaign.pk, at=FIRST) is None
    campaign.refresh_from_db()
    assert children() == [("news-2026-12-01", 1, FIRST)]
    assert (campaign.send_on, campaign.launch_at) == (date(2026, 12, 8), FIRST + timedelta(weeks=1))


def test_of_those_that_were_missed_only_the_newest_is_made() -> None:
    campaign = series()
    spawn(campaign.pk, at=FIRST + timedelta(days=15))
    assert children() == [("news-2026-12-15", 1, FIRST + timedelta(weeks=2))]


def test_it_ends_with_its_last_day() -> None:
    campaign = series(repeats_until=date(2026, 12, 8))
    for week in range(3):
        spawn(campaign.pk, at=FIRST + timedelta(weeks=week))
    campaign.refresh_from_db()
    assert [key for key, *_ in children()] == ["news-2026-12-01", "news-2026-12-08"]
    assert (campaign.state, campaign.launch_at) == ("ended", None)


def test_a_key_that_somebody_has_is_left_to_them() -> None:
    campaign = series()
    planned("News 2026 12 01")
    spawn(campaign.pk, at=FIRST)
    assert [key for key, *_ in children()] == ["news-2026-12-01-2"]


@pytest.mark.parametrize("draws_anew", [False, True])
def test_everybody_stays_in_their_arm_unless_they_are_drawn_anew(draws_anew: bool) -> None:
    people(60)
    campaign = series(draws_arms_anew=draws_anew)
    arms = []
    for week in range(2):
        child = spawn(campaign.pk, at=FIRST + timedelta(weeks=week))
        assert child is not None
        launch(child.pk)
        given = Assignment.objects.filter(experiment_key=child.key)
        arms.append(dict(given.values_list("customer_id", "variant_key")))
    assert len(arms[0]) == 60
    assert (arms[0] == arms[1]) is not draws_anew


def test_an_occurrence_says_all_that_the_series_says() -> None:
    campaign = series(
        quiet_from=time(21), quiet_until=time(8), topic="news", priority=1, timezone="Europe/Vienna"
    )
    child = spawn(campaign.pk, at=FIRST)
    assert child is not None
    child.refresh_from_db()
    campaign.refresh_from_db()
    assert child.timing().quiet == campaign.timing().quiet
    assert (child.topic, child.priority, child.timezone.key) == ("news", 1, "Europe/Vienna")
    assert (child.parent_id, child.repeats, child.send_on) == (campaign.pk, "", date(2026, 12, 1))
    contents = child.variants.order_by("variant__position").values_list(
        "variant__key", "is_personalised", "strategy"
    )
    assert list(contents) == [("a", False, "bestsellers"), ("b", True, "for_you")]


def test_a_series_is_launched_by_its_occurrences_alone() -> None:
    people(3)
    campaign = series()
    with pytest.raises(LaunchRefused, match="start the series instead"):
        launch(campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(launch_at=database_time(), send_on=database_time().date())
    assert (due_series(), due_campaigns()) == ([campaign.pk], [])
    assert spawn_due() == 1
    [child] = due_campaigns()
    assert launch_scheduled(child) is not None
    assert due_series() == []


def test_a_series_that_began_long_ago_goes_on_with_the_next_day() -> None:
    campaign = planned(repeats="daily", send_on=date(2020, 1, 1), send_at=time(9))
    assert schedule(campaign.pk, by=None) > database_time()
    campaign.refresh_from_db()
    assert (campaign.send_on - database_time().date()).days in (0, 1)


def test_the_number_of_an_occurrence_that_was_deleted_is_in_nobodys_way() -> None:
    campaign = series()
    first = spawn(campaign.pk, at=FIRST)
    spawn(campaign.pk, at=FIRST + timedelta(weeks=1))
    assert first is not None
    first.delete()
    spawn(campaign.pk, at=FIRST + timedelta(weeks=2))
    assert [number for _, number, _ in children()] == [2, 3]


def test_a_series_that_fails_is_held_with_an_alert_and_the_others_go_on() -> None:
    broken, whole = series(), series("Journal")
    Campaign.objects.filter(pk__in=[broken.pk, whole.pk]).update(
        launch_at=database_time(), send_on=database_time().date()
    )
    Campaign.objects.filter(pk=broken.pk).update(send_on=date.max)
    assert spawn_due() == 1
    broken.refresh_from_db()
    assert (broken.state, broken.held_because) == (
        "held",
        "Its next occurrence could not be made: OverflowError.",
    )
    assert Campaign.objects.exclude(parent=None).get().parent_id == whole.pk
    assert Alert.objects.get().title == f"The campaign {broken.name} was not launched"
