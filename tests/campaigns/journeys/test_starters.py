"""The starters: each can be published and tried, and its mails arrive."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from campaigns.journeys import versions
from campaigns.journeys.documents import parse_document
from campaigns.journeys.simulating import simulate
from campaigns.journeys.starters import STARTERS, document_of_starter
from campaigns.models import Journey, TemplateVersion
from campaigns.sending import send_due
from delivery.models import MailboxMessage, Sender
from tests.campaigns.journeys.going import enrol, later, walk
from tests.campaigns.making import bestsellers, people

pytestmark = pytest.mark.django_db
EVENING = datetime(2026, 3, 27, 19, tzinfo=UTC)


@pytest.fixture
def sender() -> Sender:
    return Sender.objects.create(
        name="Shop", from_name="Shop", from_email="news@shop.example", rate_per_second=9_999
    )


def test_every_starter_is_added_once_and_can_be_published(
    sender: Sender, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("starter_journeys", sender=sender.from_email)
    call_command("starter_journeys", sender=sender.from_email)
    said = capsys.readouterr().out
    assert (said.count("new, as a draft"), said.count("is there already")) == (6, 6)
    for one in Journey.objects.all():
        assert versions.publish(one, one.draft).number == 1
        versions.open_to_customers(one)
    found = {v.template.key: v.findings for v in TemplateVersion.objects.select_related("template")}
    assert {key: findings for key, findings in found.items() if findings} == {}


def test_the_abandoned_cart_goes_from_reminder_to_last_word(sender: Sender) -> None:
    bestsellers(4)
    (one,) = people(1)
    call_command("starter_journeys", sender=sender.from_email)
    way = Journey.objects.get(key="abandoned-cart")
    versions.publish(way, way.draft)
    versions.open_to_customers(way)
    enrol(way, one)
    for span in (timedelta(), timedelta(hours=3), timedelta(days=1)):
        later(span)
        walk(way)
        send_due(way.dispatch_id)
    subjects = MailboxMessage.objects.order_by("pk").values_list("subject", flat=True)
    assert list(subjects) == ["You left something in your cart", "Your cart is about to be emptied"]


@pytest.mark.parametrize(
    ("key", "zone", "expected"),
    [
        ("welcome", "Europe/Berlin", ["27 19:00", "30 19:00", "31 07:00", "31 07:00"]),
        ("welcome", "", ["27 19:00", "30 19:00", "31 09:00", "31 09:00"]),
        ("abandoned-cart", "", ["27 22:00", "27 22:00", "28 22:00", "28 22:00"]),
    ],
)
def test_a_run_is_tried_with_the_clock_moved(key: str, zone: str, expected: list[str]) -> None:
    (one,) = people(1, timezone=zone or None)
    lines = simulate(parse_document(document_of_starter(key)), one, start=EVENING)
    assert [f"{line.at:%d %H:%M}" for line in lines] == expected
    assert lines[-1].outcome == "would be queued"


def test_trying_changes_nothing_and_events_may_be_supposed() -> None:
    (one,) = people(1, consenting=False)
    document = parse_document(document_of_starter("abandoned-cart"))
    lines = simulate(document, one, start=EVENING, events_come=True)
    assert [(line.step, line.outcome) for line in lines] == [("three-hours", "happened")]
    lines = simulate(document, one, start=EVENING)
    assert lines[-1].outcome == "would not be sent: no address, or no consent"


def test_who_would_not_be_let_in_is_told_so() -> None:
    (one,) = people(1)
    lines = simulate(parse_document(document_of_starter("replenishment")), one, start=EVENING)
    assert [line.outcome for line in lines] == ["would not enter: the condition is not met"]


def test_there_are_six_starters() -> None:
    assert len(STARTERS) == 6
