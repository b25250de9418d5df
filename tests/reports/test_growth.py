"""The result day by day is what counting at the end of each day would have found."""

from datetime import timedelta

import pytest

from campaigns.models import Campaign
from common.clock import now
from customers.models import Order
from experiments.information import Expectation
from experiments.outcomes import ArmOutcomes
from reports.growth import days, growth_chart
from reports.outcomes import outcomes, plan_of
from tests.reports.running import DAY, bought, members, orders, running
from tests.reports.test_outcomes import hit

pytestmark = pytest.mark.django_db


def begun(metric: str) -> Campaign:
    """A campaign eight days old, with orders and clicks on several days."""
    campaign = running(60, no_mail=20, primary_metric=metric)
    Campaign.objects.update(launched_at=now() - 8 * DAY)
    campaign.refresh_from_db()
    start = campaign.launched_at
    bought(campaign, 3, 6)
    bought(campaign, 2, 2, after=1.5 * DAY)
    orders(members(campaign, "b")[4:9], start + 3 * DAY, total=700)
    orders(members(campaign, "a")[:1], start + 7 * DAY)
    Order.objects.filter(customer_id=members(campaign, "b")[0]).update(refunded_minor=500)
    for number, customer in enumerate(members(campaign, "a")[:5]):
        hit(campaign, customer, "clicked", start + number * DAY + timedelta(hours=1))
        hit(campaign, customer, "clicked", start + 6 * DAY)
        hit(campaign, customer, "opened", start + timedelta(minutes=number), is_machine=number == 3)
    return campaign


def measured(arms: list[ArmOutcomes], metric: str) -> dict[str, tuple[int, ...]]:
    names = {
        "conversion": ("converters",),
        "revenue": ("revenue_minor", "revenue_minor_squares"),
        "human_click": ("human_clicks",),
        "human_open": ("human_opens",),
    }[metric]
    return {arm.key: tuple(getattr(arm, name) for name in names) for arm in arms}


@pytest.mark.parametrize("metric", ["conversion", "revenue", "human_click", "human_open"])
def test_each_day_agrees_with_counting_at_its_end(metric: str) -> None:
    campaign = begun(metric)
    plan = plan_of(campaign, as_of=now())
    arms = outcomes(campaign, plan=plan)
    found = days(campaign, plan=plan, arms=arms, until=plan.window_closes_at)
    assert [day.number for day in found] == [1, 2, 3, 4, 5, 6, 7]
    for day in found:
        then = plan_of(campaign, as_of=campaign.launched_at + day.number * DAY)
        assert measured(list(day.arms), metric) == measured(outcomes(campaign, plan=then), metric)


def test_the_chart_s_last_point_is_the_difference_now_with_the_band_of_the_confidence_sequence() -> None:
    campaign = begun("conversion")
    plan = plan_of(campaign, as_of=now())
    arms = outcomes(campaign, plan=plan)
    found = days(campaign, plan=plan, arms=arms, until=plan.window_closes_at)
    chart = growth_chart(
        found, plan=plan, expected=Expectation(value=None), elapsed=[n / 7 for n in range(1, 8)]
    )
    [series] = chart.series
    by_key = {arm.key: arm for arm in arms}
    rates = [by_key[key].converters / by_key[key].assigned for key in ("b", "a")]
    assert series.name == "Personalised − Baseline"
    assert series.values[-1] == pytest.approx(rates[0] - rates[1])
    assert series.low[-1] < 0 < series.high[-1]
    assert chart.categories[-1] == "day 7"


def test_before_the_launch_is_over_there_is_nothing_to_draw() -> None:
    assert (
        growth_chart([], plan=plan_of(running(2), as_of=now()), expected=Expectation(value=None), elapsed=[])
        is None
    )
