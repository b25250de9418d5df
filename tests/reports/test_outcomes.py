"""What an arm did is counted exactly, and an order after a click belongs to one campaign."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from campaigns.models import Campaign
from common.clock import now
from customers.models import Customer, Order, OrderLine
from delivery.models import Message, MessageEvent
from delivery.steering import steer
from experiments.outcomes import ArmOutcomes, Prior, Sending
from products.models import Category, Product
from reports.attribution import attributed_to
from reports.outcomes import LATE, outcomes, plan_of, sending_of
from reports.refreshing import refresh
from tests.campaigns.making import bestsellers, launched, people

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
_numbers: Counter[str] = Counter()


def order(customer_id: int, at: datetime, total: int, *, refunded: int = 0, currency: str = "GBP") -> Order:
    """A placed order."""
    _numbers["order"] += 1
    return Order.objects.create(
        source="shop",
        external_id=f"o{_numbers['order']}",
        customer_id=customer_id,
        placed_at=at,
        currency=currency,
        total_minor=total,
        refunded_minor=refunded,
    )


def hit(campaign: Campaign, customer_id: int, kind: str, at: datetime, *, is_machine: bool = False) -> None:
    """Something that happened to the campaign's message to this customer."""
    _numbers["hit"] += 1
    MessageEvent.objects.create(
        message=Message.objects.get(dispatch_id=campaign.dispatch_id, customer_id=customer_id),
        kind=kind,
        occurred_at=at,
        is_machine=is_machine,
        dedupe_key=f"hit-{_numbers['hit']}",
    )


def sent_a_week_ago(name: str = "Spring", **options: object) -> tuple[Campaign, datetime]:
    """A campaign whose mails were all sent when it was launched, eight days ago."""
    campaign, _ = launched(name, **options)
    start = now() - 8 * DAY
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=start)
    Message.objects.filter(dispatch_id=campaign.dispatch_id).update(state="sent", sent_at=start)
    campaign.refresh_from_db()
    return campaign, start


def arm_members(campaign: Campaign, key: str) -> list[int]:
    """The customers of an arm."""
    members = campaign.recipients.filter(variant_key=key).order_by("customer_id")
    return list(members.values_list("customer_id", flat=True))


def counted(campaign: Campaign) -> dict[str, ArmOutcomes]:
    """The outcomes now, by arm."""
    return {arm.key: arm for arm in outcomes(campaign, plan=plan_of(campaign, as_of=now()))}


def test_every_outcome_is_counted_in_its_arm_and_nothing_else_is() -> None:
    people(60)
    people(4, consenting=False)
    campaign, start = sent_a_week_ago(no_mail=30)
    a, b, unmailed = (arm_members(campaign, key) for key in ("a", "b", "no_mail"))
    excluded = campaign.recipients.exclude(exclusion="").first()
    later = start + DAY
    hit(campaign, a[0], "opened", later)
    hit(campaign, a[0], "clicked", later)
    hit(campaign, a[0], "clicked", later)
    hit(campaign, a[1], "clicked", later, is_machine=True)
    hit(campaign, a[2], "bounced", later)
    hit(campaign, b[0], "unsubscribed", later)
    order(a[0], later, 5_000)
    order(a[0], later + DAY, 3_000, refunded=1_000)
    order(a[1], start - timedelta(seconds=1), 9_000)
    order(a[2], start + 7 * DAY, 9_000)
    order(b[1], start, 2_500, refunded=2_500)
    order(b[2], later, 800, currency="EUR")
    order(unmailed[0], later, 1_200)
    order(excluded.customer_id, later, 7_700)
    arms = counted(campaign)
    assert arms["a"] == ArmOutcomes(
        key="a",
        name="Baseline",
        role="baseline",
        weight=3_500,
        assigned=len(a),
        delivered=len(a) - 1,
        human_opens=1,
        human_clicks=1,
        converters=1,
        orders=2,
        revenue_minor=7_000,
        revenue_minor_squares=49_000_000,
        bounces=1,
        sent=len(a),
        prior=Prior(minor=9_000, minor_squares=81_000_000),
    )
    assert arms["b"] == ArmOutcomes(
        key="b",
        name="Personalised",
        role="treatment",
        weight=3_500,
        assigned=len(b),
        delivered=len(b),
        converters=2,
        orders=2,
        unsubscribes=1,
        sent=len(b),
    )
    assert arms["no_mail"] == ArmOutcomes(
        key="no_mail",
        name="No mail",
        role="no_mail",
        weight=3_000,
        assigned=len(unmailed),
        converters=1,
        orders=1,
        revenue_minor=1_200,
        revenue_minor_squares=1_440_000,
    )
    assert len(a) + len(b) + len(unmailed) == 60


def test_what_was_spent_in_the_ninety_days_before_is_kept_beside_what_came_after() -> None:
    people(20)
    campaign, start = sent_a_week_ago()
    one, other = arm_members(campaign, "b")[:2]
    second = timedelta(seconds=1)
    order(one, start - second, 4_000, refunded=4_000)
    order(one, start - 90 * DAY, 100)
    order(one, start - 90 * DAY - second, 9_000)
    order(other, start - DAY, 700)
    order(other, start - DAY, 5_000, currency="EUR")
    order(one, start + DAY, 2_000)
    assert counted(campaign)["b"].prior == Prior(
        minor=4_800,
        minor_squares=4_100**2 + 700**2,
        times_revenue=4_100 * 2_000,
        of_converters=4_100,
    )


