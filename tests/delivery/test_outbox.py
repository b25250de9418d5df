"""The queue: each message in exactly one state, whoever dies or comes late."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from customers.consent import suppress, withdraw
from customers.models import Suppression
from delivery import outbox
from delivery.models import Dispatch, Message, MessageEvent
from delivery.outbox import Settlement
from delivery.steering import steer

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]
KEYS = {"local": True}


def states(dispatch: Dispatch) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in dispatch.messages.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def expire_leases() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_message SET lease_until = statement_timestamp() - interval '1 s' WHERE state = 'in_flight'"
        )


def sent(claimed: outbox.Claimed) -> Settlement:
    return Settlement(claimed=claimed, state=Message.State.SENT, provider_id=claimed.key)


def test_a_claim_takes_no_more_than_its_limit_and_nothing_twice(dispatch: Dispatch, queue: Queue) -> None:
    queue(5)
    first = outbox.claim(dispatch.pk, limit=3)
    second = outbox.claim(dispatch.pk, limit=3)
    assert (len(first), len(second)) == (3, 2)
    assert {c.id for c in first}.isdisjoint(c.id for c in second)


def test_a_claim_asks_consent_and_suppression_again(dispatch: Dispatch, queue: Queue) -> None:
    withdrew, complained, willing = queue(3)
    withdraw([withdrew.customer_id], source="test")
    suppress(complained.customer.email, Suppression.Reason.COMPLAINT)
    assert [c.id for c in outbox.claim(dispatch.pk, limit=10)] == [willing.pk]
    reasons = dict(Message.objects.filter(state="suppressed").values_list("pk", "reason"))
    assert reasons == {withdrew.pk: "consent withdrawn", complained.pk: "complaint"}


def test_a_customer_without_an_address_is_skipped(dispatch: Dispatch, queue: Queue) -> None:
    (message,) = queue(1)
    message.customer.email = None
    message.customer.save(update_fields=["email"])
    assert outbox.claim(dispatch.pk, limit=10) == []
    message.refresh_from_db()
    assert (message.state, message.reason) == ("skipped", "no address")


def test_settling_notes_one_sent_event_a_message(dispatch: Dispatch, queue: Queue) -> None:
    queue(2)
    assert outbox.settle([sent(c) for c in outbox.claim(dispatch.pk, limit=10)]) == 2
    assert states(dispatch) == {"sent": 2}
    assert MessageEvent.objects.filter(kind="sent").count() == 2


def test_a_late_worker_cannot_settle_what_was_claimed_again(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    (late,) = outbox.claim(dispatch.pk, limit=1)
    expire_leases()
    assert outbox.release_expired(honours_key=KEYS) == {"queued": 1}
    (current,) = outbox.claim(dispatch.pk, limit=1)
    assert outbox.settle([sent(late)]) == 0
    assert outbox.settle([sent(current)]) == 1


def test_a_lost_message_is_not_resent_where_no_key_is_honoured(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    outbox.claim(dispatch.pk, limit=1)
    expire_leases()
    assert outbox.release_expired(honours_key={"local": False}) == {"unknown": 1}
    assert outbox.claim(dispatch.pk, limit=1) == []


def test_a_message_that_fails_again_and_again_ends_as_failed(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    for _ in range(outbox.MAX_ATTEMPTS):
        outbox.put_back(outbox.claim(dispatch.pk, limit=1), delay=timedelta(0), reason="away")
    assert states(dispatch) == {"failed": 1}


def test_nothing_is_claimed_while_paused(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    assert steer(dispatch.pk, "pause")
    assert outbox.claim(dispatch.pk, limit=1) == []
    assert steer(dispatch.pk, "resume")
    assert len(outbox.claim(dispatch.pk, limit=1)) == 1


def test_cancelling_settles_what_waits_and_is_final(dispatch: Dispatch, queue: Queue) -> None:
    queue(2)
    (in_flight,) = outbox.claim(dispatch.pk, limit=1)
    assert steer(dispatch.pk, "cancel")
    assert states(dispatch) == {"in_flight": 1, "skipped": 1}
    outbox.put_back([in_flight], delay=timedelta(0), reason="away")
    assert outbox.skip_cancelled() == 1
    assert not steer(dispatch.pk, "resume")
    assert states(dispatch) == {"skipped": 2}
