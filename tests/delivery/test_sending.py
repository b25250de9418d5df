"""A chunk through the post office, with the real local backend and the real pace in Valkey."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import ClassVar

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction

from common import valkey
from common.clock import now
from customers.models import CustomerFacts, Event, EventType
from delivery import outbox, outcomes, pacing
from delivery.answers import Accepted, Answer, Deferred, InDoubt, Refused, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing
from delivery.backends.local import LocalBackend
from delivery.models import Breaker, Dispatch, MailboxMessage, Message
from delivery.outbox import Claimed, Composed
from delivery.recording import record_message_events
from delivery.sending import GROUP, send_chunk
from tests.delivery.leaving import leaves_by

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    return [
        Composed(
            claimed=one,
            mail=Outgoing(
                key=one.key, recipient=one.recipient, subject="Hi", raw=b"Subject: Hi\r\n\r\nHi\r\n"
            ),
            links='["https://shop.example/"]',
        )
        for one in claimed
    ]


def test_it_delivers_each_message_once(dispatch: Dispatch, queue: Queue) -> None:
    queue(3)
    result = send_chunk(dispatch, compose=compose)
    assert (result.claimed, result.settled, result.states) == (3, 3, {"sent": 3})
    assert MailboxMessage.objects.count() == 3
    assert Message.objects.get(pk=MailboxMessage.objects.first().key.split("-")[1]).links == [
        "https://shop.example/"
    ]


def test_permissions_that_cannot_be_given_back_do_not_hold_up_what_was_claimed(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, claim = f"regards:pace:sender:{dispatch.sender_id}", outbox.claim

    def claim_while_the_bucket_breaks(dispatch_id: int, *, limit: int, **how: object) -> list[Claimed]:
        valkey.client().set(bucket, "no bucket")  # Valkey answers with an error from here on
        return claim(dispatch_id, limit=limit, **how)

    monkeypatch.setattr(outbox, "claim", claim_while_the_bucket_breaks)
    queue(1)
    result = send_chunk(dispatch, compose=compose, limit=3)
    assert valkey.client().delete(bucket) == 1
    assert (result.claimed, result.settled) == (1, 1)


class Away(LocalBackend):
    """A provider that is not there."""

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
        raise Unavailable("busy")


class Broken(LocalBackend):
    """A provider that takes the mail and does not answer."""

    def __init__(self, in_doubt: InDoubt = InDoubt.REPEAT) -> None:
        self.in_doubt = in_doubt

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
        super().send(batch, deadline=deadline)
        raise ConnectionResetError("gone")


class Choosy(LocalBackend):
    """A provider that has an answer of every kind, in the order of the batch, and then falls silent."""

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
        answers: list[Answer] = [
            Accepted(provider_id="p1"),
            Refused(reason="no such address"),
            Deferred(reason="slow down", retry_after=timedelta(hours=1)),
            Uncertain(reason="reset"),
            Untried(reason="out of time"),
        ]
        return list(zip(batch, answers, strict=False))


def is_due_again() -> None:
    Message.objects.update(due_at=now() - timedelta(seconds=1))
    Breaker.objects.update(retry_at=now() - timedelta(seconds=1))


def test_an_outage_costs_no_attempt(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(2)
    leaves_by(monkeypatch, Away())
    for _ in range(outcomes.MAX_ATTEMPTS + 1):
        assert send_chunk(dispatch, compose=compose).unavailable
        is_due_again()
    assert set(Message.objects.values_list("state", "reason", "attempts")) == {("queued", "busy", 0)}
    monkeypatch.undo()
    assert send_chunk(dispatch, compose=compose).states == {"sent": 1}
    assert send_chunk(dispatch, compose=compose).states == {"sent": 1}


@pytest.mark.parametrize(
    ("in_doubt", "state"), [("repeat", "queued"), ("ask", "queued"), ("leave", "unknown")]
)
def test_a_lost_answer_is_asked_for_again_only_where_that_doubles_nothing(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch, in_doubt: str, state: str
) -> None:
    queue(1)
    leaves_by(monkeypatch, Broken(InDoubt(in_doubt)))
    with pytest.raises(ConnectionResetError):
        send_chunk(dispatch, compose=compose)
    reason = "ConnectionResetError: gone"
    assert Message.objects.values_list("state", "reason").get() == (state, reason)


def test_each_mail_has_an_answer_of_its_own(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(6)
    backend = Choosy()
    backend.in_doubt = InDoubt.LEAVE
    leaves_by(monkeypatch, backend)
    result = send_chunk(dispatch, compose=compose)
    assert result.states == {"sent": 1, "failed": 1, "unknown": 2}
    assert (result.settled, result.unavailable) == (4, False)
    assert list(Message.objects.order_by("pk").values_list("state", "reason", "attempts")) == [
        ("sent", "", 1),
        ("failed", "no such address", 1),
        ("queued", "slow down", 0),
        ("unknown", "reset", 1),
        ("queued", "out of time", 0),
        ("unknown", "the provider did not answer", 1),
    ]
    later = Message.objects.filter(due_at__gt=now() + timedelta(minutes=50))
    assert [one.reason for one in later] == ["slow down"]


@pytest.mark.parametrize(
    ("hours", "claims", "about_mail", "state"),
    [
        (73, 50, True, ("failed", "450 later")),
        (71, 50, True, ("queued", "450 later")),
        (73, 20, True, ("queued", "450 later")),
        (73, 50, False, ("queued", "450 later")),
    ],
)
def test_a_mail_that_is_put_off_for_its_own_sake_is_not_tried_for_ever(
    dispatch: Dispatch,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
    claims: int,
    about_mail: bool,
    state: tuple[str, str],
) -> None:
    class Later(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            return [(one, Deferred(reason="450 later", is_about_mail=about_mail)) for one in batch]

    queue(1)
    Message.objects.update(created_at=now() - timedelta(hours=hours), fence=claims - 1)
    leaves_by(monkeypatch, Later())
    result = send_chunk(dispatch, compose=compose)
    assert Message.objects.values_list("state", "reason").get() == state
    assert result.states == ({"failed": 1} if state[0] == "failed" else {})


def test_a_provider_that_takes_nothing_is_asked_no_further(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(GROUP + 1)
    asked: list[int] = []

    class Busy(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            asked.append(len(batch))
            raise Unavailable("busy", retry_after=timedelta(minutes=7))

    leaves_by(monkeypatch, Busy())
    assert send_chunk(dispatch, compose=compose).unavailable
    assert asked == [GROUP]
    assert Message.objects.filter(state="queued", attempts=0, handed_over_at=None).count() == GROUP + 1
    assert Message.objects.filter(due_at__gt=now() + timedelta(minutes=6)).count() == GROUP


@pytest.mark.parametrize("arrived", [True, False])
def test_a_provider_that_can_be_asked_gets_only_what_it_does_not_have(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    queue(1)
    leaves_by(monkeypatch, Broken(InDoubt.ASK))
    with pytest.raises(ConnectionResetError):
        send_chunk(dispatch, compose=compose)
    if not arrived:
        MailboxMessage.objects.all().delete()
    is_due_again()

    class Asked(LocalBackend):
        in_doubt = InDoubt.ASK
        handed_over: ClassVar[list[str]] = []

        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            self.handed_over += [mail.key for mail in batch]
            return super().send(batch, deadline=deadline)

    leaves_by(monkeypatch, Asked())
    Asked.handed_over.clear()
    result = send_chunk(dispatch, compose=compose)
    assert (result.states, len(Asked.handed_over)) == ({"sent": 1}, 0 if arrived else 1)
    assert Message.objects.get().provider_id == MailboxMessage.objects.get().key


def test_what_cannot_be_asked_about_waits(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(1)
    leaves_by(monkeypatch, Broken(InDoubt.ASK))
    with pytest.raises(ConnectionResetError):
        send_chunk(dispatch, compose=compose)
    is_due_again()

    class Mute(LocalBackend):
        in_doubt = InDoubt.ASK

        def ask(self, keys: Sequence[str], *, deadline: float) -> dict[str, str]:
            raise Unavailable("mute")

    leaves_by(monkeypatch, Mute())
    assert send_chunk(dispatch, compose=compose).unavailable
    kept = Message.objects.get()
    assert (kept.state, kept.reason, kept.attempts, kept.raw is None) == ("queued", "mute", 1, False)
    assert MailboxMessage.objects.count() == 1


def test_what_there_was_no_time_to_ask_about_is_asked_about_later(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(3)
    leaves_by(monkeypatch, Broken(InDoubt.ASK))
    with pytest.raises(ConnectionResetError):
        send_chunk(dispatch, compose=compose)
    is_due_again()

    class Slow(LocalBackend):
        """Answers about one key at a time."""

        in_doubt = InDoubt.ASK

        def ask(self, keys: Sequence[str], *, deadline: float) -> dict[str, str]:
            return dict(super().ask(keys[:1], deadline=deadline))

    leaves_by(monkeypatch, Slow())
    for sent in (1, 2, 3):
        assert send_chunk(dispatch, compose=compose).states == {"sent": 1}
        assert Message.objects.filter(state="sent").count() == sent
    assert MailboxMessage.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_an_answer_waits_in_memory_for_a_database_that_is_away(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(2)

    class AtTheWrongMoment(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            answers = super().send(batch, deadline=deadline)
            with connection.cursor() as cursor, pytest.raises(OperationalError):
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            return answers

    leaves_by(monkeypatch, AtTheWrongMoment())
    assert send_chunk(dispatch, compose=compose).states == {"sent": 2}
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_nothing_is_handed_over_after_half_the_lease(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(1)
    deadlines: list[float] = []

    class Watching(LocalBackend):
        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            deadlines.append(deadline)
            return super().send(batch, deadline=deadline)

    leaves_by(monkeypatch, Watching())
    before = time.monotonic()
    send_chunk(dispatch, compose=compose)
    half = outbox.LEASE.total_seconds() / 2
    assert before + half <= deadlines[0] <= time.monotonic() + half


def test_what_may_be_delivered_is_handed_over_again_as_it_was(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(1)
    leaves_by(monkeypatch, Broken())
    with pytest.raises(ConnectionResetError):
        send_chunk(dispatch, compose=compose)
    monkeypatch.undo()
    is_due_again()

    def never(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
        raise AssertionError("it is written already")

    assert send_chunk(dispatch, compose=never).states == {"sent": 1}
    kept = Message.objects.get()
    assert kept.content_sha256 == sha256(bytes(MailboxMessage.objects.get().raw)).hexdigest()


def test_a_message_that_makes_composing_raise_holds_up_no_other(dispatch: Dispatch, queue: Queue) -> None:
    bad, *good = queue(7)

    def broken(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
        if bad.pk in [one.id for one in claimed]:
            raise LookupError("no template")
        return compose(dispatch, claimed)

    assert send_chunk(dispatch, compose=broken).states == {"sent": 6}
    bad.refresh_from_db()
    assert (bad.state, bad.reason, bad.attempts) == ("queued", "LookupError: no template", 1)
    assert MailboxMessage.objects.count() == len(good)


def test_what_there_was_no_time_to_write_is_queued_again(dispatch: Dispatch, queue: Queue) -> None:
    queue(3)

    def slow(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
        return compose(dispatch, claimed)[:1]

    assert send_chunk(dispatch, compose=slow).states == {"sent": 1}
    assert Message.objects.filter(state="queued", attempts=0).count() == 2


def test_one_message_that_cannot_be_written_fails_alone(dispatch: Dispatch, queue: Queue) -> None:
    bad, good = queue(2)

    def picky(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
        whole = compose(dispatch, claimed)
        return [
            Composed(claimed=one.claimed, failed="no words") if one.claimed.id == bad.pk else one
            for one in whole
        ]

    send_chunk(dispatch, compose=picky)
    assert dict(Message.objects.values_list("pk", "state")) == {bad.pk: "failed", good.pk: "sent"}


def test_the_senders_rate_limits_a_chunk(dispatch: Dispatch, queue: Queue) -> None:
    queue(4)
    dispatch.sender.rate_per_second = 2
    first = send_chunk(dispatch, compose=compose)
    second = send_chunk(dispatch, compose=compose)
    assert first.claimed == 2
    assert second.claimed <= 1


def test_unused_permissions_are_given_back(dispatch: Dispatch) -> None:
    send_chunk(dispatch, compose=compose)
    bucket = pacing.sender_bucket(dispatch.sender_id)
    assert pacing.take(bucket, rate_per_second=100_000, wanted=100_000) == 100_000


def test_what_was_sent_becomes_part_of_the_history_once(dispatch: Dispatch, queue: Queue) -> None:
    (message,) = queue(1)
    send_chunk(dispatch, compose=compose)
    assert record_message_events() == 1
    assert record_message_events() == 0
    assert Event.objects.filter(customer_id=message.customer_id, type=EventType.EMAIL_SENT).count() == 1
    assert CustomerFacts.objects.get(pk=message.customer_id).emails_sent_count == 1


def test_a_sender_without_any_rate_is_refused(dispatch: Dispatch) -> None:
    dispatch.sender.rate_per_second = 0
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        dispatch.sender.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        dispatch.sender.save()
