"""A chunk through the post office, with the real local backend and the real pace in Valkey."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from common import valkey
from common.clock import now
from customers.models import CustomerFacts, Event, EventType
from delivery import outbox, pacing
from delivery.backends import BACKENDS
from delivery.backends.base import Accepted, Outgoing, Refused, Unavailable
from delivery.backends.local import LocalBackend
from delivery.models import Dispatch, MailboxMessage, Message
from delivery.outbox import Claimed, Composed
from delivery.recording import record_message_events
from delivery.sending import send_chunk

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
    bucket, claim = f"regards:pace:{dispatch.sender_id}", outbox.claim

    def claim_while_the_bucket_breaks(dispatch_id: int, *, limit: int) -> list[Claimed]:
        valkey.client().set(bucket, "no bucket")  # Valkey answers with an error from here on
        return claim(dispatch_id, limit=limit)

    monkeypatch.setattr(outbox, "claim", claim_while_the_bucket_breaks)
    queue(1)
    result = send_chunk(dispatch, compose=compose, limit=3)
    assert valkey.client().delete(bucket) == 1
    assert (result.claimed, result.settled) == (1, 1)


class Away:
    """A provider that is not there."""

    honours_key = True

    def send(self, batch: Sequence[Outgoing]) -> list[Accepted | Refused]:
        raise Unavailable("busy")


class Broken(LocalBackend):
    """A provider that takes the mail and does not answer."""

    def send(self, batch: Sequence[Outgoing]) -> list[Accepted | Refused]:
        super().send(batch)
        raise ConnectionResetError("gone")


def is_due_again() -> None:
    Message.objects.update(due_at=now() - timedelta(seconds=1))


def test_an_outage_costs_no_attempt(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(2)
    monkeypatch.setitem(BACKENDS, "local", Away())
    for _ in range(outbox.MAX_ATTEMPTS + 1):
        assert send_chunk(dispatch, compose=compose).unavailable
        is_due_again()
    assert set(Message.objects.values_list("state", "reason", "attempts")) == {("queued", "busy", 0)}
    monkeypatch.undo()
    assert send_chunk(dispatch, compose=compose).states == {"sent": 2}


@pytest.mark.parametrize(("honours_key", "state"), [(True, "queued"), (False, "unknown")])
def test_a_lost_answer_is_asked_for_again_only_where_that_doubles_nothing(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch, honours_key: bool, state: str
) -> None:
    queue(1)
    broken = Broken()
    broken.honours_key = honours_key
    monkeypatch.setitem(BACKENDS, "local", broken)
    with pytest.raises(ConnectionResetError):
        send_chunk(dispatch, compose=compose)
    reason = "ConnectionResetError: gone"
    assert Message.objects.values_list("state", "reason").get() == (state, reason)


def test_what_may_be_delivered_is_handed_over_again_as_it_was(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(1)
    monkeypatch.setitem(BACKENDS, "local", Broken())
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
    assert pacing.take(dispatch.sender_id, rate_per_second=100_000, wanted=100_000) == 100_000


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
