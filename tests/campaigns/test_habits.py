"""The hour at which somebody reads mail: their own where enough is known, else the list's."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.habits import compute_habits, favourite, list_hour, posterior, prior_of
from campaigns.models import SendingHabit
from common.clock import now
from customers.models import Customer
from delivery.models import Dispatch, Message, MessageEvent, Sender
from tests.campaigns.making import people

MORNINGS = [0] * 8 + [400, 100] + [0] * 14


def counts(**hours: int) -> list[int]:
    return [hours.get(f"h{hour}", 0) for hour in range(24)]


def best(reactions: list[int]) -> int:
    return favourite(posterior(reactions, prior=prior_of(MORNINGS)))


def test_who_never_reacted_has_the_lists_hour() -> None:
    assert best(counts()) == 8


@pytest.mark.parametrize(("evenings", "expected"), [(1, 8), (6, 8), (7, 20), (12, 20)])
def test_a_habit_of_ones_own_takes_more_than_a_few_reactions(evenings: int, expected: int) -> None:
    assert best(counts(h20=evenings)) == expected


def test_shares_add_up_to_one_and_are_the_posterior_mean() -> None:
    shares = posterior(counts(h20=2), prior=[1 / 24] * 24, strength=6)
    assert sum(shares) == pytest.approx(1)
    assert shares[20] == pytest.approx((2 + 6 / 24) / 8)
    assert prior_of(MORNINGS)[8] == pytest.approx(401 / 524)


def test_of_equal_hours_the_earliest_is_taken() -> None:
    assert favourite([0.5 if hour in (7, 19) else 0.0 for hour in range(24)]) == 7


def react(customer: Customer, at: datetime, *, kind: str = "opened", is_machine: bool = False) -> None:
    sender, _ = Sender.objects.get_or_create(name="Shop", from_name="Shop", from_email="news@shop.example")
    dispatch = Dispatch.objects.create(name="Any", sender=sender)
    message = Message.objects.create(dispatch=dispatch, customer=customer, state="sent")
    MessageEvent.objects.create(
        message=message, kind=kind, occurred_at=at, is_machine=is_machine, dedupe_key=f"{message.pk}"
    )


def evening(days_ago: int = 3, hour: int = 20) -> datetime:
    return (now() - timedelta(days=days_ago)).astimezone(UTC).replace(hour=hour, minute=30)


@pytest.mark.django_db
def test_only_what_people_did_lately_counts_and_by_their_own_clock() -> None:
    tokyo, machine, past, objecting = people(4, timezone="Asia/Tokyo")
    Customer.objects.filter(pk=objecting.pk).update(allows_profiling=False)
    react(tokyo, evening(hour=22))
    react(machine, evening(), is_machine=True)
    react(past, evening(days_ago=190))
    react(objecting, evening())
    assert compute_habits() == 1
    assert dict(SendingHabit.objects.values_list("customer_id", "hour")) == {tokyo.pk: 7}
    assert list_hour() == 7


@pytest.mark.django_db
def test_sql_and_python_agree_on_everybody() -> None:
    rng = random.Random(5)
    crowd = people(12, timezone="UTC")
    seen = {one.pk: [0] * 24 for one in crowd}
    for one in crowd:
        for _ in range(rng.randint(1, 15)):
            hour = rng.choice([8, 8, 8, 9, 20, rng.randrange(24)])
            react(one, evening(hour=hour), kind=rng.choice(["opened", "clicked"]))
            seen[one.pk][hour] += 1
    compute_habits()
    prior = prior_of([sum(hours) for hours in zip(*seen.values(), strict=True)])
    expected = {pk: favourite(posterior(hours, prior=prior)) for pk, hours in seen.items()}
    assert dict(SendingHabit.objects.values_list("customer_id", "hour")) == expected


@pytest.mark.django_db
def test_who_objects_later_loses_their_hour() -> None:
    [one] = people(1)
    react(one, evening())
    compute_habits()
    Customer.objects.filter(pk=one.pk).update(allows_profiling=False)
    assert compute_habits() == 0
    assert not SendingHabit.objects.exists()
    assert list_hour() == 10
