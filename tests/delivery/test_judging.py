"""Verdicts that take what came with a hit into account, are made anew, and stand once something was decided by them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from common.clock import now
from customers.models import Event
from delivery import judging
from delivery.judging import freeze_verdicts, rescore
from delivery.models import Message, MessageEvent
from delivery.recording import record_message_events
from delivery.verdicts import SETTLED_AFTER, TRAP_INDEX, Hit, _bursts, reported_verdict

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]
FIREFOX, SCANNER = "Mozilla/5.0 (X11) Firefox/140.0", "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0"
BURST = "several links within seconds"


@pytest.fixture
def message(queue: Queue) -> Message:
    (message,) = queue(1)
    Message.objects.update(state="sent", sent_at=now() - timedelta(hours=2))
    message.refresh_from_db()
    return message


def hit(
    message: Message,
    link: int | None,
    at: datetime | None = None,
    *,
    agent: str = FIREFOX,
    verdict: str = "",
    by: str = "",
) -> MessageEvent:
    kind = "opened" if link is None else "clicked"
    number = MessageEvent.objects.count()
    return MessageEvent.objects.create(
        message=message,
        kind=kind,
        link_index=link,
        occurred_at=at or now() - timedelta(hours=1),
        user_agent=agent,
        is_machine=bool(verdict),
        verdict=verdict,
        dedupe_key=f"{by or kind}:{message.pk}:{number}",
    )


def verdicts() -> list[str]:
    return list(MessageEvent.objects.order_by("pk").values_list("verdict", flat=True))


def test_three_links_within_five_seconds_are_a_scanners(message: Message) -> None:
    begin = now() - timedelta(hours=1)
    for link, seconds in ((0, 0), (1, 2), (2, 5), (2, 60)):
        hit(message, link, begin + timedelta(seconds=seconds))
    rescore([message.pk])
    assert verdicts() == [BURST, BURST, BURST, ""]


def test_what_is_beyond_a_thousand_hits_is_no_person(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "MOST_HITS", 3)
    begin = now() - timedelta(hours=1)
    for number in range(5):
        hit(message, 0, begin + timedelta(minutes=number))
    hit(message, 1, begin, verdict="no user agent")
    rescore([message.pk])
    assert verdicts() == ["", "", "", *["more than a person"] * 2, "no user agent"]
    assert rescore([message.pk]) == {}


def test_bursts_that_overlap_are_one() -> None:
    begin = now()
    clicks = [
        Hit(
            id=number,
            message_id=1,
            is_click=True,
            at=begin + timedelta(seconds=number),
            sent_at=None,
            link_index=number % 7,
            user_agent=FIREFOX,
            is_reported=False,
            verdict="",
        )
        for number in range(50)
    ]
    assert _bursts(clicks) == [(begin, begin + timedelta(seconds=49), frozenset({FIREFOX}))]


def test_one_link_three_times_is_a_person_in_a_hurry(message: Message) -> None:
    for _ in range(3):
        hit(message, 0)
    assert rescore([message.pk]) == {}


def test_three_links_within_six_seconds_are_a_persons(message: Message) -> None:
    begin = now() - timedelta(hours=1)
    for link in range(3):
        hit(message, link, begin + timedelta(seconds=3 * link))
    assert rescore([message.pk]) == {}


def test_a_picture_fetched_in_a_burst_is_of_who_made_the_burst(message: Message) -> None:
    begin = now() - timedelta(hours=1)
    for link in range(3):
        hit(message, link, begin, agent=SCANNER)
    hit(message, None, begin, agent=SCANNER)
    hit(message, None, begin, agent=FIREFOX)
    rescore([message.pk])
    assert verdicts() == [BURST] * 4 + [""]


def test_a_burst_in_one_mail_says_nothing_of_another(queue: Queue) -> None:
    at = now() - timedelta(hours=1)
    messages = queue(3)
    for link, message in enumerate(messages):
        hit(message, link, at)
    assert rescore([one.pk for one in messages]) == {}


def test_who_follows_the_hidden_link_is_a_machine_in_what_they_do_around_then(message: Message) -> None:
    begin = now() - timedelta(hours=1)
    hit(message, 0, begin, agent=SCANNER)
    hit(message, 0, begin, agent=FIREFOX)
    hit(message, 0, begin - timedelta(minutes=11), agent=SCANNER)
    hit(message, TRAP_INDEX, begin, agent=SCANNER)
    rescore([message.pk])
    assert verdicts() == ["by whom followed the hidden link", "", "", "followed the hidden link"]


@pytest.mark.parametrize(
    "stuck", ["asked for headers only", "the provider says so", "user agent of a program"]
)
def test_a_verdict_on_what_is_no_longer_kept_stands(message: Message, stuck: str) -> None:
    hit(message, 0, agent="", verdict=stuck)
    assert rescore([message.pk]) == {}


def test_a_report_without_a_device_is_a_persons(message: Message) -> None:
    hit(message, None, agent="", by="Postmark")
    assert rescore([message.pk]) == {}


@pytest.mark.parametrize(
    ("report", "agent", "verdict"),
    [
        ({"sg_machine_open": True}, FIREFOX, "the provider says so"),
        ({"event": "unique_proxy_open"}, "", "the provider says so"),
        ({"event-data": {"client-info": {"bot": "apple"}}}, "", "the provider says so"),
        ({"event-data": {"client-info": {"bot": "gmail"}}}, FIREFOX, ""),
        ({}, "Mozilla/5.0", "mail privacy prefetch"),
        (None, "", ""),
    ],
)
def test_what_a_provider_reports_is_judged_as_well(report: object, agent: str, verdict: str) -> None:
    assert reported_verdict(user_agent=agent, report=report, seconds_since_sent=60.0) == verdict


def test_verdicts_stand_once_something_was_decided_by_them(message: Message) -> None:
    begin = now() - timedelta(minutes=1)
    for link in range(3):
        hit(message, link, begin)
    freeze_verdicts(message.dispatch_id)
    later = [hit(message, link, now() + timedelta(minutes=1)) for link in range(3)]
    assert rescore([message.pk]) == {one.pk: BURST for one in later}
    assert verdicts()[:3] == [""] * 3


def test_a_burst_is_judged_before_it_becomes_history(message: Message) -> None:
    for link in range(3):
        hit(message, link)
    assert record_message_events() == 3
    assert Event.objects.count() == 0


def test_a_hit_waits_until_what_came_with_it_is_there(message: Message) -> None:
    fresh = hit(message, 0, now())
    assert record_message_events() == 0
    MessageEvent.objects.filter(pk=fresh.pk).update(occurred_at=now() - SETTLED_AFTER)
    assert record_message_events() == 1
    assert Event.objects.count() == 1


def test_a_person_who_was_taken_for_a_machine_is_recorded_after_all(message: Message) -> None:
    hit(message, 0, verdict="user agent of a program")
    MessageEvent.objects.update(recorded_at=now())
    assert record_message_events() == 0
    rescore([message.pk])
    assert record_message_events() == 1
    assert Event.objects.count() == 1


def test_the_command_says_what_changed(message: Message) -> None:
    hit(message, 0, agent="Barracuda Sentinel")
    hit(message, 0, now() - timedelta(days=40), agent="curl/8", verdict="")
    out = StringIO()
    call_command("rescore_hits", "--days=2", "--json", stdout=out)
    assert out.getvalue().strip() == '{"changed": {"user agent of a program": 2}}'
    assert call_command("rescore_hits", stdout=out) is None
    assert out.getvalue().endswith("0 verdicts changed.\n")
