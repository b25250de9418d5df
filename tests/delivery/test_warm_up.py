"""Warm-up plans: so many mails a day and not one more, by two workers too; what waits goes on by itself."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from threading import Thread

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Role, User
from common.clock import now
from delivery import outbox, warming, watching
from delivery.answers import Answer, Deferred, InDoubt, Unavailable, Uncertain
from delivery.backends.base import Outgoing
from delivery.backends.local import LocalBackend
from delivery.models import Dispatch, MailboxMessage, Message, Sender, WarmUp
from delivery.outbox import Claimed, Composed
from delivery.sending import send_chunk
from delivery.turns import due_dispatches
from delivery.warming import Stand
from tests.delivery.leaving import leaves_by

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]
MONDAY = date(2026, 11, 23)


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    return [
        Composed(
            claimed=one,
            mail=Outgoing(
                key=one.key, recipient=one.recipient, subject="Hi", raw=b"Subject: Hi\r\n\r\nHi\r\n"
            ),
        )
        for one in claimed
    ]


def stand(*limits: int, step: int = 0, used: int = 0) -> Stand:
    return Stand(limits=limits, step=step, day=MONDAY, used=used)


def night(sender: Sender) -> None:
    """A day goes by."""
    WarmUp.objects.filter(sender=sender).update(day=F("day") - timedelta(days=1))


def states() -> dict[str, int]:
    found = Message.objects.values_list("state", flat=True)
    return {state: list(found).count(state) for state in set(found)}


@pytest.mark.parametrize(("used", "step"), [(0, 0), (24, 0), (25, 1), (50, 1)])
def test_a_day_counts_when_half_of_its_mails_have_left(used: int, step: int) -> None:
    assert stand(50, 100, used=used).on(MONDAY + timedelta(days=1)).step == step


def test_days_without_mail_are_no_steps_and_a_clock_that_goes_back_changes_nothing() -> None:
    before = stand(50, 100, 500, used=50)
    assert before.on(MONDAY + timedelta(days=30)).limit == 100
    assert before.on(MONDAY - timedelta(days=1)) == before


def test_after_the_last_day_there_is_no_limit() -> None:
    after = stand(50, used=50).next_day()
    assert (after.limit, after.left, after.is_used_up) == (None, None, False)
    assert after.next_day().limit is None


@pytest.mark.parametrize(("waiting", "days"), [(0, 0), (20, 0), (21, 1), (120, 1), (121, 2), (10**9, 3)])
def test_it_tells_on_which_day_the_last_mail_leaves(waiting: int, days: int) -> None:
    assert stand(50, 100, 500, used=30).last_day_of(waiting) == MONDAY + timedelta(days=days)


def test_so_many_mails_leave_a_day_and_the_others_wait(dispatch: Dispatch, queue: Queue) -> None:
    warming.plan(dispatch.sender, [3, 4])
    queue(9)
    assert send_chunk(dispatch, compose=compose).states == {"sent": 3}
    assert (send_chunk(dispatch, compose=compose).claimed, due_dispatches()) == (0, [])
    assert Message.objects.filter(state="queued", attempts=0, reason="").count() == 6
    night(dispatch.sender)
    assert due_dispatches() == [dispatch.pk]
    assert send_chunk(dispatch, compose=compose).states == {"sent": 4}
    night(dispatch.sender)
    assert send_chunk(dispatch, compose=compose).states == {"sent": 2}
    assert MailboxMessage.objects.count() == 9


def test_it_says_what_waits_until_when(dispatch: Dispatch, queue: Queue) -> None:
    warming.plan(dispatch.sender, [1, 2_000])
    queue(2)
    send_chunk(dispatch, compose=compose)
    sentence = watching.blocker_of(dispatch)
    assert sentence.startswith("The warm-up plan of Shop allows 1 mails today, and they have left.")
    assert sentence.endswith(", 00:00, up to 2,000 then.")
    assert [one.is_worth_an_alert for one in watching.blockers() if one.key.startswith("plan:")] == [False]
    assert (watching.refresh_alerts(), states()) == (0, {"sent": 1, "queued": 1})


def test_what_the_provider_put_off_has_not_left(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Busy(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            return [(mail, Deferred(reason="busy")) for mail in batch[:2]] + super().send(
                batch[2:], deadline=deadline
            )

    leaves_by(monkeypatch, Busy())
    warming.plan(dispatch.sender, [10])
    queue(5)
    send_chunk(dispatch, compose=compose)
    assert WarmUp.objects.get().used == 3


def test_a_batch_that_was_not_taken_leaves_the_day_as_it_was(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            raise Unavailable("busy")

    leaves_by(monkeypatch, Away())
    warming.plan(dispatch.sender, [10])
    queue(5)
    send_chunk(dispatch, compose=compose)
    assert (WarmUp.objects.get().used, states()) == (0, {"queued": 5})


def test_what_may_have_left_before_is_not_kept_up_by_the_plan(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(LocalBackend):
        in_doubt = InDoubt.REPEAT

        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            return [(mail, Uncertain(reason="reset")) for mail in batch]

    warming.plan(dispatch.sender, [2])
    queue(4)
    with monkeypatch.context() as patch:
        leaves_by(patch, Silent())
        send_chunk(dispatch, compose=compose)
    assert (WarmUp.objects.get().used, due_dispatches()) == (2, [])
    Message.objects.update(due_at=now() - timedelta(minutes=1))
    assert due_dispatches() == [dispatch.pk]
    assert send_chunk(dispatch, compose=compose).states == {"sent": 2}
    assert (WarmUp.objects.get().used, states()) == (2, {"sent": 2, "queued": 2})


@pytest.mark.django_db(transaction=True)
def test_workers_that_claimed_at_once_hand_over_no_more_than_the_day_allows(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "left_today", lambda sender_id: 7)  # as both saw it before either sent
    warming.plan(dispatch.sender, [7])
    queue(40)

    def work() -> None:
        send_chunk(dispatch, compose=compose)
        connection.close()

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert (WarmUp.objects.get().used, MailboxMessage.objects.count()) == (7, 7)
    assert states() == {"sent": 7, "queued": 33}
    assert Message.objects.filter(state="queued", attempts=0, raw=None).count() == 33


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_before_it_keeps_a_mail_has_used_nothing_up(
    dispatch: Dispatch, queue: Queue
) -> None:
    warming.plan(dispatch.sender, [5])
    queue(3)
    assert len(outbox.claim(dispatch.pk, limit=3)) == 3
    with pytest.raises(RuntimeError), warming.allotted(dispatch.sender_id, wanted=3) as allotment:
        allotment.used = 3
        raise RuntimeError
    assert WarmUp.objects.get().used == 0


def test_a_sender_without_a_plan_is_not_limited(dispatch: Dispatch, queue: Queue) -> None:
    queue(3)
    assert send_chunk(dispatch, compose=compose).states == {"sent": 3}
    assert not WarmUp.objects.exists()


def test_the_database_refuses_a_plan_without_days(sender: Sender) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        WarmUp.objects.create(sender=sender, daily_limits=[])


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_user("ada@example.com", role=Role.ADMIN))
    return client


def test_an_administrator_plans_changes_and_ends(admin: Client, sender: Sender) -> None:
    address = f"/senders/{sender.pk}/warm-up/"
    assert "50 100 500 1000 5000" in admin.get(address).content.decode()
    admin.post(address, {"daily_limits": "50, 100\n500"})
    WarmUp.objects.update(step=1, used=20, day=now().date())
    admin.post(address, {"daily_limits": "50 80"})
    found = WarmUp.objects.get()
    assert (found.daily_limits, found.step, found.used) == ([50, 80], 1, 20)
    page = admin.get(f"/senders/{sender.pk}/").content.decode()
    assert ("2 of 2" in page, "60 of 80" in page) == (True, True)
    admin.post(f"/senders/{sender.pk}/warm-up/end/")
    assert not WarmUp.objects.exists()


@pytest.mark.parametrize("step", [2, 3])
def test_a_change_does_not_end_a_plan_by_being_shorter(admin: Client, sender: Sender, step: int) -> None:
    warming.plan(sender, [50, 100, 500])
    WarmUp.objects.update(step=step, used=30, day=now().date())
    address = f"/senders/{sender.pk}/warm-up/"
    answer = admin.post(address, {"daily_limits": "60 80"})
    said = f"The plan is on day {step + 1}, and these are 2: write more days, or begin anew."
    assert (answer.status_code, said in answer.content.decode()) == (400, True)
    assert WarmUp.objects.get().daily_limits == [50, 100, 500]
    page = admin.post(address, {"daily_limits": "60 80", "begins_anew": "on"}, follow=True).content.decode()
    assert ("today is day 1 of 2" in page, "30 of 60" in page) == (True, True)


def test_yesterday_counts_by_the_limit_that_it_had(sender: Sender) -> None:
    warming.plan(sender, [50, 100])
    WarmUp.objects.update(used=50, day=now().date() - timedelta(days=1))
    planned = warming.plan(sender, [200, 300])
    assert (planned.step, planned.limit, planned.used) == (1, 300, 0)
    assert warming.stand_of(sender.pk) == planned


def test_a_first_plan_cannot_begin_anew(admin: Client, sender: Sender) -> None:
    address = f"/senders/{sender.pk}/warm-up/"
    assert "Begin anew" not in admin.get(address).content.decode()
    warming.plan(sender, [50])
    assert "Begin anew" in admin.get(address).content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "This field is required"),
        ("50 0", "Day 2: “0”"),
        ("50 1,500", "Day 2: “1,500”"),
        ("50 ٣", "Day 2: “٣”"),
        ("-5", "Day 1: “-5”"),
        ("1 " * 91, "these are 91"),
        ("99999999", "Day 1"),
    ],
)
def test_a_plan_that_is_none_is_refused_with_its_place(
    admin: Client, sender: Sender, typed: str, said: str
) -> None:
    answer = admin.post(f"/senders/{sender.pk}/warm-up/", {"daily_limits": typed})
    assert (answer.status_code, said in answer.content.decode()) == (400, True)
    assert not WarmUp.objects.exists()


def test_others_look_and_do_not_plan(client: Client, sender: Sender) -> None:
    warming.plan(sender, [50])
    client.force_login(User.objects.create_user("max@example.com", role=Role.MARKETER))
    assert "1 of 1" in client.get(f"/senders/{sender.pk}/").content.decode()
    for address in ("warm-up/", "warm-up/end/"):
        assert client.post(f"/senders/{sender.pk}/{address}", {"daily_limits": "9"}).status_code == 403
    assert WarmUp.objects.get().daily_limits == [50]


def test_a_colleague_gives_a_campaign_a_rate_of_its_own(client: Client, dispatch: Dispatch) -> None:
    client.force_login(User.objects.create_user("max@example.com", role=Role.MARKETER))
    for typed, kept in (("7", 7), ("0", 7), ("x", 7), ("", None)):
        client.post(f"/delivery/dispatches/{dispatch.pk}/rate/", {"rate_per_second": typed})
        dispatch.refresh_from_db()
        assert dispatch.rate_per_second == kept
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    assert client.post(f"/delivery/dispatches/{dispatch.pk}/rate/", {}).status_code == 403


def test_the_page_of_delivery_asks_as_often_for_many_plans_as_for_one(
    admin: Client, dispatch: Dispatch, queue: Queue, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    queue(1)
    for number in range(5):
        one = Sender.objects.create(name=f"S{number}", from_name="S", from_email=f"s{number}@shop.example")
        other = Dispatch.objects.create(name=f"D{number}", sender=one)
        Message.objects.create(dispatch=other, customer=Message.objects.all()[0].customer)
        warming.plan(one, [1])
        WarmUp.objects.filter(sender=one).update(used=1, day=now().date())
    with django_assert_max_num_queries(24):
        page = admin.get("/delivery/").content.decode()
    assert page.count("has sent what today allows") == 5
