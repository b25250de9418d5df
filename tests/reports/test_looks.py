"""Planned looks are taken once, decide by their own limits, and end the experiment."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection, transaction

from campaigns.models import Campaign, CampaignVariant
from customers.models import Alert
from delivery.models import Dispatch, Message
from delivery.steering import steer
from experiments.models import Experiment, Look, Variant
from experiments.stats.sequential import boundaries, information_fraction
from reports import looks
from tests.reports.running import DAY, bought, members, orders, running

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
PLANNED = {"method": "obrien_fleming", "looks": 3, "expected_value": 0.3}


def states(campaign: Campaign) -> list[str]:
    return [look.state for look in Look.objects.filter(experiment=campaign.experiment_id)]


def look_at(campaign: Campaign, *, days: float) -> list[str]:
    assert campaign.launched_at is not None
    return looks.take_due(at=campaign.launched_at + days * DAY + SECOND)


def decision() -> tuple[str, bool]:
    experiment = Experiment.objects.get()
    return experiment.decided_variant, experiment.decided_at is not None


def test_the_launch_plans_looks_evenly_over_the_window() -> None:
    campaign = running(20, **PLANNED)
    found = list(Look.objects.values_list("number", "is_final", "due_at", "state"))
    assert found == [
        (number, number == 3, campaign.launched_at + number * 7 * DAY / 3, "planned") for number in (1, 2, 3)
    ]


def test_a_plan_without_looks_is_judged_once_at_the_end_and_a_daily_one_each_day() -> None:
    campaign = running(20)
    assert list(Look.objects.values_list("due_at", "is_final")) == [(campaign.launched_at + 7 * DAY, True)]
    Look.objects.all().delete()
    Experiment.objects.update(method="anytime")
    looks.plan_all()
    assert [look.due_at - campaign.launched_at for look in Look.objects.all()] == [
        n * DAY for n in range(1, 8)
    ]


def test_looks_move_with_the_end_of_the_window_and_taken_ones_stay() -> None:
    campaign = running(200, **PLANNED)
    look_at(campaign, days=7 / 3)
    first = Look.objects.get(number=1).due_at
    Campaign.objects.update(last_due_at=campaign.launched_at + 3 * DAY)
    looks.plan_all()
    assert [look.due_at for look in Look.objects.all()] == [
        first,
        campaign.launched_at + 2 * 10 * DAY / 3,
        campaign.launched_at + 10 * DAY,
    ]


def test_daily_looks_grow_with_the_window_and_only_the_last_is_the_last() -> None:
    campaign = running(20, method="anytime")
    Campaign.objects.update(last_due_at=campaign.launched_at + 2 * DAY)
    looks.plan_all()
    found = list(Look.objects.values_list("number", "is_final"))
    assert found == [(number, number == 9) for number in range(1, 10)]


def test_a_clear_winner_is_decided_at_the_first_look_and_only_once() -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 5, 40)
    assert look_at(campaign, days=2) == []
    assert look_at(campaign, days=7 / 3) == ["spring"]
    assert look_at(campaign, days=7 / 3) == []
    look = Look.objects.get(number=1)
    planned = information_fraction(successes=45, trials=200, planned_successes=60, planned_trials=200)
    assert planned > 1 / 3
    assert look.fraction == pytest.approx(1 / 3, rel=1e-5)
    assert look.critical == pytest.approx(float(boundaries([look.fraction])[0]))
    assert (look.status, look.is_deciding, look.counted["b"]["converters"]) == ("winner_at_risk", True, 40)
    assert look.sentence.startswith("Personalised wins.")
    assert decision() == ("b", True)
    assert states(campaign) == ["taken", "spared", "spared"]
    assert Dispatch.objects.get().verdicts_frozen_at is not None


def test_late_looks_are_missed_and_the_newest_is_taken_with_what_is_there() -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 14, 16)
    assert look_at(campaign, days=7) == ["spring"]
    assert states(campaign) == ["missed", "missed", "taken"]
    assert Look.objects.get(number=1).sentence == looks.MISSED
    assert (Look.objects.get(number=3).status, *decision()) == ("no_winner", "", True)


def test_a_look_that_does_not_decide_leaves_the_next_ones() -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 8, 10)
    look_at(campaign, days=7 / 3)
    assert (Look.objects.get(number=1).status, decision()) == ("undecided", ("", False))
    bought(campaign, 0, 50, after=3 * DAY)
    look_at(campaign, days=14 / 3)
    fractions = [look.fraction for look in Look.objects.filter(state="taken")]
    assert Look.objects.get(number=2).critical == pytest.approx(float(boundaries(fractions)[1]))
    assert decision() == ("b", True)


def test_an_expectation_that_is_too_low_ends_nothing_early() -> None:
    campaign = running(200, **PLANNED | {"expected_value": 0.05})
    bought(campaign, 8, 10)
    look_at(campaign, days=7 / 3)
    look = Look.objects.get(number=1)
    assert look.fraction == pytest.approx(1 / 3, rel=1e-5)
    assert (look.status, look.is_deciding) == ("undecided", False)
    assert states(campaign) == ["taken", "planned", "planned"]
    look_at(campaign, days=7)
    assert (Look.objects.get(number=3).status, Look.objects.get(number=3).fraction) == ("no_winner", 1.0)


def test_the_last_look_waits_until_everything_is_sent() -> None:
    campaign = running(20, sent=False)
    steer(campaign.dispatch_id, "pause")
    assert look_at(campaign, days=8) == []
    Message.objects.update(state="sent", sent_at=campaign.launched_at)
    assert look_at(campaign, days=8) == ["spring"]


def test_a_worker_that_dies_at_a_look_leaves_nothing_behind() -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 5, 40)
    with pytest.raises(InterruptedError), transaction.atomic():
        look_at(campaign, days=7 / 3)
        raise InterruptedError
    assert (states(campaign), decision()) == (["planned"] * 3, ("", False))
    assert Dispatch.objects.get().verdicts_frozen_at is None
    assert look_at(campaign, days=7 / 3) == ["spring"]


@pytest.mark.django_db(transaction=True)
def test_a_second_worker_leaves_the_look_to_the_first() -> None:
    campaign = running(20, **PLANNED)
    has_lock, may_go = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            Experiment.objects.select_for_update().get(pk=campaign.experiment_id)
            has_lock.set()
            may_go.wait(30)
        connection.close()

    other = Thread(target=hold)
    other.start()
    assert has_lock.wait(30)
    try:
        assert look_at(campaign, days=7 / 3) == []
    finally:
        may_go.set()
        other.join()
    assert look_at(campaign, days=7 / 3) == ["spring"]


def test_wrong_sizes_raise_one_alert_at_the_launch_and_no_look_decides() -> None:
    campaign = running(200, **PLANNED)
    Variant.objects.filter(key="a").update(weight=9_000)
    Variant.objects.filter(key="b").update(weight=1_000)
    bought(campaign, 5, 40)
    for days in (0, 0, 7 / 3):
        look_at(campaign, days=days)
    alert = Alert.objects.get(key="experiment:spring:assigned")
    assert (alert.severity, alert.resolved_at) == ("danger", None)
    sizes = " / ".join(str(len(members(campaign, key))) for key in ("a", "b"))
    assert alert.body.startswith(f"Assigned: {sizes} where 180 / 20 were planned")
    assert (Look.objects.get(number=1).status, decision()) == ("invalid", ("", False))


def test_deliveries_out_of_step_are_told_when_all_is_over() -> None:
    campaign = running(200)
    Message.objects.filter(variant_key="b", pk__lt=Message.objects.latest("pk").pk - 50).update(
        state="failed"
    )
    look_at(campaign, days=7)
    assert Alert.objects.filter(key="experiment:spring:delivered", resolved_at=None).count() == 1
    assert (Look.objects.get().status, decision()) == ("invalid", ("", True))


def test_a_daily_look_judges_by_the_confidence_sequence() -> None:
    campaign = running(200, method="anytime", expected_value=0.2)
    bought(campaign, 5, 40, after=DAY / 2)
    assert look_at(campaign, days=1) == ["spring"]
    look = Look.objects.get(number=1)
    assert look.critical is not None
    assert 2.5 < look.critical < 3.5
    assert decision() == ("b", True)


def test_revenue_goes_by_its_spread() -> None:
    campaign = running(
        200, primary_metric="revenue", method="pocock", looks=2, expected_value=300, expected_deviation=1600
    )
    orders(members(campaign, "a")[:20] + members(campaign, "b")[:20], campaign.launched_at + DAY)
    look_at(campaign, days=3.5)
    look = Look.objects.get(number=1)
    expected = (40 * 2_000**2 - 80_000**2 / 200) / (200 * 1600**2)
    assert look.fraction == pytest.approx(expected)
    assert look.status == "too_few"


@pytest.mark.parametrize("method", ["obrien_fleming", "anytime"])
def test_arms_that_are_due_later_are_judged_at_the_end_only(method: str) -> None:
    campaign = running(200)
    Look.objects.all().delete()
    Experiment.objects.update(method=method, looks=3, expected_value=0.3)
    CampaignVariant.objects.filter(variant__key="b").update(send_shift_hours=48)
    looks.plan_all()
    bought(campaign, 40, 5)
    assert look_at(campaign, days=14 / 3) == []
    early = Look.objects.filter(due_at__lte=campaign.launched_at + 14 * DAY / 3)
    assert set(early.values_list("state", "sentence")) == {("spared", looks.UNEQUAL)}
    assert decision() == ("", False)
    now_seen = looks.seen_now(
        looks.sight_of(Campaign.objects.get(), as_of=campaign.launched_at + 5 * DAY), list(Look.objects.all())
    )
    assert now_seen.verdict.status == "too_early"
    assert look_at(campaign, days=7) == ["spring"]
    assert (Look.objects.get(is_final=True).status, *decision()) == ("holdout_wins", "a", True)


def test_campaigns_that_were_over_before_looks_were_kept_are_closed_without_one() -> None:
    campaign = running(200)
    Look.objects.all().delete()
    Variant.objects.filter(key="a").update(weight=9_000)
    launched_at = campaign.launched_at - 400 * DAY
    Campaign.objects.update(launched_at=launched_at, last_due_at=launched_at)
    assert looks.take_due() == []
    assert looks.take_due() == []
    found = list(Look.objects.values_list("state", "sentence", "is_deciding", "due_at"))
    assert found == [("spared", looks.OLDER, False, launched_at + 7 * DAY)]
    experiment = Experiment.objects.get()
    assert (experiment.decided_at, experiment.decided_variant) == (launched_at + 7 * DAY, "")
    assert not Alert.objects.exists()
    report = looks.seen_now(
        looks.sight_of(Campaign.objects.get(), as_of=campaign.launched_at), list(Look.objects.all())
    )
    assert report.verdict.status == "invalid"


def test_a_look_that_fails_is_told_until_it_succeeds() -> None:
    campaign = running(200)
    Experiment.objects.update(primary_metric="nonsense")
    assert look_at(campaign, days=7) == []
    alert = Alert.objects.get(key=f"look:{campaign.experiment_id}")
    assert (alert.resolved_at, alert.title) == (None, f"A look at {campaign.experiment.name} failed")
    Experiment.objects.update(primary_metric="conversion")
    assert look_at(campaign, days=7) == ["spring"]
    alert.refresh_from_db()
    assert alert.resolved_at is not None
