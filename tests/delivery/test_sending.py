"""A chunk through the post office, with the real local backend and the real pace in Valkey."""

from collections.abc import Callable, Sequence

import pytest

from customers.models import CustomerFacts, Event, EventType
from delivery import pacing
from delivery.backends.base import Outgoing
from delivery.models import Dispatch, MailboxMessage, Message
from delivery.outbox import Claimed
from delivery.recording import record_message_events
from delivery.sending import Composed, send_chunk

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


def compose(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
    return [
        Composed(
            claimed=one,
            mail=Outgoing(
                key=one.key, recipient=one.recipient, subject="Hi", raw=b"Subject: Hi\r\n\r\nHi\r\n"
            ),
            content_sha256="0" * 64,
            resolved="{}",
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


def test_a_failing_composer_puts_the_chunk_back(dispatch: Dispatch, queue: Queue) -> None:
    queue(2)

    def broken(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
        raise LookupError("no template")

    with pytest.raises(LookupError):
        send_chunk(dispatch, compose=broken)
    assert set(Message.objects.values_list("state", "reason")) == {("queued", "LookupError: no template")}
    assert MailboxMessage.objects.count() == 0


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