def test_openings_by_machines_alone_and_complaints_are_counted_apart() -> None:
    people(20)
    campaign, start = sent_a_week_ago()
    one, other = arm_members(campaign, "b")[:2]
    for customer in (one, other):
        hit(campaign, customer, "opened", start + DAY, is_machine=True)
    hit(campaign, other, "opened", start + DAY)
    hit(campaign, one, "complained", start + DAY)
    arm = counted(campaign)["b"]
    assert (arm.human_opens, arm.machine_opens, arm.complaints) == (1, 1, 1)


def test_orders_with_a_product_of_the_mail_and_of_several_categories_are_cross_sold() -> None:
    people(20)
    campaign, start = sent_a_week_ago()
    shown, other = bestsellers(2)
    for product, path in ((shown, "tents"), (other, "stoves")):
        Product.objects.filter(pk=product.pk).update(category=Category.objects.create(path=path, name=path))
    buyers = arm_members(campaign, "b")[:3]
    mails = Message.objects.filter(dispatch_id=campaign.dispatch_id, customer_id__in=buyers[:2])
    mails.update(resolved={"recommendations": [{"id": shown.pk, "source": "model"}]})
    for buyer, products in zip(buyers, ([shown, other], [other], [shown]), strict=True):
        placed = order(buyer, start + DAY, 1_000)
        for line, product in enumerate(products):
            OrderLine.objects.create(
                order=placed, line=str(line), product=product, quantity=1, unit_price_minor=1, total_minor=1
            )
    arm = counted(campaign)["b"]
    assert (arm.orders, arm.orders_shown, arm.orders_mixed) == (3, 1, 1)
    assert (arm.attach_per_order, arm.mixed_per_order) == (1 / 3, 1 / 3)
    assert arm.attach_per_mail == 1 / arm.delivered


def test_what_comes_after_the_window_changes_nothing() -> None:
    people(20)
    campaign, start = sent_a_week_ago()
    a, b = (arm_members(campaign, key) for key in ("a", "b"))
    hit(campaign, a[0], "clicked", start + 7 * DAY - timedelta(seconds=1))
    before = counted(campaign)
    for kind in ("opened", "clicked", "bounced", "unsubscribed"):
        hit(campaign, b[0], kind, start + 7 * DAY)
    order(b[0], start + 7 * DAY, 9_000)
    assert counted(campaign) == before
    assert (before["a"].human_clicks, before["b"].human_clicks) == (1, 0)


def test_what_comes_after_the_moment_of_counting_is_not_counted() -> None:
    people(20)
    campaign, start = sent_a_week_ago()
    [customer] = arm_members(campaign, "b")[:1]
    hit(campaign, customer, "clicked", start + 2 * DAY)
    seen = []
    for moment in (start + 2 * DAY, start + 2 * DAY + timedelta(seconds=1)):
        arms = outcomes(campaign, plan=plan_of(campaign, as_of=moment))
        seen.append(sum(arm.human_clicks for arm in arms))
    assert seen == [0, 1]


def test_messages_that_went_out_hours_after_the_launch_are_known() -> None:
    people(20)
    campaign, start = sent_a_week_ago()
    first, second = Message.objects.filter(dispatch_id=campaign.dispatch_id)[:2]
    Message.objects.filter(pk=first.pk).update(sent_at=start + LATE)
    Message.objects.filter(pk=second.pk).update(sent_at=start + 3 * DAY)
    assert sending_of(campaign) == Sending(
        launched_at=start, messages=20, waiting=0, late=1, latest_by=3 * DAY
    )


def test_a_paused_campaign_is_known_to_wait() -> None:
    people(20)
    campaign, _ = launched()
    steer(campaign.dispatch_id, "pause")
    campaign.refresh_from_db()
    plan = plan_of(campaign, as_of=now())
    assert plan.sending == Sending(launched_at=campaign.launched_at, is_paused=True, messages=20, waiting=20)
    assert plan.window_closes_at is None


def test_a_cancelled_campaign_is_known_to_be_one() -> None:
    people(20)
    campaign, _ = launched()
    steer(campaign.dispatch_id, "cancel")
    campaign.refresh_from_db()
    sending = sending_of(campaign)
    assert (sending.is_cancelled, sending.waiting, sending.messages) == (True, 0, 20)


def test_the_last_click_before_an_order_decides_between_two_campaigns() -> None:
    [customer] = people(1)
    early, start = sent_a_week_ago("Early")
    late, _ = sent_a_week_ago("Late")
    hit(early, customer.pk, "clicked", start + 1 * DAY)
    order(customer.pk, start + 1.5 * DAY, 1_000)
    hit(late, customer.pk, "clicked", start + 2 * DAY)
    order(customer.pk, start + 3 * DAY, 2_000, refunded=500)
    refresh()
    assert attributed_to(early, currency="GBP") == (1, 1_000)
    assert attributed_to(late, currency="GBP") == (1, 1_500)
    assert attributed_to(late, currency="EUR") == (1, 0)


def test_a_machines_click_and_an_old_click_attribute_nothing() -> None:
    machine, old, never = people(3)
    campaign, start = sent_a_week_ago()
    hit(campaign, machine.pk, "clicked", start, is_machine=True)
    hit(campaign, old.pk, "clicked", start)
    hit(campaign, never.pk, "opened", start)
    for one in Customer.objects.all():
        order(one.pk, start + 7 * DAY + timedelta(seconds=1), 1_000)
    refresh()
    assert attributed_to(campaign, currency="GBP") == (0, 0)
