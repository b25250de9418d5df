"""The demo's campaign is moved back by a week and a day, so that it can be judged."""

from datetime import timedelta

import pytest

from campaigns.launching import launch
from campaigns.models import Campaign
from common.clock import now
from delivery.models import Message
from demo.week_before import BACK, move_back
from reports.looks import take_due
from tests.campaigns.making import draft, people

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent() -> Campaign:
    """A campaign to 40 that has just been launched and sent."""
    people(40)
    campaign = draft(no_mail=50)
    launch(campaign.pk)
    Message.objects.update(state=Message.State.SENT, sent_at=now())
    return Campaign.objects.get(pk=campaign.pk)


def test_what_was_sent_just_now_was_sent_last_week_once(sent: Campaign) -> None:
    began = now() - timedelta(hours=1)
    before = Message.objects.order_by("pk").values_list("sent_at", "due_at")[0]
    assert sent.launched_at is not None
    started_at = sent.experiment.started_at
    assert started_at is not None
    moved = [move_back(sent.pk, launched_since=began) for _ in range(2)]
    assert moved == [sent.launched_at - BACK] * 2
    assert Message.objects.order_by("pk").values_list("sent_at", "due_at")[0] == tuple(
        moment - BACK for moment in before
    )
    assert Campaign.objects.get().experiment.started_at == started_at - BACK


def test_what_was_launched_before_stays_where_it_is(sent: Campaign) -> None:
    assert move_back(sent.pk, launched_since=now() + timedelta(hours=1)) == sent.launched_at


def test_its_experiment_is_judged_at_once(sent: Campaign) -> None:
    move_back(sent.pk, launched_since=now() - timedelta(hours=1))
    assert take_due() == [sent.experiment.key]
    assert Campaign.objects.get().experiment.decided_at is not None
