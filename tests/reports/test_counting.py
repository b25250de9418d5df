"""What takes long to count is kept, is what counting anew finds, and is counted anew where it cannot be read."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign
from common.clock import now
from delivery.models import Message
from experiments.models import Variant
from reports import campaign_figures
from reports.counting import Counted, count
from reports.models import CampaignFigures, Change
from reports.results import result_of, result_to_show
from reports.upkeep import bring_up_to_date
from tests.reports.mailing import HOUR
from tests.reports.running import DAY, bought, members, orders, running

pytestmark = pytest.mark.django_db


def kept(campaign: Campaign, *, took_ms: int = 301) -> Campaign:
    """The campaign as a page finds it, counted in the background in so long."""
    campaign_figures.count(campaign)
    CampaignFigures.objects.update(took_ms=took_ms)
    return Campaign.objects.select_related("experiment", "dispatch", "figures").get(pk=campaign.pk)


def test_what_is_kept_is_what_was_counted() -> None:
    campaign = running(200, no_mail=20)
    bought(campaign, 5, 40)
    counted = count(campaign, as_of=campaign.launched_at + 2 * DAY)
    assert sum(arm.converters for arm in counted.arms) == 45
    assert len(counted.days) == 2
    assert Counted.of_json(counted.as_json()) == counted


@pytest.mark.parametrize("metric", ["conversion", "revenue", "human_click"])
def test_the_page_of_a_large_campaign_shows_what_was_kept(metric: str) -> None:
    campaign = kept(running(200, no_mail=20, primary_metric=metric))
    then = result_of(campaign, as_of=campaign.figures.counted_at)
    orders(members(campaign, "a")[:50], campaign.launched_at)
    shown = result_to_show(campaign)
    assert shown.is_kept
    assert (shown.report, shown.accounts) == (then.report, then.accounts)
    assert result_of(campaign).report != then.report


def test_it_reads_neither_messages_nor_recipients() -> None:
    campaign = kept(running(50))
    with CaptureQueriesContext(connection) as queries:
        result_to_show(campaign)
    said = " ".join(query["sql"] for query in queries)
    assert "delivery_message" not in said
    assert "campaigns_recipient" not in said


def test_a_campaign_that_is_counted_quickly_is_counted_now() -> None:
    campaign = kept(running(200), took_ms=300)
    bought(campaign, 5, 40, after=timedelta(0))
    shown = result_to_show(campaign)
    assert not shown.is_kept
    assert sum(arm.outcomes.converters for arm in shown.report.arms) == 45


def books_after(campaign: Campaign, was: str, **becomes: object) -> Counted:
    """What is kept once 30 of the campaign's messages were that and became this."""
    ids = list(campaign.dispatch.messages.order_by("pk").values_list("pk", flat=True)[:30])
    Message.objects.filter(pk__in=ids).update(state=was, sent_at=None)
    bring_up_to_date()
    CampaignFigures.objects.update(counted_at=now() - DAY)
    Message.objects.filter(pk__in=ids).update(**becomes)
    bring_up_to_date()
    return Counted.of_json(CampaignFigures.objects.get().counted)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("unknown", "failed"),
        ("unknown", "suppressed"),
        ("unknown", "queued"),
        ("in_flight", "failed"),
        ("in_flight", "unknown"),
        ("queued", "skipped"),
        ("held", "skipped"),
    ],
)
def test_kept_books_follow_every_end_of_a_message(was: str, becomes: str) -> None:
    campaign = running(60)
    books = books_after(campaign, was, state=becomes, reason="so it is")
    counted = {state for states in books.states.values() for state in states}
    assert counted == {"sent", becomes}
    assert books.reasons == ([] if becomes == "queued" else [(becomes, "so it is", 30)])


def over_with_a_remainder(size: int, state: str = "held") -> Campaign:
    """A campaign whose window is over and whose figures are kept; so many still wait for the winner, in this state."""
    campaign = running(60)
    Variant.objects.create(
        experiment=campaign.experiment, key="rest", name="Rest", role="remainder", weight=0, position=9
    )
    waiting = list(campaign.dispatch.messages.order_by("pk").values_list("pk", flat=True)[:size])
    Message.objects.filter(pk__in=waiting).update(variant_key="rest", state=state, sent_at=None)
    Campaign.objects.update(launched_at=now() - 30 * DAY, last_due_at=now() - 30 * DAY)
    bring_up_to_date()
    CampaignFigures.objects.update(counted_at=now() - HOUR)
    assert not CampaignFigures.objects.get().is_stale
    return campaign


@pytest.mark.parametrize(
    ("state", "becomes"), [("held", "skipped"), ("held", "queued"), ("queued", "failed")]
)
def test_kept_books_follow_those_who_wait_for_the_winner(state: str, becomes: str) -> None:
    campaign = over_with_a_remainder(10, state)
    assert CampaignFigures.objects.get().window_closes_at is not None
    first, *_ = campaign.dispatch.messages.filter(variant_key="rest").order_by("pk")
    Message.objects.filter(pk=first.pk).update(state=becomes)
    bring_up_to_date()
    assert Counted.of_json(CampaignFigures.objects.get().counted).states["rest"] == {state: 9, becomes: 1}


ENDED = {"states": {"a": {"sent": 3}}}


@pytest.mark.parametrize(
    ("counted", "is_counted_anew"),
    [({}, True), ({"states": {"a": {"sent": 3}, "b": {"unknown": 1}}}, True), (ENDED, False)],
)
def test_books_are_marked_that_were_not_kept_or_knew_of_unknown_ends(
    counted: dict[str, object], is_counted_anew: bool
) -> None:
    running(2)
    bring_up_to_date()
    CampaignFigures.objects.update(counted=counted)
    with connection.cursor() as cursor:
        cursor.execute(import_module("reports.migrations.0007_count_campaigns_anew")._COUNT_ANEW)
    assert CampaignFigures.objects.get().is_stale is is_counted_anew


@pytest.mark.parametrize(
    ("counted", "is_counted_anew"),
    [({"states": {"a": {"sent": 3}, "rest": {"held": 1}}}, True), (ENDED, False)],
)
def test_books_of_old_are_counted_anew_where_somebody_waited(
    counted: dict[str, object], is_counted_anew: bool
) -> None:
    over_with_a_remainder(0)
    before = CampaignFigures.objects.get().counted_at
    CampaignFigures.objects.update(counted=counted, waiting=None)
    with connection.cursor() as cursor:
        cursor.execute(import_module("reports.migrations.0009_nobody_waits_where_all_ended")._NOBODY_WAITS)
    bring_up_to_date()
    assert (CampaignFigures.objects.get().counted_at > before) is is_counted_anew


def test_a_remainder_that_is_held_for_good_has_nothing_counted_again() -> None:
    over_with_a_remainder(10)
    counted_at = CampaignFigures.objects.get().counted_at
    bring_up_to_date()
    assert CampaignFigures.objects.get().counted_at == counted_at


def test_what_first_ends_unsent_is_no_change_for_reports() -> None:
    campaign = running(4, sent=False)
    Change.objects.all().delete()
    for state in ("in_flight", "queued", "held", "queued", "unknown"):
        campaign.dispatch.messages.update(state=state)
    assert not Change.objects.exists()


@pytest.mark.parametrize("shape", [{}, {"as_of": "yesterday"}, []])
def test_what_cannot_be_read_is_counted_now(shape: object) -> None:
    campaign = kept(running(50))
    campaign.figures.counted = shape
    assert not result_to_show(campaign).is_kept
