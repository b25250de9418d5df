"""How mails are written is counted, said on the campaign's page, and alerts open and close by it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from accounts.models import Role, User
from campaigns import writing_figures
from campaigns.composing import compose
from campaigns.models import WritingHour
from campaigns.sending import send_due
from campaigns.writing_figures import STEPS_MS, Figures, refresh_alerts, sentences
from common.clock import now
from customers.models import Alert
from delivery.models import Dispatch, Message
from delivery.outbox import Claimed, Composed, claim
from delivery.tasks import release_expired_messages
from recommendations.models import PopularProducts
from tests.campaigns.making import bestsellers, draft, launched, people
from tests.campaigns.test_fallbacks import SHELF, without

pytestmark = pytest.mark.django_db


def hour(dispatch: Dispatch, **figures: object) -> WritingHour:
    at = now().replace(minute=0, second=0, microsecond=0)
    values = {"written": 100, "by_time": [100] + [0] * len(STEPS_MS)} | figures
    return WritingHour.objects.update_or_create(dispatch=dispatch, hour=at, defaults=values)[0]


def campaign_dispatch() -> Dispatch:
    people(1)
    campaign, _ = launched()
    assert campaign.dispatch is not None
    return campaign.dispatch


def alerts() -> list[str]:
    return sorted(Alert.objects.filter(resolved_at=None).values_list("title", flat=True))


def test_sent_mails_are_counted_with_what_failed_in_them() -> None:
    people(3)
    bestsellers(1)
    campaign, counted = launched(body=SHELF, baseline=SHELF)
    with without(PopularProducts):
        send_due(counted.dispatch_id)
    counted_hour = WritingHour.objects.get()
    assert (counted_hour.written, counted_hour.fell_back, counted_hour.failed) == (3, 3, 0)
    assert sum(counted_hour.by_time) == 3
    assert sentences(campaign)[0] == (
        "Mails were written 3 times; 3 of these (100 %) had something that failed or was empty, "
        "in place of which stands what is stored for that."
    )


def test_a_mail_whose_worker_died_is_not_said_to_be_two() -> None:
    people(1)
    body = "<mj-text>{{ 1 | divided_by: customer.attributes.none }}</mj-text>"
    campaign, counted = launched(body=body, baseline=body)
    assert campaign.dispatch is not None
    compose(campaign.dispatch, claim(counted.dispatch_id, limit=1))
    Message.objects.update(lease_until=now() - timedelta(minutes=1))
    release_expired_messages()
    send_due(counted.dispatch_id)
    assert Message.objects.get().state == "failed"
    assert sentences(campaign)[0] == "Writing a mail failed 2 times."


def test_a_name_that_is_missing_is_no_failure() -> None:
    people(1)
    body = "<mj-text>{{ customer.first_name }}</mj-text>"
    _, counted = launched(body=body, baseline=body)
    send_due(counted.dispatch_id)
    assert Message.objects.get().fallbacks == 1
    assert WritingHour.objects.get().fell_back == 0


def test_a_mail_that_cannot_be_written_counts_as_failed() -> None:
    people(2)
    body = "<mj-text>{{ 1 | divided_by: customer.attributes.none }}</mj-text>"
    _, counted = launched(body=body, baseline=body)
    send_due(counted.dispatch_id)
    assert (WritingHour.objects.get().written, WritingHour.objects.get().failed) == (0, 2)


def test_chunks_of_an_hour_add_up() -> None:
    dispatch = campaign_dispatch()
    one = Claimed(id=1, customer_id=1, variant_key="b", fence=1, attempts=1, recipient="")
    composed = [Composed(claimed=one, failed="x")]
    writing_figures.note(dispatch, composed, [0.0004, 0.004])
    writing_figures.note(dispatch, composed, [0.004, 60.0])
    row = WritingHour.objects.get()
    assert row.failed == 2
    assert (row.by_time[0], row.by_time[3], row.by_time[-1], sum(row.by_time)) == (1, 2, 1, 4)


@pytest.mark.parametrize(
    ("by_time", "share", "is_told"),
    [
        ([99, 1], 0.95, 1),
        ([1, 99], 0.5, 2),
        ([0, 0, 3], 0.5, 3),
        ([], 0.5, None),
        ([0] * 20 + [5], 0.5, None),
    ],
)
def test_a_share_of_the_mails_took_no_longer(by_time: list[int], share: float, is_told: int | None) -> None:
    assert Figures(by_time=by_time).milliseconds(share) == is_told


@pytest.mark.parametrize(
    ("bad", "title"),
    [
        ({"fell_back": 26}, "Mails of “Spring” show their fallbacks"),
        ({"failed": 2}, "Mails of “Spring” cannot be written"),
        ({"by_time": [90] + [0] * 12 + [10]}, "Mails of “Spring” are slow to write"),
    ],
)
def test_an_alert_opens_once_and_closes_by_itself(bad: dict[str, object], title: str) -> None:
    dispatch = campaign_dispatch()
    hour(dispatch)
    assert (refresh_alerts(), alerts()) == (0, [])
    hour(dispatch, **bad)
    assert [refresh_alerts(), refresh_alerts()] == [1, 0]
    assert alerts() == [title]
    WritingHour.objects.update(hour=parse_datetime("2026-01-01T00:00Z"))
    refresh_alerts()
    assert alerts() == []


def test_a_share_of_few_mails_says_little() -> None:
    hour(campaign_dispatch(), written=49, fell_back=49, by_time=[])
    assert refresh_alerts() == 0


def test_the_campaigns_page_says_it_in_a_sentence() -> None:
    people(1)
    campaign, _ = launched()
    assert campaign.dispatch is not None
    hour(campaign.dispatch, written=1240, fell_back=3, openings=200, openings_stored=1)
    client = Client()
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    page = client.get(reverse("campaigns:detail", args=[campaign.key])).content.decode()
    assert "Mails were written 1,240 times; 3 of these (0.2 %) had something that failed" in page
    assert "Products were chosen when mails were opened; 1 of 200 openings (0.5 %) showed" in page
    assert sentences(draft("Other")) == []
