"""The queue: each message in exactly one state, whoever dies or comes late."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from customers.consent import suppress, withdraw
from customers.models import Suppression
from delivery import outbox, outcomes
from delivery.answers import InDoubt
from delivery.backends.base import Outgoing
from delivery.models import Dispatch, Message, MessageEvent
from delivery.outbox import Composed
from delivery.outcomes import Settlement
from delivery.steering import steer

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


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


def release(dispatch: Dispatch, in_doubt: InDoubt = InDoubt.REPEAT) -> dict[str, int]:
    return outcomes.release_expired(in_doubt={dispatch.sender_id: in_doubt})


def sent(claimed: outbox.Claimed) -> Settlement:
    return Settlement(claimed=claimed, state=Message.State.SENT, provider_id=claimed.key)


def written(*claimed: outbox.Claimed, raw: bytes = b"Hi", may_repeat: bool = True) -> set[int]:
    """Keep a mail for each as if it were about to be handed over; the ids that were theirs."""
    return outbox.keep(
        [
            (
                Composed(claimed=one, links='["https://shop.example/tent"]', resolved='{"a": 1}'),
                Outgoing(key=one.key, recipient=one.recipient, subject="Hello", raw=raw),
            )
            for one in claimed
        ],
        may_repeat=may_repeat,
    )


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
    assert outcomes.settle([sent(c) for c in outbox.claim(dispatch.pk, limit=10)]) == 2
    assert states(dispatch) == {"sent": 2}
    assert MessageEvent.objects.filter(kind="sent").count() == 2


def test_a_late_worker_cannot_settle_what_was_claimed_again(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    (late,) = outbox.claim(dispatch.pk, limit=1)
    expire_leases()
    assert release(dispatch) == {"queued": 1}
    (current,) = outbox.claim(dispatch.pk, limit=1)
    assert outcomes.settle([sent(late)]) == 0
    assert outcomes.settle([sent(current)]) == 1


def test_a_lost_message_is_not_resent_where_no_key_is_honoured(dispatch: Dispatch, queue: Queue) -> None:
    queue(2)
    handed_over, not_yet = outbox.claim(dispatch.pk, limit=2)
    written(handed_over)
    expire_leases()
    assert release(dispatch, InDoubt.LEAVE) == {"unknown": 1, "queued": 1}
    assert [one.id for one in outbox.claim(dispatch.pk, limit=2)] == [not_yet.id]


def test_what_was_handed_over_keeps_its_links_and_its_hash(dispatch: Dispatch, queue: Queue) -> None:
    (message,) = queue(1)
    (claimed,) = outbox.claim(dispatch.pk, limit=1)
    assert written(claimed) == {message.pk}
    message.refresh_from_db()
    assert (message.state, message.subject, message.resolved) == ("in_flight", "Hello", {"a": 1})
    assert message.links == ["https://shop.example/tent"]
    assert message.content_sha256 == hashlib.sha256(b"Hi").hexdigest()
    outcomes.settle([sent(claimed)])
    message.refresh_from_db()
    assert (message.state, message.raw, message.links) == ("sent", None, ["https://shop.example/tent"])


def test_the_next_attempt_gets_the_bytes_of_the_last(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    written(*outbox.claim(dispatch.pk, limit=1), raw=b"\0as \xff it was")
    expire_leases()
    release(dispatch)
    (again,) = outbox.claim(dispatch.pk, limit=1)
    assert (again.raw, again.subject, again.attempts) == (b"\0as \xff it was", "Hello", 1)


def test_where_nothing_may_be_twice_no_bytes_are_kept_nor_handed_over(
    dispatch: Dispatch, queue: Queue
) -> None:
    (message,) = queue(1)
    written(*outbox.claim(dispatch.pk, limit=1), may_repeat=False)
    message.refresh_from_db()
    assert (bytes(message.raw), message.content_sha256) == (b"", hashlib.sha256(b"Hi").hexdigest())
    expire_leases()
    # The sender's backend was changed meanwhile to one that keeps keys.
    assert release(dispatch, InDoubt.REPEAT) == {"queued": 1}
    assert outbox.claim(dispatch.pk, limit=1) == []
    message.refresh_from_db()
    assert (message.state, message.raw) == ("unknown", None)
    assert message.reason == "it was handed over where nothing may be twice"


def test_a_death_is_no_attempt_and_later_ones_let_others_go_first(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    for death in range(3):
        Message.objects.update(due_at=Now())
        outbox.claim(dispatch.pk, limit=1)
        expire_leases()
        assert release(dispatch) == {"queued": 1}
        assert Message.objects.filter(due_at__gt=Now()).exists() == (death > 0)
    assert Message.objects.values_list("attempts", "deaths").get() == (0, 3)


def test_a_provider_that_can_be_asked_is_given_time_before(dispatch: Dispatch, queue: Queue) -> None:
    queue(2)
    handed_over, _ = outbox.claim(dispatch.pk, limit=2)
    written(handed_over)
    expire_leases()
    assert release(dispatch, InDoubt.ASK) == {"queued": 2}
    soon, late = Now() + outcomes.ASK_AFTER / 2, Now() + outcomes.ASK_AFTER
    assert Message.objects.get(due_at__gt=soon, due_at__lte=late).pk == handed_over.id


def test_a_key_that_the_provider_may_have_forgotten_is_not_used_again(
    dispatch: Dispatch, queue: Queue
) -> None:
    queue(2)
    old, _ = outbox.claim(dispatch.pk, limit=2)
    written(old)
    expire_leases()
    release(dispatch)
    Message.objects.filter(pk=old.id).update(handed_over_at=Now() - timedelta(hours=25))
    assert len(outbox.claim(dispatch.pk, limit=2, repeatable_for=timedelta(hours=24))) == 1
    state = Message.objects.values_list("state", "reason", "raw").get(pk=old.id)
    assert state == ("unknown", "the provider may have forgotten its key", None)


@pytest.mark.parametrize(("what", "reason"), [("consent", "consent withdrawn"), ("spam", "complaint")])
def test_who_withdraws_after_the_claim_is_not_handed_over(
    dispatch: Dispatch, queue: Queue, what: str, reason: str
) -> None:
    message, _ = queue(2)
    gone, stays = outbox.claim(dispatch.pk, limit=2)
    if what == "consent":
        withdraw([message.customer_id], source="test")
    else:
        suppress(gone.recipient, Suppression.Reason.COMPLAINT)
    assert written(gone, stays) == {stays.id}
    kept = Message.objects.get(pk=gone.id)
    assert (kept.state, kept.reason, kept.raw, kept.lease_until) == ("suppressed", reason, None, None)


def test_a_late_worker_cannot_keep_what_was_claimed_again(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    (late,) = outbox.claim(dispatch.pk, limit=1)
    expire_leases()
    release(dispatch)
    (current,) = outbox.claim(dispatch.pk, limit=1)
    written(current, raw=b"current")
    assert written(late, raw=b"late") == set()
    assert bytes(Message.objects.get().raw) == b"current"


def test_a_worker_that_dies_each_time_after_handing_over_leaves_the_message_unknown(
    dispatch: Dispatch, queue: Queue
) -> None:
    queue(2)
    for death in range(outcomes.MAX_DEATHS):
        Message.objects.update(due_at=Now())
        first, *_ = outbox.claim(dispatch.pk, limit=2)
        if death == 0:
            written(first)
        expire_leases()
        released = release(dispatch)
    assert released == {"unknown": 1, "failed": 1}


@pytest.mark.parametrize("what", ["consent", "address", "cancel"])
def test_a_message_that_may_be_delivered_already_is_not_called_unsent(
    dispatch: Dispatch, queue: Queue, what: str
) -> None:
    (message,) = queue(1)
    written(*outbox.claim(dispatch.pk, limit=1))
    expire_leases()
    release(dispatch)
    if what == "consent":
        withdraw([message.customer_id], source="test")
    elif what == "address":
        type(message.customer).objects.update(email="new@example.com")
    else:
        steer(dispatch.pk, "cancel")
    assert outbox.claim(dispatch.pk, limit=1) == []
    kept = Message.objects.get()
    reasons = {
        "consent": "consent withdrawn",
        "address": "the address changed",
        "cancel": "the campaign was cancelled",
    }
    assert (kept.state, kept.reason, kept.raw) == ("unknown", reasons[what], None)
    assert kept.recipient == message.customer.email


def test_what_was_not_taken_costs_no_attempt_and_is_written_anew(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    for _ in range(outcomes.MAX_ATTEMPTS + 1):
        claimed = outbox.claim(dispatch.pk, limit=1)
        written(*claimed)
        assert outcomes.return_unsent(claimed, delay=timedelta(0), reason="away") == 1
    kept = Message.objects.get()
    assert (kept.state, kept.attempts, kept.raw, kept.content_sha256) == ("queued", 0, None, "")
    assert kept.links is None


def test_what_an_earlier_attempt_may_have_handed_over_is_not_forgotten(
    dispatch: Dispatch, queue: Queue
) -> None:
    queue(1)
    written(*outbox.claim(dispatch.pk, limit=1))
    expire_leases()
    release(dispatch)
    outcomes.return_unsent(outbox.claim(dispatch.pk, limit=1), delay=timedelta(0), reason="away")
    (again,) = outbox.claim(dispatch.pk, limit=1)
    assert (again.raw, again.attempts) == (b"Hi", 1)


def test_a_message_that_fails_again_and_again_ends_as_failed(dispatch: Dispatch, queue: Queue) -> None:
    queue(1)
    for _ in range(outcomes.MAX_ATTEMPTS):
        outcomes.put_back(outbox.claim(dispatch.pk, limit=1), delay=timedelta(0), reason="away")
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
    outcomes.put_back([in_flight], delay=timedelta(0), reason="away")
    assert outcomes.skip_cancelled() == 1
    assert not steer(dispatch.pk, "resume")
    assert states(dispatch) == {"skipped": 2}
