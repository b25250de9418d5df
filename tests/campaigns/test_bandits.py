"""A series whose better arms get more of each next occurrence."""

from datetime import time, timedelta

import pytest
from django.urls import reverse

from accounts.models import Role
from campaigns.bandits import allotment
from campaigns.cloning import clone
from campaigns.launching import launch
from campaigns.models import Campaign
from campaigns.recurring import spawn
from common.clock import now
from customers.models import Order
from delivery.models import Message, MessageEvent
from experiments.models import Experiment
from experiments.stats.bayes import posterior, thompson_weights
from experiments.stats.proportions import Proportion
from reports.outcomes import plan_of
from tests.campaigns.making import arm, draft, people
from tests.campaigns.test_pages import signed_in

pytestmark = pytest.mark.django_db
WEEK = timedelta(weeks=1)
ARMS = [arm(name, percent=percent) for name, percent in (("One", 33), ("Two", 33), ("Three", 34))]


def series(**fields: object) -> Campaign:
    """A weekly series with three arms and both holdouts, planned as a bandit on clicks; its first date is past."""
    campaign = draft("News", no_mail=10, baseline_percent=10, arms=ARMS, primary_metric="human_click")
    plan = {"allocation": "bandit", "conversion_window_days": 1} | fields
    Experiment.objects.filter(pk=campaign.experiment_id).update(**plan)
    start = now() - 8 * WEEK
    Campaign.objects.filter(pk=campaign.pk).update(
        repeats="weekly",
        draws_arms_anew=True,
        state=Campaign.State.SCHEDULED,
        send_on=start.date(),
        send_at=time(start.hour, start.minute),
        launch_at=start,
    )
    return Campaign.objects.select_related("experiment").get(pk=campaign.pk)


def occurrence(campaign: Campaign) -> Campaign:
    """Make the next occurrence and launch it, as on its day."""
    campaign.refresh_from_db()
    assert campaign.launch_at is not None
    child = spawn(campaign.pk, at=campaign.launch_at)
    assert child is not None
    launch(child.pk)
    Campaign.objects.filter(pk=child.pk).update(launched_at=child.launch_at)
    child.refresh_from_db()
    return child


def clicks(child: Campaign, key: str, *, every: int) -> tuple[int, int]:
    """Let every so many of an arm click an hour after the launch; how many there are and how many clicked."""
    messages = list(Message.objects.filter(dispatch_id=child.dispatch_id, variant_key=key))
    assert child.launched_at is not None
    clicking = messages[::every] if every else []
    MessageEvent.objects.bulk_create(
        MessageEvent(
            message=one,
            kind="clicked",
            occurred_at=child.launched_at + timedelta(hours=1),
            is_machine=False,
            dedupe_key=f"click-{one.pk}",
        )
        for one in clicking
    )
    return len(messages), len(clicking)


def weights(child: Campaign) -> dict[str, int]:
    return dict(child.experiment.variants.values_list("key", "weight"))


def test_the_first_occurrence_is_shared_as_planned() -> None:
    people(5)
    campaign = series()
    planned = weights(campaign)
    assert weights(occurrence(campaign)) == planned
    assert sum(planned.values()) == 10_000


def test_better_arms_get_more_from_occurrence_to_occurrence_and_none_less_than_the_floor() -> None:
    people(300)
    campaign = series()
    shares, counted = [], {"b": (0, 0), "c": (0, 0), "d": (0, 0)}
    for _ in range(3):
        child = occurrence(campaign)
        shares.append(weights(child))
        for key, every in (("b", 20), ("c", 3), ("d", 20)):
            trials, successes = clicks(child, key, every=every)
            counted[key] = (counted[key][0] + trials, counted[key][1] + successes)
    found = allotment(campaign, at=now())
    assert {one.key: (one.trials, one.successes) for one in found.arms} == counted
    pool = 8_100
    assert [one.weight for one in found.arms] == list(
        thompson_weights(
            [posterior(Proportion(x, n)) for n, x in counted.values()], whole=pool, least=pool // 20
        )
    )
    assert shares[0]["c"] < shares[1]["c"] <= shares[2]["c"] == pool - 2 * (pool // 20)
    for one in shares:
        assert (one["a"], one["no_mail"], sum(one.values())) == (900, 1000, 10_000)
        assert min(one["b"], one["c"], one["d"]) >= pool // 20


def test_an_open_window_and_a_machine_s_click_teach_nothing() -> None:
    people(60)
    campaign = series()
    child = occurrence(campaign)
    clicks(child, "c", every=1)
    MessageEvent.objects.filter(message__variant_key="c").update(is_machine=True)
    assert [one.successes for one in allotment(campaign, at=now()).arms] == [0, 0, 0]
    early = allotment(campaign, at=child.launched_at + timedelta(hours=23))
    assert early.occurrences == 0
    assert [one.weight for one in early.arms] == [2673, 2673, 2754]


def test_orders_decide_where_they_are_planned_to() -> None:
    people(60)
    campaign = series(primary_metric="conversion")
    child = occurrence(campaign)
    clicks(child, "b", every=1)
    [buyer] = child.recipients.filter(variant_key="d")[:1]
    Order.objects.create(
        source="shop",
        external_id="o1",
        customer_id=buyer.customer_id,
        placed_at=child.launched_at + timedelta(hours=3),
        currency="EUR",
        total_minor=100,
    )
    assert [one.successes for one in allotment(campaign, at=now()).arms] == [0, 0, 1]


@pytest.mark.parametrize(
    "fields", [{"draws_arms_anew": False}, {"allocation": "fixed"}], ids=["stays in the arm", "fixed shares"]
)
def test_shares_stay_where_nothing_may_move_them(fields: dict[str, object]) -> None:
    people(60)
    campaign = series(**{name: value for name, value in fields.items() if name == "allocation"})
    Campaign.objects.filter(pk=campaign.pk).update(
        **{"draws_arms_anew": True} | {name: value for name, value in fields.items() if name != "allocation"}
    )
    campaign = Campaign.objects.select_related("experiment").get(pk=campaign.pk)
    clicks(occurrence(campaign), "c", every=1)
    assert weights(occurrence(campaign)) == weights(campaign)


def test_the_page_shows_what_the_next_occurrence_will_be_and_claims_no_proof() -> None:
    people(60)
    campaign = series()
    clicks(occurrence(campaign), "c", every=1)
    viewer = signed_in(Role.VIEWER)
    assert reverse("campaigns:bandit", args=["news"]) in viewer.get("/campaigns/news/").content.decode()
    page = viewer.get(reverse("campaigns:bandit", args=["news"])).content.decode()
    assert "From the last 1 occurrence whose window is over." in page
    assert "there is no p-value and no verdict" in page
    assert viewer.get(reverse("campaigns:bandit", args=["spring"])).status_code == 404


def test_only_occurrences_whose_shares_can_move_are_read_as_a_bandit() -> None:
    people(40)
    campaign = series()
    child = occurrence(campaign)
    assert plan_of(Campaign.objects.get(pk=child.pk), as_of=now()).is_bandit
    Campaign.objects.filter(pk=campaign.pk).update(draws_arms_anew=False)
    fixed = occurrence(campaign)
    assert (fixed.experiment.allocation, fixed.is_bandit) == ("fixed", False)
    assert not plan_of(Campaign.objects.get(pk=fixed.pk), as_of=now()).is_bandit
    copy = clone(child, name="Once more", by=None)
    assert Experiment.objects.get(pk=copy.experiment_id).allocation == "fixed"
