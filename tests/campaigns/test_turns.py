"""Whose turn it is: a big campaign starves nobody, and nobody's trouble is everybody's."""

from collections.abc import Callable, Sequence

import pytest

from campaigns import sending
from customers.consent import grant
from customers.models import Customer
from delivery.models import Dispatch, Message, Sender, SendWorker
from delivery.outbox import Claimed, Composed
from delivery.steering import stop_everything
from delivery.turns import due_dispatches
from tests.delivery.test_sending import compose

pytestmark = pytest.mark.django_db
Make = Callable[..., Dispatch]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of dispatches in the order in which their chunks were written."""
    order: list[str] = []

    def writing(dispatch: Dispatch, claimed: Sequence[Claimed]) -> list[Composed]:
        order.append(dispatch.name)
        if dispatch.name == "broken":
            raise LookupError("no template")
        return compose(dispatch, claimed)

    for kind in ("campaign", "journey"):
        monkeypatch.setitem(sending.COMPOSERS, kind, writing)
    return order


@pytest.fixture
def make() -> Make:
    sender = Sender.objects.create(
        name="Shop", from_name="The Shop", from_email="news@shop.example", rate_per_second=100_000
    )
    people = Customer.objects.bulk_create(Customer(email=f"c{i}@example.com") for i in range(6))
    grant([one.pk for one in people], source="test")

    def make(name: str, count: int, **values: object) -> Dispatch:
        dispatch = Dispatch.objects.create(name=name, sender=sender, **values)
        Message.objects.bulk_create(Message(dispatch=dispatch, customer=one) for one in people[:count])
        return dispatch

    return make


def test_the_most_urgent_is_sent_first_and_equals_take_turns(make: Make, sent: list[str]) -> None:
    for name, values in (
        ("big", {}),
        ("other", {}),
        ("journey", {"kind": "journey"}),
        ("urgent", {"priority": 5}),
    ):
        make(name, 2, **values)
    assert sending.send_slice(chunk=1) == sending.Slice(settled=8, is_more=False)
    assert sent == ["urgent", "urgent", "journey", "journey", "big", "other", "big", "other"]


def test_a_journey_mail_waits_for_one_chunk_of_a_big_campaign_at_most(
    make: Make, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make("big", 6)
    send_chunk = sending.send_chunk

    def with_news(dispatch: Dispatch, **how: object) -> object:
        if len(sent) == 2:
            make("journey", 1, kind="journey")
        return send_chunk(dispatch, **how)

    monkeypatch.setattr(sending, "send_chunk", with_news)
    sending.send_slice(chunk=1)
    assert sent[:5] == ["big", "big", "big", "journey", "big"]


def test_a_slice_ends_in_time_and_says_that_there_is_more(make: Make, sent: list[str]) -> None:
    make("big", 6)
    assert sending.send_slice(seconds=0, chunk=1) == sending.Slice(settled=0, is_more=True)


def test_a_dispatch_that_nobody_can_write_does_not_hold_up_the_others(make: Make, sent: list[str]) -> None:
    make("broken", 1, priority=9)
    make("nobody writes this kind", 1, kind="test", priority=9)
    make("good", 2)
    assert sending.send_slice(seconds=5, chunk=1).settled == 2
    assert sent.count("good") == 2


def test_a_dispatch_that_waits_for_its_rate_lets_the_others_go_first(make: Make, sent: list[str]) -> None:
    slow = make("slow", 3, rate_per_second=1, priority=9)
    make("fast", 4)
    sending.send_slice(seconds=1, chunk=1)
    assert sent.count("fast") == 4
    assert sent[1] == "fast"
    worker = SendWorker.objects.get()
    assert (worker.dispatch_id, worker.waits_for) == (slow.pk, "its own rate of 1 a second")


def test_nothing_is_due_while_all_is_stopped(make: Make, sent: list[str]) -> None:
    make("big", 1)
    stop_everything(reason="wrong prices", by=None)
    assert due_dispatches() == []
    assert sending.send_slice() == sending.Slice(settled=0, is_more=False)
    assert sent == []
