"""The digest comes once a week, to who asked for it, about the week that is over."""

from datetime import UTC, date, datetime
from email import message_from_bytes, policy

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from accounts.models import User
from campaigns.models import Campaign
from customers.quality.alerts import raise_alert
from delivery.letters import send_waiting
from delivery.models import Letter, MailboxMessage
from reports.digest import _line, digest_of, newest_week, queue_digests, want
from reports.models import CampaignFigures, DigestMail, ReportSettings
from reports.pages import adding
from reports.refreshing import refresh
from tests.reports.mailing import buyers, dispatch, hit, mail

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 5, 11, 8, tzinfo=UTC)


@pytest.fixture
def ann() -> User:
    user = User.objects.create_user("ann@example.com", name="Ann")
    want(user, is_wanted=True)
    User.objects.create_user("bob@example.com")
    return user


def test_it_comes_once_however_often_it_is_asked_for(ann: User) -> None:
    dispatch()
    with time_machine.travel(MONDAY, tick=False):
        assert [queue_digests(), queue_digests()] == [1, 0]
    made = DigestMail.objects.get()
    assert (made.week, made.user, made.letter.kind) == (date(2026, 5, 4), ann, "digest")
    with time_machine.travel(datetime(2026, 5, 18, 9, tzinfo=UTC), tick=False):
        assert queue_digests() == 1


@pytest.mark.parametrize(
    ("zone", "at", "week"),
    [
        ("UTC", datetime(2026, 5, 11, 7, 59, tzinfo=UTC), date(2026, 4, 27)),
        ("UTC", MONDAY, date(2026, 5, 4)),
        ("Asia/Tokyo", datetime(2026, 5, 10, 23, tzinfo=UTC), date(2026, 5, 4)),
        ("America/New_York", datetime(2026, 5, 11, 11, 59, tzinfo=UTC), date(2026, 4, 27)),
    ],
    ids=["before eight", "at eight", "Tokyo is ahead", "New York is behind"],
)
def test_the_week_is_that_of_the_workspaces_clock(zone: str, at: datetime, week: date) -> None:
    ReportSettings.objects.create(timezone=zone)
    with time_machine.travel(at, tick=False):
        assert newest_week() == week


def test_it_tells_what_was_sent_and_what_is_wrong(ann: User) -> None:
    message = mail(buyers(1)[0], dispatch())
    hit(message, "clicked", message.sent_at)
    refresh()
    raise_alert("x", severity="danger", title="The shop is late")
    with time_machine.travel(MONDAY, tick=False):
        queue_digests()
        assert send_waiting() == 1
    kept = MailboxMessage.objects.get()
    assert kept.recipient == "ann@example.com"
    assert kept.subject == "Regards, week of 4 May: 1 mail sent, 1 clicked"
    parsed = message_from_bytes(bytes(kept.raw), policy=policy.default)
    text = parsed.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "- The shop is late" in text
    assert f"All reports: {settings.BASE_URL}/reports/" in text


def test_who_changes_their_mind_gets_none(ann: User) -> None:
    dispatch()
    with time_machine.travel(MONDAY, tick=False):
        queue_digests()
        want(ann, is_wanted=False)
        send_waiting()
    assert Letter.objects.get().state == Letter.State.FAILED
    assert not MailboxMessage.objects.exists()


def test_without_a_sender_nothing_is_queued(ann: User) -> None:
    assert queue_digests() == 0
    assert not Letter.objects.exists()


def test_a_colleague_asks_for_it_on_the_page(client: Client) -> None:
    user = User.objects.create_user("view@example.com")
    client.force_login(user)
    client.post("/reports/digest/", {"wanted": "yes"})
    assert "Stop sending it to me" in client.get("/reports/").content.decode()
    client.post("/reports/digest/", {"wanted": "no"})
    assert "Send it to me" in client.get("/reports/").content.decode()


def test_an_empty_week_says_so() -> None:
    told = digest_of(date(2026, 5, 4))
    assert told.headline == "0 mails sent, 0 clicked"
    assert told.closed.startswith("No campaign with a holdout that can be judged came to its end")
    assert (told.campaigns, told.alerts) == ([], [])


def test_a_campaign_of_the_week_tells_how_sure_its_worth_is() -> None:
    figures = CampaignFigures(
        campaign=Campaign(key="spring", name="Spring"),
        counted_at=MONDAY,
        window_closes_at=None,
        currency=settings.REPORTING_CURRENCY,
        mail_worth_minor=12_000.0,
        mail_worth_variance=1_000.0**2,
    )
    told = _line(figures, adding.nothing()).sentence
    assert "incremental revenue +€120.00 (95 % interval +€100.40 to +€139.60)" in told
    assert told.endswith(". Not sure: the window is still open")
